"""The figures of the reports: equal to a plain recount, whatever the order, repeats and voids."""

from collections import Counter, defaultdict
from dataclasses import fields
from datetime import date, timedelta
from fractions import Fraction
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.reporting import rules
from services.reporting.rules import DossierSums, Install, Survey, Tally, form_06
from services.reporting.rules.scores import mean_score
from shared.plans import Bound
from tests.reporting import recount
from tests.reporting.stories import START, facts, stories

DAYS = st.integers(-2, 16).map(lambda days: date(2020, 1, 1) + timedelta(days=days))
PERIODS = st.tuples(DAYS, DAYS).map(sorted)
AS_OF = st.none() | DAYS


def histories(events):
    return {code: rules.history(*own) for code, own in facts(events).items()}


def era(instant):
    return date.min


def cells_of(events):
    total = Counter()
    for known in histories(events).values():
        total.update(rules.contributions(known, era))
    return Counter({cell: count for cell, count in total.items() if count})


def sums_of(cells, by, first, last, as_of):
    """The running sums of a period, as the store's one query adds them up."""
    table = defaultdict(Counter)
    for cell, count in cells.items():
        if as_of is not None and cell.recorded_day > as_of:
            continue
        if cell.business_day > last:
            continue
        row = table[tuple(getattr(cell, name) for name in by)]
        before = cell.business_day < first
        if cell.measure == "overdue":
            row["overdue"] += count
        elif cell.measure.startswith("received"):
            row["received_before" if before else cell.measure] += count
        elif cell.measure.startswith("resolved"):
            row["resolved_before" if before else cell.measure] += count
    names = [field.name for field in fields(DossierSums)]
    return {key: DossierSums(**{name: row[name] for name in names}) for key, row in table.items()}


@given(stories(), PERIODS, AS_OF, st.sampled_from(["unit", "field"]))
def test_form_06_equals_the_recount(events, period, as_of, by):
    first, last = period
    rows = {
        key[0]: {name: count for name, count in form_06(sums).items() if count}
        for key, sums in sums_of(cells_of(events), [by], first, last, as_of).items()
    }
    expected = recount.bieu_06(events, first, last, by, as_of)
    assert {key: row for key, row in rows.items() if row} == expected


@settings(suppress_health_check=[HealthCheck.too_slow])  # on a machine that does much else
@given(stories(), PERIODS, AS_OF)
def test_form_06_invariants(events, period, as_of):
    for sums in sums_of(cells_of(events), ["unit"], *period, as_of).values():
        row = form_06(sums)
        assert min(row.values()) >= 0
        assert row["received_total"] == (
            row["received_online"] + row["received_counter_post"] + row["carried_over"]
        )
        assert row["resolved_total"] == (
            row["resolved_early"] + row["resolved_on_time"] + row["resolved_late"]
        )
        assert row["pending_total"] == row["pending_within_due"] + row["pending_overdue"]
        assert row["received_total"] == row["resolved_total"] + row["pending_total"]


