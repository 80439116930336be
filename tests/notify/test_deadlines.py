"""A due date to its end: approaching, on its day, missed, open still, met or cancelled; by whom it
is heard; after an outage; by a clock that went back."""

from datetime import date, time, timedelta

import pytest

from services.notify.handlers.clockwork import Clockwork
from services.notify.rules.notices import Officer, Policy
from services.notify.rules.recipients import Target, choose, on_duty, read_level, read_target
from services.notify.settings import read_steps, read_time
from shared import clock
from tests.builders import status, submitted
from tests.notify.conftest import REGISTRY
from tests.notify.test_alerts import KEY, PLAN, announced, appoint, at
from tests.notify.test_slips import CODE, MET, SLIPPED, deadlines

STEPS = ((3, "head"), (7, "district"), (15, "province"))
COMMUNE = "19333"
PEOPLE = (
    Officer("staff", COMMUNE, "Cán bộ mẫu", None, "+84900000001"),
    Officer("chief", COMMUNE, "Lãnh đạo mẫu", None, "+84900000002", level="head"),
    Officer("standin", COMMUNE, "Người trực thay", None, "+84900000003",
            valid_from=date(2026, 10, 14), valid_to=date(2026, 10, 17), replaces="lanh dao MAU"),
    Officer("above", COMMUNE, "Cán bộ huyện", None, "+84900000004", level="district"),
    Officer("top", COMMUNE, "Cán bộ tỉnh", None, None, "tinh@example.org", level="province"),
)  # fmt: skip


def dossier(due="2026-10-13T17:00:00+07:00", code=CODE, **data):
    applicant = {"name": "Người nộp mẫu", "phone": "0900000009"}
    return submitted(code, COMMUNE, day="2026-10-12", applicant=applicant, due_at=due, **data)


async def heard(world, key=CODE):
    """(kind, recipient) of what officers were sent, in the order of the events told."""
    return [
        (n.kind, n.recipient)
        for n in await world.notices(key)
        if n.audience == "officer" and n.state == "sent"
    ]


@pytest.fixture
async def office(world):
    await appoint(world, *PEOPLE)
    world.set_policy(day_of=time(8), overdue=STEPS)
    return world


async def test_a_dossier_climbs_from_the_officer_to_the_province(office):
    world = office
    await world.tell(dossier())
    for day in (
        "12 16:59", "12 17:00", "13 07:59", "13 08:00", "14 00:00", "16 08:00", "20 08:00",
        "28 08:00", "30 08:00",
    ):  # fmt: skip
        await at(world, f"2026-10-{day}")
    assert await heard(world) == [
        ("dossier_approaching", "staff"),
        ("dossier_due_today", "staff"),
        ("dossier_slipped", "staff"),
        ("dossier_overdue", "standin"),  # who replaces the head from the 14th to the 16th
        ("dossier_overdue", "above"),
        ("dossier_overdue", "top"),
    ]
    assert "qua han 13/10/2026, 7 ngay" in world.sms.parcels[-1].body
    assert "đã quá 15 ngày" in world.email.parcels[-1].body
    assert [t for t, s in await world.outcomes() if "deadline" in t and s == CODE].count(
        SLIPPED
    ) == 1


@pytest.mark.parametrize(
    ("change", "more"),
    [("result_ready", []), ("supplement_requested", []), ("in_process", ["due"])],
)
async def test_what_is_done_paused_or_given_a_new_date_climbs_no_further(office, change, more):
    world = office
    await world.tell(dossier())
    await at(world, "2026-10-14 00:00")
    given = {"due_at": "2026-11-20T17:00:00+07:00"} if more else {}
    world.set_clock("2026-10-14 09:00")
    await world.tell(status(CODE, change, "2026-10-14T08:30:00+07:00", COMMUNE, **given))
    await at(world, "2026-10-16 08:00")
    await at(world, "2026-10-20 08:00")
    assert "dossier_overdue" not in [kind for kind, _ in await heard(world)]


