"""Due dates that we compute: durations, cut-off, pauses, stated ones; files that cannot be used."""

import random
import shutil
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clock import VN
from shared.dossiers import NATIONAL_CODES, StatusChange, Submission, read_story
from shared.due_dates import NO_RULES, DueRules, Timeline, concerned, load_rules
from shared.procedures import read_durations
from shared.settings import FolderFaults
from shared.units import UnitRegistry
from shared.working_days import WorkingDays

DEPLOY = Path(__file__).parents[2] / "deploy"
REGISTRY = UnitRegistry.load(DEPLOY / "units")
HEAD = "code,name,authority,level,duration,cutoff,valid_from\n"
LIST = (
    HEAD
    + """\
W5,Năm ngày làm việc,,,5 working days,,
C5,Sau 15 giờ tính ngày sau,,,5 working days,15:00,
D15,Mười lăm ngày,,,15 days,,
D3C,Ba ngày sau 15 giờ,,,3 days,15:00,
H4,Bốn giờ làm việc,,,4 working hours,,
A,Theo cấp,,,10 working days,,
S,Đổi thời hạn,,,10 working days,,
S,Đổi thời hạn,,,3 working days,,2026-07-01
N,Không có thời hạn,,,,,
"""
)
RDAY = date(2026, 1, 1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+07:00")


@pytest.fixture(scope="module")
def deploy(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("deploy")
    shutil.copytree(DEPLOY / "calendar", folder / "calendar")
    (folder / "procedures").mkdir()
    (folder / "procedures" / "thu.csv").write_text(LIST, encoding="utf-8")
    text = HEAD + "A,Theo cấp,commune,,2 working days,,\n"
    (folder / "procedures" / "xa.csv").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def rules(deploy) -> DueRules:
    return load_rules(deploy, REGISTRY)


def submitted(procedure="W5", **changes) -> Submission:
    base = {
        "order": (at("2026-03-02T09:00"), "/a", "submitted"),
        "unit": "461",
        "field": "Đất đai",
        "procedure": procedure,
        "authority": "district",
        "channel": "counter",
        "submitted_at": at("2026-03-02T09:00"),
        "received_at": at("2026-03-02T09:00"),
        "rday": RDAY,
        "uid": b"s",
    }
    return Submission(**(base | changes))


def status(name: str, when: str, **changes) -> StatusChange:
    base = {
        "order": (at(when), "/a", f"{name} {when}"),
        "unit": "461",
        "status": name,
        "at": at(when),
        "rday": RDAY,
        "uid": f"{name} {when}".encode(),
    }
    return StatusChange(**(base | changes))


def dues(rules, *statuses, **changes) -> list[str]:
    story = read_story([submitted(**changes)], statuses, rules=rules)
    return [f"{due.at.astimezone(VN):%Y-%m-%dT%H:%M}" for due in story.dues]


@pytest.mark.parametrize(
    ("procedure", "received", "due"),
    [
        ("W5", "2026-03-02T09:00", "2026-03-09T09:00"),
        ("W5", "2026-03-02T15:30", "2026-03-09T15:30"),
        ("W5", "2026-03-02T12:00", "2026-03-09T11:30"),  # five days end where lunch begins
        ("W5", "2026-03-01T10:00", "2026-03-06T17:00"),  # on a Sunday
        ("W5", "2026-02-13T15:00", "2026-02-27T15:00"),  # over Tết
        ("W5", "2025-12-31T09:00", "2026-01-09T09:00"),  # over 1 and 2 January
        ("W5", "2026-01-06T09:00", "2026-01-12T09:00"),  # over a Saturday made up
        ("W5", "2024-04-26T09:00", "2024-05-07T09:00"),  # 29, 30 April, 1 May off; 4 May worked
        ("C5", "2026-03-02T15:00", "2026-03-09T15:00"),
        ("C5", "2026-03-02T15:00:01", "2026-03-09T17:00"),
        ("C5", "2026-03-06T15:30", "2026-03-13T17:00"),  # on a Friday: as on Monday
        ("C5", "2026-03-07T16:00", "2026-03-13T17:00"),  # Saturday: as on Monday, not Tuesday
        ("D15", "2026-03-02T09:00", "2026-03-17T09:00"),
        ("D15", "2026-03-06T10:00", "2026-03-23T07:00"),  # 21 March is a Saturday
        ("D15", "2024-02-29T09:00", "2024-03-15T09:00"),
        ("D3C", "2026-03-02T16:00", "2026-03-06T07:00"),
        ("H4", "2026-03-02T09:00", "2026-03-02T15:00"),
        ("H4", "2026-03-02T15:00", "2026-03-03T09:00"),
        ("A", "2026-03-02T09:00", "2026-03-16T09:00"),
        ("S", "2026-06-30T09:00", "2026-07-14T09:00"),
        ("S", "2026-07-01T09:00", "2026-07-06T09:00"),
    ],
)
def test_durations(rules, procedure, received, due) -> None:
    assert dues(rules, procedure=procedure, received_at=at(received)) == [due]


def test_a_duration_may_be_one_authoritys(rules) -> None:
    assert dues(rules, procedure="A", authority="commune") == ["2026-03-04T09:00"]


def test_without_a_duration_or_a_receipt_there_is_no_due_date(rules) -> None:
    assert dues(rules, procedure="N") == dues(rules, procedure="?") == []
    assert dues(rules, received_at=None) == []
    assert dues(NO_RULES) == dues(None) == []


def test_a_receipt_by_status_starts_the_clock_and_makes_it_known(rules) -> None:
    told = status("received", "2026-03-03T09:00")
    story = read_story([submitted(received_at=None)], [told], rules=rules)
    assert (story.due.day, story.due.known_day) == (date(2026, 3, 10), date(2026, 3, 3))
    assert story.due_on(date(2026, 3, 2)) is None


def test_a_stated_due_date_is_authoritative(rules) -> None:
    stated = at("2026-03-30T17:00")
    assert dues(rules, due_at=stated) == ["2026-03-30T17:00"]
    paused = [
        status("supplement_requested", "2026-03-04T09:00"),
        status("in_process", "2026-03-06T09:00"),
    ]
    assert dues(rules, *paused, due_at=stated) == ["2026-03-30T17:00"]
    late = status("in_process", "2026-03-05T09:00", due_at=stated)
    assert dues(rules, late) == ["2026-03-09T09:00", "2026-03-30T17:00"]
    more = status("in_process", "2026-03-11T09:00")
    stops = status("stopped", "2026-03-10T09:00")
    assert dues(rules, late, stops, more) == ["2026-03-09T09:00", "2026-03-30T17:00"]
    at_once = status("received", "2026-03-02T09:00", due_at=stated)
    assert dues(rules, at_once) == ["2026-03-30T17:00"]


@pytest.mark.parametrize("pause", ["supplement_requested", "payment_requested", "stopped"])
def test_a_pause_over_tet_extends_by_its_working_time(rules, pause) -> None:
    statuses = [status(pause, "2026-02-12T15:00"), status("in_process", "2026-02-24T09:00")]
    told = submitted(received_at=at("2026-02-10T09:00"))
    story = read_story([told], statuses, rules=rules)
    # Paused: 2 h on 12 February, 8 h on the 13th, 8 h on the 23rd, 2 h on the 24th: 20 h.
    assert [(due.day, due.known_day) for due in story.dues] == [
        (date(2026, 2, 24), date(2026, 2, 10)),
        (date(2026, 2, 26), date(2026, 2, 24)),
    ]
    assert f"{story.due.at.astimezone(VN):%H:%M}" == "15:00"  # 9:00 and four hours, with lunch
    assert not story.overdue_on(date(2026, 2, 25))
    paused_still = read_story([told], statuses[:1], rules=rules)
    assert not paused_still.overdue_on(date(2026, 12, 31))


def test_pauses_add_up_and_those_in_a_row_are_one(rules) -> None:
    statuses = [
        status("supplement_requested", "2026-03-03T09:00"),
        status("payment_requested", "2026-03-04T09:00"),
        status("in_process", "2026-03-05T09:00"),
        status("stopped", "2026-03-06T09:00"),
        status("in_process", "2026-03-06T11:00"),
    ]
    expected = ["2026-03-09T09:00", "2026-03-11T09:00", "2026-03-11T11:00"]
    assert dues(rules, *statuses) == expected
    assert dues(rules, *reversed(statuses)) == expected


def test_a_pause_out_of_hours_or_before_the_receipt_extends_nothing(rules) -> None:
    night = [
        status("stopped", "2026-03-03T18:00"),
        status("in_process", "2026-03-04T06:00"),
    ]
    assert dues(rules, *night) == ["2026-03-09T09:00"]
    early = [
        status("supplement_requested", "2026-02-27T09:00"),
        status("in_process", "2026-03-02T08:00"),
    ]
    assert dues(rules, *early) == ["2026-03-09T09:00"]
    across = [early[0], status("in_process", "2026-03-02T10:00")]
    assert dues(rules, *across) == ["2026-03-09T09:00", "2026-03-09T10:00"]


def test_a_result_out_of_a_pause_is_judged_by_the_extended_date(rules) -> None:
    paused = status("stopped", "2026-03-05T09:00")
    story = read_story([submitted()], [paused, status("result_ready", "2026-03-12T10:00")],
                       rules=rules)  # fmt: skip
    assert (story.outcome, story.due.day) == ("early", date(2026, 3, 16))
    late = [status("result_ready", "2026-03-10T10:00"), status("stopped", "2026-03-10T10:30"),
            status("in_process", "2026-03-10T16:30")]  # fmt: skip
    story = read_story([submitted()], late, rules=rules)
    assert (story.outcome, story.due.day) == ("late", date(2026, 3, 9))


# -- against a plain reading ---------------------------------------------------------------------

LOCAL = timezone(timedelta(hours=7))
DAYS = WorkingDays.load(DEPLOY / "calendar")
QUARTER = timedelta(minutes=15)


def open_at(moment: datetime) -> bool:
    """Whether the office works in the quarter of an hour that begins then."""
    minute = moment.hour * 60 + moment.minute
    return DAYS.is_working(moment.date()) and (420 <= minute < 690 or 810 <= minute < 1020)


def plain_dues(received: datetime, quarters: int, moves) -> list[tuple[datetime, datetime]]:
    """(known, due), by walking from quarter to quarter: every instant here is on a quarter."""

    def walk(start: datetime, left: int) -> datetime:
        while left:
            left -= open_at(start)
            start += QUARTER
        return start

    found = [(received, walk(received, quarters))]
    pause = None
    for when, name in moves:
        waits = name in ("supplement_requested", "payment_requested", "stopped")
        if waits and pause is None:
            pause = max(when, received)
        elif not waits and pause is not None:
            missed, step = 0, pause
            while step < when:
                missed += open_at(step)
                step += QUARTER
            if missed:
                found.append((when, walk(found[-1][1], missed)))
            pause = None
        if name in ("withdrawn", "result_ready", "returned") or (
            name == "refused" and when >= received
        ):
            break
    return found


MOMENTS = st.integers(0, 4 * 24 * 30).map(
    lambda n: datetime(2026, 2, 1, tzinfo=LOCAL) + n * QUARTER
)
NAMES = sorted(NATIONAL_CODES, key=NATIONAL_CODES.__getitem__)


@given(
    MOMENTS,
    st.sampled_from([("W5", 160), ("H4", 16)]),
    st.lists(st.tuples(MOMENTS, st.sampled_from(NAMES)), max_size=7),
    st.randoms(use_true_random=False),
)
def read_alike(rules, received, procedure, moves, shuffler: random.Random):
    code, quarters = procedure
    statuses = [
        StatusChange((when, "/a", str(n)), "461", name, when, RDAY, str(n).encode())
        for n, (when, name) in enumerate(moves)
    ]
    told = submitted(code, received_at=received)
    story = read_story([told], statuses, rules=rules)
    ordered = sorted(
        enumerate(moves), key=lambda each: (each[1][0], NAMES.index(each[1][1]), str(each[0]))
    )
    expected = plain_dues(received, quarters, [move for _, move in ordered])
    assert [(due.known_at, due.at) for due in story.dues] == expected
    again = [*statuses, *statuses[:2]]
    shuffler.shuffle(again)
    unique = list({each.uid: each for each in again}.values())
    assert read_story([told], unique, rules=rules).dues == story.dues


def test_any_order_of_statuses_reads_as_a_plain_walk_does(rules) -> None:
    settings(max_examples=60, deadline=None)(read_alike)(rules)


@pytest.mark.soak
def test_any_order_of_statuses_reads_as_a_plain_walk_does_at_length(rules) -> None:
    settings(max_examples=10_000, deadline=None)(read_alike)(rules)


# -- versions of the rules -------------------------------------------------------------------


def test_rules_read_back_from_a_store_are_the_same(rules, deploy) -> None:
    again = DueRules(orjson.loads(orjson.dumps(rules.body)))
    assert again.digest == rules.digest == load_rules(deploy, REGISTRY).digest
    received = at("2026-02-13T15:00")
    assert again.due("461", "W5", "district", received) == at("2026-02-27T15:00")


def test_a_change_concerns_the_procedures_that_it_moves(rules) -> None:
    body = orjson.loads(orjson.dumps(rules.body))
    body["procedures"][0]["amount"] += 1
    changed = DueRules(body)
    assert concerned(rules, changed) == {body["procedures"][0]["code"]}
    assert concerned(rules, rules) == frozenset()
    body["off"] = body["off"][:-1]
    assert concerned(rules, DueRules(body)) == {"W5", "C5", "D15", "D3C", "H4", "A", "S"}
    assert concerned(None, rules) == concerned(rules, NO_RULES) == rules.procedures


def test_the_rules_of_a_day_are_the_last_that_had_begun(rules) -> None:
    first, second = date(2026, 3, 1), date(2026, 4, 1)
    held = Timeline(((first, rules), (second, NO_RULES), (second, rules)))
    assert held.on(date(2026, 2, 28)) is None
    assert held.on(first) is rules
    assert held.on(second) is rules
    assert held.days(["W5"]) == [first, second, second]
    assert held.days(["N"]) == []


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("procedures/x.csv", HEAD + "1,,,,0 working days,,\n", ("x.csv:2", "1 đến 999")),
        ("procedures/x.csv", HEAD + "1,,,,1000 days,,\n", ("x.csv:2", "1 đến 999")),
        ("procedures/x.csv", HEAD + "1,,,,5 weeks,,\n", ("x.csv:2", "5 working days")),
        ("procedures/x.csv", HEAD + "1,,,,5 days,25:00,\n", ("x.csv:2", "15:00")),
        ("procedures/x.csv", HEAD + "1,,,,5 days,,2026-02-30\n", ("x.csv:2", "valid_from")),
        ("procedures/x.csv", HEAD + "W5,,,,6 working days,,\n", ("x.csv", "thu.csv", "W5")),
        ("procedures/x.csv", "code,name,authority,level,duration,late\n1,,,,,\n", ("x.csv:1",)),
        (
            "calendar/x.yaml",
            "hours: [{weekdays: '07:00-11:30', units: [NOPE]}]",
            ("x.yaml", "NOPE"),
        ),
        (
            "calendar/x.yaml",
            "hours: [{weekdays: '07:00-11:30', kinds: [shop]}]",
            ("x.yaml", "shop"),
        ),
        ("calendar/x.yaml", "closed: [2026-13-01]", ("x.yaml", "YYYY-MM-DD")),
    ],
)
def test_a_file_that_cannot_be_used_is_named(deploy, tmp_path, file, text, words) -> None:
    folder = tmp_path / "deploy"
    shutil.copytree(deploy, folder)
    (folder / file).write_text(text, encoding="utf-8")
    with pytest.raises(FolderFaults) as caught:
        load_rules(folder, REGISTRY)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_the_lists_that_ship_have_durations() -> None:
    found = {
        each.code: (each.amount, each.measure) for each in read_durations(DEPLOY / "procedures")
    }
    assert found == {
        "9.000001": (3, "working_days"),
        "9.000002": (10, "working_days"),
        "9.000003": (15, "days"),
    }
