"""Officers are told many things in one list: once, and only what is still so."""

from datetime import time, timedelta

import pytest

from services.notify.clients import Answer
from services.notify.handlers.gate import Gate
from services.notify.rules.digests import Item, facts_of_list
from services.notify.rules.notices import Officer
from shared import clock
from tests.builders import status, submitted
from tests.notify.test_leaving import NIGHT, appoint, local, run_until

CLERK = Officer("o1", "461", "Cán bộ mẫu", None, None, "o1@example.org")
HEAD = Officer("o2", "461", "Trưởng phòng mẫu", None, "+84900000002")


def codes(count):
    return [f"000.00.24.H50-261012-{n:04}" for n in range(count)]


async def late(world, count, due="2026-10-12T17:00:00+07:00"):
    """Dossiers without an applicant to tell, of which the day is over."""
    await world.tell(
        *(submitted(code, day="2026-10-12", due_at=due, applicant=None) for code in codes(count))
    )


async def slip(world, count, at="2026-10-13 00:00", **leaving):
    await appoint(world, CLERK, HEAD)
    world.rebuild(**({"digest_over": 3} | leaving))
    world.set_policy(approach=timedelta(), day_of=None)
    await late(world, count)
    world.set_clock(at)
    await world.scan()


async def told(world, recipient="o1"):
    rows = [n for n in await world.notices() if n.recipient == recipient]
    return sorted((n.kind, n.state, n.reason) for n in rows)


async def test_forty_words_are_one_list_for_each_officer(world):
    await slip(world, 40)
    await world.deliver()
    [letter], [sms] = world.email.parcels, world.sms.parcels
    assert letter.subject == "40 việc cần xử lý: 40 hồ sơ quá hạn"
    for code in codes(40):
        assert letter.body.count(f"- {code}; hạn 12/10/2026; trễ 1 ngày\n") == 1
    assert "40 viec can xu ly (40 ho so qua han)" in sms.body
    assert (
        await told(world)
        == [("digest", "sent", None)] + [("dossier_slipped", "digested", "digest")] * 40
    )
    [digest] = [n for n in await world.notices() if n.kind == "digest" and n.recipient == "o1"]
    members = [n for n in await world.notices() if n.digest == digest.id]
    assert {n.subject for n in members} == set(codes(40))
    assert await world.history(members[0].id) == ["ready", "digested"]
    await world.scan()
    await world.deliver()
    assert len(world.email.parcels) == len(world.sms.parcels) == 1


async def test_a_few_words_go_each_for_itself(world):
    await slip(world, 3)
    await world.deliver()
    assert len(world.email.parcels) == len(world.sms.parcels) == 3
    assert await told(world) == [("dossier_slipped", "sent", None)] * 3


async def test_what_waited_for_the_morning_is_a_list_without_what_was_done(world):
    await slip(world, 3, quiet=NIGHT, span=timedelta(minutes=30))
    await world.tell(status(codes(3)[0], "result_ready", "2026-10-13T06:30:00+07:00"))
    await world.query(  # as if that had come while the claim was waiting for its turn
        "UPDATE notices SET state = 'ready', reason = 'quiet_hours', next_at = :at, stale_at = NULL"
        " WHERE subject = :code AND audience = 'officer' RETURNING 1",
        code=codes(3)[0],
        at=local("2026-10-13 07:00"),
    )
    world.set_clock("2026-10-13 07:30")
    await world.deliver()
    [letter] = world.email.parcels
    assert letter.subject == "2 việc cần xử lý: 2 hồ sơ quá hạn"
    assert codes(3)[0] not in letter.body
    assert await told(world) == [
        ("digest", "sent", None),
        ("dossier_slipped", "digested", "digest"),
        ("dossier_slipped", "digested", "digest"),
        ("dossier_slipped", "withdrawn", "met"),
    ]


