"""Due dates that we compute: watched, extended by pauses, moved when their rules change."""

import asyncio
import contextlib
from datetime import date, datetime, timedelta
from random import Random

import orjson
import pytest

from services.notify.handlers.rejudging import Undated
from services.notify.rules import deadlines as due_rules
from services.notify.store import story
from shared import clock, rulebook
from shared.dossiers import NATIONAL_CODES, read_story
from shared.due_dates import DueRules
from tests.builders import event, status, submitted

CODE = "000.00.24.H50-261012-0001"
SLIPPED = "motcua.deadline.slipped.v1"


def rules(days=5, off=(), procedure="1.005129") -> DueRules:
    """One procedure of so many working days."""
    duration = {
        "code": procedure, "amount": days, "measure": "working_days", "authority": None,
        "cutoff": None, "since": "0001-01-01",
    }  # fmt: skip
    return DueRules({"off": list(off), "worked": [], "hours": [], "usual": [], "offices": {},
                     "procedures": [duration]})  # fmt: skip


async def hold(world, new: DueRules, size=100) -> None:
    """Have these rules hold, as a start with other files does."""
    await begin(world, new, size).begin()
    while await begin(world, new, size).step():
        pass


def begin(world, new: DueRules, size=100) -> rulebook.Changeover:
    return rulebook.Changeover("notify", world.database, new, Undated(world.desk), size=size)


def dossier(code=CODE, day="2026-10-12", **data):
    applicant = {"name": "Người nộp mẫu", "phone": "0900000001"}
    return submitted(code, day=day, applicant=applicant, **data)


async def deadlines(world):
    return [
        (row.version, row.state)
        for row in await world.query(
            "SELECT version, state FROM deadlines WHERE state <> 'cancelled' ORDER BY key, number"
        )
    ]


async def citizen(world, code=None):
    """What citizens are told: (kind, state), without the first word of all."""
    found = [(n.kind, n.state) for n in await world.notices(code) if n.audience == "citizen"]
    return [each for each in found if each[0] not in ("received", "registered")]


async def test_a_computed_date_is_told_watched_and_missed_once(world):
    await hold(world, rules())
    await world.tell(dossier())
    await world.deliver()
    assert await deadlines(world) == [("due:2026-10-19", "open")]
    assert "19/10/2026" in world.sms.parcels[0].body
    world.set_clock("2026-10-19 23:59")
    await world.scan()
    assert await deadlines(world) == [("due:2026-10-19", "open")]
    world.set_clock("2026-10-20 00:00")
    await world.scan()
    await world.scan()
    assert await deadlines(world) == [("due:2026-10-19", "slipped")]
    assert [each for each in await world.outcomes() if each[0] == SLIPPED] == [(SLIPPED, CODE)]
    assert ("late", "ready") in await citizen(world)


async def test_a_pause_holds_the_clock_and_its_end_names_the_new_date(world):
    await hold(world, rules())
    await world.tell(dossier(), status(CODE, "supplement_requested", "2026-10-14T08:30:00+07:00"))
    world.set_clock("2026-10-26 09:00")
    await world.scan()
    assert await deadlines(world) == [("due:2026-10-19", "paused")]
    await world.tell(status(CODE, "in_process", "2026-10-26T08:30:00+07:00"))
    await world.scan()
    assert await deadlines(world) == [("due:2026-10-19", "moved"), ("due:2026-10-29", "open")]
    await world.deliver()
    assert "29/10/2026" in world.sms.parcels[-1].body
    assert [each for each in await world.outcomes() if each[0] == SLIPPED] == []


async def test_what_was_missed_stays_missed_through_a_later_pause(world):
    await hold(world, rules())
    await world.tell(dossier())
    world.set_clock("2026-10-20 08:00")
    await world.scan()
    await world.tell(
        status(CODE, "supplement_requested", "2026-10-21T09:00:00+07:00"),
        status(CODE, "in_process", "2026-10-23T09:00:00+07:00"),
    )
    world.set_clock("2026-11-02 08:00")
    await world.scan()
    assert await deadlines(world) == [("due:2026-10-19", "slipped")]
    assert [kind for kind, _ in await citizen(world)].count("late") == 1
    assert len([each for each in await world.outcomes() if each[0] == SLIPPED]) == 1


