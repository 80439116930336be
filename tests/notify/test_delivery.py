"""At most once: claims, retries, unknown fates, receipts."""

import asyncio

import pytest

from services.notify.clients import Answer
from services.notify.handlers.delivery import Delivery, Done
from services.notify.handlers.receiving import Heard
from services.notify.rules.receipts import read_receipt
from services.notify.store import notices as store
from shared import clock
from tests.builders import submitted
from tests.notify.conftest import Gateway

AGAIN, UNKNOWN = Answer("again", "http 503"), Answer("unknown", "ReadTimeout")
REFUSED = Answer("refused", "http 403")


def dossiers(count, day="2026-10-12"):
    return [
        submitted(
            f"C-{n:03}", day=day, applicant={"name": "Người nộp mẫu", "phone": f"09000{n:05}"}
        )
        for n in range(count)
    ]


async def one(world):
    [notice] = await world.notices()
    return notice


async def receive(world, mask, number=-1):
    reference = world.sms.parcels[number].reference
    heard = Heard(world.sms.name, read_receipt(mask), f"receipt {mask}", reference)
    return await world.delivery.receiving.take(heard)


async def test_the_attempt_is_recorded_before_the_call(world):
    await world.tell(*dossiers(1))
    assert await world.delivery.claim()
    assert (await one(world)).state == "sending"
    [attempt] = await world.query("SELECT number, verdict FROM attempts")
    assert (attempt.number, attempt.verdict) == (1, None)
    assert await world.delivery.claim() == []


async def test_many_workers_and_replicas_send_each_once(world):
    await world.tell(*dossiers(120))
    replicas = [world.make_delivery(workers=4) for _ in range(3)]
    works = [work for each in replicas for work in (each.stay_known, each.run)]
    runs = [asyncio.create_task(work()) for work in works]
    for _ in range(600):
        if {state for _, state, _ in await world.states()} == {"sent"}:
            break
        await asyncio.sleep(0.05)
    for run in runs:
        run.cancel()
    await asyncio.gather(*runs, return_exceptions=True)
    assert len(world.sms.parcels) == len({p.notice for p in world.sms.parcels}) == 120
    assert {state for _, state, _ in await world.states()} == {"sent"}


async def test_a_refusal_is_final(world):
    await world.tell(*dossiers(1))
    world.sms.answers = [REFUSED]
    await world.deliver()
    assert await world.states() == [("received", "failed", "refused")]
    assert ("motcua.notice.failed.v1", "C-000") in await world.outcomes()


async def test_a_provider_that_is_down_is_tried_again_later(world):
    await world.tell(*dossiers(1))
    world.sms.answers = [AGAIN, AGAIN]
    await world.deliver()
    assert (await one(world)).state == "retrying"
    await world.deliver()
    assert len(world.sms.parcels) == 1
    world.set_clock("2026-10-12 09:01")
    await world.deliver()
    world.set_clock("2026-10-12 09:30")
    await world.deliver()
    assert (await one(world)).state == "sent"
    assert await world.history((await one(world)).id) == [
        "ready",
        "sending",
        "retrying",
        "sending",
        "retrying",
        "sending",
        "sent",
    ]
    assert len({p.reference for p in world.sms.parcels}) == 3
    assert len({p.notice for p in world.sms.parcels}) == 1


async def test_after_too_many_attempts_it_has_failed(world):
    world.delivery = world.make_delivery(attempts=2)
    await world.tell(*dossiers(1))
    world.sms.answers = [AGAIN, AGAIN, AGAIN]
    await world.deliver()
    world.set_clock("2026-10-12 09:30")
    await world.deliver()
    assert await world.states() == [("received", "failed", "gave_up")]


async def test_a_provider_down_for_two_days_fails_it(world):
    await world.tell(*dossiers(1))
    world.sms.answers = [AGAIN]
    await world.deliver()
    world.set_clock("2026-10-14 09:00")
    await world.delivery.sweep_once(clock.now())
    await world.deliver()
    assert await world.states() == [("received", "failed", "stale")]
    assert len(world.sms.parcels) == 1


async def test_an_unknown_fate_is_not_resent(world):
    await world.tell(*dossiers(1))
    world.sms.answers = [UNKNOWN]
    await world.deliver()
    world.set_clock("2026-10-12 20:00")
    await world.delivery.sweep_once(clock.now())
    await world.deliver()
    assert await world.states() == [("received", "unknown", "no_answer")]
    assert len(world.sms.parcels) == 1


async def test_a_crash_of_the_gateway_client_is_an_unknown_fate(world):
    await world.tell(*dossiers(1))

    async def burst(_parcel):
        raise RuntimeError("lost")

    world.monkeypatch.setattr(world.sms, "send", burst)
    await world.deliver()
    assert (await one(world)).state == "unknown"


