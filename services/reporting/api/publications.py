"""`/v1/publications` for those who publish, `/p` for everybody: no key is needed to read there."""

import asyncio
import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.responses import JSONResponse, Response

from services.reporting.api.access import reader, writer
from services.reporting.api.bodies import Body, Code, Parameters, Text
from services.reporting.api.drawing import Pages
from services.reporting.api.files import (
    MEDIA_TYPES,
    Files,
    day_text,
    file_name,
    fresh,
    moment_text,
    span,
)
from services.reporting.api.words import LANGUAGES, columns_for_people, language_of, shown, word
from services.reporting.handlers import Publishing, Wanted
from services.reporting.store import publications as store
from services.reporting.store.publications import Revision
from shared import clock
from shared.keys import Key
from shared.plans import Plan
from shared.problems import Problem, documented
from shared.units import UnitRegistry

Cursor = Annotated[str | None, Query(max_length=200)]
MOST = 200


class PublicationAsked(Body):
    """What to publish: a report with its parameters, or all that a plan wants published."""

    report: Code | None = None
    plan: Code | None = None
    parameters: Parameters = Parameters()
    title: Text | None = None
    slug: Code | None = None
    lock: bool = False


class ReasonGiven(Body):
    """Why a publication is revised or withdrawn."""

    reason: Text


