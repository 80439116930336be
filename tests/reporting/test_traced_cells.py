"""Each number of each report equals the number of rows behind it, or what these rows add up to."""

import asyncio
import datetime as dt
from collections import Counter
from random import Random

import orjson
import pytest

from services.reporting.handlers import (
    PlanMessage,
    Reports,
    apply_events,
    apply_outcomes,
    apply_plans,
    ask,
    roll_pending,
    trace,
)
from shared.db import Database
from shared.questionnaires import Scales, load_questionnaires
from shared.settings import deploy_dir
from shared.working_days import WorkingDays
from tests.instance import stores
from tests.quota.desk import Desk
from tests.reporting.invented import World, as_event
from tests.reporting.invented_plan import FIRST, SECOND, SINCE
from tests.reporting.test_recount import ALL, MIGRATIONS, NOW, REGISTRY, apply, results

DOSSIERS = {
    "bieu-06": ("received_total", "received_online", "received_counter_post", "carried_over",
                "resolved_total", "resolved_early", "resolved_on_time", "resolved_late",
                "pending_total", "pending_within_due", "pending_overdue"),
    "on-time": ("on_time", "late", "open_overdue"),
    "online-share": ("online", "total"),
    "data-quality": ("dossiers", "missing_phone", "invalid_phone", "missing_name",
                     "missing_returned_at", "no_submission", "eligible_for_survey"),
}  # fmt: skip
UNIT = ("unit", "unit_valid_from")
GROUPS = {"unit": UNIT}
WALKS = [
    *((report, {"by": by}, GROUPS.get(by, (by,)), DOSSIERS[report])
      for report in ("bieu-06", "on-time") for by in ("unit", "field")),
    ("online-share", {}, (*UNIT, "authority"), DOSSIERS["online-share"]),
    ("data-quality", {}, UNIT,
     (*DOSSIERS["data-quality"], "refused_events", "undeliverable_phones")),
    *(("installs", {"by": by}, GROUPS.get(by, (by,)),
       ("installs", "succeeded", "failed", "distinct_citizens"))
      for by in ("month", "place", "installer")),
    ("installs", {}, UNIT, ("installs", "succeeded", "failed", "distinct_citizens", "counted")),
    *(("activity", {"by": by}, (*GROUPS.get(by, (by,)), "kind"),
       ("activities", "people", "members"))
      for by in ("unit", "team", "member", "day", "month")),
    ("scorecard", {}, (*UNIT, "domain", "mode", "quarter", "item", "questionnaire"),
     ("n", "out_of_scale", "previous_n")),
    ("survey-reasons", {}, (*UNIT, "domain", "mode", "quarter", "item", "cause"),
     ("n", "answered")),
    ("notices", {}, (*UNIT, "channel"),
     ("notices", "sent", "delivered", "failed", "segments", "cost")),
    ("emulation", {}, ("plan", *UNIT), ("merits", "deductions", "points", "undecided")),
    ("index-766", {}, (*UNIT, "group"), ("numerator", "denominator")),
    ("timeliness", {}, ("plan", *UNIT, "obligation", "period"), ("fulfilled_at", "rows")),
    ("difficulties", {}, ("difficulty",), ("raised_at", "resolved_at")),
]  # fmt: skip
"""Report, how it is grouped, what tells its rows apart, and the columns that are walked."""
TOTALS = {
    "activity": ("activities", "people"),
    "difficulties": ("open", "resolved"),
    "timeliness": ("on_time", "late", "incomplete", "missing", "excused", "not_due", "judged",
                   "undecided"),
    "scorecard": (), "survey-reasons": (), "index-766": (),
}  # fmt: skip
"""What is walked of a total, where it is not the same columns: surveys are never pooled."""
KINDS = ("dossiers", "events", "notices", "difficulties", "duties", "lines", "refusals")
PERIODS = [
    {"from": "2025-05-20", "to": "2025-08-31"},
    {"from": "2025-06-10", "to": "2025-07-20", "as_of": "2025-07-25"},
    {"from": "2025-06-01", "to": "2025-06-30", "unit": "45"},
    {"from": "2025-07-01", "to": "2025-08-15", "level": "province"},
]
WALKED = Counter()


async def behind(reports, asked, column, row):
    """Every row behind a cell, over its pages, and how many there are said to be."""
    found, after, offset, said = [], "", 0, None
    while True:
        paged = asked(after=after, offset=str(offset))
        told = await trace(reports, paged, column, row)
        kind = next(each for each in KINDS if each in told)
        found += told[kind]
        said = told.get("count", said)
        after, offset = told.get("next") or "", told.get("next_offset") or 0
        if not after and not offset:
            return kind, found, said