async def test_a_day_offline_brings_one_word_not_four(office):
    world = office
    await world.tell(dossier(), dossier("2026-10-13T17:00:00+07:00", code="C-2"))
    await world.tell(status("C-2", "result_ready", "2026-10-12T15:00:00+07:00", COMMUNE))
    await at(world, "2026-10-12 10:00")
    # Down from the 12th at 10:00 to the 14th at 10:00: the reminder and that of the day are past.
    await at(world, "2026-10-14 10:00")
    assert await heard(world) == [("dossier_slipped", "staff")]
    assert await heard(world, "C-2") == []
    late = [n.state for n in await world.notices(CODE) if n.kind == "late"]
    assert late == ["sent"]
    await at(world, "2026-10-14 10:01")
    assert len(await heard(world)) == 1


async def test_of_steps_that_piled_up_each_reader_hears_the_last(office):
    world = office
    world.set_policy(overdue=((1, "officer"), (2, "officer"), (2, "head")))
    await world.tell(dossier())
    await at(world, "2026-10-14 00:00")
    await at(world, "2026-10-15 09:00")
    told = [(n.recipient, n.at.astimezone(clock.VN).day) for n in await world.notices(CODE)
            if n.kind == "dossier_overdue"]  # fmt: skip
    assert sorted(told) == [("staff", 15), ("standin", 15)]


async def test_a_withdrawn_dossier_a_removed_duty_and_a_waiver_end_as_such(world):
    await world.tell(dossier())
    await world.tell(status(CODE, "withdrawn", "2026-10-12T15:00:00+07:00", COMMUNE))
    world.set_clock("2026-10-14 08:00")
    await world.scan()
    assert await deadlines(world) == [("due:2026-10-13", "cancelled")]
    [row] = await world.query("SELECT reason FROM deadlines")
    assert row.reason == "withdrawn"

    world.set_clock("2026-10-08 09:00")
    await world.order_text(PLAN)
    await world.order_text(PLAN.replace("[QTR-BVDK, QTR-TTHCC]", "[QTR-TTHCC]"), version=2)
    waived = (
        "    waivers: [{periods: [2026-09], units: [QTR-TTHCC], document: 7/HĐND}]\n    remind:"
    )
    text = PLAN.replace("[QTR-BVDK, QTR-TTHCC]", "[QTR-TTHCC]").replace("    remind:", waived)
    await world.order_text(text, version=3)
    rows = await world.query(
        "SELECT unit, state, reason FROM deadlines WHERE period = '2026-09' ORDER BY unit"
    )
    assert [tuple(row) for row in rows] == [
        ("QTR-BVDK", "cancelled", "plan"),
        ("QTR-TTHCC", "excused", "waived"),
    ]
    await world.order_text(PLAN, version=4)
    rows = await world.query("SELECT unit, state, reason FROM deadlines WHERE period = '2026-09'")
    assert {tuple(row) for row in rows} == {("QTR-BVDK", "open", None), ("QTR-TTHCC", "open", None)}


async def test_a_second_new_date_is_told_to_the_officers_alone(office):
    world = office
    await world.tell(dossier())
    for day, due in (("14", "2026-10-16"), ("17", "2026-10-20")):
        await at(world, f"2026-10-{day} 09:00")
        moved = status(CODE, "in_process", f"2026-10-{day}T08:00:00+07:00", COMMUNE,
                       due_at=f"{due}T17:00:00+07:00")  # fmt: skip
        for _ in range(2):
            await world.tell(moved)
        await world.deliver()
    # An apology for each date that passed; a new date once, beyond that the officers are asked.
    told = await world.notices(CODE)
    late = {n.version: (n.state, n.reason) for n in told if n.kind in ("late", "rescheduled")}
    assert late == {
        "due:2026-10-13": ("sent", None),
        "due:2026-10-13:2026-10-16": ("sent", None),
        "due:2026-10-16": ("sent", None),
        "due:2026-10-16:2026-10-20": ("withheld", "rescheduled_too_often"),
    }
    assert [who for kind, who in await heard(world) if kind == "dossier_rescheduled"] == ["staff"]
    bodies = [p.body for p in world.sms.parcels]
    assert sum("hen lai qua so lan (20/10/2026)" in body for body in bodies) == 1


