"""What a unit may spend on messages in a month: exact, whoever sends, and never passed unasked."""

import httpx
import orjson
import pytest

from services.notify.api.budgets import show_budgets
from services.notify.clients import Answer
from services.notify.handlers.budgets import Warnings
from services.notify.handlers.delivery import Done
from services.notify.handlers.gate import Gate
from services.notify.handlers.receiving import Heard
from services.notify.rules.notices import Officer
from services.notify.rules.terms import Terms
from services.notify.store import budgets as store
from shared import clock
from tests.builders import status
from tests.notify.conftest import REGISTRY
from tests.notify.test_leaving import NIGHT, appoint, dossier, local, run_until

PROVINCE, OFFICE = "45", "461"
PRICE = 300


async def grant(world, **amounts):
    """VND a month by unit, written ``u461=900``."""
    given = {(unit.removeprefix("u"), ""): amount for unit, amount in amounts.items()}
    async with world.database.transaction() as session:
        await store.put(session, given, "test", clock.now())


async def used(world, unit=OFFICE):
    rows = await world.query("SELECT used FROM budget_months WHERE unit = :unit", unit=unit)
    return [row.used for row in rows]


async def warnings(world):
    return await Warnings(world.database, world.desk, lambda: None).look(clock.now())


@pytest.fixture
async def priced(world):
    world.sms.terms = Terms(price=PRICE)
    world.rebuild(NIGHT)
    return world


async def send(world, *numbers):
    await world.tell(*(dossier(f"C-{n:03}", number=n) for n in numbers))
    await world.deliver()


async def states(world):
    found = {}
    for _, state, reason in await world.states():
        found[state, reason] = found.get((state, reason), 0) + 1
    return found


async def test_a_month_ends_where_its_money_does(priced):
    await grant(priced, u461=3 * PRICE + 299)
    await send(priced, *range(5))
    assert await states(priced) == {("sent", None): 3, ("ready", "budget"): 2}
    assert await used(priced) == [900]
    held = [n for n in await priced.notices() if n.state == "ready"]
    assert {n.next_at for n in held} == {local("2026-11-01 07:00")}
    assert all(n.stale_at > local("2026-11-02 00:00") for n in held)
    priced.set_clock("2026-10-15 09:00")  # waiting for money makes nothing stale
    await priced.delivery.sweep_once(clock.now())
    await priced.deliver()
    assert len(priced.sms.parcels) == 3
    priced.set_clock("2026-11-01 07:00")
    await priced.deliver()
    assert await states(priced) == {("sent", None): 5}
    assert await used(priced) == [900, 600]


async def test_a_raise_lets_go_what_is_still_true(priced):
    await grant(priced, u461=PRICE)
    await send(priced, 0, 1, 2)
    late = [n.subject for n in await priced.notices() if n.state == "ready"]
    done = status(late[0], "withdrawn", "2026-10-12T10:00:00+07:00")
    priced.set_clock("2026-10-12 11:00")
    await priced.tell(done)
    await grant(priced, u461=10 * PRICE)
    await priced.deliver()
    assert sorted(await priced.states(late[0])) == [
        ("received", "withdrawn", "overtaken"), ("withdrawn", "sent", None)
    ]  # fmt: skip
    assert await priced.states(late[1]) == [("received", "sent", None)]
    assert await used(priced) == [3 * PRICE]


@pytest.mark.parametrize(
    ("answer", "left"),
    [(Answer("refused", "http 403"), 0), (Answer("unknown", "timeout"), PRICE),
     (Answer("again", "http 503"), 0), (Answer("accepted", "ok"), PRICE)],
)  # fmt: skip
async def test_what_nobody_took_is_given_back(priced, answer, left):
    await grant(priced, u461=1000)
    priced.sms.answers = [answer]
    await send(priced, 0)
    assert await used(priced) == [left]
    [row] = await priced.query("SELECT reserved, budget, budget_month FROM attempts")
    assert tuple(row) == (left, OFFICE, "2026-10")