async def test_a_stated_date_stands_whatever_the_rules_say(world):
    await hold(world, rules())
    await world.tell(dossier(due_at="2026-10-30T17:00:00+07:00"))
    await hold(world, rules(2))
    assert await deadlines(world) == [("due:2026-10-30", "open")]
    assert await citizen(world) == []


async def test_other_rules_move_open_dates_and_say_so_once(world):
    await hold(world, rules())
    await world.tell(dossier())
    await world.deliver()
    await hold(world, rules(off=["2026-10-16"]))
    assert await deadlines(world) == [("due:2026-10-20", "open")]
    assert await citizen(world) == [("due_later", "ready")]
    await world.deliver()
    assert "20/10/2026" in world.sms.parcels[-1].body
    await hold(world, rules(off=["2026-10-16"]))
    # An event that comes later takes nothing back and tells nothing twice.
    await world.tell(status(CODE, "in_process", "2026-10-13T09:00:00+07:00", department="Phòng A"))
    assert [kind for kind, _ in await citizen(world)] == ["due_later", "in_process"]
    await hold(world, rules(off=["2026-10-16", "2026-11-20"]))
    assert [kind for kind, _ in await citizen(world)] == ["due_later", "in_process"]


async def test_a_word_that_waits_is_not_taken_back_by_the_next_event(world):
    await hold(world, rules())
    await world.tell(dossier())
    await world.deliver()
    await hold(world, rules(off=["2026-10-16"]))
    await world.tell(status(CODE, "in_process", "2026-10-13T09:00:00+07:00"))
    assert ("due_later", "ready") in await citizen(world)
    await hold(world, rules())
    found = await citizen(world)
    assert ("due_later", "cancelled") in found
    assert ("due_earlier", "ready") in found


@pytest.mark.parametrize("always", [True, False], ids=["heard", "half heard"])
async def test_rules_that_go_to_and_fro_leave_everybody_with_the_date_that_holds(world, always):
    await to_and_fro(world, 9, always)


@pytest.mark.soak
@pytest.mark.parametrize("always", [True, False], ids=["heard", "half heard"])
async def test_rules_that_go_to_and_fro_at_length(world, always):
    for seed in range(20):
        await to_and_fro(world, 50, always, seed)


async def to_and_fro(world, times, always, seed=0):
    """Rules change at random among three, by replicas that are killed at any point; with
    ``always`` every word leaves before the next change."""
    draw = Random(seed)
    codes = [f"F{seed}-{n}" for n in range(3)]
    offs = [[], ["2026-10-16"], ["2026-10-16", "2026-10-19"]]
    days = ["19/10/2026", "20/10/2026", "21/10/2026"]
    await hold(world, rules())
    await world.tell(*(dossier(code) for code in codes))
    await world.deliver()
    held, changes = 0, 0
    for turn in range(times):
        new = draw.choice([n for n in range(3) if n != held]) if draw.random() < 0.9 else held
        changes += new != held
        held = new
        job = begin(world, rules(off=offs[held]), size=1)
        await job.begin()
        for _ in range(draw.randint(0, 4)):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(job.step(), draw.uniform(0, 0.03))
        if draw.random() < 0.3:
            await world.tell(
                status(
                    draw.choice(codes), "in_process", f"2026-10-12T08:{turn % 60:02}:00+07:00",
                    department=f"Phòng {turn}",
                )
            )  # fmt: skip
        while await begin(world, rules(off=offs[held])).step():
            pass
        if always or draw.random() < 0.5:
            await world.deliver()
    await world.deliver()
    for code in codes:
        told = await world.query(
            "SELECT facts->>'new_due' AS day FROM notices WHERE subject = :code AND state = 'sent'"
            " AND kind IN ('due_later', 'due_earlier') ORDER BY seq",
            code=code,
        )
        heard = [row.day for row in told]
        assert heard[-1:] == ([days[held]] if changes else []), (seed, code)
        assert len(heard) == changes if always else len(heard) <= changes
        assert any(days[held] in parcel.body for parcel in world.sms.parcels if code in parcel.body)


async def test_a_missed_date_that_other_rules_move_gets_the_new_one(world):
    await hold(world, rules())
    await world.tell(dossier())
    world.set_clock("2026-10-20 08:00")
    await world.scan()
    await world.deliver()
    await hold(world, rules(off=["2026-10-13", "2026-10-14"]))
    assert await deadlines(world) == [("due:2026-10-21", "open")]
    await world.deliver()
    assert "21/10/2026" in world.sms.parcels[-1].body
    # Moved to a day that is over as well: there is no date to promise.
    world.set_clock("2026-10-23 08:00")
    await world.scan()
    before = len(await citizen(world))
    await hold(world, rules(off=["2026-10-13"]))
    assert len(await citizen(world)) == before


