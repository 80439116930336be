"""The cases of which a citizen is told: each once, in their language, and only what is true."""

from datetime import datetime

import pytest

from services.notify.clients.clock_stops import ClockStopFaults, load_agency_words
from services.notify.clients.offices import OfficeFaults, Offices
from services.notify.handlers.people import record_consent
from services.notify.rules import notices, reminders
from services.notify.store.people import Actor, Consent
from shared import clock
from shared.settings import deploy_dir
from tests.builders import status, submitted
from tests.notify.conftest import REGISTRY

CODE = "000.00.24.H50-261012-0001"
DAY = "2026-10-12"
WORDS = load_agency_words(deploy_dir() / "clock-stops.yaml")


def dossier(due="2026-10-20T17:00:00+07:00", **data):
    applicant = {"name": "Người nộp mẫu", "phone": "0900000001"}
    return submitted(CODE, day=DAY, due_at=due, **({"applicant": applicant} | data))


def at(hour, name, day=DAY, **data):
    return status(CODE, name, f"{day}T{hour}:00+07:00", **data)


async def kinds(world):
    rows = [row for row in await world.notices() if row.audience == "citizen"]
    return [row.kind for row in rows if row.state != "cancelled"]


async def bodies(world, kind):
    return [row.body for row in await world.notices() if row.kind == kind]


async def test_four_stops_of_the_clock_and_what_ends_them(world):
    world.desk.policy = notices.Policy(world.channels, agency_words=WORDS)
    land, tax = "Phòng Tài nguyên", "Chi cục Thuế"
    story = [
        dossier(),
        at("08:31", "in_process", department=land),
        at("08:32", "supplement_requested", reason="Thiếu bản sao"),
        at("08:33", "in_process", department=land, due_at="2026-10-22T17:00:00+07:00"),
        at("08:34", "payment_requested"),
        at("08:35", "in_process", department=land),
        at("08:36", "stopped", department=land, reason="Mất điện"),
        at("08:37", "in_process", department=land),
        at("08:38", "stopped", department=tax),
        at("08:39", "in_process", department=land),
        at("08:40", "stopped", reason="Xin  Ý KIẾN Sở Xây dựng"),
        at("08:41", "withdrawn"),
    ]
    await world.tell(*story)
    wanted = ["received", "in_process", "supplement_requested", "resumed", "payment_requested",
              "resumed", "stopped", "resumed", "consulting", "resumed", "consulting",
              "withdrawn"]  # fmt: skip
    assert await kinds(world) == wanted
    assert "Chi cuc Thue" in (await bodies(world, "consulting"))[0]
    assert "Hen tra: 22/10/2026" in (await bodies(world, "resumed"))[0]
    await world.tell(*reversed(story))
    assert await kinds(world) == wanted
    await world.deliver()
    assert len(world.sms.parcels) == 12


async def test_an_online_dossier_is_confirmed_before_it_is_received(world):
    await world.tell(dossier(received_at=None) | {"time": f"{DAY}T08:00:00+07:00"})
    assert await kinds(world) == ["registered"]
    await world.tell(at("08:30", "received"), at("08:31", "received"))
    assert await kinds(world) == ["registered", "received"]


async def test_no_confirmation_where_more_is_known_or_nobody_waits_at_home(world):
    await world.tell(dossier(received_at=None), at("08:30", "received"))
    await world.tell(submitted("B-1", day=DAY, received_at=None, channel="counter"))
    assert await kinds(world) == ["received"]


async def test_a_result_goes_by_post_or_is_fetched_and_is_told_once(world):
    await world.tell(dossier(return_by="post"), at("08:40", "result_ready"))
    assert await kinds(world) == ["received", "result_posted"]
    again = dossier(return_by="counter") | {"id": "again", "time": f"{DAY}T08:45:00+07:00"}
    await world.tell(again)
    assert await kinds(world) == ["received", "result_posted"]


@pytest.mark.parametrize(
    ("due", "kind"), [("2026-10-16", "due_earlier"), ("2026-10-23", "due_later")]
)
async def test_a_due_date_that_moves_in_time_is_told_with_both_days(world, due, kind):
    await world.tell(dossier())
    moved = at("08:45", "in_process", department="A", due_at=f"{due}T17:00:00+07:00")
    await world.tell(moved, moved)
    assert sorted(await kinds(world)) == sorted(["received", kind, "in_process"])
    [body] = await bodies(world, kind)
    assert "20/10/2026" in body
    assert f"{due[8:]}/10/2026" in body


async def test_a_new_date_after_the_old_one_passed_is_an_apology_and_no_mere_move(world):
    await world.tell(dossier(due="2026-10-13T17:00:00+07:00"))
    world.set_clock("2026-10-14 00:00")
    await world.scan()
    assert (await kinds(world))[-1] == "late"
    await world.deliver()
    world.set_clock("2026-10-14 09:00")
    await world.tell(at("08:45", "in_process", "2026-10-14", due_at="2026-10-20T17:00:00+07:00"))
    told = [kind for kind in await kinds(world) if kind in ("late", "rescheduled", "due_later")]
    assert told == ["late", "rescheduled"]