async def test_a_day_to_make_up_is_told_once(world):
    await appoint(world, Officer("hospital", "QTR-BVDK", "Cán bộ mẫu", None, "+84900000001"))
    world.set_clock("2026-10-16 09:00")
    made = (
        "    makeup: [{periods: [2026-09], units: [QTR-BVDK], before: 2026-10-23,"
        " document: 43/HĐND-TH}]\n    remind:"
    )
    for version in (1, 2):
        await world.order_text(PLAN.replace("    remind:", made), version=version)
        await world.deliver()
    told = [p.body for p in world.sms.parcels if "nop bu" in p.body]
    assert len(told) == 1
    assert "truoc ngay 23/10/2026" in told[0]
    assert "43/HDND-TH" in told[0]


async def test_a_plan_chooses_level_channel_and_text(world):
    await appoint(
        world,
        Officer("staff", "QTR-BVDK", "Cán bộ mẫu", None, "+84900000001", "cb@example.org"),
        Officer("chief", "QTR-BVDK", "Giám đốc mẫu", None, "+84900000002", "gd@example.org",
                level="head"),
        Officer("board", "QTR-HDND", "Người mẫu", None, "+84900000003", "hd@example.org"),
    )  # fmt: skip
    world.set_clock("2026-10-08 09:00")
    text = PLAN.replace("after_due: 1 working day, to: [unit, parent]",
                        "after_due: 1 working day, to: head")  # fmt: skip
    text = text.replace(
        "when: deadline.slipped, obligation: client-list, to: [unit, owed_to]",
        "when: deadline.slipped, obligation: client-list, to: [unit, owed_to], channel: email,"
        " template: obligation_escalated",
    )
    await world.order_text(text)
    await at(world, "2026-10-15 00:00")
    await at(world, "2026-10-15 08:00")
    told = [(n.kind, n.recipient, n.channel) for n in await world.notices(KEY)
            if n.state == "sent" and "approaching" not in n.kind]  # fmt: skip
    assert sorted(told) == [
        ("obligation_escalated", "board", "email"),
        ("obligation_escalated", "chief", "sms"),
        ("obligation_slipped", "staff", "email"),
    ]
    letter = next(p for p in world.email.parcels if p.address == "cb@example.org")
    assert "phải hoàn thành" in letter.body  # the words of the text that the plan names
    assert await announced(world) == [SLIPPED]


async def test_nothing_is_done_by_a_clock_behind_what_was_received(office):
    world = office
    world.set_clock("2026-10-13 20:00")
    await world.tell(dossier())
    await world.scan()
    sent = len(world.sms.parcels)
    late = submitted("C-9", COMMUNE, day="2026-10-13", applicant={"phone": "0900000008"})
    await world.tell(late)
    world.set_clock("2026-10-13 19:00")
    clockwork = Clockwork(world.database, timedelta(minutes=2))
    assert await clockwork.check() == "behind the newest event by 3600 s"
    await world.scan()
    await world.deliver()
    assert len(world.sms.parcels) == sent
    assert ("received", "ready", None) in await world.states("C-9")
    world.set_clock("2026-10-13 19:59")
    assert await clockwork.check() == "ok"
    world.set_clock("2026-10-13 19:00")
    await clockwork.accept("key", "máy gửi chạy nhanh")
    assert await clockwork.check() == "ok"
    async with world.database.transaction() as session:
        assert await world.delivery.clockwork.trusted(session, clock.now())
    world.set_clock("2026-10-13 20:00")
    await world.deliver()
    assert ("received", "sent", None) in await world.states("C-9")


