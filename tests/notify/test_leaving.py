"""When notices leave: not at night, spread over the morning, and only while they are true."""

import asyncio
from datetime import datetime, time, timedelta

import pytest

from services.notify.clients import Answer
from services.notify.rules.notices import Officer
from services.notify.store import deadlines as due_store
from services.notify.store import notices as notice_store
from shared import clock
from tests.builders import status, submitted

CODE = "000.00.24.H50-261012-0001"
NIGHT = (time(22), time(7))
HALF_HOUR = timedelta(minutes=30)


def dossier(code=CODE, day="2026-10-12", notify=None, number=1, **data):
    applicant = {
        "name": "Người nộp mẫu",
        "phone": f"09000{number:05}",
        "email": f"nop{number}@example.org",
    }
    applicant |= {} if notify is None else {"notify": notify}
    return submitted(code, day=day, applicant=applicant, **data)


def local(text):
    return datetime.fromisoformat(text).replace(tzinfo=clock.VN)


async def appoint(world, *officers):
    async with world.database.transaction() as session:
        await due_store.replace_officers(session, officers)


async def one(world, kind="received"):
    [notice] = [n for n in await world.notices() if n.kind == kind]
    return notice


async def lines(world, notice):
    rows = await world.query(
        "SELECT state, reason, detail FROM notice_history WHERE notice = :id ORDER BY id", id=notice
    )
    return [tuple(row) for row in rows]


@pytest.mark.parametrize(
    ("now", "leaves"),
    [
        ("2026-10-12 21:59:59", True),
        ("2026-10-12 22:00:00", False),
        ("2026-10-13 00:00:00", False),
        ("2026-10-13 06:59:59", False),
        ("2026-10-13 07:00:00", True),
    ],
)
@pytest.mark.parametrize("channel", ["sms", "email"])
async def test_nothing_leaves_at_night(world, now, leaves, channel):
    world.rebuild(NIGHT)
    await world.tell(dossier(notify=[channel]))
    world.set_clock(now)
    await world.deliver()
    assert len(getattr(world, channel).parcels) == int(leaves)
    if not leaves:
        notice = await one(world)
        assert (notice.state, notice.reason) == ("ready", "quiet_hours")
        assert notice.next_at == local("2026-10-13 07:00")
        assert await lines(world, notice.id) == [
            ("ready", None, None),
            ("ready", "quiet_hours", "until 2026-10-13 07:00"),
        ]


async def test_officers_sleep_too(world):
    await appoint(world, Officer("o1", "461", "Cán bộ mẫu", None, None, "o1@example.org"))
    await world.tell(dossier(due_at="2026-10-12T17:00:00+07:00"))
    world.rebuild(NIGHT)
    world.set_clock("2026-10-13 00:00:00")
    await world.scan()
    await world.deliver()
    assert world.email.parcels == []
    world.set_clock("2026-10-13 07:00:00")
    await world.deliver()
    assert len(world.email.parcels) == 1


async def test_urgent_kinds_wait_for_nothing(world):
    world.rebuild(NIGHT, urgent=frozenset({"result_ready"}))
    world.set_clock("2026-10-12 23:00")
    await world.tell(dossier(), status(CODE, "result_ready", "2026-10-12T22:50:00+07:00"))
    await world.deliver()
    assert await world.states() == [("received", "ready", "quiet_hours"),
                                    ("result_ready", "sent", None)]  # fmt: skip


async def test_a_window_within_a_day(world):
    world.rebuild((time(11, 30), time(13, 30)))
    world.set_clock("2026-10-12 11:30")
    await world.tell(dossier())
    await world.deliver()
    assert (await one(world)).next_at == local("2026-10-12 13:30")
    world.set_clock("2026-10-12 13:30")
    await world.deliver()
    assert len(world.sms.parcels) == 1


