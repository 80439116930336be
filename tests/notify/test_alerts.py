"""Officers are told what approaches, what is late still, what was granted and reached: once each."""

import uuid
from datetime import UTC, datetime, time, timedelta

import httpx
import pytest

from services.notify.handlers.outcomes import take_outcomes
from services.notify.rules.notices import Officer
from services.notify.store import deadlines as due_store
from shared import clock, events
from tests.builders import event, install, status, submitted
from tests.instance import instance, wait_for
from tests.notify.test_slips import MET, SLIPPED, delivered

APPROACHING = "motcua.deadline.approaching.v1"
PLAN = """
plan: thu-nghiem-2026
title: Kế hoạch thử nghiệm
issued: {number: 1/KH, date: 2026-09-01}
runs: {from: 2026-09-01, to: 2026-12-31}
contact: {office: Văn phòng thử nghiệm}
indicators:
  installs:
    title: Số máy đã cài
    count: install.recorded
    target: {for: [QTR-TTHCC], at_least: 2}
obligations:
  client-list:
    title: Danh sách khách hàng
    owed_by: [QTR-BVDK, QTR-TTHCC]
    owed_to: [QTR-HDND]
    due: {every: month, day: 15, for: previous month}
    fulfilled_by: {event: list.delivered, where: {list: clients}}
    remind:
      - {before_due: 2 working days, to: unit}
    escalate:
      - {after_due: 1 working day, to: [unit, parent]}
notices:
  - {when: deadline.slipped, obligation: client-list, to: [unit, owed_to]}
  - {when: deadline.met, obligation: client-list, to: owed_to}
  - {when: quota.reached, indicator: installs, to: [unit, QTR-HDND]}
"""
KEY = "thu-nghiem-2026/client-list/2026-09/QTR-BVDK"
OFFICERS = (
    Officer("hospital", "QTR-BVDK", "Cán bộ bệnh viện", None, "+84900000001"),
    Officer("health", "QTR-SYT", "Cán bộ sở", None, "+84900000002"),
    Officer("council", "QTR-HDND", "Cán bộ hội đồng", None, None, "hdnd@example.org"),
)


async def appoint(world, *officers):
    async with world.database.transaction() as session:
        await due_store.replace_officers(session, officers)


@pytest.fixture
async def hospital(world):
    """The centre has handed in its list, the hospital has not; it is the 8th of October 2026."""
    await appoint(world, *OFFICERS)
    world.set_clock("2026-10-08 09:00")
    await world.tell(delivered("QTR-TTHCC", 9, "2026-10-07T10:00:00+07:00", period="2026-09"))
    await world.order_text(PLAN)
    await world.scan()
    assert await told(world) == []
    return world


async def told(world, key=KEY):
    return [
        (n.kind, n.recipient, n.state) for n in await world.notices(key) if n.state != "withheld"
    ]


async def announced(world):
    """The outcomes about the hospital's duty."""
    rows = await world.query("SELECT payload FROM outbox WHERE stream = 'OUTCOMES' ORDER BY id")
    read = [events.parse(bytes(row.payload)) for row in rows]
    return [e.type for e in read if "deadline" in e.type and e.unit == "QTR-BVDK"]


async def at(world, text):
    world.set_clock(text)
    await world.scan()
    await world.scan()
    await world.deliver()


async def test_a_duty_is_reminded_missed_and_escalated_once_each(hospital):
    world = hospital
    # Due before the 15th: the 14th is the last day; two working days before it is Monday the 12th.
    await at(world, "2026-10-12 07:59")
    assert await told(world) == []
    await at(world, "2026-10-12 08:00")
    assert await told(world) == [("deadline_approaching", "hospital", "sent")]
    text = world.sms.parcels[-1].body
    assert "Danh sach khach hang" in text
    assert "truoc ngay 15/10/2026" in text
    for _ in range(3):
        await at(world, "2026-10-13 08:00")
        await world.order_text(PLAN)
    assert len(await told(world)) == 1
    await at(world, "2026-10-15 00:00")
    assert sorted(await told(world)) == [
        ("deadline_approaching", "hospital", "sent"),
        ("obligation_escalated", "council", "sent"),
        ("obligation_slipped", "hospital", "sent"),
    ]
    [letter] = world.email.parcels
    assert "Bệnh viện Đa khoa tỉnh Quảng Trị phải hoàn thành" in letter.body
    assert "Đầu mối hỗ trợ: Văn phòng thử nghiệm." in letter.body
    await at(world, "2026-10-15 08:00")
    await at(world, "2026-10-16 08:00")
    escalated = [n for n in await told(world) if n[0] == "obligation_escalated"]
    assert sorted(who for _, who, _ in escalated) == ["council", "health", "hospital"]
    assert await announced(world) == [APPROACHING, SLIPPED]
    assert await told(world, KEY.replace("BVDK", "TTHCC")) == []


