"""A changed plan is counted anew in slices; the old figures answer, and events come in between."""

from collections import Counter
from importlib import import_module

import orjson
import pytest
import sqlalchemy as sa

from services.quota.api import progress as progress_api
from services.quota.handlers import Plans, Recounts, plans, recounts
from shared.settings import deploy_dir
from shared.units import UnitRegistry
from tests.builders import event, install
from tests.instance import stores
from tests.quota.desk import Desk, delivery
from tests.quota.plans import counted, small
from tests.quota.test_counting import DAY

UNITS = ["461", "462", "464", "465"]
FIRST = counted(
    small(plan="cham"),
    period="whole",
    target={"for": UNITS, "at_least": 10},
    stipend={"amount": 30000, "currency": "VND", "to": "installer"},
)
SECOND = counted(
    FIRST,
    target={"for": UNITS, "at_least": 6},
    where={"result": "succeeded", "place": "home"},
    stipend={"amount": 40000, "currency": "VND", "to": "installer"},
)


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with stores(tmp_path_factory.mktemp("recounts")) as urls:
        yield urls["quota"]


@pytest.fixture
async def desk(url):
    async with Desk(url) as made:
        yield made


@pytest.fixture
def slices(monkeypatch):
    """Small slices, so that a hundred facts take many."""
    monkeypatch.setattr(plans, "AT_ONCE", 10)
    monkeypatch.setattr(recounts, "CHUNK", 7)
    monkeypatch.setattr(recounts, "PLACES", 1)
    monkeypatch.setattr(recounts, "BOOKED", 1)
    monkeypatch.setattr(recounts, "CELLS", 2)
    monkeypatch.setattr(recounts, "ROWS", 20)


def installs(low, high):
    return [
        install(n, unit, place="home" if n % 3 else "public")
        for n in range(low, high)
        for unit in UNITS
    ]


async def take(desk, raws):
    await desk.take([delivery(each, DAY) for each in raws])


async def put(desk, plan, status=201):
    path = f"/v1/plans/{plan['plan']}"
    answer = await desk.http.put(path, content=orjson.dumps(plan), params={"restate": True})
    assert answer.status_code == status, answer.text
    return answer.json()


async def figures(desk):
    """(progress, stipends, ledger balances) of the plan."""
    rows = (await desk.get("/v1/progress", plan="cham"))["rows"]
    paid = (await desk.get("/v1/stipends", plan="cham", by="installer"))["rows"]
    balances = Counter()
    for entry in await desk.ledger("cham"):
        balances[entry["unit"], entry["installer"], entry["event_id"]] += entry["amount"]
    return (
        {row["unit"]: (row["numerator"], row["target"], row["state"]) for row in rows},
        {(row["unit"], row["installer"]): row["amount"] for row in paid if row["amount"]},
        {key: amount for key, amount in balances.items() if amount},
    )


async def told(desk):
    async with desk.service.database.transaction() as session:
        rows = await session.scalars(sa.text("SELECT payload FROM outbox WHERE stream='OUTCOMES'"))
        found = [orjson.loads(bytes(payload)) for payload in rows]
    return Counter(each["id"] for each in found if each["id"].startswith("cham:"))


def worker(desk):
    registry = UnitRegistry.load(deploy_dir() / "units")
    return Recounts(desk.service.database, Plans(registry), lambda: None)


