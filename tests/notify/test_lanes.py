"""Several providers of one channel: shares, rates, circuits, stand-ins, parts and their receipts."""

import asyncio
from collections import Counter

import pytest

from services.notify.clients import Answer
from services.notify.handlers.delivery import Delivery, Done
from services.notify.handlers.receiving import Heard
from services.notify.rules.circuit import Circuit
from services.notify.rules.receipts import combine
from services.notify.rules.terms import Terms, Turns, candidates, fit
from tests.notify.conftest import Gateway
from tests.notify.test_delivery import AGAIN, UNKNOWN, dossiers, one

ELSEWHERE = Answer("elsewhere", "code -118")


def gateway(name, channel="sms", **terms):
    made = Gateway(channel)
    made.name, made.terms = name, Terms(**terms)
    return made


def deliver_by(world, *gateways, **options):
    world.delivery = Delivery(world.database, {"sms": list(gateways)}, **options)
    return world.delivery


async def test_providers_of_one_priority_share_by_weight(world):
    await world.tell(*dossiers(40))
    first, second, spare = gateway("a", weight=3), gateway("b"), gateway("c", priority=2)
    deliver_by(world, first, second, spare)
    await world.deliver()
    assert (len(first.parcels), len(second.parcels), len(spare.parcels)) == (30, 10, 0)


async def test_a_rate_holds_over_replicas_and_restarts(world):
    await world.tell(*dossiers(12))
    slow = gateway("slow", rate=3.0)
    for _ in range(2):  # the second is a process of its own, or one that was started again
        deliver_by(world, slow)
        while claimed := await world.delivery.claim(10):
            for each in claimed:
                await world.delivery.deliver(each)
    assert len(slow.parcels) == 3
    world.set_clock("2026-10-12 09:01")
    await world.deliver()
    assert len(slow.parcels) == 6


async def test_over_the_rate_the_next_provider_takes_over(world):
    await world.tell(*dossiers(10))
    slow, spare = gateway("slow", rate=4.0), gateway("spare", priority=2)
    deliver_by(world, slow, spare)
    await world.deliver()
    assert (len(slow.parcels), len(spare.parcels)) == (4, 6)


async def test_a_provider_that_hangs_is_left_alone_after_three(world):
    await world.tell(*dossiers(20))
    hanging = gateway("hanging")
    hanging.answers = [UNKNOWN] * 20
    deliver_by(world, hanging)
    await world.deliver()
    states = Counter(state for _, state, _ in await world.states())
    assert states == {"unknown": 3, "ready": 17}
    # Back on its feet: one tries, and then all go.
    hanging.answers = []
    world.set_clock("2026-10-12 09:01")
    assert len(await world.delivery.claim(50)) == 1


async def test_a_provider_that_is_down_costs_no_attempts_while_it_is_left_alone(world):
    await world.tell(*dossiers(30))
    down = gateway("down")
    down.answers = [AGAIN] * 100
    deliver_by(world, down)
    for minute in range(10):
        world.set_clock(f"2026-10-12 09:{minute:02}")
        await world.deliver()
    assert len(down.parcels) == 10
    down.answers = []
    world.set_clock("2026-10-12 10:30")
    await world.deliver()
    assert {state for _, state, _ in await world.states()} == {"sent"}


async def test_a_message_that_is_put_off_says_nothing_against_its_provider(world):
    await world.tell(*dossiers(5))
    picky = gateway("picky")
    picky.answers = [Answer("again", "smtp 451", blame=False)] * 5
    deliver_by(world, picky)
    await world.deliver()
    assert len(picky.parcels) == 5


async def test_a_provider_that_asks_for_less_gets_less(world):
    await world.tell(*dossiers(40))
    busy = gateway("busy", at_once=16)
    busy.answers = [Answer("again", "http 429", rest=20.0)]
    delivery = deliver_by(world, busy)
    [first] = await delivery.claim()
    await delivery.deliver(first)
    assert await delivery.claim(50) == []
    world.set_clock("2026-10-12 09:01")
    assert len(await delivery.claim(50)) == 8