async def test_what_is_done_in_time_is_not_reminded_and_told_where_the_plan_says(hospital):
    world = hospital
    await world.tell(delivered("QTR-BVDK", 9, "2026-10-08T08:30:00+07:00", period="2026-09"))
    await world.deliver()
    await at(world, "2026-10-16 08:00")
    assert await told(world) == [("obligation_met", "council", "sent")]
    assert await announced(world) == [MET]


async def test_a_list_that_is_taken_back_is_asked_for_again(hospital):
    world = hospital
    raw = delivered("QTR-BVDK", 9, "2026-10-08T08:30:00+07:00", period="2026-09")
    await world.tell(raw)
    await world.tell(
        event("record.voided", "v", "2026-10-08T08:50:00+07:00", of_source=raw["source"],
              of_id=raw["id"], reason="Nhầm")
    )  # fmt: skip
    await at(world, "2026-10-12 08:00")
    assert "deadline_approaching" in [kind for kind, _, _ in await told(world)]


async def test_a_reminder_waiting_for_the_morning_is_cancelled_by_the_list(world):
    await appoint(world, *OFFICERS)
    world.set_clock("2026-10-08 09:00")
    await world.order_text(PLAN)
    world.rebuild(quiet=(time(7), time(12)))
    await at(world, "2026-10-12 08:00")
    assert await told(world) == [("deadline_approaching", "hospital", "ready")]
    await world.tell(delivered("QTR-BVDK", 9, "2026-10-12T08:30:00+07:00", period="2026-09"))
    await at(world, "2026-10-12 12:00")
    assert ("deadline_approaching", "hospital", "cancelled") in await told(world)
    assert world.sms.parcels == []


async def test_reminders_of_a_plan_that_came_too_late_are_not_sent(world):
    await appoint(world, *OFFICERS)
    world.set_clock("2026-10-13 09:00")
    await world.order_text(PLAN)
    await at(world, "2026-10-13 09:30")
    assert await told(world) == []
    await at(world, "2026-10-15 08:00")
    assert "deadline_approaching" not in [kind for kind, _, _ in await told(world)]
    assert "obligation_escalated" in [kind for kind, _, _ in await told(world)]


async def test_a_reminder_that_an_outage_overslept_is_recorded_and_not_sent(world):
    await appoint(world, *OFFICERS)
    world.set_clock("2026-10-06 09:00")
    await world.order_text(PLAN.replace("2 working days", "5 working days"))
    await at(world, "2026-10-09 08:01")
    rows = [(n.kind, n.state, n.reason) for n in await world.notices(KEY)]
    assert rows == [("deadline_approaching", "withheld", "stale")]
    assert world.sms.parcels == []


async def test_a_plan_applied_anew_during_an_outage_takes_no_reminder_away(world):
    await appoint(world, *OFFICERS)
    world.set_clock("2026-10-08 09:00")
    await world.order_text(PLAN)
    world.set_clock("2026-10-12 08:30")
    await world.order_text(PLAN.replace("thử nghiệm", "thử nghiệm mới"), version=2)
    await at(world, "2026-10-12 09:00")
    assert await told(world) == [("deadline_approaching", "hospital", "sent")]