def build_publications(publishing: Publishing, pages: Pages, files: Files) -> APIRouter:
    """The routes of publications."""
    router = APIRouter(tags=["publications"], responses=documented(400, 401, 403, 404, 409, 422))
    database = publishing.reports.database

    @router.post("/v1/publications", status_code=201)
    async def publish(
        asked: PublicationAsked, key: Annotated[Key, Depends(writer)]
    ) -> JSONResponse:
        """Publish a report: the answer of now is frozen, with its files, at a stable address that
        needs no login, and the units that it is about are told.

        With `plan` instead of `report`: every report that the plan wants published, one
        publication for each of its domains. `lock` closes a month for confirmations.
        """
        if (asked.report is None) == (asked.plan is None):
            message = "Give either a report or a plan."
            raise _invalid("report", "one_of", message)
        if asked.report is not None:
            made = [_wanted(asked, asked.report, asked.parameters.typed(), None)]
        else:
            assert asked.plan is not None
            made = _of_plan(asked, await _plan(publishing, asked.plan), clock.today())
        done = [await publishing.publish(wanted, key) for wanted in made]
        shown_ = [await _show(publishing, slug) for slug, _ in done]
        status = 201 if any(new for _, new in done) else 200
        if asked.plan is not None:
            return JSONResponse({"publications": shown_}, status)
        return JSONResponse(shown_[0], status)

    @router.get("/v1/publications")
    async def list_publications(
        _key: Annotated[Key, Depends(reader)],
        report: Code | None = None,
        cursor: Cursor = None,
        limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
    ) -> dict[str, Any]:
        """Publications, the newest first."""
        async with database.transaction() as session:
            rows = await store.listed(session, report, _cursor(cursor), limit)
        last = rows[-1] if len(rows) == limit else None
        return {
            "publications": [_summary(publishing, row, row.number) for row in rows],
            "next": f"{last.created_at.isoformat()},{last.slug}" if last else None,
        }

    @router.get("/v1/publications/{slug}")
    async def show(slug: str, _key: Annotated[Key, Depends(reader)]) -> dict[str, Any]:
        """A publication with every revision, and what each changed, cell by cell."""
        return await _show(publishing, slug)

    @router.post("/v1/publications/{slug}/revisions", status_code=201)
    async def revise(
        slug: str, given: ReasonGiven, key: Annotated[Key, Depends(writer)]
    ) -> JSONResponse:
        """Answer the same question with what is known now, as a new revision with its reason.

        Where no figure differs there is no new revision, and the answer is 200. Earlier revisions
        stay readable.
        """
        new = await publishing.revise(slug, given.reason, key)
        return JSONResponse(await _show(publishing, slug), 201 if new else 200)

    @router.post("/v1/publications/{slug}/withdrawal")
    async def withdraw(
        slug: str, given: ReasonGiven, key: Annotated[Key, Depends(writer)]
    ) -> dict[str, Any]:
        """Withdraw a publication with a reason: it stays readable, marked as withdrawn."""
        await publishing.withdraw(slug, given.reason, key)
        return await _show(publishing, slug)

    @router.get("/p", include_in_schema=False)
    async def everybody_lists(
        request: Request, accept_language: Annotated[str | None, Header()] = None
    ) -> Response:
        language = language_of(request.query_params.get("lang"), accept_language)
        async with database.transaction() as session:
            rows = await store.listed(session, None, None, MOST)
        return pages.draw(
            "publications.html",
            language,
            switches=[(each, f"lang={each}") for each in LANGUAGES],
            published=[_line(row, language) for row in rows],
        )

    @router.get("/p/{name}", include_in_schema=False)
    async def everybody_reads(
        name: str,
        request: Request,
        accept_language: Annotated[str | None, Header()] = None,
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> Response:
        return await read(name, None, request, accept_language, if_none_match)

    @router.get("/p/{slug}/{name}", include_in_schema=False)
    async def everybody_reads_a_revision(
        slug: str,
        name: str,
        request: Request,
        accept_language: Annotated[str | None, Header()] = None,
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> Response:
        number, _, form = name.partition(".")
        if not (number.isascii() and number.isdigit() and len(number) < 7):
            raise Problem(404)
        wanted = f"{slug}.{form}" if form else slug
        return await read(wanted, int(number), request, accept_language, if_none_match)

    async def read(
        name: str, number: int | None, request: Request, accepted: str | None, match: str | None
    ) -> Response:
        slug, _, form = name.partition(".")
        asked = request.query_params.get("lang")
        language = language_of(asked, accepted)
        async with database.transaction() as session:
            row = await store.find(session, slug)
            every = await store.revisions(session, slug) if row is not None else []
            found = every[-1:] if number is None else [one for one in every if one.number == number]
            if row is None or not found or form not in ("", "json", *MEDIA_TYPES):
                return _gone(pages, language, form)
            revision = found[0]
            kept = None
            if form in MEDIA_TYPES and asked not in LANGUAGES:
                kept = await store.file(session, slug, revision.number, form)
        if form == "json":
            body = _public(publishing, row, every, revision)
            return _cached(JSONResponse(body), match)
        made = revision.content
        if form:
            content = kept or await asyncio.to_thread(
                files.make, made, form, asked, spoken=language, title=row.title
            )
            answer = Response(content, media_type=MEDIA_TYPES[form])
            file = f"{row.slug}-{revision.number}_{file_name(made, form)}"
            answer.headers["Content-Disposition"] = f'attachment; filename="{file}"'
            return _cached(answer, match)
        switches = [(each, f"lang={each}") for each in LANGUAGES]
        drawn = pages.draw(
            "publication.html",
            language,
            switches=switches,
            **_page(publishing, row, every, revision, language),
        )
        return _cached(drawn, match)

    return router


def _wanted(
    asked: PublicationAsked, report: str, typed: Mapping[str, str], plan: Plan | None
) -> Wanted:
    title = asked.title or title_of(report, typed)
    slug = asked.slug if plan is None else None
    return Wanted(report, typed, title, slug, asked.lock, plan.plan if plan else None)


def title_of(report: str, typed: Mapping[str, str]) -> str:
    """What a publication is called where nobody says."""
    parts = [word(report)]
    if domain := typed.get("domain"):
        parts.append(word(f"value.{domain}").lower())
    ends = []
    for name in ("from", "to"):
        try:
            ends.append(day_text(typed[name]))
        except (KeyError, ValueError):
            continue
    return ", ".join(parts) + (f" ({' - '.join(ends)})" if ends else "")


def _of_plan(asked: PublicationAsked, plan: Plan, today: date) -> list[Wanted]:
    """What a plan wants published: each report once, or once for each domain."""
    orders = plan.publication
    if orders is None:
        raise _invalid("plan", "nothing_to_publish", "The plan publishes nothing.")
    if today < orders.from_:
        raise _invalid("plan", "too_early", f"The plan publishes from {orders.from_} on.")
    typed = asked.parameters.typed()
    found = []
    for report in orders.reports:
        for domain in orders.domains or [None]:
            more = {"domain": domain} if domain else {}
            found.append(_wanted(asked, report, typed | more, plan))
    return found


async def _plan(publishing: Publishing, name: str) -> Plan:
    for plan in await publishing.reports.plans():
        if plan.plan == name:
            return plan
    raise _invalid("plan", "unknown_plan", "There is no such plan.")


async def _show(publishing: Publishing, slug: str) -> dict[str, Any]:
    async with publishing.reports.database.transaction() as session:
        row = await store.find(session, slug)
        if row is None:
            raise Problem(404, "There is no such publication.")
        every = await store.revisions(session, slug)
    return _summary(publishing, row, every[-1].number) | {"revisions": _revisions(every)}


def _summary(publishing: Publishing, row: sa.Row, number: int) -> dict[str, Any]:
    address = f"{publishing.base}/p/{row.slug}"
    return {
        "slug": row.slug,
        "address": address,
        "files": {form: f"{address}.{form}" for form in ("json", *MEDIA_TYPES)},
        "report": row.report,
        "title": row.title,
        "plan": row.plan,
        "parameters": publishing.parameters(row),
        "locked_month": row.month,
        "revision": number,
        "published_at": _local(row.created_at),
        "withdrawn": _withdrawn(row),
        "told_units": list(row.told),
    }


def _withdrawn(row: sa.Row) -> dict[str, Any] | None:
    if row.withdrawn_at is None:
        return None
    return {"at": _local(row.withdrawn_at), "reason": row.withdrawn_reason}


def _revisions(every: list[Revision]) -> list[dict[str, Any]]:
    return [
        {
            "revision": one.number,
            "published_at": _local(one.at),
            "reason": one.reason,
            "data_as_of": one.content["data_as_of"],
            "differences": one.changes,
        }
        for one in every
    ]


def _public(
    publishing: Publishing, row: sa.Row, every: list[Revision], revision: Revision
) -> dict[str, Any]:
    """A revision for everybody: the frozen document, and what became of it since."""
    return revision.content | {
        "publication": {
            "slug": row.slug,
            "address": f"{publishing.base}/p/{row.slug}",
            "title": row.title,
            "revision": revision.number,
            "newest_revision": every[-1].number,
            "published_at": _local(revision.at),
            "reason": revision.reason,
            "withdrawn": _withdrawn(row),
            "differences": revision.changes,
            "confirmations": revision.confirmed,
            "revisions": [
                {"revision": one.number, "published_at": _local(one.at), "reason": one.reason}
                for one in every
            ],
        }
    }


def _page(
    publishing: Publishing,
    row: sa.Row,
    every: list[Revision],
    revision: Revision,
    language: str,
) -> dict[str, Any]:
    made = revision.content
    changed = {
        (tuple(change["row"].values()), change["column"]): change for change in revision.changes
    }
    keys = list(next((c["row"] for c in revision.changes if "total" not in c["row"]), {}))
    registry = publishing.reports.registry
    return {
        "slug": row.slug,
        "title_": row.title,
        "report": row.report,
        "columns": columns_for_people(row.report, made["by"], made["rows"]),
        "rows": made["rows"],
        "total": made["total"],
        "changed": lambda line, column: changed.get((tuple(line.get(key) for key in keys), column)),
        "changed_total": lambda column: changed.get(((True,), column)),
        "changes": [change_line(change, registry, language) for change in revision.changes],
        "span": span(made),
        "unit": registry.name(made["unit"]) if made["unit"] else None,
        "fresh": fresh(made, language),
        "published_at": moment_text(revision.at),
        "number": revision.number,
        "newest": every[-1].number,
        "reason": revision.reason,
        "revisions": [(one.number, moment_text(one.at), one.reason) for one in every],
        "withdrawn": (moment_text(row.withdrawn_at), row.withdrawn_reason)
        if row.withdrawn_at
        else None,
        "confirmations": revision.confirmed,
        "month": row.month,
    }


def change_line(change: Mapping[str, Any], registry: Any, language: str) -> dict[str, str]:
    """One changed cell as a line of text."""
    if "total" in change["row"]:
        where = word("all", language)
    else:
        row = dict(change["row"])
        since = row.pop("unit_valid_from", None)
        where = ", ".join(
            _unit_name(registry, value, since)
            if key == "unit" and value
            else shown(key, value, language)
            for key, value in row.items()
        )
    return {
        "where": where,
        "column": word(f"column.{change['column']}", language),
        "before": shown(change["column"], change["before"], language),
        "after": shown(change["column"], change["after"], language),
    }


def _unit_name(registry: UnitRegistry, unit: str, since: str | None) -> str:
    """The name of the unit that bore a code from a day on."""
    day = None if since is None else date.fromisoformat(since)
    if day is None or registry.bearer(unit, date.max) == day:
        return registry.name(unit)
    return registry.name(unit, day)


def _line(row: sa.Row, language: str) -> dict[str, Any]:
    return {
        "slug": row.slug,
        "title": row.title,
        "report": word(row.report, language),
        "at": moment_text(row.revised_at),
        "number": row.number,
        "withdrawn": row.withdrawn_at is not None,
    }


def _gone(pages: Pages, language: str, form: str) -> Response:
    if form:
        raise Problem(404, "There is no such publication.")
    switches = [(each, f"lang={each}") for each in LANGUAGES]
    return pages.draw("no_publication.html", language, 404, switches=switches)


def _cached(answer: Response, match: str | None) -> Response:
    """The answer, or 304 where the reader has it: what is frozen may still be withdrawn."""
    tag = f'"{hashlib.sha256(bytes(answer.body)).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    if match is not None and tag in match:
        return Response(status_code=304, headers=headers)
    answer.headers.update(headers)
    return answer


def _cursor(text: str | None) -> tuple[datetime, str] | None:
    if not text:
        return None
    at, _, slug = text.partition(",")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise _invalid("cursor", "invalid", "Give the `next` of an earlier answer.")
    return moment, slug


def _local(instant: datetime) -> str:
    return instant.astimezone(clock.VN).isoformat()


def _invalid(name: str, code: str, message: str) -> Problem:
    return Problem(422, errors=[{"pointer": f"/{name}", "code": code, "message": message}])
