"""The daily list of citizens whom no message reaches, for the office to call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from services.notify.api.people import Text, Why, actor_of
from services.notify.api.showing import Scope
from services.notify.api.words import language_of, word
from services.notify.store import calls as store
from services.notify.store import people
from shared import clock
from shared.db import Database
from shared.keys import Key
from shared.printing import to_csv
from shared.problems import Problem
from shared.service import needs
from shared.units import UnitRegistry

COLUMNS = (
    "code", "unit", "unit_name", "name", "phone", "email", "kinds", "reasons", "text", "at",
    "calls",
)  # fmt: skip
Form = Annotated[str, Query(alias="format", pattern="^(json|csv)$")]


def add_calls(
    router: APIRouter, database: Database, registry: UnitRegistry, scope: Scope, days: int
) -> None:
    """Add the list; who was not reached stays on it for some ``days``."""
    reader = Annotated[Key, Depends(needs("contacts:read"))]

    @router.get(
        "/v1/call-list",
        tags=["contacts"],
        response_model=None,
        responses={200: {"content": {"text/csv": {}}}},
    )
    async def list_calls(
        key: reader,
        unit: str | None = None,
        day: str | None = None,
        form: Form = "json",
        cursor: Annotated[str, Query(max_length=300, pattern=Text)] = "",
        limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
        why: Why = None,
        lang: str | None = None,
    ) -> Response | dict[str, Any]:
        """The dossiers whose applicants are to be called on a day (today): they were to be told
        something on it, or in the days before, could not be through any channel, and were not
        reached by a call since. Who was called on the day is not on it. `unit` includes what is
        below it. It is recorded who read whose contact."""
        asked = read_day(day)
        page = Page(asked, days, cursor, limit)
        rows, made, following = await fetch(database, scope, key, unit, page, why)
        shown = show(rows, made, registry)
        if form == "csv":
            language = language_of(lang, None)
            body = to_csv(
                flat(shown, language), COLUMNS, lambda name: word(f"call.{name}", language)
            )
            name = f"call-list-{asked.isoformat()}.csv"
            return Response(
                body,
                media_type="text/csv; charset=utf-8",
                headers={
                    "Content-Disposition": f'attachment; filename="{name}"',
                    "Cache-Control": "no-store",
                },
            )
        return {"day": asked, "calls": shown, "next": following}


def read_day(text: str | None) -> date:
    """The day asked for; raises ``Problem`` 422."""
    if not text:
        return clock.today()
    try:
        found = date.fromisoformat(text)
        if not 2000 <= found.year <= 2999:
            raise ValueError
    except ValueError:
        error = {"pointer": "/day", "code": "date", "message": "Write YYYY-MM-DD."}
        raise Problem(422, errors=[error]) from None
    return found


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the list of a day; who was not reached stays on it for some ``days``."""

    day: date
    days: int
    cursor: str = ""
    limit: int = 1000


async def fetch(
    database: Database, scope: Scope, key: Key, unit: str | None, page: Page, why: str | None
) -> tuple[Sequence[Any], dict[str, list[Any]], str | None]:
    """What could not be told, the calls made about it by dossier, and where the next part begins;
    who reads it is recorded.

    Raises:
        Problem: 422 for a unit that does not exist, 403 for one outside the key's.
    """
    query = store.Query(
        clock.start_of(page.day - timedelta(days=page.days - 1)),
        clock.start_of(page.day + timedelta(days=1)),
        page.day,
        scope.units(key, unit),
        page.cursor,
        page.limit,
    )
    async with database.transaction() as session:
        rows = await store.find(session, query)
        codes = {row.subject for row in rows}
        made = await store.about(session, codes)
        if codes:
            actor = actor_of(key, why)
            await people.log_access(session, actor, "call_list", clock.now(), codes=codes)
    return rows, made, (max(codes) if len(codes) == page.limit else None)


def show(
    rows: Sequence[Any], made: Mapping[str, Sequence[Any]], registry: UnitRegistry
) -> list[dict[str, Any]]:
    """Calls to be made as JSON, one for each dossier. A number that is somebody else's is not
    shown."""
    found = []
    for code, group in groupby(rows, key=lambda row: row.subject):
        told = list(group)
        last = told[-1]
        wrong = any(row.reason == "wrong_number" for row in told)
        found.append(
            {
                "code": code,
                "unit": last.unit,
                "unit_name": registry.name(last.unit, last.at),
                "token": last.token,
                "name": last.name,
                "phone": None if wrong else last.phone,
                "email": last.email,
                "notices": [
                    {"kind": row.kind, "reason": row.reason, "at": row.at, "text": row.body}
                    for row in told
                ],
                "made": [
                    {"at": row.at, "result": row.result, "note": row.note, "by": row.key_name}
                    for row in made.get(code, ())
                ],
            }
        )
    return found


def flat(calls: Sequence[dict[str, Any]], language: str) -> list[dict[str, Any]]:
    """Calls as rows of a sheet."""
    rows = []
    for call in calls:
        notices = call["notices"]
        rows.append(
            {
                **call,
                "kinds": "; ".join(word(f"kind.{n['kind']}", language) for n in notices),
                "reasons": "; ".join(
                    dict.fromkeys(word(f"reason.{n['reason']}", language) for n in notices)
                ),
                "text": notices[-1]["text"],
                "at": notices[-1]["at"].astimezone(clock.VN).strftime("%Y-%m-%d %H:%M"),
                "calls": "; ".join(
                    f"{each['at'].astimezone(clock.VN):%Y-%m-%d %H:%M}"
                    f" {word('result.' + each['result'], language)}"
                    for each in call["made"]
                ),
            }
        )
    return rows