async def test_a_new_day_is_a_new_version_and_is_told_as_an_extension(hospital):
    world = hospital
    await at(world, "2026-10-12 08:00")
    extended = PLAN.replace(
        "    remind:",
        "    extensions:\n"
        "      - {periods: [2026-09], units: [QTR-BVDK], by: 2026-10-23, document: 77/HĐND}\n"
        "    remind:",
    )
    world.set_clock("2026-10-12 10:00")
    for version in (2, 3):
        await world.order_text(extended, version=version)
        await world.deliver()
    assert await told(world) == [
        ("deadline_approaching", "hospital", "sent"),
        ("obligation_extended", "hospital", "sent"),
    ]
    assert "gia han het ngay 23/10/2026 (van ban 77/HDND)" in world.sms.parcels[-1].body
    await at(world, "2026-10-16 08:00")
    assert len(await told(world)) == 2
    await at(world, "2026-10-21 08:00")
    assert [kind for kind, _, _ in await told(world)] == [
        "deadline_approaching",
        "obligation_extended",
        "deadline_approaching",
    ]
    assert await announced(world) == [APPROACHING, APPROACHING]


async def test_a_waiver_is_told_once_and_ends_the_reminding(hospital):
    world = hospital
    waived = PLAN.replace(
        "    remind:",
        "    waivers: [{periods: [2026-09], units: [QTR-BVDK], document: 78/HĐND}]\n    remind:",
    )
    await world.order_text(waived, version=2)
    await world.order_text(waived.replace("thử nghiệm", "thử nghiệm mới"), version=3)
    await world.deliver()
    await at(world, "2026-10-16 08:00")
    assert await told(world) == [("obligation_waived", "hospital", "sent")]


async def test_a_grant_of_a_plan_long_ended_is_told_to_nobody(hospital):
    world = hospital
    world.set_clock("2027-06-01 09:00")
    waived = PLAN.replace(
        "    remind:",
        "    waivers: [{periods: [2026-09], units: [QTR-BVDK], document: 78/HĐND}]\n    remind:",
    )
    await world.order_text(waived, version=2)
    await at(world, "2027-06-01 09:01")
    assert world.sms.parcels == []
    assert ("obligation_waived", "withheld", "stale") in [
        (n.kind, n.state, n.reason) for n in await world.notices(KEY)
    ]


async def test_one_person_for_two_units_is_told_once(hospital):
    world = hospital
    await appoint(
        world,
        Officer("a", "QTR-BVDK", "Một người", None, "+84900000001"),
        Officer("b", "QTR-SYT", "Một người", None, "+84900000001"),
    )
    await at(world, "2026-10-15 08:00")
    world.sms.parcels.clear()
    await at(world, "2026-10-15 08:01")
    escalated = [n for n in await world.notices(KEY) if n.version.endswith("T08:00")]
    assert [n.recipient for n in escalated if n.kind == "obligation_escalated"] == ["a"]


CODE = "000.00.24.H50-261012-0001"


def dossier(due="2026-10-14T17:00:00+07:00", **data):
    applicant = {"name": "Người nộp mẫu", "phone": "0900000009"}
    return submitted(CODE, "QTR-BVDK", day="2026-10-12", applicant=applicant, due_at=due, **data)


async def dossier_told(world):
    return [n.kind for n in await world.notices(CODE) if n.audience == "officer"]


async def test_officers_are_told_a_day_before_a_dossier_is_due(world):
    await appoint(world, *OFFICERS)
    await world.tell(dossier())
    await at(world, "2026-10-13 16:59")
    assert await dossier_told(world) == []
    await at(world, "2026-10-13 17:00")
    for _ in range(2):
        await world.tell(dossier())
        await at(world, "2026-10-13 17:01")
    assert await dossier_told(world) == ["dossier_approaching"]
    assert "14/10/2026" in world.sms.parcels[-1].body
    assert [t for t, s in await world.outcomes() if s == CODE and "deadline" in t] == [APPROACHING]


