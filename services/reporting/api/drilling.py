"""Pages from a cell to the rows behind it, from a row to its events, from an event to a withdrawal."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.reporting.api.access import shown_key
from services.reporting.api.arriving import Arrival, arrive, changing, page_router, tidy_text
from services.reporting.api.correcting import PREFIX, Field, changes_of, correctable, form_of
from services.reporting.api.counted import counted_link
from services.reporting.api.desk import report_path
from services.reporting.api.entering import Entrance
from services.reporting.api.fault_words import fault_in
from services.reporting.api.filtering import Filters, read_filters, unit_choices, unit_code
from services.reporting.api.live import Live
from services.reporting.api.words import question, shown, word
from services.reporting.handlers import REPORTS, Reports, Told, Withdrawing, ask, titles, trace
from services.reporting.handlers.withdrawing import STATUS
from shared import clock
from shared.clock import VN
from shared.dossiers import NATIONAL_CODES
from shared.plans import WHOLE
from shared.problems import Problem
from shared.redaction import scrub

ROW = "row."
ROWS = 50
LOOKED_AT = 4000
"""Dossiers that one page looks at; where they hold too few, the next page goes on from there."""
TOLD = {
    "dossiers": ("field", "channel", "status", "received", "due", "resolved", "outcome"),
    "events": ("time", "unit_name", "type", "people", "dossier"),
    "notices": ("day", "unit_name", "channel", "template", "state", "failure", "subject"),
    "difficulties": ("unit_name", "category", "state", "raised_at"),
    "duties": ("unit_name", "due", "state", "fulfilled_at", "rows"),
    "lines": ("state", "points", "subtotal", "actual", "due", "fulfilled_at"),
    "refusals": ("unit_name", "events"),
}
"""Kind of rows -> what a page shows of each, after what it is called."""
NAMED = {
    "dossiers": "column.code",
    "duties": "column.obligation",
    "lines": "column.about",
    "refusals": "column.day",
}
"""Kind of rows -> how the column is called that names them."""
WORDY = frozenset({"lines", "duties", "refusals", "dossiers", "difficulties"})
MOMENTS = frozenset({"fulfilled_at", "raised_at"})
SHOWN = (
    "field",
    "procedure",
    "authority",
    "channel",
    "status",
    "submitted_at",
    "received_at",
    "at",
    "due_at",
    "returned_at",
    "department",
    "credited_unit",
    "app",
    "place",
    "installer",
    "succeeded",
    "domain",
    "mode",
    "questionnaire",
    "team",
    "member",
    "kind",
    "people",
    "difficulty",
    "category",
    "text",
)
"""What a page shows of an event, where it has it."""
FIELDS = ("indicator", "value", "document", "result", "dossier")
FILED = (
    *("list", "plan", "obligation", "indicator", "period", "rows", "eligible"),
    *("value", "denominator", "document", "result", "dossier"),
)
"""What it shows of filings and of what intake alone keeps."""
INSTANTS = frozenset({"submitted_at", "received_at", "at", "due_at", "returned_at"})


def build_drill(
    reports: Reports, entrance: Entrance, live: Live, withdrawing: Withdrawing
) -> APIRouter:
    """The routes of what lies behind figures.

    Args:
        reports: whose cells they are.
        entrance: who is let in.
        live: what knows how often figures have changed.
        withdrawing: how events are withdrawn.
    """
    router = page_router(entrance)
    pages, registry = entrance.pages, reports.registry

    @router.get("/reports/{name}/rows")
    async def rows_page(name: str, request: Request) -> Response:
        found = await arrive(entrance, request, registry)
        if isinstance(found, Response):
            return found
        if name not in REPORTS:
            raise Problem(404)
        version = await live.now()  # before the figures: a page is never newer than it says
        now, began = clock.now(), clock.monotonic()
        column, language = found.kept.get("column", ""), found.language
        row = {part.removeprefix(ROW): v for part, v in found.kept.items() if part.startswith(ROW)}
        filters = read_filters(name, found.kept, found.key, registry, now)
        paged = {"limit": str(ROWS), **_only(found.kept, "after", "offset")}
        asked = ask(name, {**filters.held, **paged}, found.key, registry, now)
        told = await trace(reports, asked, column, row, LOOKED_AT)
        live.took(clock.monotonic() - began)
        kind = next(each for each in TOLD if each in told)
        onward = _only(found.kept, "column", *(part for part in found.kept if ROW in part))
        path = f"{report_path(name)}/rows"
        after = {"after": told.get("next"), "offset": told.get("next_offset")}
        more = {part: str(value) for part, value in after.items() if value is not None}
        names = titles(await reports.plans())

        def link(report: str, column: str, row: Mapping[str, Any]) -> str:
            onto = {"column": column, **{f"{ROW}{part}": v for part, v in row.items() if v}}
            return _address(f"{report_path(report)}/rows", filters, language, onto)

        return pages.draw(
            "rows.html",
            language,
            desk=found.desk(report_path(name), filters.held),
            switches=found.switches(),
            version=version,
            report=name,
            column=column,
            row_names=_row_names(row, reports, titles(await reports.plans()), asked.last, language),
            where=registry.name(filters.held["unit"], asked.last)
            if "unit" in filters.held
            else word("all_units", language),
            span=_span(asked.first, asked.last, language),
            back=filters.link(report_path(name), language),
            kind=kind,
            columns=[name for name in TOLD[kind] if _has(name, told[kind])],
            named=NAMED.get(kind, "column.id"),
            wordy=kind in WORDY,
            by_unit=kind in ("dossiers", "lines") and "unit" not in row,
            rows=[
                _line(kind, one, reports, names, link, filters.held.get("as_of"), language)
                for one in told[kind]
            ],
            count=told.get("count"),
            first=asked.question.offset,
            start=_address(path, filters, language, onward) if paged.keys() - {"limit"} else None,
            after=_address(path, filters, language, onward | more) if more else None,
        )

    @router.get("/refusals")
    async def refusals_page(request: Request) -> Response:
        found = await arrive(entrance, request)
        if isinstance(found, Response):
            return found
        unit, language = found.kept.get("unit", ""), found.language
        try:
            day = date.fromisoformat(found.kept.get("day", ""))
        except ValueError:
            error = {
                "pointer": "/day",
                "code": "not_a_date",
                "message": "Write a day as YYYY-MM-DD.",
            }
            raise Problem(422, errors=[error]) from None
        told, seen = None, withdrawing.may(found.key)
        if seen:
            shown_ = shown_key(request, request.headers.get("authorization"))
            before = found.kept.get("before")
            told = await withdrawing.refused(unit, day, found.key, shown_, before, ROWS)
        more = told.get("next") if told else None
        query = {"unit": unit, "day": day.isoformat(), "lang": language, "before": more}
        return pages.draw(
            "refusals.html",
            language,
            desk=found.desk(report_path("data-quality")),
            switches=found.switches(),
            day=day.strftime("%d/%m/%Y"),
            where=registry.name(unit, day) if registry.known(unit) else word("no_unit", language),
            back=f"{report_path('data-quality')}?lang={language}",
            state="no_scope" if not seen else "away" if told is None else "told",
            rows=[_refusal(one, language) for one in told["quarantine"]] if told else [],
            after=f"/refusals?{urlencode(query)}" if more else None,
        )

    @router.get("/event")
    async def event_page(request: Request) -> Response:
        found = await arrive(entrance, request)
        if isinstance(found, Response):
            return found
        asked = request.query_params
        seen = shown_key(request, request.headers.get("authorization"))
        source, id = asked.get("source", ""), asked.get("id", "")
        told = await withdrawing.find(source, id, found.key, seen)
        step = "sent" if "sent" in asked else None
        fields = await fields_of(found, told) if step is None else None
        return show(found, told, await live.now(), step, fields=fields)

    async def fields_of(found: Arrival, told: Told) -> list[Field] | None:
        """The form that corrects an event; null where nobody here may, or intake does not answer."""
        able = withdrawing.may(found.key, told) and told.voided is None
        if not able or told.type == STATUS or not correctable(told.type):
            return None
        seen = shown_key(found.request, found.request.headers.get("authorization"))
        data = await withdrawing.original(told, found.key, seen)
        return None if data is None else form_of(told.type, told.time, data, found.language)

    async def correct_by(found: Arrival, told: Told, form: Mapping[str, str]) -> Response:
        """Check a correction, ask whether it is meant, and send it."""
        seen = shown_key(found.request, found.request.headers.get("authorization"))
        data = await withdrawing.original(told, found.key, seen)
        if data is None:
            raise Problem(503, word("refusals_away", found.language))
        fields = form_of(told.type, told.time, data, found.language)
        changed, time, faults = changes_of(fields, form, data, lambda one: unit_code(one, registry))
        reason = scrub(tidy_text(form.get("reason", "")))
        if not reason:
            faults.append("reason")
        if not changed and time is None and not faults:
            faults.append("same")
        typed = dict(form) | {"reason": reason}
        version = await live.now()
        fields = [replace(one, value=form.get(PREFIX + one.name, one.value)) for one in fields]
        given = {"typed": typed, "fields": fields}
        if faults:
            return show(found, told, version, None, **given, faults=faults, status=422)
        if form.get("sure") != "1":
            changed_names = {*changed, *(["time"] if time else [])}
            given["fields"] = [one for one in fields if one.name.partition(".")[0] in changed_names]
            return show(found, told, version, "check", **given)
        try:
            await withdrawing.correct(told, reason, changed, time, found.key, seen)
        except Problem as problem:
            if problem.status != 422 or not problem.errors:
                raise
            faults = [each["pointer"].removeprefix("/data/").lstrip("/") for each in problem.errors]
            wrong = [": ".join(fault_in(each, found.language)) for each in problem.errors]
            return show(found, told, version, None, **given, faults=faults, status=422, wrong=wrong)
        query = {"source": told.source, "id": told.id, "sent": "1", "lang": found.language}
        return RedirectResponse(f"/event?{urlencode(query)}", 303)

    @router.post("/event")
    async def change_event(request: Request) -> Response:
        key, form, language = await changing(request)
        seen = shown_key(request, None)
        told = await withdrawing.find(form.get("source", ""), form.get("id", ""), key, seen)
        if not withdrawing.may(key, told):
            raise Problem(403, word("may_not_withdraw", language))
        if form.get("correct") == "1" and told.type != STATUS and correctable(told.type):
            return await correct_by(Arrival(request, key, language, {}), told, form)
        reason = scrub(tidy_text(form.get("reason", "")))
        correct = form.get("correct") == "1" and told.type == STATUS
        instead, faults = _correction(told, form) if correct else (None, [])
        if not reason:
            faults.append("reason")
        arrival = Arrival(request, key, language, {})
        version = await live.now()
        typed = form | {"reason": reason}
        if faults:
            return show(arrival, told, version, None, typed, faults, 422)
        if form.get("sure") != "1":
            return show(arrival, told, version, "check", typed)
        await withdrawing.withdraw(told, reason, key, shown_key(request, None), instead)
        query = {"source": told.source, "id": told.id, "sent": "1", "lang": language}
        return RedirectResponse(f"/event?{urlencode(query)}", 303)

    def show(
        found: Arrival,
        told: Told,
        version: int,
        step: str | None,
        typed: Mapping[str, str] | None = None,
        faults: list[str] | None = None,
        status: int = 200,
        fields: list[Field] | None = None,
        wrong: Sequence[str] = (),
    ) -> Response:
        language, able = found.language, withdrawing.may(found.key)
        return pages.draw(
            "event.html",
            language,
            status,
            desk=found.desk(""),
            switches=[] if typed else found.switches(),
            version=version,
            told=told,
            what=_type(told.type, language),
            unit_name=registry.name(told.unit, told.time),
            moment=_moment(told.time),
            known_since=told.known_since.strftime("%d/%m/%Y"),
            voided=told.voided and told.voided.strftime("%d/%m/%Y"),
            facts=_facts(told, reports, language),
            dossier=f"/dossiers/{quote(told.code, safe='')}?lang={language}" if told.code else None,
            step=step,
            able=withdrawing.may(found.key, told) and told.voided is None,
            why_not=None if told.voided else "may_not_withdraw" if not able else "other_unit",
            correctable=told.type == STATUS,
            statuses=[(each, word(f"status.{each}", language)) for each in NATIONAL_CODES],
            typed=dict(typed or _typed(told)),
            faults=faults or [],
            fields=fields,
            wrong=list(dict.fromkeys(wrong)),
            units=unit_choices(registry, found.key) if fields and step is None else [],
            prefix=PREFIX,
        )

    return router


def _only(kept: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: kept[name] for name in names if kept.get(name)}


def _address(path: str, filters: Filters, language: str, more: Mapping[str, str]) -> str:
    return f"{path}?{urlencode({'lang': language, **filters.held, **more})}"


def _span(first: Any, last: Any, language: str) -> str:
    start = first.strftime("%d/%m/%Y") if first else word("since_ever", language)
    return f"{start} – {last.strftime('%d/%m/%Y')}"


def _row_names(
    row: Mapping[str, str],
    reports: Reports,
    names: Mapping[tuple[str, str], str],
    last: Any,
    language: str,
) -> list[str]:
    """What the row of a cell is called."""
    plan = row.get("plan", "")
    titled = {"plan": (plan, ""), "obligation": (plan, row.get("obligation", ""))}
    return [
        reports.registry.name(value, last)
        if name == "unit"
        else names.get(titled[name], value)
        if name in titled
        else question(row.get("questionnaire") or row.get("domain"), value, language)
        if name == "item"
        else shown(name, value, language)
        for name, value in row.items()
        if name != "unit_valid_from"
    ]


Lead = Callable[[str, str, Mapping[str, Any]], str]


def _when(one: Mapping[str, Any]) -> datetime | date:
    """When a row happened: an instant, or a day."""
    time = one.get("time")
    return datetime.fromisoformat(time) if time else date.fromisoformat(one["day"])


def _has(name: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a column says something of any row."""
    return name in ("unit_name", "actual", "failure", "subtotal") or any(
        one.get(name) is not None for one in rows
    )


