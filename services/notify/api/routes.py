"""Notices, due dates, receipts and officers over HTTP."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import RedirectResponse

from services.notify.api.budgets import add_budgets
from services.notify.api.calls import add_calls
from services.notify.api.calls_made import add_calls_made
from services.notify.api.calls_page import add_calls_page
from services.notify.api.costs import add_costs
from services.notify.api.desk_pages import add_desk_pages
from services.notify.api.frame import Frame
from services.notify.api.officers import add_officers
from services.notify.api.page import PAGES, add_page, pages, read_days
from services.notify.api.people import Subject, Why, add_people, note_readers
from services.notify.api.phones import add_phones
from services.notify.api.prints import add_prints
from services.notify.api.receipts import add_receipts
from services.notify.api.showing import Scope, show_deadline, show_notice
from services.notify.api.status_page import add_status_page
from services.notify.api.templates import add_templates
from services.notify.clients import Provider, Reporter
from services.notify.handlers.delivery import Delivery
from services.notify.handlers.desk import Desk
from services.notify.handlers.people import Erasure
from services.notify.handlers.retrying import SAID, order_retry
from services.notify.rules.deadlines import DEADLINE_STATES
from services.notify.rules.digests import DIGEST
from services.notify.rules.notices import STATES
from services.notify.rules.texts import KINDS
from services.notify.store import deadlines as due_store
from services.notify.store import notices as store
from shared.keys import Key
from shared.look import Look
from shared.problems import Problem
from shared.service import Service, needs


def build_router(
    service: Service,
    desk: Desk,
    delivery: Delivery,
    erasure: Erasure,
    reporters: Mapping[str, Reporter],
    call_days: int = 7,
) -> APIRouter:
    """The routes of notify."""
    router = APIRouter()
    database, registry = service.database, desk.units
    scope = Scope(registry)
    reader = Annotated[Key, Depends(needs("notices:read"))]
    admin = Annotated[Key, Depends(needs("admin"))]

    @router.get("/v1/notices", tags=["notices"])
    async def list_notices(
        key: reader,
        unit: str | None = None,
        subject: Subject | None = None,
        state: str | None = None,
        kind: str | None = None,
        channel: str | None = None,
        audience: str | None = None,
        made_from: Annotated[date | None, Query(alias="from")] = None,
        made_to: Annotated[date | None, Query(alias="to")] = None,
        cursor: Annotated[int | None, Query(ge=1, le=2**62)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        why: Why = None,
    ) -> dict[str, Any]:
        """Notices with their texts, newest first; ``unit`` includes what is below it, ``from`` and
        ``to`` are the local days between which they were made.

        With ``contacts:read`` addresses and names are shown, and it is recorded who saw them.
        """
        check_state(state, STATES)
        check_choice("kind", kind, tuple(KINDS))
        check_choice("channel", channel, ("sms", "email"))
        check_choice("audience", audience, ("citizen", "officer"))
        since, until, bad_day = read_days(
            made_from.isoformat() if made_from else None, made_to.isoformat() if made_to else None
        )
        if bad_day:
            error = {"pointer": "/from", "code": "date", "message": "Days from 2000 to 2999."}
            raise Problem(422, errors=[error])
        query = store.Query(
            scope.units(key, unit), subject, state, cursor, limit, kind, channel, audience, since,
            until,
        )  # fmt: skip
        may = key.may("contacts:read")
        async with database.transaction() as session:
            rows = await store.find(session, query)
            if may:
                await note_readers(session, key, rows, why)
        return {
            "notices": [show_notice(row, registry, may) for row in rows],
            "next": rows[-1].seq if len(rows) == limit else None,
        }

    add_costs(router, database, registry, scope)
    unpriced = unpriced_of(delivery.providers)
    add_budgets(router, database, registry, scope, delivery.wake, unpriced)

    @router.get("/v1/notices/{notice}", tags=["notices"])
    async def show_one(notice: UUID, key: reader, why: Why = None) -> dict[str, Any]:
        """One notice with every state it took on and every attempt made; of a list, its members."""
        async with database.transaction() as session:
            row = await store.get(session, notice)
            if row is None or not scope.sees(key, row.unit):
                raise Problem(404, "No such notice.")
            history, attempts = await store.get_history(session, notice)
            members = await store.members(session, notice) if row.kind == DIGEST else []
            may = key.may("contacts:read")
            if may:
                await note_readers(session, key, [row], why)
        shown = show_notice(row, registry, may)
        shown["history"] = [dict(each._mapping) for each in history]
        shown["tries"] = [dict(each._mapping) for each in attempts]
        shown["members"] = [dict(each._mapping) for each in members]
        return shown

    @router.post("/v1/notices/{notice}/retry", status_code=202, tags=["notices"])
    async def retry(notice: UUID, key: admin) -> dict[str, Any]:
        """Order another attempt for a notice that failed, or whose fate is unknown.

        What is unknown may have arrived: the recipient may then read it twice.
        """
        async with database.transaction() as session:
            row = await store.get(session, notice)
            if row is None or not scope.sees(key, row.unit):
                raise Problem(404, "No such notice.")
            refusal = await order_retry(session, delivery, row, key.id)
            if refusal is not None:
                raise Problem(409, SAID[refusal])
        delivery.wake()
        return {"id": str(notice), "state": "ready"}

    @router.get("/v1/deadlines", tags=["deadlines"])
    async def list_deadlines(
        key: reader,
        unit: str | None = None,
        state: str | None = None,
        cursor: Annotated[int, Query(ge=0, le=2**62)] = 0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> dict[str, Any]:
        """Due dates of dossiers and duties, earliest first."""
        check_state(state, DEADLINE_STATES)
        units = scope.units(key, unit)
        async with database.transaction() as session:
            rows = await due_store.find(session, units, state, cursor, limit)
        return {
            "deadlines": [show_deadline(row, registry) for row in rows],
            "next": cursor + limit if len(rows) == limit else None,
        }

    add_receipts(router, delivery, reporters)
    add_phones(router, service, scope)
    add_people(router, service, desk, erasure, scope)
    add_templates(router, database, desk, lambda: price_of(delivery.providers))
    add_officers(router, database, registry, scope)
    add_calls(router, database, registry, scope, call_days)
    add_calls_made(router, database, registry, desk, scope)
    add_prints(router, database, desk, scope)
    add_status_page(router, database, desk, pages())
    look = Look(PAGES, prefix="/notices/look")
    router.include_router(look.router())
    add_old_sheet(router, look)
    frame = Frame(service, pages(), look)
    price = partial(price_of, delivery.providers)
    add_desk_pages(router, frame, desk, scope, price, unpriced)
    add_calls_page(router, frame, desk, scope, call_days)
    add_page(router, frame, registry, scope, delivery)
    return router


def add_old_sheet(router: APIRouter, look: Look) -> None:
    """Lead from where the style sheet was to where it is, for pages that are still open."""

    @router.get("/notices/style.css", include_in_schema=False)
    async def lead_on() -> RedirectResponse:
        return RedirectResponse(look.url("style.css"), 307)


def check_choice(name: str, value: str | None, allowed: tuple[str, ...]) -> None:
    """Raise ``Problem`` 422 for a value that a filter does not know."""
    if value is not None and value not in allowed:
        message = f"One of {', '.join(allowed)}."
        errors = [{"pointer": f"/{name}", "code": f"unknown_{name}", "message": message}]
        raise Problem(422, errors=errors)


def price_of(providers: Mapping[str, Sequence[Provider]]) -> int | None:
    """VND for a segment of an SMS at the provider that is tried first; null where unknown."""
    priced = [each.terms for each in providers.get("sms", ()) if each.terms.price is not None]
    return min(priced, key=lambda terms: terms.priority).price if priced else None


def unpriced_of(providers: Mapping[str, Sequence[Provider]]) -> list[str]:
    """The names of the ways out whose price is not known."""
    return [each.name for found in providers.values() for each in found if each.terms.price is None]


def check_state(state: str | None, allowed: tuple[str, ...]) -> None:
    """Raise ``Problem`` 422 for a state that does not exist."""
    if state is not None and state not in allowed:
        message = f"One of {', '.join(allowed)}."
        raise Problem(
            422, errors=[{"pointer": "/state", "code": "unknown_state", "message": message}]
        )
