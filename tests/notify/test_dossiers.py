"""From events and contacts to notices, on a real database."""

import itertools
import random
from datetime import time

import pytest

from shared import clock
from tests.builders import event, status, submitted

CODE = "000.00.24.H50-261012-0001"
MOBILE = "0900000001"


def dossier(code=CODE, **data):
    applicant = {"name": "Người nộp mẫu", "phone": MOBILE, "email": "nop@example.org"}
    return submitted(code, day="2026-10-12", **({"applicant": applicant} | data))


def life(code=CODE):
    return [
        dossier(code),
        status(code, "received", "2026-10-12T08:30:00+07:00"),
        status(code, "in_process", "2026-10-12T08:40:00+07:00", department="Phòng Tài nguyên"),
        status(code, "supplement_requested", "2026-10-12T08:45:00+07:00", reason="Thiếu bản sao"),
        status(code, "result_ready", "2026-10-12T08:50:00+07:00"),
        status(code, "returned", "2026-10-12T08:55:00+07:00"),
    ]


KINDS = ["received", "in_process", "supplement_requested", "result_ready", "returned"]


async def test_a_whole_life_is_told_by_sms_in_one_segment_each(world):
    await world.tell(*life())
    assert await world.states() == [(kind, "ready", None) for kind in KINDS]
    await world.deliver()
    assert [state for _, state, _ in await world.states()] == ["sent"] * 5
    assert {parcel.address for parcel in world.sms.parcels} == {"+84900000001"}
    assert all(parcel.body.isascii() for parcel in world.sms.parcels)
    assert {row.segments for row in await world.notices()} == {1}
    assert "Phong Tai nguyen" in world.sms.parcels[1].body
    assert world.email.parcels == []


async def test_both_channels_when_both_were_chosen(world):
    both = {"name": "Người nộp mẫu", "phone": MOBILE, "email": "nop@example.org"}
    await world.tell(dossier(applicant=both | {"notify": ["sms", "email"]}))
    await world.deliver()
    assert len(world.sms.parcels) == 1
    [letter] = world.email.parcels
    assert letter.address == "nop@example.org"
    assert "Người nộp mẫu" in letter.body
    assert CODE in letter.subject


async def test_nothing_is_told_to_whoever_wants_nothing(world):
    applicant = {"name": "A B", "phone": MOBILE, "notify": []}
    await world.tell(dossier(applicant=applicant))
    assert await world.states() == [("received", "withheld", "declined")]


async def test_nobody_to_reach(world):
    await world.tell(dossier(applicant=None), dossier("X-2", applicant={"name": "A B"}))
    assert await world.states(CODE) == [("received", "unreachable", "no_contact")]
    assert await world.states("X-2") == [("received", "unreachable", "no_address")]


@pytest.mark.parametrize("seed", range(4))
async def test_order_and_repeats_change_nothing(world, seed):
    told = life()
    random.Random(seed).shuffle(told)
    for raw in told:
        await world.tell(raw)
        await world.tell(raw)
    assert sorted(await world.states()) == sorted((kind, "ready", None) for kind in KINDS)
    await world.deliver()
    await world.tell(*life())
    await world.deliver()
    assert len(world.sms.parcels) == 5


async def test_redelivered_messages_send_nothing_again(world):
    contacts, published = world.split(*life())
    await world.apply(world.on_contacts, contacts)
    await world.apply(world.on_events, published)
    await world.query("DELETE FROM inbox RETURNING uid")
    await world.apply(world.on_events, published)
    assert len(await world.notices()) == 5


async def test_a_notice_waits_for_its_contact(world):
    contacts, published = world.split(*life())
    await world.apply(world.on_events, published)
    assert {state for _, state, _ in await world.states()} == {"waiting_contact"}
    await world.deliver()
    assert world.sms.parcels == []
    await world.apply(world.on_contacts, contacts)
    assert {state for _, state, _ in await world.states()} == {"ready"}
    await world.deliver()
    assert len(world.sms.parcels) == 5
    assert "Hen tra" not in world.sms.parcels[0].body


async def test_a_late_contact_may_ask_for_two_channels(world):
    both = {"name": "Người nộp mẫu", "phone": MOBILE, "email": "nop@example.org"}
    raw = dossier(applicant=both | {"notify": ["email", "sms"]})
    contacts, published = world.split(raw)
    await world.apply(world.on_events, published)
    await world.apply(world.on_contacts, contacts)
    assert [(n.channel, n.state) for n in await world.notices()] == [
        ("email", "ready"),
        ("sms", "ready"),
    ]
    await world.tell(raw)
    assert len(await world.notices()) == 2