def _line(
    kind: str,
    one: Mapping[str, Any],
    reports: Reports,
    names: Mapping[tuple[str, str], str],
    lead: Lead,
    as_of: str | None,
    language: str,
) -> dict[str, Any]:
    """A row of the page: what it is called, where it leads, and its cells."""
    name, link = _name(kind, one, names, lead, as_of, language)
    cells = []
    for column in TOLD[kind]:
        value = one.get(column)
        if column == "unit_name" and value is None:
            value = reports.registry.name(one["unit"], _when(one))
        elif column == "type":
            value = _type(str(value), language)
        elif column == "time":
            value = _moment(datetime.fromisoformat(str(value)))
        elif column == "failure":
            value = one["reason"] and word(f"failure.{one['reason']}", language)
        elif column == "actual":
            value = _actual(one, language)
        elif column == "subtotal" and value is None:
            value = word("undecided_points", language)
        elif column == "status":
            value = word(f"status.{value}" if value else "filed", language)
        elif column == "outcome" and value:
            value = word(f"value.resolved_{value}", language)
        elif column in ("received", "due", "resolved", "day") and value:
            value = shown("due", value, language)
        elif value is not None:
            value = shown(column, value, language)
        cells.append((column, "–" if value is None else value))
    unit, outcome = one.get("unit_name"), one.get("outcome")
    return {"name": name, "link": link, "cells": cells, "unit": unit, "outcome": outcome}


