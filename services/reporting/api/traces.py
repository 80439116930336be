"""From a cell to what lies behind it, from a dossier to its events, and from there to a withdrawal."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Request
from pydantic import Field

from services.reporting import rules
from services.reporting.api.access import caller, reader, shown_key, writer
from services.reporting.api.bodies import Body, Code, Text
from services.reporting.clients import Intake
from services.reporting.handlers import (
    Confirming,
    Reports,
    Withdrawing,
    ask,
    timeline,
    trace,
)
from services.reporting.handlers.asking import visible_units
from services.reporting.handlers.withdrawing import SOURCE, VOID
from services.reporting.store import figures
from shared import clock
from shared.events.scalars import EventRef
from shared.keys import Key
from shared.problems import Problem, documented

ROW = "row."


class VoidAsked(Body):
    """The event to withdraw, and why."""

    source: EventRef
    id: EventRef
    reason: Text


class EventNamed(Body):
    """An event by its (source, id)."""

    source: EventRef
    id: EventRef

    def about(self) -> rules.About:
        """The event as something that a unit speaks of."""
        return rules.About(event=(self.source, self.id))


class About(Body):
    """A dossier, and what a unit has to say of it."""

    dossier: Code
    remark: Text | None = None


class AboutEvent(Body):
    """A survey, and what a unit has to say of it."""

    event: EventNamed
    remark: Text | None = None


class Said(Body):
    """What a unit says of its figures of a month: of all of them, of single dossiers, or, of scores,
    of single surveys; scores of one `domain` where it is named."""

    report: Code = "bieu-06"
    period: Code
    unit: Code
    state: Literal["confirmed", "contested"]
    domain: Code | None = None
    dossier: Code | None = None
    event: EventNamed | None = None
    remark: Text | None = None
    dossiers: Annotated[list[About], Field(default=[], max_length=1000)]
    events: Annotated[list[AboutEvent], Field(default=[], max_length=1000)]

    def about(self) -> list[tuple[rules.About, str | None]]:
        """Everything that is spoken of, each with its remark."""
        named = [] if self.dossier is None else [rules.About(self.dossier)]
        named += [] if self.event is None else [self.event.about()]
        if not (named or self.dossiers or self.events):
            named.append(rules.About())
        return [
            *((one, self.remark) for one in named),
            *((rules.About(one.dossier), one.remark) for one in self.dossiers),
            *((one.event.about(), one.remark) for one in self.events),
        ]


def build_traces(reports: Reports, confirming: Confirming, withdrawing: Withdrawing) -> APIRouter:
    """The routes of traces, dossiers and confirmations."""
    router = APIRouter(
        prefix="/v1", tags=["traces"], responses=documented(400, 401, 403, 404, 409, 422)
    )

    @router.get("/reports/{name}/trace")
    async def trace_cell(
        name: str,
        request: Request,
        key: Annotated[Key, Depends(reader)],
        column: Annotated[str, Query(description="Whose cell it is, such as resolved_late")],
    ) -> dict[str, Any]:
        """What lies behind a cell: a page of dossiers, or of events where none are counted.

        The report's own parameters say which answer is meant; the row's columns say which row, each
        as `row.<column>`, such as `row.unit=461` or `row.field=...`; none of them: the total. Pages
        of dossiers go on with `after`, pages of events with `offset`; a page of dossiers may hold
        fewer than `limit` though `next` says that it goes on.
        """
        typed = dict(request.query_params)
        asked = ask(name, typed, key, reports.registry, clock.now())
        row = {
            part.removeprefix(ROW): value for part, value in typed.items() if part.startswith(ROW)
        }
        found = await trace(reports, asked, column, row)
        return {"report": name, "column": column, "row": row, **found}

    @router.get("/dossiers/{code:path}")
    async def show_dossier(code: str, key: Annotated[Key, Depends(reader)]) -> dict[str, Any]:
        """A dossier as it is known now, and every event behind it by its (source, id).

        `void` is how one of them is withdrawn: the event to send to intake with a key that may write
        events; a correction is a withdrawal and a new event.
        """
        return await dossier(code, key) | {"void": _how(withdrawing.intake)}

    @router.post("/dossiers/{code:path}/voids", status_code=202)
    async def withdraw(
        code: str,
        asked: VoidAsked,
        request: Request,
        key: Annotated[Key, Depends(caller)],
        authorization: Annotated[str | None, Header()] = None,
    ) -> dict[str, Any]:
        """Withdraw an event of a dossier: sent to intake with the caller's own key, which has to be
        one that may write events there; for a user who may write (officer, admin) with reporting's,
        for events of the user's units. 409 for one that is withdrawn already."""
        if not withdrawing.may(key):
            raise Problem(403, "This needs the scope events:write, or a user who may write.")
        told = await dossier(code, key)
        marks = [(one["source"], one["id"]) for one in [*told["events"], *told["surveys"]]]
        if (asked.source, asked.id) not in marks:
            message = "The dossier has no such event."
            error = {"pointer": "/id", "code": "unknown_event", "message": message}
            raise Problem(422, errors=[error])
        found = await withdrawing.find(asked.source, asked.id, key)
        shown = shown_key(request, authorization)
        void = await withdrawing.withdraw(found, asked.reason, key, shown)
        return {"source": SOURCE, "id": void, "of_source": asked.source, "of_id": asked.id}

    @router.post("/confirmations", status_code=201)
    async def say(said: Said, key: Annotated[Key, Depends(writer)]) -> dict[str, Any]:
        """A unit confirms its figures of a month, or contests them: as a whole, one `dossier`, or
        several `dossiers` at once; its scores one `event` of a survey, or several `events`, too. A
        locked month is closed."""
        about = said.about()
        if said.state == "contested" and any(one.whole and not remark for one, remark in about):
            message = "Say what is contested: a dossier, or a remark."
            error = {"pointer": "/remark", "code": "missing", "message": message}
            raise Problem(422, errors=[error])
        month, unit, domain = said.period, said.unit, said.domain
        await confirming.say(said.report, month, unit, said.state, about, key, domain)
        rows = await confirming.states(said.report, month, unit, key, domain)
        return next(row for row in rows if row["unit"] == said.unit)

    @router.get("/confirmations")
    async def list_confirmations(
        key: Annotated[Key, Depends(reader)],
        period: Annotated[str, Query(description="A month, YYYY-MM")],
        report: str = "bieu-06",
        unit: str | None = None,
        domain: str | None = None,
    ) -> dict[str, Any]:
        """How each unit stands to its figures of a month: confirmed, contested, unanswered. To its
        scores in one `domain`, or in all: contested in one, confirmed in each."""
        rows = await confirming.states(report, period, unit, key, domain)
        counts = {
            state: sum(row["state"] == state for row in rows)
            for state in ("confirmed", "contested", "unanswered")
        }
        return {"report": report, "period": period, "rows": rows, "total": counts}

    async def dossier(code: str, key: Key) -> dict[str, Any]:
        today = clock.today()
        seen = visible_units(None, key, reports.registry, today, today)
        async with reports.database.transaction() as session:
            await figures.hold_still(session)
            found = await timeline(session, code, await reports.book(session), today, seen)
        if found is None:
            raise Problem(404, "There is no such dossier.")
        return found

    return router


def _how(intake: Intake) -> dict[str, Any]:
    return {
        "method": "POST",
        "address": intake.address,
        "scope": "events:write",
        "content_type": "application/cloudevents+json",
        "event": {
            "specversion": "1.0",
            "type": VOID,
            "source": "…",
            "id": "…",
            "time": "…",
            "data": {"of_source": "…", "of_id": "…", "reason": "…"},
        },
    }
