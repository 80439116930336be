"""The dashboard: a territory at a glance, a page for each report, a dossier's story."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.reporting import rules
from services.reporting.api.access import form_token
from services.reporting.api.arriving import arrive, changing, page_router
from services.reporting.api.desk import desk_of, report_path
from services.reporting.api.detail import dossier_values, target, target_groups
from services.reporting.api.entering import Entrance, safe
from services.reporting.api.fault_words import fault_in
from services.reporting.api.filtering import (
    Filters,
    presets,
    read_filters,
    unit_choices,
)
from services.reporting.api.illustrating import illustrate
from services.reporting.api.letters import letter_link
from services.reporting.api.live import Live
from services.reporting.api.pictures import (
    Series,
    heat_map,
    line_chart,
    month_labels,
    received_and_finished,
)
from services.reporting.api.tables import ROWS, table_of
from services.reporting.api.words import LANGUAGES, texts_of, word
from services.reporting.handlers import (
    FILTERED,
    GROUPINGS,
    REPORTS,
    Glance,
    Memo,
    Reports,
    ask,
    dossier,
    glance,
    standing,
    titles,
)
from services.reporting.rules import SHORT
from shared import clock
from shared.keys import Key
from shared.plans import Plan
from shared.problems import Problem
from shared.questionnaires import Questionnaire
from shared.units import LEVELS

SHOWN = 8
"""Lines of a list on the first page; its own page has them all."""
ALL = "all"
"""The first page shows this year, unless a period is asked for or all of them (`span=all`)."""
FEW = 5
"""Lines of a list of texts there."""


def build_pages(
    reports: Reports, entrance: Entrance, live: Live, questionnaires: Iterable[Questionnaire] = ()
) -> APIRouter:
    """The routes for browsers that show figures.

    Args:
        reports: what is shown.
        entrance: who is let in.
        live: what knows how often figures have changed.
        questionnaires: how the items of surveys are called.
    """
    items = {language: texts_of(questionnaires, language) for language in LANGUAGES}
    router = page_router(entrance)
    pages, accounts, memo = entrance.pages, entrance.accounts, Memo()

    def form_of(
        filters: Filters, key: Key, path: str, language: str, plans: Iterable[Plan] = ()
    ) -> dict[str, Any]:
        unit = filters.held.get("unit")
        name = f"{reports.registry.name(unit, clock.today())} ({unit})" if unit else ""
        return {
            "unit": name,
            "units": unit_choices(reports.registry, key),
            "choices": _choices(path, language, plans),
            "field": _about(path) in FILTERED["field"],
            "presets": _presets(filters, path, language),
            "kept": _whole_span(filters, path),
        }

    async def frame(
        request: Request, key: Key, filters: Filters, language: str, path: str, version: int
    ) -> dict[str, Any]:
        asked = filters.asked
        held = filters.held | _whole_span(filters, path)
        return {
            "desk": desk_of(key, path, language, filters.held, form_token(request)),
            "switches": _switches(held),
            "filters": filters,
            "notice": _notice(filters),
            "faults": [fault_in(each, language) for each in filters.faults],
            "where": _where(reports, filters, key, language),
            "span": _span(asked.first, asked.last, language),
            "version": version,
            "here": f"{path}?{urlencode(held)}",
            "saved": await accounts.filters(key.id),
        }

    @router.get("/")
    async def overview(request: Request) -> Response:
        found = await arrive(entrance, request, reports.registry)
        if isinstance(found, Response):
            return found
        key, language, kept = found.key, found.language, found.kept
        version = await live.now()  # before the figures: a page is never newer than it says
        now, began = clock.now(), clock.monotonic()
        if kept.get("span") != ALL and not {"from", "to"} & kept.keys():
            kept = kept | {"from": f"{clock.local_day(now).year}-01-01"}
        filters = read_filters("overdue", kept, key, reports.registry, now)
        mark = ("/", version, clock.local_day(now), key.units, *sorted(filters.held.items()))
        seen = await memo.get(mark, lambda: glance(reports, filters.held, key, now))
        live.took(clock.monotonic() - began)
        plans = await reports.plans()
        admin = None
        if key.may("admin"):
            admin = {"dead": await _dead(reports), "refused": _refused(seen)}
        return pages.draw(
            "overview.html",
            language,
            form=form_of(filters, key, "/", language),
            **await frame(request, key, filters, language, "/", version),
            **_glance(seen, filters, language),
            admin=admin,
            titles=titles(plans),
            behind=[
                target(one, reports.registry, language)
                for one in await standing(reports, seen.question, clock.local_day(now))
                if one.result.state in ("behind", "missed")
            ][:SHOWN],
            to_path=lambda to: filters.link(to, language),
            to_owed=filters.link("/reports/timeliness", language, from_=None),
            contacts=await reports.contacts(seen.question),
        )

    @router.get("/reports/{name}")
    async def report_page(name: str, request: Request) -> Response:
        found = await arrive(entrance, request, reports.registry)
        if isinstance(found, Response):
            return found
        if name not in REPORTS:
            raise Problem(404)
        path = report_path(name)
        key, language, kept = found.key, found.language, found.kept
        version = await live.now()  # before the figures: a page is never newer than it says
        now, began = clock.now(), clock.monotonic()
        filters = read_filters(name, kept, key, reports.registry, now)
        offset = _offset(kept)
        paged = {**filters.held, "limit": str(ROWS), "offset": str(offset)}
        if kept.get("after"):
            paged["after"] = kept["after"]
        asked = ask(name, paged, key, reports.registry, now)
        mark = (name, version, clock.local_day(now), key.units, *sorted(paged.items()))
        answer = await memo.get(mark, lambda: reports.answer(asked.question))
        months = []
        if name in WITH_MONTHS:
            months = await memo.get(("months", *mark), lambda: reports.months(asked.question))
        live.took(clock.monotonic() - began)
        plans = await reports.plans()
        named = titles(plans)
        return pages.draw(
            "report.html",
            language,
            form=form_of(filters, key, path, language, plans),
            **await frame(request, key, filters, language, path, version),
            report=name,
            file=filters.link(f"/v1{path}", language),
            publish=_publishing(name, filters, key, language),
            letter=letter_link(name, answer, filters, language),
            table=table_of(answer, filters, language, offset),
            pictures=illustrate(name, answer, months, named, items[language], language),
            titles=named,
            items=items[language],
            rank_open=answer.extra.get("rank_open", []),
            changes=answer.extra["unit_changes"],
            data_as_of=_moment(answer.data_as_of),
            contacts=await reports.contacts(asked.question),
        )

    @router.get("/progress")
    async def targets_page(request: Request) -> Response:
        found = await arrive(entrance, request, reports.registry)
        if isinstance(found, Response):
            return found
        key, language, kept = found.key, found.language, found.kept
        version = await live.now()
        now = clock.now()
        filters = read_filters("timeliness", kept, key, reports.registry, now)
        stands = await standing(reports, filters.asked.question, clock.local_day(now))
        plans = await reports.plans()
        return pages.draw(
            "targets.html",
            language,
            form=form_of(filters, key, "/progress", language, plans),
            **await frame(request, key, filters, language, "/progress", version),
            groups=target_groups(
                stands, reports.registry, titles(plans), language, filters.held.get("as_of")
            ),
            letter=filters.link("/v1/letters", language, about="targets")
            if any(one.result.state in SHORT for one in stands)
            else None,
        )

    @router.get("/dossiers/{code:path}")
    async def dossier_page(code: str, request: Request) -> Response:
        found = await arrive(entrance, request)
        if isinstance(found, Response):
            return found
        key, language = found.key, found.language
        version = await live.now()
        now = clock.now()
        asked = ask("overdue", {}, key, reports.registry, now)
        seen = await dossier(reports, asked.question, code)
        return pages.draw(
            "dossier.html",
            language,
            200 if seen else 404,
            desk=found.desk(""),
            switches=found.switches(),
            version=version,
            code=code,
            found=seen is not None,
            **dossier_values(seen, reports.registry, clock.local_day(now), language),
        )

    @router.post("/filters")
    async def keep_filter(request: Request) -> Response:
        key, form, _ = await changing(request)
        here, name = safe(form.get("here")), " ".join(form.get("name", "").split())[:80]
        if name:
            await accounts.keep_filter(key.id, name, here)
        return RedirectResponse(here, 303)

    @router.post("/filters/forget")
    async def forget_filter(request: Request) -> Response:
        key, form, _ = await changing(request)
        await accounts.drop_filter(key.id, form.get("name", ""))
        return RedirectResponse(safe(form.get("here")), 303)

    return router


WITH_MONTHS = frozenset({"bieu-06", "on-time", "online-share"})
"""Reports whose picture shows months."""


def _choices(
    path: str, language: str, plans: Iterable[Plan]
) -> list[tuple[str, list[tuple[str, str]]]]:
    """What can be chosen on a page: (filter, its values and what they are called)."""
    report, found = _about(path), []
    if groupings := GROUPINGS.get(report):
        found.append(("by", [(each, word(f"by.{each}", language)) for each in groupings]))
    if report in FILTERED["level"]:
        levels = [(each, word(f"value.{each}", language)) for each in LEVELS]
        found.append(("level", [("", word("each_unit", language)), *levels]))
    if report in FILTERED["domain"]:
        domains = [(each, word(f"value.{each}", language)) for each in DOMAINS]
        found.append(("domain", [("", word("every", language)), *domains]))
    if asks := _ASKS.get(report or path):
        titled = sorted((each.title, each.plan) for each in plans if asks(each))
        named = [("", word("every", language)), *((plan, title) for title, plan in titled)]
        found.append(("plan", named))
    return found


_ASKS: Mapping[str, Callable[[Plan], object]] = {
    "timeliness": lambda plan: plan.obligations,
    "emulation": lambda plan: plan.penalties or plan.merits,
    "/progress": lambda plan: plan.indicators,
}
"""Which plans have something to say on a page."""


def _about(path: str) -> str:
    """The report that a page shows; empty where it shows none."""
    return path.removeprefix("/reports/") if path.startswith("/reports/") else ""


DOMAINS = ("public_administration", "health")


def _presets(filters: Filters, path: str, language: str) -> list[tuple[str, str, bool]]:
    held = (filters.held.get("from"), filters.held.get("to"))
    today = clock.today()
    ends = (held[1] or today.isoformat(),) if held[0] else ()
    found = [
        (
            each.name,
            filters.link(path, language, from_=each.first, to=each.last),
            (held[0], *ends) == (each.first, each.last),
        )
        for each in presets(today)
    ]
    return [
        *found,
        (
            "all_time",
            filters.link(path, language, from_=None, to=None, span=ALL if path == "/" else None),
            held == (None, None),
        ),
    ]


def _whole_span(filters: Filters, path: str) -> dict[str, str]:
    """That the first page was asked for all of time, which it does not show unasked."""
    whole = filters.typed.get("span") == ALL and not {"from", "to"} & filters.held.keys()
    return {"span": ALL} if path == "/" and whole else {}


def _publishing(report: str, filters: Filters, key: Key, language: str) -> str | None:
    """Where this answer is published, for who may; only what may be public."""
    by = filters.asked.question.by
    inside = report in rules.KEPT_INSIDE or by in rules.PERSONAL_GROUPS or "as_of" in filters.held
    if inside or not key.may("reports:write"):
        return None
    return filters.link("/publications/new", language, report=report)


def _switches(held: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(each, urlencode({**held, "lang": each})) for each in LANGUAGES]


def _notice(filters: Filters) -> str | None:
    if filters.beyond:
        return "beyond_key"
    return "bad_filters" if filters.faults else None


def _where(reports: Reports, filters: Filters, key: Key, language: str) -> str:
    if unit := filters.held.get("unit"):
        return reports.registry.name(unit, filters.asked.last)
    if key.units:
        return ", ".join(reports.registry.name(each) for each in sorted(key.units))
    return word("all_units", language)


def _span(first: date | None, last: date, language: str) -> str:
    start = first.strftime("%d/%m/%Y") if first else word("since_ever", language)
    return f"{start} – {last.strftime('%d/%m/%Y')}"


def _offset(kept: Mapping[str, str]) -> int:
    text = kept.get("offset", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0


def _moment(instant: datetime | None) -> str | None:
    return instant.astimezone(clock.VN).strftime("%d/%m/%Y %H:%M:%S") if instant else None


def _glance(seen: Glance, filters: Filters, language: str) -> dict[str, Any]:
    def to(report: str, unit: str | None = None) -> str:
        more = {"unit": unit} if unit else {}
        return filters.link(f"/reports/{report}", language, **more)

    labels, sums = received_and_finished(seen.months)
    names = ("received", "finished_on_time", "finished_late")
    series = [
        Series(word(name, language), look, [each[place] for each in sums])
        for place, (name, look) in enumerate(zip(names, ("accent", "early", "bad"), strict=True))
    ]
    recent = set(labels)
    counts = {
        (one.unit, one.month): (one.on_time, one.on_time + one.late)
        for one in seen.months
        if one.month in recent and one.on_time + one.late
    }
    finished = month_labels(month for _, month in counts)
    rows = [row for answer in seen.answers.values() for row in answer.rows]
    failed = [row for row in seen.answers["notices"].rows if row["failed"]]
    return {
        "to": to,
        "empty": seen.empty,
        "form_06": seen.answers["bieu-06"].total,
        "rate": seen.answers["on-time"].total,
        "online": seen.answers["online-share"].total,
        "late": seen.late[:SHOWN],
        "owed": seen.owed[:SHOWN],
        "undelivered": sorted(failed, key=lambda row: -row["failed"])[:SHOWN],
        "open": [row for row in seen.answers["difficulties"].rows if row["state"] == "open"][
            :SHOWN
        ],
        "trend": line_chart([_month(each) for each in labels], series) if labels else None,
        "heat_rows": heat_map(counts, finished)[: 2 * SHOWN],
        "heat_months": finished,
        "names": {row["unit"]: row["unit_name"] for row in rows if "unit" in row},
        "changes": seen.answers["bieu-06"].extra["unit_changes"],
        "data_as_of": _moment(seen.data_as_of),
    }


def _month(text: str) -> str:
    return f"{text[5:]}/{text[2:4]}"


def _refused(seen: Glance) -> int:
    return int(seen.answers["data-quality"].total["refused_events"])


async def _dead(reports: Reports) -> int:
    """How many messages failed for good in this service."""
    query = sa.text("SELECT count(*) FROM dead_letters WHERE replayed_at IS NULL")
    async with reports.database.transaction() as session:
        return int(await session.scalar(query) or 0)