def _name(
    kind: str,
    one: Mapping[str, Any],
    names: Mapping[tuple[str, str], str],
    lead: Lead,
    as_of: str | None,
    language: str,
) -> tuple[str, str | None]:
    """What a row is called, and where it leads."""
    if kind == "dossiers":
        return one["code"], f"/dossiers/{quote(one['code'], safe='')}?lang={language}"
    if kind == "events":
        query = {"source": one["source"], "id": one["id"], "lang": language}
        return one["id"], f"/event?{urlencode(query)}"
    if kind == "difficulties":
        row = {"difficulty": one["difficulty"]}
        return one["difficulty"], lead("difficulties", "difficulty", row)
    if kind == "duties":
        row = {part: one[part] for part in ("plan", "unit", "obligation", "period")}
        title = names.get((one["plan"], one["obligation"]), one["obligation"])
        link = lead("timeliness", "fulfilled_at", row) if one["fulfilled_at"] else None
        return f"{title} ({_period(one['period'], language)})", link
    if kind == "lines":
        behind = one.get("behind") if one.get("numerator") is None else None
        link = lead(behind["report"], behind["column"], behind["row"]) if behind else None
        period = one["period"] and f" ({_period(one['period'], language)})"
        name = f"{one['title']}{period or ''}"
        if one.get("numerator") is not None:
            figure = {"indicator": one["about"], "as_of": as_of}
            figure |= {part: one[part] for part in ("plan", "unit", "period")}
            return name, counted_link(language, **figure)
        return name, link if behind is None or one["fulfilled_at"] else None
    if kind == "refusals":
        query = {"unit": one["unit"], "day": one["day"], "lang": language}
        return shown("due", one["day"], language), f"/refusals?{urlencode(query)}"
    return one["notice"], None