@pytest.mark.parametrize(
    "more",
    [
        [status(CODE, "result_ready", "2026-10-13T09:00:00+07:00", "QTR-BVDK")],
        [status(CODE, "supplement_requested", "2026-10-13T09:00:00+07:00", "QTR-BVDK")],
        [status(CODE, "in_process", "2026-10-13T09:00:00+07:00", "QTR-BVDK",
                due_at="2026-10-30T17:00:00+07:00")],
    ],
    ids=["done", "paused", "moved"],
)  # fmt: skip
async def test_what_is_no_longer_due_is_not_announced(world, more):
    await appoint(world, *OFFICERS)
    await world.tell(dossier())
    world.set_clock("2026-10-13 09:30")
    await world.tell(*more)
    await at(world, "2026-10-13 17:00")
    assert await dossier_told(world) == []


async def test_a_dossier_that_is_due_within_a_day_is_no_news(world):
    await appoint(world, *OFFICERS)
    await world.tell(dossier("2026-10-12T17:00:00+07:00"))
    await at(world, "2026-10-12 16:00")
    assert await dossier_told(world) == []


def reached(numerator=2, id="m-1", when="reached", plan="thu-nghiem-2026", backfill=False, **data):
    made = {
        "plan": plan, "indicator": "installs", "unit": "QTR-TTHCC", "period": "whole",
        "numerator": numerator, "target": 2.0, "percent": 100.0,
    }  # fmt: skip
    progress = events.outcomes.Progress(**(made | data))
    raw = events.outcome(
        f"motcua.quota.{when}.v1", progress, source="/motcua/quota", id=id, time=clock.now(),
        backfill=backfill,
    )  # fmt: skip
    return events.parse(raw)


async def hear(world, *outcomes):
    async with world.database.transaction() as session:
        plans = await world.duties.plans(session)
        await take_outcomes(session, world.desk, plans, outcomes)
    await world.deliver()


@pytest.mark.parametrize("plan_first", [True, False])
async def test_a_quota_reached_is_told_to_the_units_named(world, plan_first):
    await appoint(world, *OFFICERS)
    if plan_first:
        await world.order_text(PLAN)
    await hear(world, reached())
    if not plan_first:
        assert await world.notices() == []
        await world.order_text(PLAN)
        await world.deliver()
    await hear(world, reached(3, "m-2"))
    key = "thu-nghiem-2026/installs/whole/QTR-TTHCC"
    assert sorted(await told(world, key)) == [
        ("quota_reached", "council", "sent"),
        ("quota_reached", "unit:QTR-TTHCC", "outbox"),
    ]
    [letter] = world.email.parcels
    assert "thực hiện 2, chỉ tiêu 2" in letter.body
    await hear(world, reached(when="fell_behind", id="m-3"))
    assert len(await told(world, key)) == 2


@pytest.mark.parametrize("plan_first", [True, False])
async def test_a_quota_reached_by_what_was_loaded_afterwards_is_told_to_nobody(world, plan_first):
    await appoint(world, *OFFICERS)
    if plan_first:
        await world.order_text(PLAN)
    await hear(world, reached(backfill=True))
    if not plan_first:
        await world.order_text(PLAN)
    assert await world.states() == [("quota_reached", "withheld", "backfill")] * 2
    await world.deliver()
    assert (world.sms.parcels, world.email.parcels) == ([], [])


async def test_a_quota_of_a_plan_that_has_ended_is_told_to_nobody(world):
    await appoint(world, *OFFICERS)
    await world.order_text(PLAN)
    world.set_clock("2027-02-01 09:00")
    await hear(world, reached())
    assert {(n.state, n.reason) for n in await world.notices()} == {("withheld", "stale")}


# -- whole processes --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("alerts")) as made:
        # A dossier due in an hour is about to be due in four seconds.
        made.extra = {"MOTCUA_NOTIFY_APPROACH_HOURS": str(3596 / 3600)}
        for name in ("intake", "quota", "notify"):
            made.start(name)
        for name in ("intake", "quota", "notify"):
            made.wait_ready(name)
        officers = [{"unit": "QTR-HDND", "name": "Cán bộ mẫu", "phone": "0900000001"}]
        assert made.http.put(made.url("notify", "/v1/officers"), json=officers).status_code == 200
        yield made


