"""Due dates that pass: the apology, the word to the officers, the outcome."""

import asyncio
from datetime import date

import pytest

from services.notify.handlers.watch import Watch
from services.notify.rules.notices import Officer
from services.notify.store import deadlines as due_store
from shared import clock
from tests.builders import event, status, submitted

CODE = "000.00.24.H50-261012-0001"
SLIPPED = "motcua.deadline.slipped.v1"
MET = "motcua.deadline.met.v1"


def dossier(due="2026-10-12T17:00:00+07:00", **data):
    applicant = {"name": "Người nộp mẫu", "phone": "0900000001"}
    return submitted(CODE, day="2026-10-12", applicant=applicant, due_at=due, **data)


async def appoint(world, *officers):
    async with world.database.transaction() as session:
        await due_store.replace_officers(session, officers)


async def deadlines(world):
    return [
        (row.version, row.state)
        for row in await world.query("SELECT version, state FROM deadlines ORDER BY key, number")
    ]


async def kinds(world):
    return sorted(await world.states())


async def test_a_slip_is_told_to_citizen_and_officers_once(world):
    await appoint(
        world,
        Officer("o1", "461", "Cán bộ mẫu", "Trưởng phòng", "+84900000002"),
        Officer("o2", "461", "Cán bộ khác", None, None, "o2@example.org"),
        Officer("o3", "462", "Nơi khác", None, "+84900000003"),
    )
    await world.tell(dossier())
    world.set_clock("2026-10-12 23:59")
    await world.scan()
    assert await deadlines(world) == [("due:2026-10-12", "open")]
    world.set_clock("2026-10-13 00:00")
    for _ in range(3):
        await world.scan()
        await world.tell(dossier())
    assert await deadlines(world) == [("due:2026-10-12", "slipped")]
    await world.deliver()
    told = [(n.kind, n.recipient, n.channel, n.state) for n in await world.notices()]
    assert sorted(told) == [
        ("dossier_slipped", "o1", "sms", "sent"),
        ("dossier_slipped", "o2", "email", "sent"),
        ("late", "", "sms", "sent"),
        ("received", "", "sms", "sent"),
    ]
    apology = next(p.body for p in world.sms.parcels if "xin loi" in p.body)
    assert "12/10/2026" in apology
    slips = [each for each in await world.outcomes() if each[0] == SLIPPED]
    assert slips == [(SLIPPED, CODE)]


async def test_without_officers_the_office_is_told_in_the_outbox(world):
    await world.tell(dossier())
    world.set_clock("2026-10-13 08:00")
    await world.scan()
    assert ("dossier_slipped", "outbox", "no_recipient") in await world.states()
    await world.deliver()
    assert ("dossier_slipped", "outbox", "no_recipient") in await world.states()


async def test_an_officer_out_of_office_is_not_told(world):
    await appoint(world, Officer("o1", "461", phone="+84900000002", valid_to=date(2026, 10, 13)))
    await world.tell(dossier())
    world.set_clock("2026-10-13 08:00")
    await world.scan()
    assert ("dossier_slipped", "outbox", "no_recipient") in await world.states()


async def test_nobody_is_told_while_events_are_unread(world):
    await world.tell(dossier())
    world.set_clock("2026-10-13 08:00")
    world.behind = True
    await world.scan()
    assert await deadlines(world) == [("due:2026-10-12", "open")]
    world.behind = False
    await world.tell(status(CODE, "result_ready", "2026-10-12T16:00:00+07:00"))
    await world.scan()
    assert await deadlines(world) == [("due:2026-10-12", "met")]
    assert "late" not in [kind for kind, _, _ in await world.states()]


async def test_a_result_that_was_reported_late_takes_the_slip_back(world):
    await world.tell(dossier())
    world.set_clock("2026-10-13 08:00")
    await world.scan()
    await world.tell(status(CODE, "result_ready", "2026-10-12T16:00:00+07:00"))
    assert await deadlines(world) == [("due:2026-10-12", "met")]
    assert ("late", "cancelled", "corrected") in await world.states()
    assert [each for each, _ in await world.outcomes()] == [SLIPPED, MET]


