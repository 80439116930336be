"""Through the front door: what form 06 promises holds in every answer, each row and the total; every
report is what a recount makes of the events that were taken, and its files hold the same."""

from random import Random

import pytest

from shared.clock import today
from shared.settings import deploy_dir
from tests.builders import event, status, submitted
from tests.instance import instance
from tests.reporting.asked import questions
from tests.reporting.comparing import asked_of_each, compare
from tests.reporting.front_door import NO_PLAN, answer, as_invented, check_files, sent
from tests.reporting.invented import World
from tests.reporting.recount_reports import Recount
from tests.reporting.recount_rows import Answers
from tests.reporting.tree import Tree

STATUSES = ("received", "refused", "in_process", "supplement_requested", "payment_requested",
            "withdrawn", "stopped", "result_ready", "returned")  # fmt: skip
DAYS = ("2019-12-30", "2019-12-31", "2020-01-01", "2020-02-28", "2020-02-29", "2020-03-01")
CLOCKS = ("00:00:00", "00:00:01", "12:00:00", "23:59:59")
UNITS = ("461", "462", "45", "440")
SUMS = {
    "received_total": ("received_online", "received_counter_post", "carried_over"),
    "resolved_total": ("resolved_early", "resolved_on_time", "resolved_late"),
    "pending_total": ("pending_within_due", "pending_overdue"),
}
QUESTIONS, MANY = 25, 600


def instant(random):
    zone = random.choice(("+07:00", "Z", "-11:00"))
    return f"{random.choice(DAYS)}T{random.choice(CLOCKS)}{zone}"


def invented(random, count):
    """Dossiers with any story: voided, filed twice, moved before they were filed."""
    for number in range(count):
        code = f"HS-{number}"
        for again in range(random.choice((1, 1, 1, 2))):
            made = submitted(
                code, random.choice(UNITS), random.choice(DAYS),
                field=random.choice(("Đất đai", "Hộ tịch", "=1+1")),
                channel=random.choice(("online", "counter", "post")),
                submitted_at=instant(random),
                received_at=instant(random) if random.random() < 0.6 else None,
                due_at=instant(random) if random.random() < 0.7 else None,
            )  # fmt: skip
            yield made | {"id": f"{code}-{again}"}
        for step in range(random.randrange(4)):
            moved = status(code, random.choice(STATUSES), instant(random), random.choice(UNITS))
            yield moved | {"id": f"{code}-step-{step}"}
            if random.random() < 0.1:
                yield event("record.voided", f"{code}-void-{step}", "2020-03-01T08:00:00+07:00",
                            of_source="/test", of_id=f"{code}-step-{step}", reason="nhầm")  # fmt: skip


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """An instance, and what it was sent as the recount takes it: `made.taken`."""
    random = Random(766)
    dossiers = list(invented(random, 300))
    others = sent(World(766, 600).events)
    events = dossiers + [given for given, _ in others]
    random.shuffle(events)
    with instance(tmp_path_factory.mktemp("invariants")) as made:
        for name in ("intake", "reporting"):
            made.start(name)
        for name in ("intake", "reporting"):
            made.wait_ready(name)
        results = made.post(events)
        refused = {given["id"] for given, one in zip(events, results, strict=True)
                   if one["status"] == "refused"}  # fmt: skip
        assert {each["status"] for each in results} <= {"accepted", "refused"}
        assert len(refused) < 20, results  # named a unit that did not exist on that day
        twice = random.sample([each for each in events if each["id"] not in refused], 50)
        assert {each["status"] for each in made.post(twice)} == {"duplicate"}
        changed = [each | {"subject": "another"} for each in twice]
        assert {each["status"] for each in made.post(changed)} == {"conflict"}
        made.taken = as_invented(dossiers)
        made.taken += [each for given, each in others if given["id"] not in refused]
        made.settle(("intake", "reporting"))
        yield made


@pytest.mark.parametrize("questions", [QUESTIONS, pytest.param(MANY, marks=pytest.mark.soak)])
def test_every_row_and_total_adds_up(running, questions):
    random = Random(6)
    rows = 0
    for _ in range(questions):
        first, last = sorted(random.choices(DAYS, k=2))
        asked = {"from": first, "to": last, "by": random.choice(("field", "unit"))}
        if random.random() < 0.5:
            asked["unit"] = random.choice(UNITS)
        if random.random() < 0.3:
            asked["level"] = random.choice(("province", "district"))
        if random.random() < 0.3:
            asked["field"] = random.choice(("Đất đai", "=1+1"))
        answer = running.get("reporting", "/v1/reports/bieu-06", **asked)
        for row in [*answer["rows"], answer["total"]]:
            for whole, parts in SUMS.items():
                assert row[whole] == sum(row[part] for part in parts), (asked, row)
                assert min(row[part] for part in parts) >= 0, (asked, row)
            assert row["received_total"] == row["resolved_total"] + row["pending_total"], asked
        for name in (*SUMS, *(part for parts in SUMS.values() for part in parts)):
            assert answer["total"][name] == sum(row[name] for row in answer["rows"]), asked
        rows += len(answer["rows"])
        rates = running.get("reporting", "/v1/reports/on-time", **asked)
        for row in [*rates["rows"], rates["total"]]:
            whole = row["on_time"] + row["late"] + row["open_overdue"]
            assert row["rate"] == (row["on_time"] / whole if whole else None), asked
            assert row.get("reason") == (None if whole else "nothing_to_count"), asked
    assert rows > questions


def test_every_report_is_what_a_recount_makes_of_it(running):
    """Nothing came yesterday or before, so no question asks what was known then."""
    answers = Answers(Recount(running.taken, Tree(deploy_dir() / "units")), NO_PLAN, 30)
    random = Random(67)
    for typed, asked in questions(random, 1, today(), known=False):
        for report, by in asked_of_each():
            words = typed | ({"by": by} if by else {})
            document, _ = answer(running, report, words)
            if random.random() < 0.2:
                check_files(running, report, words, document["rows"])
            if asked["last"] == today():  # those of the fixture that were refused
                for row in [*document["rows"], document["total"]]:
                    row.update({"refused_events": 0} if row.get("refused_events") else {})
            compare(document, answers, typed, asked, by)


def test_one_day_is_carried_over_to_the_next(running):
    """What is pending on the evening of a day is carried over on the next one: also over the end
    of a year, into 29 February and out of it."""
    for before, after in (
        ("2019-12-31", "2020-01-01"),
        ("2020-02-28", "2020-02-29"),
        ("2020-02-29", "2020-03-01"),
    ):
        evening, morning = (
            running.get("reporting", "/v1/reports/bieu-06", **{"from": day, "to": day})["total"]
            for day in (before, after)
        )
        assert evening["pending_total"] == morning["carried_over"] > 0
