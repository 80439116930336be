"""What is announced of targets: each share once per version, and who fell behind each morning."""

import asyncio
import datetime as dt

import asyncpg
import orjson
import pytest

from tests.builders import event, install
from tests.instance import instance, wait_for
from tests.quota.plans import apply, counted, progress, small

LATE, EARLY = "23:59", "00:00"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("milestones")) as made:
        made.start("intake")
        made.start("quota", MOTCUA_MORNING=LATE)
        for name in ("intake", "quota"):
            made.wait_ready(name)
        yield made


def outcomes(running):
    """Every outcome that quota wrote, in order."""

    async def read():
        connection = await asyncpg.connect(running.urls["quota"])
        try:
            return await connection.fetch(
                "SELECT payload FROM quota.outbox WHERE stream = 'OUTCOMES' ORDER BY id"
            )
        finally:
            await connection.close()

    return [orjson.loads(row["payload"]) for row in asyncio.run(read())]


def is_milestone(made):
    """How a result stands, and what was known of it since when, is told, too."""
    other = made["data"].get("state") or made["data"].get("recorded")
    return made["type"].startswith("motcua.quota.") and not other


def told(running, plan):
    """(kind, indicator, unit, period, numerator) of every outcome about a plan, in order."""
    found = []
    for made in outcomes(running):
        data = made["data"]
        if is_milestone(made) and data["plan"] == plan:
            kind = made["type"].removeprefix("motcua.quota.").removesuffix(".v1")
            where = (data["indicator"], data["unit"], data["period"])
            found.append((kind, *where, data["numerator"]))
    return found


def test_each_share_is_told_once_per_version(running):
    plan = counted(small(plan="shares"), target={"for": ["461"], "at_least": 10}, period="whole")
    apply(running, plan)

    def post(*numbers):
        running.post([install(n, "461") for n in numbers])
        running.settle(("quota",))
        return [(kind, numerator) for kind, _, _, _, numerator in told(running, "shares")]

    assert post(*range(4)) == []
    assert post(4) == [("progressed", 5)]
    assert post(*range(5, 9)) == [("progressed", 5), ("progressed", 9)]
    reached = [("progressed", 5), ("progressed", 9), ("reached", 10)]
    assert post(9) == reached
    assert post(*range(12)) == reached, "repeats and more tell nothing"
    apply(running, plan | {"title": "Tên khác"}, restate=True)
    assert post(12) == reached, "the indicator is the same"
    stricter = counted(plan, target={"for": ["461"], "at_least": 13})
    apply(running, stricter, restate=True)
    again = [("progressed", 13), ("progressed", 13), ("reached", 13)]
    assert sorted(post(13)) == sorted(reached + again)
    apply(running, plan)
    assert len(post(14)) == 6, "going back tells nothing a second time"


def test_what_follows_from_events_loaded_afterwards_says_so(running):
    plan = counted(
        small(plan="loaded"), target={"for": ["464"], "at_least": 4}, period="whole",
        stipend={"amount": 30000, "currency": "VND", "to": "installer"},
    )  # fmt: skip
    apply(running, plan)

    def post(*made):
        before = len(outcomes(running))
        running.post(list(made))
        running.settle(("quota",))
        return sorted(map(mark, filter(of_plan, outcomes(running)[before:])))

    def of_plan(made):
        data = made["data"]
        return data["plan"] == "loaded" and ("of_id" in data or is_milestone(made))

    def mark(made):
        about = made["data"].get("of_id") or f"{made['data']['percent']:g}%"
        return made["type"].split(".")[-2], about, made.get("backfill", False)

    assert post(*(install(n, "464") | {"backfill": n != 1} for n in range(3))) == [
        ("earned", "install-464-0", True), ("earned", "install-464-1", False),
        ("earned", "install-464-2", True), ("progressed", "50%", True),
    ]  # fmt: skip
    assert post(install(3, "464")) == [
        ("earned", "install-464-3", False), ("progressed", "80%", False),
        ("reached", "100%", False),
    ]  # fmt: skip


def test_what_is_booked_later_knows_what_was_loaded_afterwards(running):
    """By a plan that comes after the events, and by one that pays more."""
    running.post([install(n, "465") | {"backfill": n in (0, 2)} for n in range(4)])
    running.settle(("quota",))
    plan = counted(
        small(plan="later"), target={"for": ["465"], "at_least": 2}, period="whole",
        stipend={"amount": 30000, "currency": "VND", "to": "installer"},
    )  # fmt: skip

    def booked():
        return sorted(
            (made["data"]["of_id"], made.get("backfill", False))
            for made in outcomes(running)
            if made["data"]["plan"] == "later" and "of_id" in made["data"]
        )

    apply(running, plan)
    first = [("install-465-0", True), ("install-465-1", False)]
    assert booked() == first
    more = {"for": ["465"], "at_least": 4}
    apply(running, counted(plan, target=more), restate=True)
    assert booked() == [*first, ("install-465-2", True), ("install-465-3", False)]


def test_who_fell_behind_is_told_on_the_morning_once(running):
    today = dt.datetime.now(dt.timezone(dt.timedelta(hours=7))).date()
    start, end = today - dt.timedelta(days=60), today + dt.timedelta(days=60)
    plan = counted(
        small(plan="now", runs={"from": start.isoformat(), "to": end.isoformat()}),
        target={"for": ["QTR-TTHCC", "23668"], "at_least": 10},
        period="whole",
    )
    apply(running, plan)
    yesterday = f"{today - dt.timedelta(days=1)}T09:00:00+07:00"
    running.post(
        [
            event(
                "install.recorded", f"now-{unit}-{n}", yesterday, unit=unit, app="rtHome",
                installer="x", device=f"now-{unit}-{n}", place="home", result="succeeded",
            )
            for unit, number in (("QTR-TTHCC", 8), ("23668", 2))
            for n in range(number)
        ]
    )  # fmt: skip
    running.settle(("quota",))
    rows = progress(running, "now")
    assert rows["installs", "QTR-TTHCC", "whole"]["state"] == "on_track"
    row = rows["installs", "23668", "whole"]
    assert row["state"] == "behind"
    assert row["projected_low"] <= row["projected"] <= row["projected_high"]

    def behind():
        return [one[2:] for one in told(running, "now") if one[0] == "fell_behind"]

    assert behind() == []
    for _ in range(2):
        running.kill("quota")
        running.start("quota", MOTCUA_MORNING=EARLY)
        running.wait_ready("quota")
        assert wait_for(behind) == [("23668", "whole", 2)]