async def test_a_result_after_the_slip_leaves_it(world):
    await world.tell(dossier())
    world.set_clock("2026-10-13 08:00")
    await world.scan()
    await world.deliver()
    await world.tell(status(CODE, "result_ready", "2026-10-13T07:50:00+07:00"))
    await world.scan()
    assert await deadlines(world) == [("due:2026-10-12", "slipped")]
    assert ("late", "sent", None) in await world.states()


async def test_a_new_date_is_told_with_an_apology_and_may_slip_again(world):
    await world.tell(dossier())
    world.set_clock("2026-10-13 08:00")
    await world.scan()
    await world.deliver()
    await world.tell(
        status(
            CODE,
            "in_process",
            "2026-10-13T07:30:00+07:00",
            due_at="2026-10-15T17:00:00+07:00",
        )
    )
    await world.deliver()
    assert await deadlines(world) == [("due:2026-10-12", "slipped"), ("due:2026-10-15", "open")]
    texts = [p.body for p in world.sms.parcels if "xin loi" in p.body]
    assert ["15/10/2026" in text for text in texts] == [False, True]
    world.set_clock("2026-10-16 08:00")
    await world.scan()
    await world.deliver()
    texts = [p.body for p in world.sms.parcels if "xin loi" in p.body]
    assert len(texts) == 3
    assert len([each for each in await world.outcomes() if each[0] == SLIPPED]) == 2


async def test_a_new_date_known_at_once_is_told_in_one_message(world):
    await world.tell(dossier())
    world.set_clock("2026-10-13 08:00")
    await world.tell(
        status(
            CODE,
            "in_process",
            "2026-10-13T07:30:00+07:00",
            due_at="2026-10-15T17:00:00+07:00",
        )
    )
    await world.scan()
    await world.deliver()
    [text] = [p.body for p in world.sms.parcels if "xin loi" in p.body]
    assert "12/10/2026" in text
    assert "15/10/2026" in text


async def test_a_date_moved_away_and_back_is_one_deadline_again(world):
    events = [
        dossier(),
        status(CODE, "in_process", "2026-10-12T10:00:00+07:00", due_at="2026-10-20T17:00:00+07:00"),
        status(CODE, "received", "2026-10-12T11:00:00+07:00", due_at="2026-10-12T17:00:00+07:00"),
    ]
    await world.tell(*events)
    assert await deadlines(world) == [("due:2026-10-20", "moved"), ("due:2026-10-12", "open")]
    for at in ("2026-10-13 08:00", "2026-10-14 08:00"):
        world.set_clock(at)
        await world.tell(*events)
        await world.scan()
    assert await deadlines(world) == [("due:2026-10-20", "moved"), ("due:2026-10-12", "slipped")]
    assert [each[0] for each in await kinds(world)].count("late") == 1
    assert [each for each in await world.outcomes() if each[0] == SLIPPED] == [(SLIPPED, CODE)]


async def test_a_slip_before_the_date_came_back_is_kept_and_told_once(world):
    await world.tell(dossier())
    world.set_clock("2026-10-13 08:00")
    await world.scan()
    for hour, due in (("09", "2026-10-20"), ("10", "2026-10-12"), ("11", "2026-10-20")):
        world.set_clock(f"2026-10-13 {hour}:30")
        at = f"2026-10-13T{hour}:00:00+07:00"
        await world.tell(status(CODE, "in_process", at, due_at=f"{due}T17:00:00+07:00"))
        await world.scan()
    assert await deadlines(world) == [("due:2026-10-12", "slipped"), ("due:2026-10-20", "open")]
    assert [each for each in await world.outcomes() if each[0] == SLIPPED] == [(SLIPPED, CODE)]


async def test_paused_dossiers_do_not_slip(world):
    await world.tell(dossier(), status(CODE, "supplement_requested", "2026-10-12T10:00:00+07:00"))
    world.set_clock("2026-10-14 08:00")
    await world.scan()
    assert await deadlines(world) == [("due:2026-10-12", "paused")]


