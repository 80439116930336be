"""From what somebody typed to a question: periods, units, faults."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from services.reporting.handlers import ask
from services.reporting.store.figures import LATEST
from shared.clock import VN
from shared.keys import Key
from shared.problems import Problem
from shared.units import UnitRegistry

REGISTRY = UnitRegistry.load(Path(__file__).parents[2] / "deploy" / "units")
NOW = datetime(2020, 6, 30, 17, 30, tzinfo=UTC)  # already 1 July in Viet Nam
ALL = Key("k", "test", frozenset({"reports:read"}))


def asked(report="bieu-06", key=ALL, **typed):
    words = {name.rstrip("_"): value for name, value in typed.items()}
    return ask(report, words, key, REGISTRY, NOW)


def test_without_dates_everything_up_to_today():
    question = asked().question
    assert (question.first, question.last, question.now) == (date.min, date(2020, 7, 1), NOW)
    assert question.known == LATEST
    assert question.units is None


def test_an_end_in_the_future_is_judged_today():
    found = asked(from_="2020-01-01", to="2020-12-31")
    assert found.last == date(2020, 12, 31)
    assert found.question.last == date(2020, 7, 1)


def test_as_of_judges_as_somebody_would_have_then():
    found = asked(to="2020-12-31", as_of="2020-02-29")
    assert (found.question.last, found.question.known) == (date(2020, 2, 29), date(2020, 2, 29))
    assert found.question.now == datetime(2020, 3, 1, tzinfo=VN)


def test_a_unit_includes_all_below_it_as_the_tree_stood_then():
    below = asked(unit="45").question.units
    assert {"45", "461", "470"} <= below
    assert "44" not in below
    later = ask("bieu-06", {"unit": "45", "to": "2025-12-31"}, ALL, REGISTRY,
                datetime(2026, 1, 1, tzinfo=UTC)).question.units  # fmt: skip
    assert {"45", "461"} <= later


def in_2026(key=ALL, **typed):
    words = {name.rstrip("_"): value for name, value in typed.items()}
    return ask("bieu-06", words, key, REGISTRY, datetime(2026, 3, 1, tzinfo=UTC)).question.units


def test_a_period_over_the_merger_holds_the_units_that_ended_in_it():
    assert {"42", "440", "DT-TP", "18229"} <= in_2026(unit="42")
    assert {"440", "DT-TP"} <= in_2026(unit="42", from_="2025-06-30")
    assert {"440", "DT-TP"}.isdisjoint(in_2026(unit="42", from_="2025-07-01"))
    bound = Key("k", "test", frozenset({"reports:read"}), units=frozenset({"42"}))
    assert {"440", "DT-TP"} <= in_2026(bound)
    assert in_2026(bound, unit="440") >= {"440", "DT-TP"}


def test_a_reused_code_means_its_last_bearer():
    below = in_2026(unit="44", from_="2019-01-01")
    assert "19333" in below
    assert "461" not in below
    assert "19333" not in in_2026(unit="44", to="2025-06-30")


def test_a_key_sees_its_units_only():
    key = Key("k", "test", frozenset({"reports:read"}), units=frozenset({"461"}))
    assert "461" in asked(key=key).question.units
    assert "462" not in asked(key=key).question.units
    assert asked(key=key, unit="461").question.units == asked(key=key).question.units
    for beyond in ("462", "45"):
        with pytest.raises(Problem) as refused:
            asked(key=key, unit=beyond)
        assert refused.value.status == 403


@pytest.mark.parametrize(
    ("typed", "pointer"),
    [
        ({"from_": "2020-02-30"}, "/from"),
        ({"from_": "20200201"}, "/from"),
        ({"from_": "2020-W05-5"}, "/from"),
        ({"to": "0001-01-01"}, "/to"),
        ({"from_": "2020-02-01", "to": "2020-01-01"}, "/to"),
        ({"as_of": "yesterday"}, "/as_of"),
        ({"limit": "0"}, "/limit"),
        ({"offset": "-1"}, "/offset"),
        ({"offset": "²"}, "/offset"),
        ({"format": "doc"}, "/format"),
        ({"unit": "Đông Há"}, "/unit"),
    ],
)
def test_faults_are_named(typed, pointer):
    with pytest.raises(Problem) as refused:
        asked(**typed)
    assert (refused.value.status, refused.value.errors[0]["pointer"]) == (422, pointer)
