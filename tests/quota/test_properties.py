"""Any events, in any order and batches, with repeats, the plan at any time: the plain recount."""

import asyncio
import datetime as dt
from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import event
from tests.instance import stores
from tests.quota import recount
from tests.quota.desk import Desk, delivery
from tests.reporting import recount as stories

NAME = "thu-2020"
FILE = """
plan: thu-2020
title: Kế hoạch thử
issued: {number: 1/KH, date: 2020-01-01, by: UBND}
runs: {from: 2020-01-05, to: 2020-01-20}
indicators:
  installs:
    count: install.recorded
    where: {app: rtHome, result: succeeded}
    once_per: [device, citizen]
    target: {for: [461, 462, 465], at_least: 2, except: {462: 1, 465: 0}}
    stipend: {amount: 30000, currency: VND, to: installer, beyond_target: hold}
  received:
    count: dossier.received
    where: {channel: online}
    target: {for: [461, 462], at_least: 3}
  share:
    ratio:
      of: {count: dossier.received, where: {channel: online}}
      over: {count: dossier.received}
    period: day
    target: {for: [461, 462], at_least: 50%}
"""
QUOTAS = {"461": 2, "462": 1, "465": 0}
RULE = {"dates": (dt.date(2020, 1, 5), dt.date(2020, 1, 20))}
START = dt.datetime(2020, 1, 4, 20, tzinfo=recount.LOCAL)


def instants(limit):
    """Instants four hours apart: many of the same, many around midnight."""
    return st.integers(0, limit).map(lambda n: (START + dt.timedelta(hours=4 * n)).isoformat())


DAYS = st.integers(0, 6).map(lambda n: dt.date(2020, 3, 1) + dt.timedelta(days=n))
SOURCES = st.sampled_from(("/a", "/b"))
UNITS = st.sampled_from(("461", "462", "465", "471"))


@st.composite
def install(draw, number):
    data = {
        "unit": draw(UNITS),
        "app": draw(st.sampled_from(("rtHome",) * 7 + ("other",))),
        "installer": draw(st.sampled_from(("p1", "p2"))),
        "place": "home",
        "result": draw(st.sampled_from(("succeeded",) * 5 + ("failed",))),
    }
    device = draw(st.sampled_from(("", "d1", "d2", "d3", "d4")))
    citizen = draw(st.sampled_from(("", "c1", "c2", "d1")))
    data |= {"device": device} if device else {}
    data |= {"citizen": citizen} if citizen else {}
    return event("install.recorded", f"e{number}", draw(instants(102)), draw(SOURCES), **data)


@st.composite
def submission(draw, number):
    data = {
        "code": draw(st.sampled_from(("A", "B"))),
        "procedure": "1.005129",
        "field": "Đất đai",
        "unit": draw(UNITS),
        "authority": "district",
        "channel": draw(st.sampled_from(("online", "online", "counter"))),
        "submitted_at": draw(instants(60)),
    }
    received = draw(st.none() | instants(102))
    data |= {"received_at": received} if received else {}
    return event("dossier.submitted", f"e{number}", draw(instants(60)), draw(SOURCES), **data)


@st.composite
def status(draw, number):
    data = {
        "code": draw(st.sampled_from(("A", "B"))),
        "unit": draw(UNITS),
        "status": draw(st.sampled_from(sorted(stories.NAMES))),
        "at": draw(instants(102)),
    }
    return event("dossier.status_changed", f"e{number}", draw(instants(60)), draw(SOURCES), **data)


@st.composite
def worlds(draw):
    """Pairs of an event and the day on which it reaches us."""
    kinds = draw(st.lists(st.sampled_from((install, install, submission, status)), max_size=14))
    made = [draw(kind(number)) for number, kind in enumerate(kinds)]
    for number in range(draw(st.integers(0, 4))):
        of_source, of_id = "/a", "never sent"
        if made and draw(st.booleans()):
            target = draw(st.sampled_from(made))
            of_source, of_id = target["source"], target["id"]
        made.append(
            event("record.voided", f"v{number}", START.isoformat(), draw(SOURCES),
                  of_source=of_source, of_id=of_id, reason="nhập sai")
        )  # fmt: skip
    return [(one, draw(DAYS)) for one in made]


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with stores(tmp_path_factory.mktemp("stores")) as urls:
        yield urls["quota"]


def run_many(url, examples):
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(worlds(), st.randoms(use_true_random=False))
    def run(world, random: Random):
        asyncio.run(check(url, world, random))

    run()


def test_any_events_in_any_order_equal_the_recount(url):
    run_many(url, 12)


@pytest.mark.soak
def test_any_events_in_any_order_equal_the_recount_at_length(url):
    run_many(url, 400)


async def check(url, world, random):
    stream = [delivery(*pair) for pair in world]
    stream += random.sample(stream, k=len(stream) // 2)
    random.shuffle(stream)
    batches = []
    while stream:
        size = random.randint(1, 6)
        batches.append(stream[:size])
        stream = stream[size:]
    batches.insert(random.randint(0, len(batches)), None)
    async with Desk(url) as desk:
        before = []
        for batch in batches:
            if batch is None:
                assert (await desk.apply(NAME, FILE))["version"] == 1
            else:
                await desk.take(batch)
            booked = await desk.ledger(NAME)
            assert booked[: len(before)] == before, "the ledger only grows"
            before = booked
        assert await desk.dead() == 0
        await compare(desk, [one for one, _ in world], before)
        day = dt.date(2020, 3, 3)
        known = [one for one, received in world if received <= day]
        await compare_progress(desk, known, as_of=day.isoformat())
        assert (await desk.apply(NAME, FILE))["changed"] is False
        assert await desk.ledger(NAME) == before


async def compare(desk, events, booked):
    await compare_progress(desk, events)
    for by in ("unit", "installer"):
        answer = await desk.get("/v1/stipends", plan=NAME, by=by)
        found = {
            row["unit"] if by == "unit" else (row["unit"], row["installer"]): (
                row["succeeded"], row["payable"], row["beyond_quota"], row["amount"]
            )
            for row in answer["rows"]
            if row["succeeded"]
        }  # fmt: skip
        assert found == {
            group: (all_, paid, all_ - paid, 30_000 * paid)
            for group, (all_, paid) in recount.stipends(events, QUOTAS, by, **RULE).items()
        }
    sums = Counter()
    for entry in booked:
        sums[entry["unit"], entry["installer"], entry["source"], entry["event_id"]] += entry[
            "amount"
        ]
    assert {key: n for key, n in sums.items() if n} == recount.balances(
        events, QUOTAS, 30_000, **RULE
    )


async def compare_progress(desk, events, **asked):
    rows = (await desk.get("/v1/progress", plan=NAME, **asked))["rows"]
    found = {(r["indicator"], r["unit"], r["period"]): r for r in rows}
    installs = recount.installs(events, QUOTAS, **RULE)
    for unit in QUOTAS:
        assert found["installs", unit, "whole"]["numerator"] == installs[unit]
    online, total = Counter(), Counter()
    for one in stories.dossiers(recount.told(events)).values():
        if RULE["dates"][0] <= one["received"] <= RULE["dates"][1]:
            for place in ((one["unit"], "whole"), (one["unit"], one["received"].isoformat())):
                online[place] += one["online"]
                total[place] += 1
    for unit in ("461", "462"):
        assert found["received", unit, "whole"]["numerator"] == online[unit, "whole"]
    shares = [r for r in rows if r["indicator"] == "share"]
    assert len(shares) == 2 * 16
    for row in shares:
        place = (row["unit"], row["period"])
        assert (row["numerator"], row["denominator"]) == (online[place], total[place])