def _period(period: str, language: str) -> str:
    return word("whole", language) if period == WHOLE else period


def _actual(one: Mapping[str, Any], language: str) -> str | None:
    """What an indicator came to, beside its target."""
    if one.get("numerator") is None:
        return None
    reached = shown("n", one["numerator"], language)
    if one["denominator"] is not None:
        reached += f"/{shown('n', one['denominator'], language)}"
    if one["target"] is None:
        return reached
    goal = one["target"]
    whole = one["denominator"] is None and float(goal).is_integer()
    target = shown(
        "n" if one["denominator"] is None else "share", int(goal) if whole else goal, language
    )
    return word("result_and_target", language).format(reached, target)


def _refusal(one: Mapping[str, Any], language: str) -> dict[str, Any]:
    """An event that was refused: never what it held, but what was wrong with it."""
    return {
        "id": one["event"] or "–",
        "source": one["source"] or "–",
        "type": _type(one["type"], language) if one["type"] else "–",
        "at": _moment(datetime.fromisoformat(one["received_at"])),
        "times": one["times"],
        "state": one["state"],
        "faults": [fault_in(each, language) for each in one["errors"]],
    }


def _type(type: str, language: str) -> str:
    return word("event." + type.removeprefix("motcua.").removesuffix(".v1"), language)