async def test_a_jump_forward_and_back_sends_nothing_twice(office):
    world = office
    await world.tell(dossier())
    await at(world, "2026-10-20 12:00")
    told = await heard(world)
    await at(world, "2026-10-12 10:00")
    await at(world, "2026-10-14 10:00")
    assert await heard(world) == told
    world.set_clock("2026-10-20 12:30")
    await world.tell(status(CODE, "result_ready", "2026-10-12T16:00:00+07:00", COMMUNE))
    assert await deadlines(world) == [("due:2026-10-13", "met")]
    kinds = [t for t, s in await world.outcomes() if s == CODE and "deadline" in t]
    assert (kinds.count(SLIPPED), kinds.count(MET)) == (1, 1)


class TestWhoIsTold:
    def told(self, target, day=date(2024, 10, 15), people=PEOPLE):
        by_unit = {}
        for each in people:
            by_unit.setdefault(each.unit, []).append(each)
        chosen = choose(target, by_unit, REGISTRY, day)
        return chosen.unit, [each.id for each in chosen.officers]

    def test_levels_of_one_office(self):
        for level, who in (
            (None, "staff"), ("officer", "staff"), ("head", "chief"), ("district", "above"),
            ("province", "top"),
        ):  # fmt: skip
            assert self.told(Target(COMMUNE, level)) == (COMMUNE, [who])

    def test_where_a_level_is_missing_the_next_is_asked(self):
        staff, mayor, clerk = (
            Officer("staff", "23665"), Officer("mayor", "625", level="head"), Officer("clerk", "64"),
        )  # fmt: skip
        head, district = Target("23665", "head"), Target("23665", "district")
        assert self.told(head, people=[staff, mayor]) == ("23665", ["staff"])
        assert self.told(district, people=[staff, mayor, clerk]) == ("625", ["mayor"])
        assert self.told(district, people=[staff, clerk]) == ("64", ["clerk"])
        after = date(2026, 10, 15)  # there are no districts any more
        assert self.told(district, after, [staff, mayor]) == ("23665", ["staff"])
        assert self.told(Target("23665", "province"), people=[staff]) == ("23665", ["staff"])
        assert self.told(head, people=[]) == ("23665", [])

    def test_stand_ins(self):
        day = date(2026, 10, 14)
        a = Officer("a", "461", "Nguyễn Mẫu", level="head")
        b = Officer("b", "461", "Trần Mẫu", replaces="NGUYEN MAU")
        c = Officer("c", "461", "Lê Mẫu", replaces="Trần Mẫu")
        assert [(o.id, o.level) for o in on_duty([a, b], day)] == [("b", "head")]
        assert [(o.id, o.level) for o in on_duty([a, b, c], day)] == [("c", "head")]
        ring = [a, Officer("b", "461", "Trần Mẫu", replaces="Lê Mẫu"), c]
        assert {o.id for o in on_duty(ring, day)} == {"a"}
        pair = [b, Officer("x", "461", "Nguyễn Mẫu", replaces="Trần Mẫu")]
        assert {o.id for o in on_duty(pair, day)} == {"b", "x"}

    def test_targets_are_kept_as_text(self):
        for target in (Target("461"), Target("461", "head"), Target("461", None, "email", "late")):
            assert read_target(str(target)) == target
        assert str(Target("461", "head")) == "461|head"

    def test_words_for_levels(self):
        assert [read_level(word) for word in ("Lãnh đạo", "HEAD", "Cấp huyện", "Trưởng phòng")] == [
            "head", "head", "district", None,
        ]  # fmt: skip


def test_settings_of_steps():
    assert read_steps("7:district, 3:head,3:officer") == (
        (3, "officer"), (3, "head"), (7, "district"),
    )  # fmt: skip
    assert read_steps("") == ()
    assert read_time("08:00") == time(8)
    assert read_time(" ") is None
    for wrong in ("x", "0:head", "3:king", "3:head;4:head", "-1:head"):
        with pytest.raises(ValueError, match="write DAYS:LEVEL"):
            read_steps(wrong)
    with pytest.raises(ValueError, match="HH:MM"):
        read_time("25:00")
    assert Policy().overdue == ()
