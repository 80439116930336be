"""From what somebody typed to a question: periods, units, faults."""

import unicodedata
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlencode

import pytest

from services.reporting.handlers import ask
from services.reporting.handlers.confirming import of_last_bearers
from services.reporting.store.scope import LATEST
from shared.clock import VN
from shared.keys import Key
from shared.problems import Problem, composed
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
    assert question.territory.open


def test_a_field_is_the_same_however_its_accents_are_written():
    assert asked(field=unicodedata.normalize("NFD", "Đất đai")).question.field == "Đất đai"


def test_a_query_is_read_in_nfc_and_otherwise_as_it_came():
    apart = urlencode({"row.field": unicodedata.normalize("NFD", "Hộ tịch & đất"), "unit": "461"})
    assert parse_qs(composed(apart.encode()).decode()) == {
        "row.field": ["Hộ tịch & đất"],
        "unit": ["461"],
    }
    for query in (b"", b"a=%C4%90%E1%BA%A5t+x&a=&b", b"from=2020-01-01&unit=461"):
        assert composed(query) == query


def test_a_grouping_that_a_report_has_not_is_named():
    assert asked("online-share", by="field").not_applied == ("by",)
    assert asked("online-share", by="unit").not_applied == ()
    assert asked("on-time", by="field").not_applied == ()


def test_what_an_earlier_bearer_of_a_code_left_is_not_for_the_unit_of_today_to_confirm():
    old = {"unit": "23668", "unit_valid_from": "2000-01-01"}
    new = {"unit": "23668", "unit_valid_from": "2025-07-01"}
    gone = {"unit": "23665", "unit_valid_from": "2000-01-01"}
    rows = [old, new, gone]
    assert of_last_bearers(rows, REGISTRY, date(2025, 7, 31)) == [new, gone]
    assert of_last_bearers([old, gone], REGISTRY, date(2025, 6, 30)) == [old, gone]


def test_an_end_in_the_future_is_judged_today():
    found = asked(from_="2020-01-01", to="2020-12-31")
    assert found.last == date(2020, 12, 31)
    assert found.question.last == date(2020, 7, 1)


def test_as_of_judges_as_somebody_would_have_then():
    found = asked(to="2020-12-31", as_of="2020-02-29")
    assert (found.question.last, found.question.known) == (date(2020, 2, 29), date(2020, 2, 29))
    assert found.question.now == datetime(2020, 3, 1, tzinfo=VN)


def shown(question, *codes, day=date(2020, 3, 1)):
    """Which of some codes belong to what is asked for, as of a day."""
    return {code for code in codes if question.territory.place(code, day)}


def test_a_unit_includes_all_below_it_as_the_tree_stood_then():
    below = asked(unit="45").question
    assert shown(below, "45", "461", "470", "44", "462") == {"45", "461", "470", "462"}


def in_2026(key=ALL, **typed):
    words = {name.rstrip("_"): value for name, value in typed.items()}
    return ask("bieu-06", words, key, REGISTRY, datetime(2026, 3, 1, tzinfo=UTC)).question


def test_what_a_merger_ended_counts_up_to_it():
    for question in (in_2026(unit="42"), in_2026(unit="42", from_="2025-07-01")):
        assert shown(question, "42", "440", "DT-TP", "18229") == {"42", "440", "DT-TP", "18229"}
    bound = Key("k", "test", frozenset({"reports:read"}), units=frozenset({"42"}))
    assert shown(in_2026(bound), "440", "461") == {"440"}
    assert shown(in_2026(bound, unit="440"), "440", "DT-TP", "42") == {"440", "DT-TP"}
    with pytest.raises(Problem) as refused:
        in_2026(bound, unit="461")
    assert refused.value.status == 403


def test_a_reused_code_means_its_last_bearer():
    later = in_2026(unit="44", from_="2019-01-01")
    assert shown(later, "461", "44") == set()
    assert shown(later, "19333", "44", day=date(2025, 7, 1)) == {"19333", "44"}
    before = in_2026(unit="44", to="2025-06-30")
    assert shown(before, "44") == {"44"}
    assert shown(before, "44", day=date(2025, 7, 1)) == set()


def test_a_key_sees_its_units_only():
    key = Key("k", "test", frozenset({"reports:read"}), units=frozenset({"461"}))
    assert shown(asked(key=key).question, "461", "462") == {"461"}
    assert shown(asked(key=key, unit="461").question, "461", "462") == {"461"}
    for beyond in ("462", "45"):
        with pytest.raises(Problem) as refused:
            asked(key=key, unit=beyond)
        assert refused.value.status == 403


def test_figures_are_shown_at_a_level_of_government():
    district = asked(level="district").question.territory
    old, new = date(2020, 3, 1), date(2025, 7, 1)
    commune = district.place("23668", old)
    assert (commune.unit, REGISTRY.name(commune.unit, old)) == ("625", "Huyện Kbang")
    # A health centre stands under the district of its seat, a provincial office for itself.
    assert district.place("QTR-TTYT-464", old).unit == "464"
    assert district.place("QTR-TTHCC", old).unit == "QTR-TTHCC"
    # Where districts were abolished each commune stands for itself.
    assert district.place("23668", new) == ("23668", new)
    province = asked(level="province").question.territory
    assert province.place("23668", old).unit == "64"
    assert province.place("23668", new).unit == "52"
    assert province.place("QTR-TTHCC", old).unit == "45"
    assert province.place("QTR-TTHCC", new).unit == "44"


def test_one_code_of_two_units_is_two_places_and_one_that_goes_on_is_one():
    every = asked().question.territory
    assert every.place("23668", date(2025, 6, 30)) == ("23668", date(2000, 1, 1))
    assert every.place("23668", date(2025, 7, 1)) == ("23668", date(2025, 7, 1))
    assert {REGISTRY.bearer("QTR-TTHCC", date(year, 1, 1)) for year in (1990, 2020, 2026)} == {
        date(2000, 1, 1)
    }


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
        ({"level": "ward"}, "/level"),
    ],
)
def test_faults_are_named(typed, pointer):
    with pytest.raises(Problem) as refused:
        asked(**typed)
    assert (refused.value.status, refused.value.errors[0]["pointer"]) == (422, pointer)