def _moment(instant: datetime) -> str:
    return instant.astimezone(VN).strftime("%d/%m/%Y %H:%M")


def _facts(told: Told, reports: Reports, language: str) -> list[tuple[str, str]]:
    found = []
    more = told.told.get("data")
    values = {**(more if isinstance(more, dict) else {}), **told.told}
    for name in (*SHOWN, *FILED):
        value = values.get(name)
        if value is None or value == "":
            continue
        if name in INSTANTS:
            text = _moment(datetime.fromisoformat(str(value)))
        elif name == "status":
            text = word(f"status.{value}", language)
        elif name == "credited_unit":
            text = reports.registry.name(str(value), told.time)
        elif name == "list":
            text = word(f"value.{value}", language)
        elif name == "result":
            text = word(f"result.{value}", language)
        else:
            text = shown(name, value, language)
        label = f"field.{name}" if name in FIELDS else f"column.{name}"
        found.append(("due_now" if name == "due_at" else label, text))
    return found


def _typed(told: Told) -> dict[str, str]:
    """What the form of a correction begins with: the event as it is."""

    def local(name: str) -> str:
        value = told.told.get(name)
        instant = datetime.fromisoformat(str(value)) if value else None
        return instant.astimezone(VN).strftime("%Y-%m-%dT%H:%M") if instant else ""

    return {
        "reason": "",
        "status": str(told.told.get("status") or ""),
        "at": local("at"),
        "due_at": local("due_at"),
        "correct": "",
    }


def _correction(told: Told, form: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The status that stands in for one, and the names of fields that are wrong."""
    faults = []
    kept = {name: told.told.get(name) for name in ("department", "returned_at")}
    before = _typed(told)
    data: dict[str, Any] = {"code": told.code, "unit": told.unit}
    data["status"] = form.get("status", "")
    if data["status"] not in NATIONAL_CODES:
        faults.append("status")
    for name in ("at", "due_at"):
        text = form.get(name, "").strip()
        if text == before[name]:  # to the second, as it was told
            data[name] = told.told.get(name)
            continue
        try:
            data[name] = datetime.fromisoformat(text).replace(tzinfo=VN).isoformat()
        except ValueError:
            data[name] = None
            if text or name == "at":
                faults.append(name)
    same = all(form.get(name, "") == before[name] for name in ("status", "at", "due_at"))
    if same and not faults:
        faults.append("same")
    return {name: value for name, value in {**kept, **data}.items() if value is not None}, faults