async def test_officers_may_be_told_at_fixed_times(world):
    await slip(world, 2, at="2026-10-13 08:00", digest_at=(time(7, 30), time(13, 30)))
    assert await told(world) == [("dossier_slipped", "ready", "digest")] * 2
    world.set_clock("2026-10-13 13:29:59")
    await world.deliver()
    assert world.email.parcels == []
    world.set_clock("2026-10-13 13:30:00")
    await world.deliver()
    assert len(world.email.parcels) == 1
    assert "trễ 1 ngày" in world.email.parcels[0].body


async def test_urgent_kinds_leave_alone(world):
    await slip(world, 5, urgent=frozenset({"dossier_slipped"}), digest_at=(time(13, 30),))
    await world.deliver()
    assert len(world.email.parcels) == 5


async def test_a_list_that_waited_is_read_anew(world):
    world.email.answers = [Answer("again", "down")] * 2
    await slip(world, 5)
    await world.deliver()
    for code in codes(4):
        await world.tell(status(code, "result_ready", "2026-10-13T06:30:00+07:00"))
    world.set_clock("2026-10-13 09:00")
    await world.deliver()
    assert len(world.email.parcels) == 2
    world.set_clock("2026-10-13 09:30")
    await world.deliver()
    last = world.email.parcels[-1]
    assert last.subject == "1 việc cần xử lý: 1 hồ sơ quá hạn"
    assert codes(5)[4] in last.body
    assert codes(5)[0] not in last.body
    assert sorted(state for _, state, _ in await told(world)) == [
        "digested", "sent", "withdrawn", "withdrawn", "withdrawn", "withdrawn"
    ]  # fmt: skip


async def test_a_list_of_which_nothing_is_left_is_withdrawn(world):
    world.email.answers = [Answer("again", "down")]
    await slip(world, 4)
    await world.deliver()
    for code in codes(4):
        await world.tell(status(code, "result_ready", "2026-10-13T06:30:00+07:00"))
    world.set_clock("2026-10-13 09:00")
    await world.deliver()
    assert len(world.email.parcels) == 1
    assert ("digest", "withdrawn", "overtaken") in await told(world)


@pytest.mark.parametrize("size", [60, pytest.param(2000, marks=pytest.mark.soak)])
async def test_two_replicas_tear_no_list(world, size):
    await slip(world, size)
    gate = Gate(world.leaving, desk=world.desk)
    replicas = [world.make_delivery(workers=8, gate=gate) for _ in range(2)]
    await run_until(world, replicas, lambda s: {"ready", "sending"}.isdisjoint(s))
    assert len(world.email.parcels) == len(world.sms.parcels) == 1
    states = [state for _, state, _ in await told(world)]
    assert states.count("digested") == size
    assert world.email.parcels[0].subject.startswith(f"{size} việc")


async def test_a_kill_between_the_list_and_its_leaving_loses_nothing(world):
    await slip(world, 6)
    claimed = await world.delivery.claim(10)
    assert [each.parcel.kind for each in claimed if each.channel == "email"] == ["digest"]
    # The process is gone with the lists on their way: their fate is unknown, no word is said twice.
    await world.delivery.sweep_once(clock.now() + timedelta(minutes=3))
    await world.deliver()
    assert world.email.parcels == []
    assert {n.state for n in await world.notices() if n.kind == "digest"} == {"unknown"}
    assert {n.state for n in await world.notices() if n.kind == "dossier_slipped"} == {"digested"}


def test_a_list_says_what_and_how_late_and_is_never_endless():
    facts = {"code": "X-1", "old_due": "01/10/2026", "name": "Không được in"}
    made = facts_of_list(
        [Item("dossier_overdue", "X-1", facts)] * 400 + [Item("dossier_approaching", "Y", {})],
        clock.local_day(local("2026-10-12 09:00")),
    )
    assert made["count"] == "401"
    assert made["summary"] == "400 hồ sơ quá hạn kéo dài, 1 hồ sơ sắp đến hạn"
    lines = made["items"].split("\n")
    assert lines[0] == "Hồ sơ quá hạn kéo dài (400):"
    assert lines[1] == "- X-1; hạn 01/10/2026; trễ 11 ngày"
    assert lines[-1] == "và 101 việc khác."
    assert len(lines) == 302
    assert "Không được in" not in made["items"]