async def test_what_one_cannot_take_goes_to_another_at_once(world):
    await world.tell(*dossiers(1))
    zalo, sms = gateway("zalo"), gateway("sms", priority=2)
    zalo.answers, sms.answers = [ELSEWHERE] * 3, [AGAIN]
    deliver_by(world, zalo, sms)
    await world.deliver()
    assert (len(zalo.parcels), len(sms.parcels)) == (1, 1)
    world.set_clock("2026-10-12 09:01")
    await world.deliver()
    assert (len(zalo.parcels), len(sms.parcels)) == (1, 2)
    assert (await one(world)).state == "sent"


async def test_what_nobody_can_take_has_failed(world):
    await world.tell(*dossiers(1))
    zalo, other = gateway("zalo"), gateway("other", priority=2)
    zalo.answers, other.answers = [ELSEWHERE], [ELSEWHERE]
    deliver_by(world, zalo, other)
    await world.deliver()
    assert await world.states() == [("received", "failed", "refused")]


async def test_a_text_beyond_the_maximum_fails_with_its_reason(world):
    await world.tell(*dossiers(1))
    await world.query("UPDATE notices SET body = repeat('a', 700), segments = 5 RETURNING 1")
    short = gateway("short", most_segments=4)
    deliver_by(world, short)
    await world.deliver()
    assert await world.states() == [("received", "failed", "too_long")]
    assert short.parcels == []


async def test_a_message_costs_what_its_provider_takes_for_its_segments(world):
    await world.tell(*dossiers(1))
    await world.query("UPDATE notices SET segments = 3 RETURNING 1")
    deliver_by(world, gateway("priced", price=350))
    await world.deliver()
    assert (await one(world)).cost == 1050


async def hear(world, message_id, receipt, provider="parts"):
    heard = Heard(provider, receipt, f"receipt {receipt}", message_id=message_id)
    return await world.delivery.receiving.take(heard)


async def in_parts(world, *ids, verdict="accepted", total=None):
    await world.tell(*dossiers(1))
    parts = gateway("parts")
    deliver_by(world, parts)
    [claimed] = await world.delivery.claim()
    return Done(claimed, Answer(verdict, "test", ids=ids, parts=total or len(ids)))


@pytest.mark.parametrize("early", [0, 1, 2, 3])
async def test_a_message_is_delivered_once_all_its_parts_are(world, early):
    """Whichever of the receipts come before the answer that names the parts."""
    done = await in_parts(world, "m1", "m2", "m3")
    for name in ("m1", "m2", "m3")[:early]:
        assert await hear(world, name, "delivered")
    await world.delivery.settle([done])
    assert (await one(world)).state == ("delivered" if early == 3 else "sent")
    for name in ("m1", "m2", "m3")[early:]:
        assert (await one(world)).state == "sent"
        await hear(world, name, "accepted")
        await hear(world, name, "delivered")
        await hear(world, name, "accepted")
    assert (await one(world)).state == "delivered"
    for name in ("m1", "m2", "m3"):
        await hear(world, name, "failed")
    assert (await one(world)).state == "delivered"
    types = Counter(type for type, _ in await world.outcomes())
    assert types == {"motcua.notice.sent.v1": 1, "motcua.notice.delivered.v1": 1}


async def test_a_message_of_which_a_part_failed_has_failed(world):
    done = await in_parts(world, "m1", "m2")
    await hear(world, "m2", "failed")
    await world.delivery.settle([done])
    assert await world.states() == [("received", "failed", "carrier")]
    await hear(world, "m1", "delivered")
    assert (await one(world)).state == "failed"
    await hear(world, "m2", "delivered")
    assert (await one(world)).state == "delivered"