def kinds(running, subject):
    return [n["kind"] for n in running.get("notify", "/v1/notices", subject=subject)["notices"]]


def test_the_plan_of_quota_and_the_outcome_of_quota_meet_in_notify(running):
    now = datetime.now(UTC)
    text = PLAN.replace("2026-12-31", f"{now.year + 1}-12-31")
    answer = running.http.put(
        running.url("quota", "/v1/plans/thu-nghiem-2026"), content=text.encode()
    )
    assert answer.status_code in (200, 201), answer.text
    for n in range(3):
        made = install(n, "QTR-TTHCC") | {"time": (now - timedelta(minutes=n)).isoformat()}
        assert running.post([made])[0]["status"] == "accepted"
    subject = "thu-nghiem-2026/installs/whole/QTR-TTHCC"
    wait_for(lambda: len(kinds(running, subject)) == 2)
    running.settle(("quota", "notify"))
    assert kinds(running, subject) == ["quota_reached"] * 2


def test_what_is_loaded_afterwards_counts_and_tells_nobody(running):
    now = datetime.now(UTC)
    text = PLAN.replace("2026-12-31", f"{now.year + 1}-12-31").replace("thu-nghiem", "nap-bu")
    text = text.replace("for: [QTR-TTHCC]", "for: [QTR-SYT]")
    answer = running.http.put(running.url("quota", "/v1/plans/nap-bu-2026"), content=text.encode())
    assert answer.status_code in (200, 201), answer.text
    applicant = {"name": "Người nộp mẫu", "phone": "0900000008"}
    code = f"H45-{uuid.uuid4().hex[:8]}"
    times = {"submitted_at": 40, "received_at": 39, "due_at": 24}
    times = {name: (now - timedelta(hours=h)).isoformat() for name, h in times.items()}
    loaded = [
        install(n, "QTR-SYT") | {"time": (now - timedelta(minutes=n)).isoformat()} for n in range(3)
    ]
    loaded.append(
        submitted(code, "QTR-HDND", applicant=applicant, **times) | {"time": times["received_at"]}
    )
    results = running.post([each | {"backfill": True} for each in loaded])
    assert [each["status"] for each in results] == ["accepted"] * 4
    running.settle(("quota", "notify"))

    def told(subject):
        found = running.get("notify", "/v1/notices", subject=subject)["notices"]
        return sorted((each["kind"], each["state"], each["reason"]) for each in found)

    [row] = running.get("quota", "/v1/progress", plan="nap-bu-2026", unit="QTR-SYT")["rows"]
    assert (row["numerator"], row["state"]) == (3, "met")
    reached = told("nap-bu-2026/installs/whole/QTR-SYT")
    assert reached == [("quota_reached", "withheld", "backfill")] * 2
    silent = [
        ("dossier_slipped", "withheld", "backfill"),
        ("late", "withheld", "backfill"),
        ("received", "withheld", "backfill"),
    ]
    wait_for(lambda: told(code) == silent)
    ready = status(code, "result_ready", now.isoformat(), "QTR-HDND")
    assert running.post([ready])[0]["status"] == "accepted"
    last = [
        ("dossier_slipped", "cancelled", "overtaken"), *silent[1:],
        ("result_ready", "outbox", "no_provider"),
    ]  # fmt: skip
    wait_for(lambda: told(code) == last)


def test_a_dossier_about_to_be_due_is_told_by_the_running_service(running):
    now = datetime.now(UTC)
    code = f"H45-{uuid.uuid4().hex[:8]}"
    times = {"submitted_at": now, "received_at": now, "due_at": now + timedelta(hours=1)}
    times = {name: instant.isoformat() for name, instant in times.items()}
    raw = submitted(code, "QTR-HDND", **times) | {"time": times["submitted_at"]}
    assert running.post([raw])[0]["status"] == "accepted"
    wait_for(lambda: "dossier_approaching" in kinds(running, code))
    listed = running.get("notify", "/v1/deadlines", unit="QTR-HDND", state="open")["deadlines"]
    assert code in {row["subject"] for row in listed}
    assert httpx.get(running.url("notify", "/v1/deadlines")).status_code == 401