async def test_what_a_dead_process_was_sending_becomes_unknown_at_once(world):
    await world.tell(*dossiers(1))
    sender, other = world.make_delivery(), world.make_delivery()
    life = asyncio.create_task(sender.stay_known())
    await sender.known.wait()
    assert await sender.claim()
    await other.sweep_once(clock.now())
    assert (await one(world)).state == "sending"
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)
    await other.sweep_once(clock.now())
    assert await world.states() == [("received", "unknown", "interrupted")]
    await other.sweep_once(clock.now())
    await world.deliver()
    assert world.sms.parcels == []


async def test_what_a_hanging_process_is_sending_becomes_unknown_in_time(world):
    await world.tell(*dossiers(1))
    sender = world.make_delivery()
    life = asyncio.create_task(sender.stay_known())
    await sender.known.wait()
    assert await sender.claim()
    for minute, state in (("09:01", "sending"), ("09:03", "unknown")):
        world.set_clock(f"2026-10-12 {minute}")
        await world.delivery.sweep_once(clock.now())
        assert (await one(world)).state == state
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)


async def test_the_next_provider_is_tried_at_once_and_then_first(world):
    await world.tell(*dossiers(3))
    second = Gateway("sms")
    second.name = "second"
    world.sms.answers = [AGAIN]
    world.delivery = Delivery(world.database, {"sms": [world.sms, second]})
    await world.deliver()
    assert [state for _, state, _ in await world.states()] == ["sent"] * 3
    assert len(world.sms.parcels) == 1
    assert len(second.parcels) == 3
    assert await world.history((await world.notices("C-000"))[0].id) == [
        "ready", "sending", "retrying", "sending", "sent",
    ]  # fmt: skip


async def test_with_all_providers_down_each_round_waits_longer(world):
    await world.tell(*dossiers(1))
    second = Gateway("sms")
    second.name = "second"
    world.sms.answers, second.answers = [AGAIN] * 2, [AGAIN] * 2
    world.delivery = Delivery(world.database, {"sms": [world.sms, second]}, attempts=4)
    await world.deliver()
    assert (len(world.sms.parcels), len(second.parcels)) == (1, 1)
    assert (await one(world)).state == "retrying"
    world.set_clock("2026-10-12 09:01")
    await world.deliver()
    assert (len(world.sms.parcels), len(second.parcels)) == (2, 2)
    assert await world.states() == [("received", "failed", "gave_up")]


async def test_an_answer_after_the_sweep_still_counts(world):
    await world.tell(*dossiers(1))
    [claimed] = await world.delivery.claim()
    world.set_clock("2026-10-12 09:03")
    await world.delivery.sweep_once(clock.now())
    await world.delivery.deliver(claimed)
    assert (await one(world)).state == "sent"


@pytest.mark.parametrize(
    ("masks", "state"),
    [([8, 1], "delivered"), ([1, 8], "delivered"), ([8, 2], "failed"), ([2, 8], "failed"),
     ([16], "failed"), ([34], "failed"), ([4], "sent"), ([2, 1], "delivered")],
)  # fmt: skip
async def test_receipts_in_any_order(world, masks, state):
    await world.tell(*dossiers(1))
    await world.deliver()
    for mask in masks:
        assert await receive(world, mask)
        assert await receive(world, mask)
    assert (await one(world)).state == state
    types = [type for type, _ in await world.outcomes()]
    assert types.count("motcua.notice.delivered.v1") == (state == "delivered")


async def test_a_receipt_settles_an_unknown_fate(world):
    await world.tell(*dossiers(1))
    world.sms.answers = [UNKNOWN]
    await world.deliver()
    await receive(world, 8)
    assert (await one(world)).state == "sent"


async def test_a_receipt_before_the_answer_is_not_undone(world):
    await world.tell(*dossiers(1))
    [claimed] = await world.delivery.claim()
    world.sms.parcels.append(claimed.parcel)
    await receive(world, 1)
    await world.delivery.settle([Done(claimed, Answer("accepted", "http 202"))])
    assert (await one(world)).state == "delivered"


async def test_an_unknown_reference_is_refused(world):
    heard = Heard("test-sms", "delivered", "receipt 1", "guess")
    assert not await world.delivery.receiving.take(heard)


async def order(world):
    async with world.database.transaction() as session:
        return await store.order_retry(session, (await one(world)).id, "admin", clock.now())


async def test_a_person_may_order_another_attempt(world):
    await world.tell(*dossiers(1))
    assert not await order(world)
    world.sms.answers = [REFUSED]
    await world.deliver()
    world.set_clock("2026-10-20 09:00")
    assert await order(world)
    assert not await order(world)
    await world.deliver()
    assert not await order(world)
    assert (await one(world)).state == "sent"
    assert len(world.sms.parcels) == 2


async def test_an_old_receipt_spares_the_ordered_attempt(world):
    await world.tell(*dossiers(1))
    world.sms.answers = [UNKNOWN]
    await world.deliver()
    assert await order(world)
    await receive(world, 1)
    await world.deliver()
    assert (await one(world)).state == "delivered"
    assert len(world.sms.parcels) == 1