async def test_who_is_about_to_be_told_the_old_date_is_told_the_new_one_too(world):
    await hold(world, rules())
    await world.tell(dossier())
    await hold(world, rules(off=["2026-10-16"]))
    await world.deliver()
    first, second = [parcel.body for parcel in world.sms.parcels]
    assert "19/10/2026" in first
    assert "20/10/2026" in second


async def test_who_wants_no_word_or_was_told_no_date_gets_none(world):
    await hold(world, rules())
    await world.tell(dossier(), status(CODE, "in_process", "2026-10-12T10:00:00+07:00"))
    await world.query("UPDATE notices SET state = 'withheld' WHERE kind = 'received' RETURNING id")
    await world.deliver()
    await hold(world, rules(off=["2026-10-16"]))
    assert await citizen(world) == [("in_process", "sent")]
    assert await deadlines(world) == [("due:2026-10-20", "open")]


async def test_while_the_clock_stands_other_rules_are_told_only_once_it_goes_on(world):
    await hold(world, rules())
    await world.tell(dossier())
    await world.deliver()
    await world.tell(status(CODE, "supplement_requested", "2026-10-12T09:00:00+07:00"))
    await hold(world, rules(off=["2026-10-16"]))
    assert await citizen(world) == [("supplement_requested", "ready")]
    world.set_clock("2026-10-14 09:00")
    await world.tell(status(CODE, "in_process", "2026-10-14T08:30:00+07:00"))
    await world.deliver()
    assert [kind for kind, _ in await citizen(world)] == ["supplement_requested", "resumed"]
    # By 8:30 on the 20th; the clock stood for 6 hours of the 12th, the 13th, and 1.5 of the 14th.
    assert "22/10/2026" in world.sms.parcels[-1].body


async def test_a_new_date_that_is_over_as_well_is_one_slip_and_no_second_word(world):
    await hold(world, rules())
    await world.tell(dossier())
    await world.deliver()
    world.set_clock("2026-10-16 09:00")
    await hold(world, rules(3))
    await world.scan()
    await world.deliver()
    assert await deadlines(world) == [("due:2026-10-15", "slipped")]
    assert await citizen(world) == [("late", "sent")]


async def test_a_stated_date_that_followed_ours_is_no_news_under_other_rules(world):
    await hold(world, rules())
    await world.tell(dossier())
    await world.deliver()
    moved = status(CODE, "in_process", "2026-10-12T14:00:00+07:00")
    moved["data"]["due_at"] = "2026-10-28T17:00:00+07:00"
    await world.tell(moved)
    await world.deliver()
    before = await citizen(world)
    assert ("due_later", "sent") in before
    world.set_clock("2026-10-13 09:00")
    await hold(world, rules(3))
    await hold(world, rules(1, off=["2026-10-13"]))
    await world.tell(dossier(source="https://other.example"), moved | {"id": "again"})
    await world.scan()
    assert await citizen(world) == before
    found = await deadlines(world)
    assert found[-1] == ("due:2026-10-28", "open")
    assert [each for each in await world.outcomes() if each[0] == SLIPPED] == []


async def test_nobody_is_told_of_what_is_over_or_was_never_told(world):
    await hold(world, rules())
    closed, quiet = f"{CODE}-a", f"{CODE}-b"
    await world.tell(dossier(closed), status(closed, "result_ready", "2026-10-16T09:00:00+07:00"))
    await world.deliver()
    backfilled = submitted(quiet, day="2026-06-01")  # nothing was sent, and nobody to tell
    await world.tell(backfilled)
    await hold(world, rules(2))
    await world.scan()
    await world.deliver()
    assert await citizen(world, closed) == [("result_ready", "sent")]
    assert ("late", "sent") not in await citizen(world, quiet)
    assert {kind for kind, _ in await citizen(world, quiet)} <= {"late"}
    slips = [subject for type, subject in await world.outcomes() if type == SLIPPED]
    assert slips == [quiet]


