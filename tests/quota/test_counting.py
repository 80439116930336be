"""What counts, once, for whom, and what it pays: literal cases of the plan of 2019."""

import asyncio
import datetime as dt
from collections import Counter

import orjson
import pytest
import sqlalchemy as sa

from tests.builders import event, install
from tests.instance import ROOT, stores
from tests.quota.desk import Desk, delivery

PLAN = "quang-tri-rthome-2019"
FILE = (ROOT / "deploy" / "plans" / f"{PLAN}.yaml").read_text("utf-8")
DAY = dt.date(2019, 9, 1)
HUONG_HOA = "465"  # its quota is 50


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with stores(tmp_path_factory.mktemp("stores")) as urls:
        yield urls["quota"]


@pytest.fixture
async def desk(url):
    async with Desk(url) as made:
        await made.apply(PLAN, FILE)
        yield made


async def take(desk, *batches, day=DAY):
    for batch in batches:
        await desk.take([delivery(one, day) for one in batch])


def one(id, time="2019-09-01T08:00:00+07:00", source="/test", **data):
    made = {"unit": "461", "app": "rtHome", "installer": "461-01", "device": "d", "place": "home",
            "result": "succeeded"} | data  # fmt: skip
    return event("install.recorded", id, time, source, **{k: v for k, v in made.items() if v})


def void(id, of_id, of_source="/test"):
    return event(
        "record.voided", id, "2019-10-01T08:00:00+07:00",
        of_source=of_source, of_id=of_id, reason="nhập sai",
    )  # fmt: skip


async def counted(desk):
    rows = (await desk.get("/v1/progress", plan=PLAN, indicator="installs"))["rows"]
    return {row["unit"]: row["numerator"] for row in rows if row["numerator"]}


async def paid(desk, unit):
    rows = (await desk.get("/v1/stipends", plan=PLAN))["rows"]
    row = next(row for row in rows if row["unit"] == unit)
    return row["succeeded"], row["payable"], row["beyond_quota"], row["amount"]


async def entries(desk):
    return [
        (e["unit"], e["installer"], e["event_id"], e["amount"]) for e in await desk.ledger(PLAN)
    ]


async def test_an_earlier_success_that_comes_later_takes_the_stipend(desk):
    await take(desk, [one("late", "2019-09-03T08:00:00+07:00")])
    await take(desk, [one("early", unit="462", installer="462-02")])
    await take(desk, [one("failed", "2019-08-20T08:00:00+07:00", result="failed")])
    assert await counted(desk) == {"462": 1}
    assert await entries(desk) == [
        ("461", "461-01", "late", 30_000),
        ("461", "461-01", "late", -30_000),
        ("462", "462-02", "early", 30_000),
    ]
    assert await paid(desk, "461") == (0, 0, 0, 0)
    assert await paid(desk, "462") == (1, 1, 0, 30_000)


async def balances(desk):
    sums = Counter()
    for *booked, amount in await entries(desk):
        sums[tuple(booked)] += amount
    return {booked: amount for booked, amount in sums.items() if amount}


@pytest.mark.parametrize(
    ("first", "second", "winner"),
    [
        (("b", "/a"), ("a", "/b"), "b"),
        (("a", "/a"), ("b", "/a"), "a"),
        (("10", "/a"), ("9", "/a"), "10"),
    ],
)
async def test_at_the_same_instant_source_and_id_decide(desk, first, second, winner):
    utc = "2019-09-01T01:00:00Z"
    await take(desk, [one(second[0], utc, second[1])], [one(first[0], source=first[1])])
    assert await balances(desk) == {("461", "461-01", winner): 30_000}
    assert await counted(desk) == {"461": 1}


async def test_what_counts_once(desk):
    await take(
        desk,
        [
            one("1", device="x"),
            one("2", device="x", citizen="y", unit="462"),  # the same machine
            one("3", device="", citizen="x"),  # a person is no machine
            one("4", device="z", citizen="x"),  # a person's second machine
            one("5", device="", citizen="x", unit="464"),  # the same person, no machine
            one("6", device=""),  # nobody knows: counts by itself
            one("7", device=""),
            one("8", device="other", app="zalo"),
            one("9", device="island", unit="471"),
        ],
    )
    assert await counted(desk) == {"461": 5}
    assert sum(e[3] for e in await entries(desk)) == 5 * 30_000