async def test_old_figures_answer_until_the_new_ones_are_made(desk, slices, monkeypatch):
    await take(desk, installs(0, 5))
    monkeypatch.setattr(plans, "AT_ONCE", 10_000)
    await put(desk, FIRST)
    monkeypatch.setattr(plans, "AT_ONCE", 10)
    before = await figures(desk)
    assert before[0]["461"] == (5, 10, "missed")

    applied = await put(desk, SECOND)
    assert (applied["version"], applied["recount"]["state"]) == (2, "counting")
    assert (applied["recount"]["counted"], applied["recount"]["facts"]) == (0, 20)
    assert await figures(desk) == before
    recounting = worker(desk)
    assert await recounting.step()
    shown = (await desk.get("/v1/plans/cham"))["recount"]
    assert (shown["version"], shown["counted"]) == (2, 7)

    # Events that come in between are in the old figures at once, and in the new ones.
    late = [*installs(5, 9), event("record.voided", "v", "2019-09-02T08:00:00+07:00",
                                   of_source="/test", of_id="install-461-1", reason="Nhầm")]  # fmt: skip
    await take(desk, late)
    assert (await figures(desk))[0]["461"] == (8, 10, "missed")
    answer = await desk.http.post("/v1/stipends/runs", json={"plan": "cham", "month": "2019-09"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "counting_anew")

    steps = 0
    while await worker(desk).step():  # another process each time
        steps += 1
        if steps == 4:
            await take(desk, installs(9, 10))
        assert steps < 200
    assert steps > 15
    assert (await desk.get("/v1/plans/cham"))["recount"] is None
    in_slices, announced = await figures(desk), await told(desk)
    # Of ten installs (0 to 9) those at home count: not 0, 3, 6, 9; and 1 was withdrawn in 461.
    assert {unit: state[:2] for unit, state in in_slices[0].items()} == {
        "461": (5, 6), "462": (6, 6), "464": (6, 6), "465": (6, 6),
    }  # fmt: skip
    assert sum(in_slices[2].values()) == 23 * 40_000
    assert sum(in_slices[1].values()) == 23 * 40_000
    assert set(announced.values()) == {1}
    second = {name for name in announced if name.startswith("cham:2:")}
    assert second == {
        f"cham:2:installs:{unit}:whole:{percent}" for unit in UNITS for percent in (50, 80, 100)
    } - {"cham:2:installs:461:whole:100"}

    # The same again at once, from nothing, is the same.
    async with desk.service.database.transaction() as session:
        left = await session.scalar(
            sa.text("SELECT count(*) FROM counted WHERE plan NOT IN ('cham#2')")
        )
        assert left == 0
    monkeypatch.setattr(plans, "AT_ONCE", 10_000)
    await put(desk, FIRST)
    await put(desk, SECOND)
    assert await figures(desk) == in_slices


async def test_another_version_in_the_middle_takes_over_and_going_back_stops_it(desk, slices):
    await take(desk, installs(0, 8))
    await put(desk, FIRST)
    recounting = worker(desk)
    assert (await desk.get("/v1/progress", plan="cham"))["rows"][0]["numerator"] == 0
    while await recounting.step():
        pass
    first = await figures(desk)
    assert first[0]["462"] == (8, 10, "missed")
    await put(desk, SECOND)
    for _ in range(3):
        await recounting.step()
    third = counted(SECOND, target={"for": UNITS, "at_least": 3})
    assert (await put(desk, third))["recount"]["version"] == 3
    while await recounting.step():
        pass
    assert (await figures(desk))[0]["462"] == (5, 3, "met")
    await put(desk, SECOND)
    await recounting.step()
    assert (await put(desk, third))["recount"] is None, "these figures answer already"
    while await recounting.step():
        pass
    assert (await figures(desk))[0]["462"] == (5, 3, "met")
    await put(desk, FIRST)
    while await recounting.step():
        pass
    assert await figures(desk) == first


async def test_a_grant_in_the_middle_goes_on_counting(desk, slices):
    owing = {
        "lists": {
            "owed_by": UNITS,
            "owed_to": "RTA",
            "due": {"every": "month", "day": 5, "for": "previous month"},
            "fulfilled_by": {"event": "list.delivered", "where": {"list": "clients"}},
        }
    }
    await take(desk, installs(0, 8))
    await put(desk, FIRST | {"obligations": owing})
    recounting = worker(desk)
    for _ in range(2):
        await recounting.step()
    asked = {"obligation": "lists", "units": ["461"], "periods": ["2019-09"], "kind": "waiver",
             "document": "1/CV"}  # fmt: skip
    answer = await desk.http.post("/v1/plans/cham/grants", json=asked)
    assert answer.status_code == 201, answer.text
    recount = (await desk.get("/v1/plans/cham"))["recount"]
    assert (recount["version"], recount["counted"]) == (2, 14)
    while await recounting.step():
        pass
    assert (await figures(desk))[0]["462"] == (8, 10, "missed")
    assert len((await desk.get("/v1/plans/cham/grants"))["grants"]) == 1


async def test_what_is_written_as_it_is_made_is_the_same(desk, monkeypatch):
    """Progress of a plan too wide to be held: all rows, pages and states as those of a narrow one."""
    monthly = counted(small(plan="rong"), target={"for": UNITS, "at_least": 3})
    monthly["indicators"]["shares"] = {
        "ratio": {
            "of": {"count": "install.recorded", "where": {"place": "home"}},
            "over": {"count": "install.recorded"},
        },
        "target": {"for": UNITS, "at_least": "60%"},
    }
    await take(desk, installs(0, 8))
    await put(desk, monthly)
    await put(desk, FIRST)
    questions = [
        {},
        {"plan": "rong"},
        {"plan": "rong", "unit": "461"},
        {"plan": "rong", "state": "met"},
        {"plan": "rong", "limit": 5},
        {"after": 7, "limit": 6},
        {"after": 3},
        {"state": "missed", "after": 2, "limit": 3},
        {"limit": 1000},
        {"after": 1000},
        {"after": 1000, "limit": 1},
        {"indicator": "shares", "as_of": "2019-08-31"},
    ]
    narrow = [await desk.get("/v1/progress", **asked) for asked in questions]
    monkeypatch.setattr(progress_api, "WIDE", -1)
    monkeypatch.setattr(import_module("services.quota.handlers.progress"), "SLICE", 3)
    wide = [await desk.get("/v1/progress", **asked) for asked in questions]
    assert wide == narrow
    assert len(narrow[0]["rows"]) == 4 * 5 + 4 + 4
    assert (narrow[4]["next"], len(narrow[4]["rows"])) == (5, 5)
    assert narrow[8]["next"] is None
    assert narrow[9] == {"rows": [], "next": None}