async def test_the_morning_is_spread_the_same_however_often_it_is_asked(world):
    world.rebuild(NIGHT, span=HALF_HOUR)
    world.set_clock("2026-10-12 23:00")
    await world.tell(*(dossier(f"C-{n:03}", number=n) for n in range(60)))
    before = {n.id: n.next_at for n in await world.notices()}
    opening = local("2026-10-13 07:00")
    assert min(before.values()) >= opening
    assert max(before.values()) < opening + HALF_HOUR
    by_minute = [0] * 30
    for at in before.values():
        by_minute[int((at - opening).total_seconds() // 60)] += 1
    assert max(by_minute) <= 10  # two are to be expected of each of the thirty minutes
    await world.query("UPDATE notices SET next_at = created_at RETURNING 1")
    await world.deliver()
    assert {n.id: n.next_at for n in await world.notices()} == before
    assert world.sms.parcels == []
    world.set_clock("2026-10-13 07:15")
    await world.deliver()
    due = {id for id, at in before.items() if at <= local("2026-10-13 07:15")}
    assert {n.id for n in await world.notices() if n.state == "sent"} == due
    assert 15 < len(due) < 45
    world.set_clock("2026-10-13 07:30")
    await world.deliver()
    assert len(world.sms.parcels) == 60


async def test_what_is_over_soon_leaves_before_it_is(world):
    world.rebuild(NIGHT, span=timedelta(hours=4))
    for n in range(20):
        at, why = world.leaving.leaves_at(
            str(n), "appointment_soon", local("2026-10-13 05:00"), local("2026-10-13 08:00")
        )
        assert why == "quiet_hours"
        assert local("2026-10-13 07:00") <= at < local("2026-10-13 07:30")


async def test_a_word_overtaken_at_night_is_withdrawn(world):
    world.rebuild(NIGHT)
    world.set_clock("2026-10-12 22:30")
    await world.tell(dossier(submitted_at="2026-10-12T22:05:00+07:00",
                             received_at="2026-10-12T22:10:00+07:00"))  # fmt: skip
    await world.tell(status(CODE, "result_ready", "2026-10-12T22:20:00+07:00"))
    world.set_clock("2026-10-13 07:00")
    await world.deliver()
    assert await world.states() == [
        ("received", "withdrawn", "overtaken"), ("result_ready", "sent", None)
    ]  # fmt: skip
    assert len(world.sms.parcels) == 1
    assert (await lines(world, (await one(world)).id))[-1] == ("withdrawn", "overtaken", None)


@pytest.mark.parametrize(
    ("first", "then", "left"),
    [
        ("supplement_requested", "in_process", ["in_process", "received"]),
        ("in_process", "supplement_requested", ["received", "supplement_requested"]),
        ("in_process", "withdrawn", ["withdrawn"]),
        ("result_ready", "returned", ["returned"]),
    ],
)
async def test_only_the_last_word_of_the_night_is_said(world, first, then, left):
    world.rebuild(NIGHT)
    world.set_clock("2026-10-12 23:00")
    await world.tell(dossier(), status(CODE, first, "2026-10-12T22:20:00+07:00"))
    await world.tell(status(CODE, then, "2026-10-12T22:40:00+07:00"))
    world.set_clock("2026-10-13 07:00")
    await world.deliver()
    sent = [kind.replace("resumed", "in_process") for kind, state, _ in await world.states()
            if state == "sent"]  # fmt: skip
    assert sorted(sent) == left


async def test_what_a_person_orders_is_not_weighed(world):
    world.sms.answers = [Answer("refused", "http 403")]
    await world.tell(dossier())
    await world.deliver()
    await world.tell(status(CODE, "result_ready", "2026-10-12T09:00:00+07:00"))
    world.set_clock("2026-10-12 12:00")
    async with world.database.transaction() as session:
        notice = (await one(world)).id
        assert await notice_store.order_retry(session, notice, "test", clock.now())
    await world.deliver()
    assert (await one(world)).state == "sent"


async def test_by_day_every_word_is_said(world):
    world.rebuild(NIGHT)
    await world.tell(dossier(), status(CODE, "result_ready", "2026-10-12T08:50:00+07:00"))
    await world.deliver()
    assert [state for _, state, _ in await world.states()] == ["sent", "sent"]


async def test_a_withdrawn_word_is_not_written_again(world):
    world.rebuild(NIGHT)
    world.set_clock("2026-10-12 23:00")
    told = [dossier(), status(CODE, "result_ready", "2026-10-12T22:40:00+07:00")]
    await world.tell(*told)
    world.set_clock("2026-10-13 07:00")
    await world.deliver()
    again = told[1] | {"id": "again", "time": "2026-10-13T07:00:00+07:00"}
    await world.tell(told[0], again)
    await world.deliver()
    assert await world.states() == [
        ("received", "withdrawn", "overtaken"), ("result_ready", "sent", None)
    ]  # fmt: skip


async def test_a_voided_event_and_an_opt_out_overnight(world):
    world.rebuild(NIGHT)
    world.set_clock("2026-10-12 23:00")
    raw = dossier("V-1")
    await world.tell(raw, dossier("V-2", number=2))
    # As if both had come while the claim was waiting for its turn.
    uid = (await one_of(world, "V-1")).event_uid
    await world.query("INSERT INTO voids VALUES (:uid, now()) RETURNING 1", uid=bytes(uid))
    await world.query("UPDATE contacts SET notify = '{}' WHERE code = 'V-2' RETURNING 1")
    world.set_clock("2026-10-13 07:00")
    await world.deliver()
    assert await world.states("V-1") == [("received", "withdrawn", "voided")]
    assert await world.states("V-2") == [("received", "withdrawn", "declined")]
    assert world.sms.parcels == []


async def one_of(world, subject):
    [notice] = await world.notices(subject)
    return notice


@pytest.mark.parametrize(
    ("state", "slips", "done", "why"),
    [("open", "07:00", None, "overtaken"), ("met", None, "06:30", "met"),
     ("cancelled", None, None, "corrected"), ("open", "23:59", None, None)],
)  # fmt: skip
async def test_a_reminder_is_weighed_against_its_due_date(world, state, slips, done, why):
    await appoint(world, Officer("o1", "461", "Cán bộ mẫu", None, None, "o1@example.org"))
    world.rebuild(NIGHT)
    await world.tell(dossier(due_at="2026-10-13T17:00:00+07:00"))
    await world.deliver()
    world.set_clock("2026-10-12 23:00")
    await world.scan()
    assert [k for k, s, _ in await world.states() if s == "ready"] == ["dossier_approaching"]
    await world.query(
        "UPDATE deadlines SET state = :state, slips_at = :slips, fulfilled_at = :done RETURNING 1",
        state=state,
        slips=local(f"2026-10-13 {slips}") if slips else None,
        done=local(f"2026-10-13 {done}") if done else None,
    )
    world.set_clock("2026-10-13 07:00")
    await world.deliver()
    notice = await one(world, "dossier_approaching")
    assert (notice.state, notice.reason) == (("withdrawn", why) if why else ("sent", None))
    assert len(world.email.parcels) == int(why is None)


async def test_a_retry_waits_for_the_morning_and_the_failed_over_provider_too(world):
    world.rebuild(NIGHT)
    world.sms.answers = [Answer("again", "http 503")]
    await world.tell(dossier())
    world.set_clock("2026-10-12 21:59:59")
    await world.deliver()
    notice = await one(world)
    assert (notice.state, notice.reason) == ("retrying", "quiet_hours")
    assert notice.next_at == local("2026-10-13 07:00")
    world.set_clock("2026-10-13 06:59:59")
    await world.deliver()
    assert len(world.sms.parcels) == 1
    world.set_clock("2026-10-13 07:00:00")
    await world.deliver()
    assert (await one(world)).state == "sent"
    assert len(world.sms.parcels) == 2


async def test_what_grew_stale_in_the_night_is_settled_as_before(world):
    world.rebuild(NIGHT)
    world.set_clock("2026-10-14 08:00")  # received 47:30 ago: the rule of 48 hours is near
    await world.tell(dossier())
    world.set_clock("2026-10-14 23:00")
    await world.delivery.sweep_once(clock.now())
    assert await world.states() == [("received", "withheld", "stale")]


async def test_two_replicas_in_the_morning_send_each_once(world):
    world.rebuild(NIGHT)
    world.set_clock("2026-10-12 23:00")
    await world.tell(*(dossier(f"C-{n:03}", number=n) for n in range(80)))
    await world.tell(*(status(f"C-{n:03}", "result_ready", "2026-10-12T22:59:00+07:00")
                       for n in range(0, 80, 2)))  # fmt: skip
    world.set_clock("2026-10-13 07:00")
    replicas = [world.make_delivery(workers=8) for _ in range(2)]
    await run_until(world, replicas, lambda states: set(states) == {"sent", "withdrawn"})
    counts = {}
    for kind, state, reason in await world.states():
        counts[kind, state, reason] = counts.get((kind, state, reason), 0) + 1
    assert counts == {
        ("received", "sent", None): 40,
        ("received", "withdrawn", "overtaken"): 40,
        ("result_ready", "sent", None): 40,
    }
    assert len({p.notice for p in world.sms.parcels}) == len(world.sms.parcels) == 80


async def test_a_cap_holds_until_the_next_morning(world):
    world.rebuild(NIGHT, caps={"sms": 3})
    world.set_clock("2026-10-12 10:00")
    await world.tell(*(dossier(f"C-{n}") for n in range(5)), dossier("D-1", number=2))
    await world.deliver()
    assert len(world.sms.parcels) == 4
    held = [n for n in await world.notices() if n.state == "ready"]
    assert {(n.reason, n.next_at) for n in held} == {("daily_cap", local("2026-10-13 07:00"))}
    world.set_clock("2026-10-12 21:00")
    await world.deliver()
    assert len(world.sms.parcels) == 4
    world.set_clock("2026-10-13 07:00")
    await world.deliver()
    assert {state for _, state, _ in await world.states()} == {"sent"}


async def test_a_capped_word_is_withdrawn_when_it_is_overtaken(world):
    world.rebuild(NIGHT, caps={"sms": 1})
    await world.tell(dossier("C-1"), dossier("C-2"))
    await world.deliver()
    [late] = [n for n in await world.notices() if n.reason == "daily_cap"]
    await world.tell(status(late.subject, "result_ready", "2026-10-12T10:00:00+07:00"))
    world.set_clock("2026-10-13 07:00")
    await world.deliver()
    assert sorted(await world.states(late.subject)) == [
        ("received", "withdrawn", "overtaken"), ("result_ready", "sent", None)
    ]  # fmt: skip


async def test_caps_are_by_channel_and_let_the_urgent_pass(world):
    world.rebuild(caps={"sms": 1, "email": 2}, urgent=frozenset({"result_ready"}))
    await world.tell(
        *(dossier(f"C-{n}", notify=["sms", "email"]) for n in range(3)),
        status("C-0", "result_ready", "2026-10-12T08:50:00+07:00"),
    )
    await world.deliver()
    kinds = [(n.channel, n.kind) for n in await world.notices() if n.state == "sent"]
    assert sum(kind == "result_ready" for _, kind in kinds) == 2
    assert kinds.count(("sms", "received")) <= 1
    assert kinds.count(("email", "received")) <= 2
    assert [n.next_at for n in await world.notices() if n.state == "ready"] != []
    assert all(n.next_at == local("2026-10-13 07:00") for n in await world.notices() if n.next_at)


async def test_what_no_provider_took_counts_for_nothing(world):
    world.rebuild(caps={"sms": 1})
    world.sms.answers = [Answer("refused", "http 403")]
    await world.tell(dossier("C-1"))
    await world.deliver()
    await world.tell(dossier("C-2"))
    await world.deliver()
    assert await world.states("C-1") == [("received", "failed", "refused")]
    assert await world.states("C-2") == [("received", "sent", None)]


async def test_an_attempt_made_again_on_the_same_day_counts_once(world):
    world.rebuild(caps={"sms": 1})
    world.sms.answers = [Answer("again", "http 503")]
    await world.tell(dossier("C-1"))
    await world.deliver()
    world.set_clock("2026-10-12 09:30")
    await world.deliver()
    assert await world.states() == [("received", "sent", None)]


@pytest.mark.parametrize("size", [40, pytest.param(2000, marks=pytest.mark.soak)])
async def test_two_replicas_count_one_address_exactly(world, size):
    world.rebuild(caps={"sms": 7})
    await world.tell(*(dossier(f"C-{n:03}", number=n % 2) for n in range(size)))
    replicas = [world.make_delivery(workers=6) for _ in range(2)]
    await run_until(world, replicas, lambda states: set(states) <= {"sent", "ready"}
                    and len(world.sms.parcels) >= 14)  # fmt: skip
    addresses = [p.address for p in world.sms.parcels]
    assert {a: addresses.count(a) for a in addresses} == {"+84900000000": 7, "+84900000001": 7}
    reasons = [reason for _, state, reason in await world.states() if state == "ready"]
    assert reasons == ["daily_cap"] * (size - 14)


async def run_until(world, replicas, done):
    runs = [
        asyncio.create_task(work()) for each in replicas for work in (each.stay_known, each.run)
    ]
    try:
        for _ in range(400):
            rows = await world.query("SELECT state, reason, next_at FROM notices")
            open_ones = [r for r in rows if r.next_at and r.next_at <= clock.now()]
            if not open_ones and done([row.state for row in rows]):
                break
            await asyncio.sleep(0.05)
    finally:
        for run in runs:
            run.cancel()
        await asyncio.gather(*runs, return_exceptions=True)