async def test_the_first_and_the_last_instant_of_the_plan(desk):
    times = {
        "too early": "2019-08-04T23:59:59+07:00",
        "first": "2019-08-05T00:00:00+07:00",
        "first in UTC": "2019-08-04T17:00:00Z",
        "last": "2020-12-31T23:59:59+07:00",
        "last in UTC": "2020-12-31T16:59:59Z",
        "too late": "2021-01-01T00:00:00+07:00",
        "too late in UTC": "2020-12-31T17:00:00Z",
    }
    await take(desk, [one(id, time, device=id) for id, time in times.items()])
    assert {e[2] for e in await entries(desk)} == {"first", "first in UTC", "last", "last in UTC"}
    assert await counted(desk) == {"461": 4}


async def test_a_machine_whose_first_success_lies_before_the_plan(desk):
    await take(desk, [one("before", "2019-08-01T08:00:00+07:00")], [one("in")])
    assert await counted(desk) == {"461": 1}
    assert [e[2] for e in await entries(desk)] == ["in"]


async def test_beyond_the_quota_is_shown_and_not_paid(desk):
    await take(desk, [install(n, HUONG_HOA) for n in range(1, 53)])
    assert await paid(desk, HUONG_HOA) == (52, 50, 2, 1_500_000)
    # One from before all others: it is paid, and what was the 50th no longer is.
    await take(desk, [install(0, HUONG_HOA)])
    assert await paid(desk, HUONG_HOA) == (53, 50, 3, 1_500_000)
    booked = (await entries(desk))[50:]
    assert sorted((id, amount) for _, _, id, amount in booked) == [
        ("install-465-0", 30_000),
        ("install-465-50", -30_000),
    ]
    # Withdrawing two of the paid moves two of the held up.
    await take(desk, [void("v1", "install-465-3"), void("v2", "install-465-4")])
    assert await paid(desk, HUONG_HOA) == (51, 50, 1, 1_500_000)
    held = {event[2] for event in await balances(desk)}
    assert held.isdisjoint({"install-465-3", "install-465-4", "install-465-52"})
    assert "install-465-51" in held


@pytest.mark.parametrize("before", [True, False])
async def test_a_void_before_or_after_its_event(desk, before):
    events = [[void("v", "1")], [one("1")]]
    await take(desk, *(events if before else reversed(events)), [void("again", "1")])
    assert await counted(desk) == {}
    assert sum(e[3] for e in await entries(desk)) == 0
    # A correction is a void and a new event.
    await take(desk, [one("2", installer="461-02")])
    assert (await entries(desk))[-1] == ("461", "461-02", "2", 30_000)
    assert await counted(desk) == {"461": 1}


async def test_a_void_of_the_winner_leaves_the_next_one(desk):
    await take(desk, [one("1"), one("2", "2019-09-02T08:00:00+07:00", unit="464")])
    await take(desk, [void("v", "1"), void("other source", "2", "/elsewhere")])
    assert await counted(desk) == {"464": 1}
    assert await paid(desk, "461") == (0, 0, 0, 0)
    assert await paid(desk, "464") == (1, 1, 0, 30_000)


async def test_the_plan_before_amid_and_after_its_events(url):
    events = [install(n, unit) for unit in ("461", HUONG_HOA) for n in range(60)]
    events += [void("v", "install-461-7"), install(99, "461", device="device-465-1")]
    days = [DAY + dt.timedelta(days=n % 5) for n in range(len(events))]
    stream = [delivery(*pair) for pair in zip(events, days, strict=True)]
    seen = []
    for moment in (0, 1, 2):
        async with Desk(url) as desk:
            for number, part in enumerate((stream[:70], stream[70:])):
                if number == moment:
                    await desk.apply(PLAN, FILE)
                await desk.take(part)
            if moment == 2:
                await desk.apply(PLAN, FILE)
            seen.append(
                (
                    await counted(desk),
                    await desk.get("/v1/stipends", plan=PLAN, by="installer"),
                    await desk.get("/v1/progress", plan=PLAN, as_of="2019-09-03"),
                    await balances(desk),
                )
            )
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][0] == {"461": 59, HUONG_HOA: 60}
    assert sum(seen[0][3].values()) == (59 + 50) * 30_000


