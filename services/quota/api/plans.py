"""Plan files over HTTP."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from services.quota import handlers, store
from services.quota.api.bodies import body_of
from services.quota.api.scopes import Scopes
from services.quota.handlers import Plans
from services.quota.rules import changed_sentences, differences
from services.quota.settings import QuotaSettings
from shared.http import read_body
from shared.keys import Key
from shared.plans import Plan, PlanFault, load_plan, sentences
from shared.problems import Problem
from shared.service import Service, needs
from shared.units import UnitRegistry


def build_router(
    service: Service, plans: Plans, settings: QuotaSettings, scopes: Scopes
) -> APIRouter:
    """The routes about plans."""
    router = APIRouter(tags=["plans"])
    database, registry = service.database, scopes.registry

    @router.put("/plans/{plan}", openapi_extra=body_of("application/yaml", "application/json"))
    async def put_plan(
        plan: str,
        request: Request,
        key: Annotated[Key, Depends(needs("plans:write"))],
        restate: bool = False,
        dry_run: bool = False,
    ) -> Any:
        """Apply a plan file (YAML or JSON): a changed one becomes a new version.

        A version judges events by their time. One without ``effective_from`` holds from the day on
        which it is applied, and the past stays as it was judged; the first one, and one whose
        content was in force before, hold from when that began. ``restate`` judges the past by it,
        too. ``dry_run`` stores nothing and answers with what would change. Where many events have
        to be counted anew, ``recount`` says how far that has come (as ``GET`` does); until it is
        done the figures of the version before answer.
        """
        made, faults = read_plan_file(await read_body(request, settings.max_plan_bytes), registry)
        scopes.need(key, handlers.bound_units(made))
        if made.plan != plan:
            message = "The file's plan id is not the one in the address."
            wrong = {"pointer": "/plan", "code": "other_plan", "message": message, "line": 1}
            raise Problem(422, "The plan file has faults; nothing of it was stored.", [wrong])
        async with database.transaction() as session:
            history = (await plans.load_all(session)).get(plan)
        old = history.newest.plan if history else None
        body: dict[str, Any] = {"plan": plan}
        if dry_run:
            body |= await handlers.foresee(database, made, restate)
        else:
            applied = await handlers.apply_plan(database, plans, made, restate)
            service.wake_relay()
            since = handlers.shown_since(made, applied.since)
            body |= {
                "version": applied.version,
                "changed": applied.changed,
                "effective_from": since.isoformat(),
            }
            async with database.transaction() as session:
                body["recount"] = await handlers.state_of_recount(session, plan)
        changed = differences(old, made)
        removed, added = changed_sentences(old, made)
        body |= {
            "diff": [{"path": d.path, "old": d.old, "new": d.new, "text": d.text} for d in changed],
            "sentences": {"removed": removed, "added": added, "all": sentences(made)},
            "warnings": [fault_of(fault) for fault in faults],
        }
        if body["changed"] and body["effective_from"] > made.runs.to.isoformat():
            message = (
                "phiên bản này có hiệu lực sau khi kế hoạch kết thúc nên không tính lại gì; "
                "muốn tính lại quá khứ, áp dụng với restate=true"
            )
            body["warnings"].append(
                {"pointer": "/effective_from", "code": "no_effect", "message": message, "line": 1}
            )
        created = body["changed"] and not dry_run
        return JSONResponse(body, 201 if created else 200)

    @router.post("/plans/rehearsals", openapi_extra=body_of("application/yaml", "application/json"))
    async def rehearse(
        request: Request, key: Annotated[Key, Depends(needs("plans:write"))]
    ) -> dict[str, Any]:
        """Run a draft (YAML or JSON) over what is stored, as if it had held; nothing is stored.

        Who would have met it, what it would have paid, and how many messages it would have sent.
        """
        made, faults = read_plan_file(await read_body(request, settings.max_plan_bytes), registry)
        scopes.need(key, handlers.bound_units(made))
        answer = await handlers.rehearse(database, made, registry)
        return answer | {"warnings": [fault_of(fault) for fault in faults]}

    @router.get("/plans")
    async def list_plans(_key: Annotated[Key, Depends(needs("reports:read"))]) -> dict[str, Any]:
        """The newest version of every plan."""
        async with database.transaction() as session:
            rows = await store.newest_plans(session)
        return {
            "plans": [
                {
                    "plan": row.plan,
                    "version": row.version,
                    "title": orjson.loads(row.document)["title"],
                    "applied_at": row.applied_at,
                }
                for row in rows
            ]
        }

    @router.get("/plans/{plan}")
    async def show_plan(
        plan: str,
        _key: Annotated[Key, Depends(needs("reports:read"))],
        version: int | None = None,
    ) -> dict[str, Any]:
        """A plan as it stands, or one of its versions; ``history`` says which judges which days."""
        async with database.transaction() as session:
            versions = await store.plan_versions(session, plan)
            histories = await plans.load_all(session)
            recount = await handlers.state_of_recount(session, plan)
        row = next((v for v in versions if version in (None, v.version)), None)
        if row is None:
            raise Problem(404, "No such plan, or no such version.")
        windows = histories[plan].windows if plan in histories else []
        return {
            "plan": row.plan,
            "version": row.version,
            "versions": [v.version for v in versions],
            "applied_at": row.applied_at,
            "history": [
                {
                    "version": window.version.number,
                    "effective_from": handlers.shown_since(
                        window.version.plan, window.since
                    ).isoformat(),
                }
                for window in reversed(windows)
            ],
            "recount": recount,
            "document": orjson.loads(row.document),
        }

    return router


def read_plan_file(text: bytes, registry: UnitRegistry) -> tuple[Plan, list[PlanFault]]:
    """A plan and what is odd in it.

    Raises:
        Problem: 422 with every fault.
    """
    made, faults = load_plan(text, registry=registry)
    wrong = [fault_of(fault) for fault in faults if fault.severity == "error"]
    if made is None or wrong:
        raise Problem(422, "The plan file has faults; nothing of it was stored.", wrong)
    return made, faults


def fault_of(fault: PlanFault) -> dict[str, Any]:
    """A fault or warning as an answer names it."""
    return {
        "pointer": fault.path,
        "code": fault.code,
        "message": fault.message,
        "line": fault.line,
    }