def worth(kind, column, found):
    """What rows add up to, told without the product's arithmetic."""
    if column == "people":
        return sum(each["people"] for each in found)
    if column in ("segments", "cost"):
        return sum(each[column] for each in found)
    if kind == "lines" and column != "undecided":
        sign = -1 if column == "deductions" else 1
        return sign * sum(each["subtotal"] or 0 for each in found)
    if kind == "refusals":
        return sum(each["events"] for each in found)
    return len(found)


async def walk(reports, typed, number, step):
    """Look behind every so manieth cell of every report of a period."""
    for report, more, names, columns in WALKS:

        def asked(report=report, more=more, **pages):
            words = typed | more | pages | {"limit": "7"}
            return ask(report, words, ALL, REGISTRY, NOW)

        answer = await reports.answer(asked(limit="1000").question)
        cells = [(row, column) for row in answer.rows for column in columns]
        cells += [(None, column) for column in TOTALS.get(report, columns)]
        for place, (row, column) in enumerate(cells):
            value = (answer.total if row is None else row).get(column)
            if (place + number) % step and (number or row):
                continue
            coordinates = {n: str(row[n]) for n in names if row.get(n)} if row else {}
            if value is None and column in ("numerator", "denominator", "counted", "previous_n"):
                continue
            kind, found, said = await behind(reports, asked, column, coordinates)
            about = report, typed, column, coordinates
            if column in ("raised_at", "resolved_at", "fulfilled_at"):
                assert bool(value) == any(each["time"] == value for each in found), about
            elif column == "rows":
                assert value in [each["rows"] for each in found] or not found, about
            else:
                assert worth(kind, column, found) == (value or 0), about
            assert said is None or said == len(found), about
            WALKED[report] += 1
            WALKED[kind] += bool(found)
            text = orjson.dumps(found).decode()
            assert "phone" not in text
            assert "09000000" not in text


def surveys(world):
    """Some that give a reason, and some whose answer lies outside the scale, in two quarters."""
    for number in range(24):
        world._add(
            "survey",
            dt.datetime(2025, 6 + number % 2, 3 + number % 20, 9, tzinfo=dt.UTC),
            ("462", "19333")[number % 2],
            domain="health",
            mode="phone",
            questionnaire="mscore-yte-2020",
            answers={"attitude": ("satisfied", 99)[number % 5 == 0], "unhappy_because": "waiting"},
        )


async def run(urls, seed, size, step):
    random = Random(seed)
    world = World(seed, size)
    for _ in range(3):
        world._refusal()
        world._notice()
    stream = list(world.events)
    surveys(world)
    scales = Scales(load_questionnaires(deploy_dir() / "questionnaires"))
    random.shuffle(stream)
    database = Database(urls["reporting"], "reporting", 2)
    try:
        await database.migrate(MIGRATIONS)
        async with database.transaction() as session:
            versions = [("d", FIRST), ("e", SECOND, SINCE)]
            plans = [PlanMessage("invented", n, *each) for n, each in enumerate(versions, 1)]
            await apply_plans(session, plans)
        await apply(database, stream, random)
        async with database.transaction() as session:
            asked = [as_event(each) for each in world.events[len(stream) :]]
            await apply_events(session, asked, REGISTRY, scales)
        async with Desk(urls["quota"]) as desk:
            told = await results(desk, stream)
        while told:
            async with database.transaction() as session:
                await apply_outcomes(session, told[:200], REGISTRY)
            told = told[200:]
        await roll_pending(database, REGISTRY)
        reports = Reports(database, REGISTRY, WorkingDays.load(deploy_dir() / "calendar"))
        for number, typed in enumerate(PERIODS):
            await walk(reports, typed, number, step)
    finally:
        await database.close()
    assert set(WALKED) >= {report for report, *_ in WALKS}, WALKED
    assert all(WALKED[kind] for kind in KINDS), WALKED


def test_behind_each_cell_lie_as_many_rows_as_it_says(tmp_path):
    with stores(tmp_path) as urls:
        asyncio.run(run(urls, 766, 200, 37))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", [3, 5])
def test_behind_each_cell_of_3_000_events(tmp_path, seed):
    with stores(tmp_path) as urls:
        asyncio.run(run(urls, seed, 3_000, 7))