async def test_versions_of_a_plan(desk):
    await take(desk, [install(n, HUONG_HOA) for n in range(60)])
    first = await paid(desk, HUONG_HOA), await counted(desk)
    raised = FILE.replace("except: {465: 50, 467: 50}", "except: {465: 55, 467: 50}")
    assert (await desk.apply(PLAN, raised))["version"] == 2
    assert (await desk.apply(PLAN, raised))["changed"] is False
    assert (await paid(desk, HUONG_HOA))[0] == 60
    before = await desk.ledger(PLAN)
    back = await desk.apply(PLAN, FILE)
    assert (back["version"], back["changed"]) == (3, True)
    assert (await paid(desk, HUONG_HOA), await counted(desk)) == first
    after = await desk.ledger(PLAN)
    assert after[: len(before)] == before
    assert sum(entry["amount"] for entry in after) == 1_500_000
    shown = await desk.get(f"/v1/plans/{PLAN}")
    assert shown["versions"] == [3, 2, 1]
    second = await desk.get(f"/v1/plans/{PLAN}", version=2)
    target = second["document"]["indicators"]["installs"]["target"]
    assert target["except"] == {"465": 55, "467": 50}


async def test_a_refused_plan_leaves_nothing(desk):
    for text in (
        FILE.replace("at_least: 100", "at_least: -1"),
        FILE.replace("offices: [", "offices: [atlantis, "),
        FILE + "\nunknown: 1\n",
        "a: [",
        "",
        "plan: &a [*a, *a]",
    ):
        answer = await desk.http.put(f"/v1/plans/{PLAN}", content=text.encode())
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"]
    other = await desk.http.put("/v1/plans/another-name", content=FILE.encode())
    assert other.status_code == 422
    assert [row["version"] for row in (await desk.get("/v1/plans"))["plans"]] == [1]
    assert (await desk.http.get("/v1/plans/another-name")).status_code == 404


async def test_milestones_are_told_once(desk):
    for n in range(60):
        await take(desk, [install(n, HUONG_HOA)])
    await take(desk, [void("v", "install-465-1")], [install(n, HUONG_HOA) for n in range(60)])
    async with desk.service.database.transaction() as session:
        rows = await session.scalars(
            sa.text("SELECT payload FROM outbox WHERE stream = 'OUTCOMES' ORDER BY id")
        )
        told = [orjson.loads(bytes(payload)) for payload in rows]
    kinds = Counter(
        (e["type"], e["data"].get("percent")) for e in told if "quota" in e["type"]
    )  # fmt: skip
    assert kinds == {
        ("motcua.quota.progressed.v1", 50): 1,
        ("motcua.quota.progressed.v1", 80): 1,
        ("motcua.quota.reached.v1", 100): 1,
    }
    assert len({e["id"] for e in told}) == len(told)


async def test_one_bad_message_does_not_hold_up_the_others(desk):
    good = [delivery(install(n, "461"), DAY) for n in range(4)]
    bad = [
        type(good[0])("motcua.events.test", 90 + n, 1, payload)
        for n, payload in enumerate((b"", b"\xff\x00", b"{}", b"[]", b'{"specversion":"1.0"}'))
    ]
    await desk.take([good[0], bad[0], bad[1], good[1], bad[2], good[2], bad[3], bad[4], good[3]])
    assert await counted(desk) == {"461": 4}
    assert await desk.dead() == 5


async def test_batches_side_by_side(url, desk):
    """Two consumers at once, as replicas are, with the same keys in both."""
    events = [install(n % 40, "461") | {"id": f"n{n}"} for n in range(400)]
    parts = [[delivery(one, DAY) for one in events[n::8]] for n in range(8)]
    await asyncio.gather(*(desk.take(part) for part in parts + parts[::-1]))
    assert await counted(desk) == {"461": 40}
    assert sum(e[3] for e in await entries(desk)) == 40 * 30_000