async def test_old_slips_are_recorded_and_told_to_nobody(world):
    world.set_clock("2027-01-01 08:00")
    await world.tell(dossier())
    await world.scan()
    assert await deadlines(world) == [("due:2026-10-12", "slipped")]
    assert {(state, reason) for _, state, reason in await world.states()} == {("withheld", "stale")}
    assert await world.outcomes() == [(SLIPPED, CODE)]


async def test_a_date_that_was_over_when_it_was_loaded_is_told_to_nobody(world):
    await appoint(world, Officer("o1", "461", "Cán bộ mẫu", None, "+84900000002"))
    world.set_policy(overdue=((1, "officer"), (2, "officer")))
    world.set_clock("2026-10-13 10:00")
    await world.tell(dossier() | {"backfill": True})
    for day in (13, 14, 15):
        world.set_clock(f"2026-10-{day} 11:00")
        await world.scan()
    assert await deadlines(world) == [("due:2026-10-12", "slipped")]
    assert await world.outcomes() == [(SLIPPED, CODE)]
    assert {(state, reason) for _, state, reason in await world.states()} == {
        ("withheld", "backfill")
    }
    assert {kind for kind, _, _ in await world.states()} >= {"received", "late", "dossier_slipped"}
    await world.deliver()
    assert (world.sms.parcels, world.email.parcels) == ([], [])


async def test_a_date_that_still_lay_ahead_when_it_was_loaded_is_watched(world):
    await appoint(world, Officer("o1", "461", "Cán bộ mẫu", None, "+84900000002"))
    contacts, published = world.split(dossier() | {"backfill": True})
    await world.apply(world.on_events, published)
    await world.apply(world.on_contacts, contacts)
    assert await world.states() == [("received", "withheld", "backfill")]
    world.set_clock("2026-10-13 08:00")
    await world.scan()
    await world.deliver()
    assert await kinds(world) == [
        ("dossier_slipped", "sent", None),
        ("late", "sent", None),
        ("received", "withheld", "backfill"),
    ]
    assert len(world.sms.parcels) == 2


async def test_a_void_cancels_the_deadline(world):
    raw = dossier()
    await world.tell(raw)
    gone = event(
        "record.voided",
        "v",
        "2026-10-12T09:00:00+07:00",
        of_source=raw["source"],
        of_id=raw["id"],
        reason="Trùng",
    )
    await world.tell(gone)
    assert await deadlines(world) == [("due:2026-10-12", "cancelled")]
    [row] = await world.query("SELECT reason, next_at, slips_at FROM deadlines")
    assert tuple(row) == ("voided", None, None)
    world.set_clock("2026-10-14 08:00")
    await world.scan()
    assert await deadlines(world) == [("due:2026-10-12", "cancelled")]
    assert await world.states() == [("received", "cancelled", "voided")]


async def test_replicas_share_the_work(world):
    await world.tell(
        *(
            {**dossier(), "id": f"s{n}"} | {"data": {**dossier()["data"], "code": f"C-{n}"}}
            for n in range(60)
        )
    )
    world.set_clock("2026-10-13 08:00")
    replicas = [Watch(world.database, world.desk, world.duties, world._caught_up) for _ in range(3)]
    await asyncio.gather(*(each.scan(clock.now()) for each in replicas for _ in range(2)))
    told = [kind for kind, _, _ in await world.states()]
    assert told.count("late") == 60
    assert told.count("dossier_slipped") == 60


LISTS = """
plan: thu-nghiem-2019
title: Kế hoạch thử nghiệm
issued: {number: 1/KH, date: 2019-09-01}
runs: {from: 2019-09-01, to: 2019-12-31}
contact: {office: Văn phòng thử nghiệm}
obligations:
  client-list:
    title: Danh sách khách hàng
    owed_by: ["461", "462"]
    owed_to: ["461"]
    due: {every: month, day: 13, for: previous month, time: "09:00"}
    fulfilled_by: {event: list.delivered, where: {list: clients}, require: {rows: {at_least: 8}}}
  monthly-report:
    owed_by: ["461"]
    owed_to: ["462"]
    due: {every: month, day: undecided, for: previous month}
    fulfilled_by: {event: report.filed}
"""