@pytest.fixture
def due_tomorrow():
    return dossier(due="2026-10-13T16:30:00+07:00")


async def test_on_the_due_day_and_three_hours_before_the_appointment(world, due_tomorrow):
    await world.tell(due_tomorrow)
    for text, wanted in (
        ("2026-10-13 07:29", []),
        ("2026-10-13 07:30", ["due_today"]),
        ("2026-10-13 13:29", ["due_today"]),
        ("2026-10-13 13:30", ["due_today", "appointment_soon"]),
        ("2026-10-13 15:00", ["due_today", "appointment_soon"]),
    ):
        world.set_clock(text)
        await world.scan()
        await world.scan()
        told = [kind for kind in await kinds(world) if kind in ("due_today", "appointment_soon")]
        assert told == wanted, text
    [body] = await bodies(world, "appointment_soon")
    assert "16:30" in body
    await world.deliver()
    assert [row.state for row in await world.notices() if row.kind == "due_today"] == ["sent"]


@pytest.mark.parametrize("end", ["result_ready", "withdrawn", "supplement_requested"])
async def test_no_reminder_once_there_is_nothing_to_wait_for(world, due_tomorrow, end):
    await world.tell(due_tomorrow, at("08:50", end))
    world.set_clock("2026-10-13 14:00")
    await world.scan()
    assert not {"due_today", "appointment_soon"} & set(await kinds(world))


async def test_after_a_day_offline_no_reminder_of_an_hour_that_passed(world, due_tomorrow):
    await world.tell(due_tomorrow)
    world.set_clock("2026-10-13 16:45")
    await world.scan()
    assert "appointment_soon" not in await kinds(world)
    world.set_clock("2026-10-14 08:00")
    await world.scan()
    assert await kinds(world) == ["received", "due_today", "late"]


async def test_a_reminder_that_could_not_leave_in_time_never_leaves(world, due_tomorrow):
    await world.tell(due_tomorrow)
    world.set_clock("2026-10-13 13:30")
    await world.scan()
    world.set_clock("2026-10-13 16:31")
    await world.deliver()
    await world.delivery.sweep_once(clock.now())
    states = {row.kind: (row.state, row.reason) for row in await world.notices()}
    assert states["appointment_soon"] == ("withheld", "stale")
    assert states["due_today"] == ("sent", None)


@pytest.mark.parametrize(
    ("due", "appointment"),
    [("09:00", "09:00"), ("17:00", "17:00"), ("00:00", "17:00"), ("23:59", "17:00")],
)
def test_a_due_date_without_an_hour_is_an_appointment_at_closing(due, appointment):
    instant = datetime.fromisoformat(f"2026-10-13T{due}:00+07:00")
    assert reminders.appointment_of(instant).strftime("%d %H:%M") == f"13 {appointment}"


async def test_texts_follow_the_language_that_a_person_chose(world):
    await world.tell(dossier())
    consent = Consent(None, CODE, "status", ["sms"], False, clock.now(), "link", None, "en", "s/1")
    async with world.database.transaction() as session:
        await record_consent(session, world.desk, consent, Actor("k", "K"))
    await world.tell(at("08:50", "result_ready"))
    [body] = await bodies(world, "result_ready")
    assert "is ready (12/10/2026). Please collect it." in body


def test_an_office_without_a_line_is_asked_at_the_one_above():
    offices = Offices.load(deploy_dir() / "offices", REGISTRY)
    day = clock.start_of(clock.local_day(clock.now())).replace(year=2024)
    assert offices.phone("461", day) == "0900000011"
    assert offices.phone("DT-TP", day) == offices.phone("440", day) == "0900000041"
    assert offices.phone("RTA", day) is None
    assert offices.short("QTR-TTHCC") == "TTPVHCC tỉnh Quảng Trị"


@pytest.mark.parametrize(
    ("line", "fault"),
    [("999x,0900000010,,,", "no unit"), ("461,hotline,,,", "a phone has"),
     ("461,0900000010,,,\n461,0900000011,,,", "twice"), ("461,0900000010,,,,,", "more than 5")],
)  # fmt: skip
def test_files_of_offices_are_checked(tmp_path, line, fault):
    (tmp_path / "a.csv").write_text(f"unit,phone,short,address,hours\n{line}\n", "utf-8")
    with pytest.raises(OfficeFaults, match=fault):
        Offices.load(tmp_path, REGISTRY)


@pytest.mark.parametrize("text", ["another_agency: 5", "[]x: {", "other: []", "- a"])
def test_a_file_of_words_is_checked(tmp_path, text):
    (tmp_path / "clock-stops.yaml").write_text(text, "utf-8")
    with pytest.raises(ClockStopFaults):
        load_agency_words(tmp_path / "clock-stops.yaml")