async def test_parts_that_got_through_before_the_line_broke_do_not_make_it_whole(world):
    done = await in_parts(world, "m1", verdict="unknown", total=2)
    await world.delivery.settle([done])
    await hear(world, "m1", "delivered")
    assert (await one(world)).state == "sent"


async def test_a_name_that_a_provider_gives_twice_belongs_to_the_newer_message(world):
    await world.tell(*dossiers(2))
    deliver_by(world, gateway("parts"))
    answer = Answer("accepted", "test", ids=("m1",))
    for receipt in ("delivered", "failed"):
        [claimed] = await world.delivery.claim()
        await world.delivery.settle([Done(claimed, answer)])
        await hear(world, "m1", receipt)
    assert [state for _, state, _ in await world.states()] == ["delivered", "failed"]


async def test_receipts_that_come_together_share_a_transaction_and_end_right(world):
    await world.tell(*dossiers(60))
    deliver_by(world, gateway("parts", at_once=60))
    claimed = await world.delivery.claim(60)
    early = [hear(world, f"m{n}", "delivered" if n % 3 else "failed") for n in range(0, 60, 2)]
    await asyncio.gather(*early)
    await world.delivery.settle(
        [Done(each, Answer("accepted", "t", ids=(f"m{n}",))) for n, each in enumerate(claimed)]
    )
    late = [hear(world, f"m{n}", "delivered" if n % 3 else "failed") for n in range(60)]
    await asyncio.gather(*late, *[hear(world, f"m{n}", "accepted") for n in range(60)])
    found = {n.id: n.state for n in await world.notices()}
    expected = ["delivered" if n % 3 else "failed" for n in range(60)]
    assert [found[each.notice] for each in claimed] == expected


class TestRules:
    def test_turns_are_spread(self):
        turns = Turns({})
        assert "".join(turns.take({"a": 2, "b": 1}) for _ in range(6)) == "abaaba"

    def test_who_comes_next(self):
        terms = {"a": Terms(), "b": Terms(), "c": Terms(priority=2)}
        assert candidates(terms, [], terms) == ["a", "b"]
        assert candidates(terms, [("a", "again")], terms) == ["b"]
        assert candidates(terms, [("a", "again"), ("b", "again")], terms) == ["c"]
        assert candidates(terms, [("a", "elsewhere")], {"a", "c"}) == ["c"]
        assert candidates(terms, [("a", "elsewhere")], {"a"}) == []
        assert candidates(terms, [], set()) == []

    def test_a_circuit(self):
        circuit = Circuit()
        for _ in range(2):
            circuit.fail(0.0, 1, 0.0)
        assert circuit.state(0.0) == "closed"
        circuit.fail(0.0, 1, 0.999)
        assert circuit.state(2.9) == "open"
        assert circuit.state(3.0) == "half_open"
        circuit.fail(3.0, 1, 0.999)
        assert circuit.state(8.9) == "open"
        assert circuit.state(9.0) == "half_open"
        for again in range(9, 100, 15):
            circuit.fail(float(again), 3, 0.999)
        assert circuit.state(99.0 + 14.9) == "open"
        assert circuit.state(99.0 + 15.0) == "half_open"
        circuit.succeed()
        assert circuit.state(120.0) == "closed"

    def test_an_accented_text_where_letters_have_none(self):
        made = fit(Terms(unicode=False), "sms", "received", "Đã nhận hồ sơ", 1)
        assert (made.body, made.segments, made.fault) == ("Da nhan ho so", 1, None)
        assert fit(Terms(kinds=frozenset({"late"})), "sms", "received", "x", 1).fault

    def test_parts(self):
        assert combine(["delivered", None], 2) == "accepted"
        assert combine(["delivered", "delivered"], 2) == "delivered"
        assert combine(["failed", "delivered"], 2) == "failed"
        assert combine(["delivered"], 2) == "accepted"
        assert combine([None], 1) is None