def delivered(unit, rows, at="2019-10-12T10:00:00+07:00", id=None, period="2019-09"):
    data = {"unit": unit, "list": "clients", "period": period, "rows": rows}
    return event("list.delivered", id or f"list-{unit}-{rows}", at, **data)


async def duties_of(world, period="2019-09"):
    rows = await world.query(
        "SELECT obligation, unit, state FROM deadlines WHERE period = :period"
        " AND state <> 'cancelled' ORDER BY 1, 2",
        period=period,
    )
    return {(row.obligation, row.unit): row.state for row in rows}


@pytest.mark.parametrize("plan_first", [True, False])
async def test_duties_are_met_or_slip(world, plan_first):
    world.set_clock("2019-10-12 11:00")
    if plan_first:
        await world.order_text(LISTS)
    await world.tell(delivered("461", 20))
    if not plan_first:
        await world.order_text(LISTS)
    assert await duties_of(world) == {
        ("client-list", "461"): "met",
        ("client-list", "462"): "open",
        ("monthly-report", "461"): "undecided",
    }
    await appoint(world, Officer("o1", "462", "Cán bộ mẫu", None, "+84900000002"))
    world.set_clock("2019-10-13 09:00")
    await world.scan()
    await world.deliver()
    slipped = [n for n in await world.notices() if n.state == "sent"]
    assert [(n.kind, n.unit, n.recipient) for n in slipped] == [("obligation_slipped", "462", "o1")]
    assert "Danh sach khach hang" in world.sms.parcels[0].body
    assert "13/10/2019" in world.sms.parcels[0].body
    subjects = [subject for type, subject in await world.outcomes() if type == SLIPPED]
    assert "thu-nghiem-2019/client-list/2019-09" in subjects


async def test_an_incomplete_list_does_not_fulfil(world):
    world.set_clock("2019-10-12 11:00")
    await world.order_text(LISTS)
    await world.tell(delivered("461", 3))
    assert (await duties_of(world))["client-list", "461"] == "open"
    await world.tell(delivered("461", 9))
    assert (await duties_of(world))["client-list", "461"] == "met"


async def test_a_withdrawn_list_no_longer_fulfils(world):
    world.set_clock("2019-10-12 11:00")
    await world.order_text(LISTS)
    raw = delivered("461", 20)
    await world.tell(raw)
    gone = event(
        "record.voided",
        "v",
        "2019-10-12T11:00:00+07:00",
        of_source=raw["source"],
        of_id=raw["id"],
        reason="Nhầm",
    )
    await world.tell(gone)
    assert (await duties_of(world))["client-list", "461"] == "open"


async def test_a_new_version_of_the_plan_moves_the_day(world):
    world.set_clock("2019-10-12 11:00")
    await world.order_text(LISTS)
    await world.order_text(LISTS.replace("day: 13", "day: 20"), version=2)
    world.set_clock("2019-10-13 09:00")
    await world.scan()
    assert (await duties_of(world))["client-list", "462"] == "open"
    rows = await world.query("SELECT due_day, state FROM deadlines WHERE period = '2019-09'")
    assert {(row.due_day, row.state) for row in rows} == {
        (date(2019, 10, 13), "cancelled"),
        (date(2019, 10, 20), "open"),
        (None, "undecided"),
    }


async def test_the_five_plans_slip_silently_years_later(world):
    for plan in (
        "quang-tri-rthome-2019",
        "quang-tri-mscore-2020",
        "to-tung-2023",
        "duc-tho-2020",
        "binh-phuoc-youth-2020",
    ):
        await world.order(plan)
    await world.scan()
    assert {(state, reason) for _, state, reason in await world.states()} == {("withheld", "stale")}
    open_ones = await world.query("SELECT 1 FROM deadlines WHERE state = 'open'")
    assert open_ones == []