@pytest.mark.parametrize("receipt", ["delivered", "failed"])
@pytest.mark.parametrize("answer", ["accepted", "unknown"])
async def test_a_receipt_before_its_answer_tells_the_cost(priced, receipt, answer):
    await grant(priced, u461=1000)
    await priced.tell(dossier("C-1"))
    [claimed] = await priced.delivery.claim()
    heard = Heard("test-sms", receipt, "x", claimed.parcel.reference)
    assert await priced.delivery.receiving.take(heard)
    await priced.delivery.settle([Done(claimed, Answer(answer, "late"))])
    [row] = await priced.query("SELECT state, cost, segments FROM notices")
    assert tuple(row) == (receipt, PRICE, 1)
    assert await used(priced) == [PRICE]
    [told] = await priced.query("SELECT payload FROM outbox WHERE stream = 'OUTCOMES'")
    assert orjson.loads(bytes(told.payload))["data"]["cost"] == PRICE


async def test_the_interrupted_stays_set_aside(priced):
    await grant(priced, u461=1000)
    await priced.tell(dossier("C-1"))
    assert await priced.delivery.claim()
    await priced.delivery.sweep_once(local("2026-10-12 09:10"))
    assert await states(priced) == {("unknown", "interrupted"): 1}
    assert await used(priced) == [PRICE]


async def test_a_budget_above_pays_for_what_is_below(priced):
    await grant(priced, u45=PRICE)
    await send(priced, 0, 1)
    assert await used(priced, PROVINCE) == [PRICE]
    assert await states(priced) == {("sent", None): 1, ("ready", "budget"): 1}


@pytest.mark.parametrize(("own", "above"), [(2, 9), (9, 2)])
async def test_every_budget_above_pays_and_any_of_them_holds(priced, own, above):
    await grant(priced, u461=own * PRICE, u45=above * PRICE)
    priced.sms.answers = [Answer("accepted", "ok"), Answer("refused", "http 403")]
    await send(priced, 0, 1, 2, 3)
    assert await states(priced) == {
        ("sent", None): 2, ("failed", "refused"): 1, ("ready", "budget"): 1
    }  # fmt: skip
    assert await used(priced) == await used(priced, PROVINCE) == [2 * PRICE]
    async with priced.database.transaction() as session:
        shown = (await show_budgets(session, REGISTRY, None, None, clock.now()))["budgets"]
    held = {row["unit"]: (row["left"], row["held"]) for row in shown}
    tight, wide = (OFFICE, PROVINCE) if own < above else (PROVINCE, OFFICE)
    assert held == {tight: (0, 1), wide: (7 * PRICE, 0)}
    await grant(priced, **{f"u{tight}": 9 * PRICE})
    await priced.deliver()
    assert (await states(priced))["sent", None] == 3
    assert await used(priced) == await used(priced, PROVINCE) == [3 * PRICE]


async def test_the_urgent_leaves_and_is_counted(priced):
    priced.rebuild(NIGHT, urgent=frozenset({"result_ready"}))
    await grant(priced, u461=PRICE)
    await priced.tell(dossier("C-1"), status("C-1", "result_ready", "2026-10-12T08:50:00+07:00"))
    await priced.deliver()
    assert sorted(await priced.states()) == [
        ("received", "sent", None), ("result_ready", "sent", None)
    ]  # fmt: skip
    assert await used(priced) == [2 * PRICE]


async def test_officers_are_told_at_four_fifths_once_a_month(priced):
    await appoint(priced, Officer("o1", OFFICE, "Cán bộ mẫu", None, None, "o1@example.org"))
    await grant(priced, u461=5 * PRICE)
    await send(priced, 0, 1, 2)
    assert await warnings(priced) == 0
    await send(priced, 3)
    assert [await warnings(priced) for _ in range(3)] == [1, 0, 0]
    await grant(priced, u461=100)
    assert await warnings(priced) == 0
    await priced.deliver()
    [letter] = priced.email.parcels
    assert letter.subject == "Đã dùng 80% kinh phí nhắn tin tháng 10/2026"
    assert "1.500 VND, đã dùng 1.200 VND" in letter.body
    priced.set_clock("2026-11-02 09:00")
    await grant(priced, u461=PRICE)
    await priced.tell(dossier("C-9", day="2026-11-02"))
    await priced.deliver()
    assert await warnings(priced) == 1