@given(stories(), st.randoms(use_true_random=False))
def test_order_and_repeats_change_nothing(events, random: Random):
    shuffled = events + random.sample(events, k=len(events) // 2)
    random.shuffle(shuffled)
    assert cells_of(shuffled) == cells_of(events)
    again = histories(shuffled)
    for code, known in histories(events).items():
        assert rules.overdue_spells(again[code], era) == rules.overdue_spells(known, era)


@given(stories(), st.integers(0, 10))
def test_differences_in_any_cut_add_up(events, cut):
    halfway, whole = cells_of(events[:cut]), cells_of(events)
    change = rules.difference(halfway, whole)
    assert 0 not in change.values()
    halfway.update(change)
    assert Counter({key: count for key, count in halfway.items() if count}) == whole


@given(stories(), PERIODS, AS_OF)
def test_online_share_equals_the_recount(events, period, as_of):
    first, last = period
    found = {
        key: (sums.received_online, sums.received_online + sums.received_counter_post)
        for key, sums in sums_of(cells_of(events), ["unit", "authority"], *period, as_of).items()
    }
    expected = recount.online_share(events, first, last, as_of)
    assert {key: pair for key, pair in found.items() if pair[1]} == expected


@given(stories(), DAYS, AS_OF)
def test_overdue_spells_name_the_overdue_dossiers(events, day, as_of):
    found = []
    as_of = as_of and max(as_of, day)  # nobody asks for a day as known before it
    seen_on = as_of or rules.FOREVER - timedelta(days=1)
    for code, known in histories(events).items():
        for spell in rules.overdue_spells(known, era):
            if spell.known_from <= seen_on < spell.known_until and spell.since <= day < spell.until:
                found.append(code)
                assert spell.due_day < day
    assert sorted(found) == sorted(recount.overdue_codes(events, day, as_of))


def test_a_withdrawn_event_counts_until_its_withdrawal_is_known():
    received = {
        "kind": "submitted",
        "code": "A",
        "source": "/a",
        "id": "1",
        "time": START,
        "rday": date(2020, 1, 2),
        "unit": "461",
        "due_at": None,
        "field": "Land",
        "authority": "district",
        "channel": "online",
        "submitted_at": START,
        "received_at": START,
    }
    void = {
        "kind": "void",
        "source": "/a",
        "id": "2",
        "rday": date(2020, 1, 5),
        "of_source": "/a",
        "of_id": "1",
    }
    cells = cells_of([received, void])
    assert {(cell.recorded_day.day, count) for cell, count in cells.items()} == {(2, 1), (5, -1)}
    assert cells_of([received, void | {"rday": date(2020, 1, 1)}]) == Counter()


def test_the_honest_rate_holds_the_open_overdue_ones():
    sums = DossierSums(resolved_early=1, resolved_on_time=2, resolved_late=1, overdue=2)
    assert rules.on_time(sums) == {
        "on_time": 3, "late": 1, "open_overdue": 2, "rate": 0.5, "reason": None,
    }  # fmt: skip
    empty = rules.on_time(DossierSums())
    assert (empty["rate"], empty["reason"]) == (None, "nothing_to_count")


@pytest.mark.parametrize(
    ("online", "total", "target", "over", "state"),
    [
        (3, 10, Bound(">=", Fraction(3, 10)), True, "met"),
        (3, 10, Bound(">", Fraction(3, 10)), True, "missed"),
        (3, 10, Bound(">", Fraction(3, 10)), False, "behind"),
        (0, 0, Bound(">=", Fraction(3, 10)), False, "not_applicable"),
        (1, 2, None, False, "not_applicable"),
    ],
)
def test_online_share_is_held_against_its_target_exactly(online, total, target, over, state):
    row = rules.online_share(online, total, target, over=over)
    assert row["state"] == state
    assert row["share"] == (online / total if total else None)


def survey(answers, voided_rday=None):
    day = date(2020, 1, 15)
    scores = rules.survey_scores(answers)
    return Survey(b"s", "461", "health", "phone", "q", scores, day, day, voided_rday)


def test_scores_of_numbers_levels_and_words():
    answers = {
        "quality": 8,
        "time": 7.5,
        "attitude": "very_satisfied",
        "bribe": "no",
        "again": True,
        "skipped": None,
    }
    cells = rules.score_contributions(survey(answers))
    assert {cell.item: (tally.n, mean_score(tally)) for cell, tally in cells.items()} == {
        "quality": (1, 8.0),
        "time": (1, 7.5),
        "attitude": (1, 5.0),
        "bribe": (1, None),
        "again": (1, None),
    }


def test_a_withdrawn_survey_is_taken_back():
    standing = rules.score_contributions(survey({"quality": 8}))
    withdrawn = rules.score_contributions(survey({"quality": 8}, date(2020, 1, 16)))
    assert sum(withdrawn.values(), Tally()) == Tally()
    assert rules.score_contributions(survey({"quality": 8}, date(2020, 1, 15))) == {}
    change = rules.tally_difference(standing, withdrawn)
    assert [(cell.recorded_day.day, tally.n) for cell, tally in change.items()] == [(16, -1)]


@pytest.mark.parametrize(
    ("day", "name"), [(date(2020, 3, 31), "2020-Q1"), (date(2020, 10, 1), "2020-Q4")]
)
def test_quarters(day, name):
    assert rules.quarter(day) == name


def install(hour, unit="461", *, device=None, citizen=None):
    at = START + timedelta(hours=hour)
    return Install(
        order=(at, "/a", str(hour)),
        unit=unit,
        app="rtHome",
        installer=f"{unit}-01",
        place="home",
        succeeded=True,
        day=at.date(),
        device=device,
        citizen=citizen,
    )


def test_a_machine_counts_once_for_whoever_was_first():
    counted = rules.counted_once(
        [
            install(5, "462", device="d1"),
            install(2, "461", device="d1", citizen="c1"),
            install(3, "461", device="d2", citizen="c1"),
            install(9, "462", citizen="c1"),
            install(10, "462", citizen="c1"),
            install(11, "463"),
        ],
        lambda one: one.device or one.citizen,
    )
    assert sorted((one.unit, one.order[2]) for one in counted) == [
        ("461", "2"),
        ("461", "3"),
        ("462", "9"),
        ("463", "11"),
    ]