async def test_statuses_before_their_submission_wait(world):
    await world.tell(*life()[1:])
    assert {state for _, state, _ in await world.states()} == {"waiting_contact"}
    await world.tell(dossier())
    assert sorted(await world.states()) == sorted((kind, "ready", None) for kind in KINDS)


async def test_a_submission_without_applicant_ends_the_waiting(world):
    await world.tell(status(CODE, "result_ready", "2026-10-12T08:50:00+07:00"))
    await world.tell(dossier(applicant=None))
    assert {state for _, state, _ in await world.states()} == {"unreachable"}


async def test_a_contact_that_comes_after_two_days_sends_nothing(world):
    contacts, published = world.split(dossier())
    await world.apply(world.on_events, published)
    world.set_clock("2026-10-14 09:00")
    await world.apply(world.on_contacts, contacts)
    assert await world.states() == [("received", "withheld", "stale")]


async def test_waiting_ends_after_two_days(world):
    _, published = world.split(dossier())
    await world.apply(world.on_events, published)
    world.set_clock("2026-10-14 09:00")
    await world.delivery.sweep_once(clock.now())
    assert await world.states() == [("received", "withheld", "stale")]
    assert await world.history((await world.notices())[0].id) == ["waiting_contact", "withheld"]


async def test_last_years_events_text_nobody(world):
    world.set_clock("2027-10-12 09:00")
    await world.tell(*life())
    assert [(state, reason) for _, state, reason in await world.states()] == [
        ("withheld", "stale")
    ] * 5
    assert all(row.body for row in await world.notices())
    await world.deliver()
    assert world.sms.parcels == []


async def test_demo_is_only_shown(world):
    await world.tell(*({**raw, "source": "/demo/one-stop/461"} for raw in life()))
    assert [(state, reason) for _, state, reason in await world.states()] == [
        ("withheld", "demo")
    ] * 5
    await world.deliver()
    assert world.sms.parcels == []


async def test_what_was_made_without_a_provider_never_leaves(world):
    world.channels = frozenset({"email"})
    world.rebuild()
    await world.tell(dossier())
    assert await world.states() == [("received", "outbox", "no_provider")]
    world.channels = frozenset({"sms", "email"})
    world.rebuild()
    await world.tell(dossier())
    await world.deliver()
    assert world.sms.parcels == []
    assert await world.states() == [("received", "outbox", "no_provider")]


def void(raw, id="void-1"):
    return event(
        "record.voided",
        id,
        "2026-10-12T08:59:00+07:00",
        of_source=raw["source"],
        of_id=raw["id"],
        reason="Nhập nhầm",
    )


async def test_a_void_cancels_what_was_not_sent(world):
    told = life()
    await world.tell(*told)
    await world.tell(void(told[4]))
    assert ("result_ready", "cancelled", "voided") in await world.states()
    await world.deliver()
    assert len(world.sms.parcels) == 4


async def test_a_void_that_comes_first_leaves_nothing_to_cancel(world):
    told = life()
    await world.tell(void(told[4]))
    await world.tell(*told)
    assert "result_ready" not in [kind for kind, _, _ in await world.states()]


async def test_after_a_correction_the_true_result_is_told(world):
    told = life()
    await world.tell(*told[:5])
    await world.deliver()
    await world.tell(void(told[4]))
    assert ("result_ready", "sent", None) in await world.states()
    await world.tell(status(CODE, "result_ready", "2026-10-12T08:58:00+07:00"))
    await world.deliver()
    assert len([p for p in world.sms.parcels if "da co ket qua" in p.body]) == 2


async def test_a_corrected_instant_before_sending_is_told_once(world):
    told = life()
    await world.tell(*told[:5])
    await world.tell(void(told[4]))
    again = told[4] | {"id": "again"}
    await world.tell(again)
    await world.deliver()
    assert len([p for p in world.sms.parcels if "da co ket qua" in p.body]) == 1


async def test_two_dossiers_do_not_mix(world):
    for first, second in itertools.zip_longest(life("A-1"), life("B-1")):
        await world.tell(first, second)
    assert len(await world.notices("A-1")) == len(await world.notices("B-1")) == 5


async def test_at_night_an_sms_waits_for_the_morning(world):
    world.set_clock("2026-10-12 23:00")
    world.rebuild(quiet=(time(22), time(7)))
    await world.tell(dossier())
    await world.deliver()
    assert world.sms.parcels == []
    world.set_clock("2026-10-13 07:00")
    await world.deliver()
    assert len(world.sms.parcels) == 1