@pytest.mark.parametrize("size", [50, pytest.param(3000, marks=pytest.mark.soak)])
async def test_two_replicas_never_pass_any_budget(priced, size):
    """Two districts under one province: each ends within its own money, and all within the
    province's; a third of the messages leaves."""
    enough, ward = size // 3, size // 6
    await grant(priced, u462=ward * PRICE, u461=size * PRICE, u45=enough * PRICE + 1)
    await priced.tell(
        *(dossier(f"C-{n:04}", number=n, unit=("461", "462")[n % 2]) for n in range(size))
    )
    priced.sms.answers = [Answer("again", "http 503", blame=False)] * 5
    gate = Gate(priced.leaving, desk=priced.desk)
    replicas = [priced.make_delivery(workers=6, gate=gate) for _ in range(2)]
    await run_until(priced, replicas, lambda s: s.count("sent") == enough or "retrying" in s)
    priced.set_clock("2026-10-12 09:20")
    await run_until(priced, replicas, lambda s: s.count("sent") == enough)
    assert await used(priced, PROVINCE) == [enough * PRICE]
    [one], [other] = await used(priced), await used(priced, "462")
    assert one + other == enough * PRICE
    assert other <= ward * PRICE
    [sums] = await priced.query(
        "SELECT sum(cost) AS cost, count(*) AS n FROM notices WHERE cost > 0"
    )
    assert (sums.cost, sums.n) == (enough * PRICE, enough)


def put(plain, content, kind="application/json"):
    return plain.http.put(
        plain.url("notify", "/v1/budgets"), content=content, headers={"Content-Type": kind}
    )


def test_budgets_over_http(plain):
    assert put(plain, '[{"unit": "461", "amount": 2000000}]').json() == {"budgets": 1}
    sheet = "Đơn vị;Tháng;Số tiền\n461;2026-12;3.000.000\nThành phố Đông Hà;;500 000\n"
    assert put(plain, sheet.encode(), "text/csv").status_code in (200, 422)
    assert put(plain, b"unit,month,amount\n462,2026-12,3.000.000\n", "text/csv").status_code == 200
    shown = plain.get("notify", "/v1/budgets", month="2026-12")["budgets"]
    row = next(each for each in shown if each["unit"] == "462")
    assert (row["amount"], row["used"], row["left"], row["state"]) == (3000000, 0, 3000000, "ok")
    faulty = put(plain, '[{"unit": "0", "amount": 1}, {"unit": "461", "amount": -1}]')
    assert faulty.status_code == 422
    assert put(plain, '[{"unit": "nowhere", "amount": 1}]').json()["errors"] == [
        {"pointer": "/0/unit", "code": "unknown_unit", "message": "No such unit."}
    ]
    for bad in (b"{", b'{"unit": "461"}', b'[{"unit": "461", "amount": 1.5}]',
                b'[{"unit": "461", "amount": 1, "month": "2026-13"}]'):  # fmt: skip
        assert put(plain, bad).status_code in (400, 422)
    assert put(plain, b"unit,amount\n461,much\n", "text/csv").status_code == 422
    assert httpx.get(plain.url("notify", "/v1/budgets")).status_code == 401
    answer = plain.http.get(plain.url("notify", "/v1/budgets"), params={"month": "x"})
    assert answer.status_code == 422
    page = plain.http.get(plain.url("notify", "/notices/costs"), params={"month": "2026-12"})
    assert 'max="3000000" value="0"' in page.text
    assert put(plain, '[{"unit": "461", "amount": null}]').json() == {"budgets": 1}
    units = [each["unit"] for each in plain.get("notify", "/v1/budgets")["budgets"]]
    assert "461" not in units
