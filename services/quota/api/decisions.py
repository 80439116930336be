"""What is held and what officials decide on it, over HTTP."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from services.quota import handlers, store
from services.quota.api.scopes import Scopes, chosen
from services.quota.handlers import Asked, Plans
from services.quota.settings import QuotaSettings
from shared import clock
from shared.keys import Key
from shared.problems import Problem
from shared.redaction import scrub
from shared.service import Service, needs

PLAIN = r"^[^\p{Cc}]*[^\p{Cc}\s][^\p{Cc}]*$"
"""Some visible text without control characters."""
Text = Annotated[str, Field(max_length=500, pattern=PLAIN)]


class InstallRef(BaseModel):
    """An event by what its source calls it."""

    model_config = ConfigDict(strict=True, extra="forbid")

    source: Text
    id: Text


class DecisionAsked(BaseModel):
    """A decision: on named installs or keys, else on everything held (in a unit)."""

    model_config = ConfigDict(strict=True, extra="forbid")

    plan: Text
    decision: Literal["approve", "refuse"]
    document: Annotated[str, Field(max_length=200, pattern=PLAIN)]
    note: Text | None = None
    unit: Text | None = None
    keys: Annotated[list[Text], Field(max_length=5000)] = []
    installs: Annotated[list[InstallRef], Field(max_length=5000)] = []


def build_router(
    service: Service, plans: Plans, settings: QuotaSettings, scopes: Scopes
) -> APIRouter:
    """The routes about held installs."""
    router = APIRouter(tags=["stipends"])
    database = service.database

    @router.post("/stipends/decisions")
    async def decide(
        asked: DecisionAsked, key: Annotated[Key, Depends(needs("plans:write"))]
    ) -> dict[str, Any]:
        """Approve or refuse what is held, by a document: in bulk, or named installs and keys.

        What is approved becomes payable in the next run. The same decision again changes nothing;
        a later one replaces it.
        """
        async with database.transaction() as session:
            await chosen(session, plans, asked.plan)
        if asked.unit is not None:
            scopes.roots(key, asked.unit)
        units = _below(scopes, asked.unit) if asked.unit else None
        if units is None and key.units and not (asked.keys or asked.installs):
            units = sorted({code for root in key.units for code in _below(scopes, root)})
        outcome = await handlers.decide(
            database,
            plans,
            Asked(
                asked.plan,
                asked.decision,
                asked.document.strip(),
                scrub(asked.note) if asked.note else None,
                key.name,
                units,
                asked.keys,
                [(each.source, each.id) for each in asked.installs],
            ),
            lambda concerned: scopes.need(key, concerned),
        )
        unknown = [f"/keys/{n}" for n in outcome.unknown_keys]
        unknown += [f"/installs/{n}" for n in outcome.unknown_installs]
        if unknown:
            message = "Nothing with this name earns anything in this plan."
            raise Problem(
                422, errors=[{"pointer": p, "code": "unknown", "message": message} for p in unknown]
            )
        service.wake_relay()
        return {
            "plan": asked.plan,
            "decision": asked.decision,
            "document": asked.document.strip(),
            "decided": outcome.counts["decided"],
            "unchanged": outcome.counts["unchanged"],
            "not_held": outcome.counts["not_held"],
        }

    @router.get("/stipends/installs")
    async def installs(
        plan: str,
        key: Annotated[Key, Depends(needs("reports:read"))],
        unit: str | None = None,
        state: Annotated[str | None, Query(pattern="^(payable|held|approved|refused)$")] = None,
        after: str | None = None,
        limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
    ) -> dict[str, Any]:
        """Every install that counts, how it stands, and what was decided about it."""
        units = None
        indicator, _, passed = (after or "").partition("|")
        async with database.transaction() as session:
            roots, (history,) = await scopes.asked(session, plans, key, plan=plan, unit=unit)
            if roots:
                units = sorted(
                    {each.code for each in scopes.registry if scopes.allowed(each.code, roots)}
                )
            rows = await store.standings(
                session, history.name, [state] if state else None, units, (indicator, passed), limit
            )
        following = f"{rows[-1].indicator}|{rows[-1].key}" if len(rows) == limit else None
        return {"rows": [_row(row) for row in rows], "next": following}

    @router.get("/stipends/flags")
    async def flags(
        key: Annotated[Key, Depends(needs("reports:read"))],
        plan: str | None = None,
        unit: str | None = None,
        reason: Annotated[str | None, Query(pattern="^(several_devices|burst|no_dossier)$")] = None,
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
    ) -> dict[str, Any]:
        """Installs that look odd, with the reason; they count like all others.

        One citizen on several devices; more installs of one installer than is plausible; a citizen
        who has no dossier with the unit. ``after``: how many to pass over.
        """
        burst = (settings.burst_installs, settings.burst_minutes)
        rows: list[dict[str, Any]] = []
        async with database.transaction() as session:
            roots, asked = await scopes.asked(session, plans, key, plan=plan, unit=unit)
            for history in asked:
                rows += await handlers.flags(session, history, scopes.registry, burst, reason)
        rows = [row for row in rows if scopes.allowed(row["unit"], roots)]
        page = rows[after : after + limit]
        more = after + limit if after + limit < len(rows) else None
        return {"rows": page, "total": len(rows), "next": more}

    return router


def _below(scopes: Scopes, unit: str) -> list[str]:
    days = [version.valid_from for version in scopes.registry.versions(unit)]
    below = {code for day in days for code in scopes.registry.descendants(unit, day)}
    return sorted(below | {unit})


def _row(row: Any) -> dict[str, Any]:
    return {
        "indicator": row.indicator,
        "key": row.key,
        "unit": row.unit,
        "installer": row.installer,
        "source": row.source,
        "id": row.event_id,
        "occurred_at": row.occurred_at.astimezone(clock.VN).isoformat(),
        "state": row.state,
        "amount": row.amount,
        "decision": row.decision,
        "document": row.document,
        "note": row.note,
        "decided_by": row.decided_by,
        "decided_at": row.decided_at.isoformat() if row.decided_at else None,
    }