async def test_a_procedure_that_gets_a_duration_is_watched_from_then_on(world):
    await world.tell(dossier())
    done = f"{CODE}-done"
    await world.tell(dossier(done), status(done, "result_ready", "2026-10-30T09:00:00+07:00"))
    assert await deadlines(world) == []
    world.set_clock("2026-11-02 09:00")
    await hold(world, rules(5))
    await world.scan()
    assert await deadlines(world) == [("due:2026-10-19", "slipped")] * 2
    slips = [subject for type, subject in await world.outcomes() if type == SLIPPED]
    assert slips == [CODE]  # what was over before is announced to nobody


async def test_events_in_any_order_and_rules_that_change_give_one_state(world, monkeypatch):
    await in_any_order(world, 6)


@pytest.mark.soak
async def test_events_in_any_order_and_rules_that_change_give_one_state_at_length(
    world, monkeypatch
):
    await in_any_order(world, 400)


async def in_any_order(world, rounds):
    """Random stories, shuffled and cut into batches, with changeovers between and across them."""
    names = sorted(NATIONAL_CODES)
    start = datetime(2026, 10, 12, 9, tzinfo=clock.VN)
    for number in range(rounds):
        draw = Random(number)
        codes = [f"R{number}-{n}" for n in range(3)]
        told = []
        for code in codes:
            told.append(submitted(code, day=f"2026-10-{draw.randint(12, 16)}"))
            for n in range(draw.randint(0, 5)):
                when = start + timedelta(hours=draw.randint(0, 300))
                change = status(code, draw.choice(names), when.isoformat())
                if draw.random() < 0.15:
                    change["data"]["due_at"] = (when + timedelta(days=9)).isoformat()
                told.append(change | {"id": f"{code}-{n}"})
        for target in draw.sample(told, 2):
            told.append(
                event(
                    "record.voided", f"void-{target['id']}", "2026-10-20T09:00:00+07:00",
                    of_source=target["source"], of_id=target["id"], reason="test",
                )
            )  # fmt: skip
        draw.shuffle(told)
        choices = [rules(draw.randint(1, 6), draw.sample(OFF, 2)) for _ in range(2)]
        for new in choices:
            batch, told = told[: draw.randint(1, 6)], told[6:]
            for one in range(0, len(batch), 3):
                await world.tell(*batch[one : one + 3])
            job = begin(world, new, size=1)
            await job.begin()
            await job.step()
            if told:
                await world.tell(told.pop())
            while await job.step():
                pass
        if told:
            await world.tell(*told)
        await same_as_read_anew(world, codes, choices[-1])


OFF = [f"2026-10-{day}" for day in (13, 14, 15, 16, 19, 20, 21, 22)]


async def same_as_read_anew(world, codes, held):
    async with world.database.transaction() as session:
        dossiers = await story.load_dossiers(session, codes)
    for code, found in dossiers.items():
        read = read_story(found.submissions, found.statuses, rules=held)
        settled = due_rules.one_a_day(due_rules.versions_of(read), read.closed_at) if read else []
        expected = {
            (f"due:{each.due_day}", each.due_at, each.slips_at, each.number)
            for each in settled
            if each.rest != "cancelled"
        }
        kept = await world.query(
            "SELECT version, due_at, slips_at, number FROM deadlines WHERE key = :code"
            " AND state <> 'cancelled'",
            code=code,
        )
        assert {tuple(row) for row in kept} == expected, code
    states = await world.query(
        "SELECT body FROM due_rules ORDER BY seq DESC LIMIT 1"
    )  # what holds is the last that was proposed
    body = states[0].body
    assert (body if isinstance(body, dict) else orjson.loads(body)) == held.body


async def steps(job):
    """The steps of a changeover that did something."""
    while await job.step():
        yield 1


async def test_two_replicas_share_a_changeover(world):
    await hold(world, rules())
    codes = [f"{CODE}-{n:03}" for n in range(40)]
    await world.tell(*(dossier(code) for code in codes))
    await world.deliver()
    new = rules(off=["2026-10-16"])
    one, other = begin(world, new, size=3), begin(world, new, size=3)
    await one.begin()

    async def work(job):
        return len([step async for step in steps(job)])

    assert sum(await asyncio.gather(work(one), work(other))) == 14 - 1
    assert set(await deadlines(world)) == {("due:2026-10-20", "open")}
    assert await citizen(world) == [("due_later", "ready")] * 40
    row = (await world.query("SELECT done, total, state, since FROM due_rules ORDER BY seq"))[-1]
    assert tuple(row) == (40, 40, "held", date(2026, 10, 12))
