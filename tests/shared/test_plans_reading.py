"""Reading plan files: every fault at once, with its line, and nothing dangerous."""

from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from shared.plans import PlanFault, PlanFaults, load_plan, plan_schema_text, read_plan
from shared.procedures import ProcedureFaults, read_procedures
from shared.units import UnitRegistry

ROOT = Path(__file__).parents[2]
REGISTRY = UnitRegistry.load(ROOT / "deploy" / "units")

GOOD = """\
plan: thu
title: Kế hoạch thử
issued: {number: 1/KH, date: 2020-01-01}
runs: {from: 2020-01-01, to: 2020-12-31}
groups:
  offices: [461, "462"]
indicators:
  installs:
    count: install.recorded
    where: {app: rtHome, result: succeeded}
    target: {for: offices, at_least: 100, except: {461: 50}}
obligations:
  lists:
    owed_by: offices
    owed_to: RTA
    due: {every: month, day: 5, for: previous month}
    fulfilled_by: {event: list.delivered, where: {list: clients}}
"""


def faults(text: str | bytes) -> list[PlanFault]:
    return load_plan(text, registry=REGISTRY)[1]


def found(text: str | bytes) -> list[tuple[int, str]]:
    return [(fault.line, fault.code) for fault in faults(text)]


def swap(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def test_a_good_plan_has_no_faults() -> None:
    plan, faults = load_plan(GOOD, registry=REGISTRY)
    assert plan is not None
    assert faults == []
    assert plan.target_units("installs") == ("461", "462")


def test_json_is_read_as_well_and_is_the_same_plan() -> None:
    text = orjson.dumps(yaml.load(GOOD, Loader=yaml.BaseLoader))
    plain = text.replace(b'"100"', b"100").replace(b'"50"', b"50").replace(b'"5"', b"5")
    assert (
        read_plan(plain, registry=REGISTRY).digest() == read_plan(GOOD, registry=REGISTRY).digest()
    )


def test_comments_order_and_spacing_do_not_change_the_digest() -> None:
    good = read_plan(GOOD, registry=REGISTRY)
    head, tail = GOOD.split("groups:\n")
    other = f"# khác\n\ngroups:\n{tail}\n{head}"
    assert read_plan(other, registry=REGISTRY).digest() == good.digest()
    changed = read_plan(swap("at_least: 100", "at_least: 101"), registry=REGISTRY)
    assert changed.digest() != good.digest()


def test_all_faults_at_once_with_their_lines() -> None:
    text = """\
plan: Bad Name
title: x
issued: {number: 1/KH, date: 2020-13-01}
runs: {from: 2020-12-31, to: 2020-01-01}
groups:
  offices: [461, 999]
indicators:
  a:
    count: instal.recorded
    target: {for: ofices, at_least: 25%}
  b:
    count: dossier.received
    where: {channel: onlin, nothing: 1, procedure: {in: nolist}}
    targets: {for: offices}
  c:
    ratio: {of: {count: dossier.received}}
    target: {for: offices, at_least: 100}
obligations:
  d:
    owed_by: [461]
    owed_to: RTA
    due: {every: month}
    fulfilled_by: {event: list.delivered, where: {list: [clients]}, require: {rows: {atleast: 8}}}
    remind: [{before_due: two days, to: unit}]
penalties:
  - when: {indicator: z, state: missed}
    points: undecided
"""
    expected = {
        (1, "string_pattern_mismatch"),
        (3, "date_type"),
        (4, "range"),
        (6, "unknown_unit"),
        (9, "unknown_event"),
        (10, "target"),
        (10, "unknown_unit"),
        (13, "unknown_value"),
        (13, "unknown_field"),
        (13, "unknown_list"),
        (14, "extra_forbidden"),
        (11, "missing"),
        (16, "missing"),
        (22, "due"),
        (23, "filter"),
        (24, "span"),
        (26, "unknown_indicator"),
        (27, "undecided"),
    }
    got = set(found(text))
    assert expected <= got, expected - got
    assert load_plan(text, registry=REGISTRY)[0] is None
    assert [fault.line for fault in faults(text)] == sorted(fault.line for fault in faults(text))
    with pytest.raises(PlanFaults, match="dòng 6"):
        read_plan(text, registry=REGISTRY)


@pytest.mark.parametrize(
    ("old", "new", "line", "code", "words"),
    [
        ("[461,", "[46l,", 6, "unknown_unit", "46"),
        ("offices, at", "ofices, at", 11, "unknown_unit", "offices"),
        ("install.recorded", "install.recordd", 9, "unknown_event", "install.recorded"),
        ("result: succeeded", "result: success", 10, "unknown_value", "succeeded"),
        ("app: rtHome", "ap: rtHome", 10, "unknown_field", "app"),
        ("app: rtHome", "app: 5", 10, "unknown_value", "nháy"),
        ("owed_to: RTA", "owed_too: RTA", 15, "extra_forbidden", "owed_to"),
        ("except: {461: 50}", "except: {464: 50}", 11, "except", "464"),
        ("at_least: 100", "at_least: -1", 11, "amount", "25%"),
        ("at_least: 100", "at_least: 25%", 11, "target", "số nguyên"),
        ("day: 5", "day: 32", 16, "due", "31"),
        ("for: previous month", "for: previous year", 16, "due", "every"),
        ("[461,", "[19333,", 6, "unit_not_valid", "thời gian"),
        ("offices: [461", "461: [461", 6, "group", "trùng"),
        ("offices: [461", "offices: [offices, 461", 6, "cycle", "chính nó"),
        ("offices: [461, \"462\"]", "offices: {kind: districts}", 6, "unknown_kind", "district"),
        ("list.delivered, w", "dossier.late, w", 17, "unknown_event", "dossier.late"),
        ("title: Kế hoạch thử", "title: ''", 2, "string_too_short", "trống"),
        ("title: Kế hoạch thử", "title: 5", 2, "string_type", "chuỗi"),
        ("plan: thu", "plan: thu\nplan: thu2", 2, "repeated_key", "hai lần"),
    ],
)  # fmt: skip
def test_one_fault(old: str, new: str, line: int, code: str, words: str) -> None:
    got = faults(swap(old, new))
    assert (line, code) in [(fault.line, fault.code) for fault in got], got
    assert any(words in fault.message for fault in got if fault.code == code), got


@pytest.mark.parametrize(
    ("old", "new", "line", "code", "words"),
    [
        ("runs: {from: 2020-01-01, to: 2020-12-31}", "runs: {from: 2020-01-01, to: 2025-12-31}", 6,
         "unit_validity", "01/07/2025"),
        ("at_least: 100, except: {461: 50}", "at_least: 100, except: {461: 50}, total: 200", 11,
         "total_differs", "150"),
        ("due: {every: month, day: 5, for: previous month}", "due: {before: 2020-09-02}", 16,
         "day_off", "02/09/2020"),
        ("due: {every: month, day: 5, for: previous month}", "due: {by: 2020-09-05}", 16,
         "day_off", "05/09/2020"),
        ("due: {every: month, day: 5, for: previous month}", "due: {within: 9 months, of: 2019-12-02}",
         16, "day_off", "02/09/2020"),
        ("obligations:\n", "  more:\n    count: survey.completed\n    target: {for: offices, more_than: 5}\n"
         "obligations:\n", 14, "mixed_comparison", "at_least"),
    ],
)  # fmt: skip
def test_legal_but_odd(old: str, new: str, line: int, code: str, words: str) -> None:
    plan, got = load_plan(swap(old, new), registry=REGISTRY)
    assert plan is not None, got
    assert (line, code, "warning") in [(each.line, each.code, each.severity) for each in got], got
    assert all(words in each.message for each in got if each.code == code)


def test_a_total_that_is_the_sum_is_not_odd() -> None:
    plan, got = load_plan(
        swap("except: {461: 50}", "except: {461: 50}, total: 150"), registry=REGISTRY
    )
    assert plan is not None
    assert got == []


@pytest.mark.parametrize(
    "due",
    [
        "{within: 12 months}",
        "{of: 2020-01-01}",
        "{within: 12 months, of: 2020-01-01, before: 2021-01-01}",
        "{within: 12 weeks, of: 2020-01-01}",
        "{within: 12 months, of: 2020-01-01, every: year, day: 12-31}",
    ],
)
def test_a_term_needs_its_beginning_and_stands_alone(due: str) -> None:
    got = faults(swap("{every: month, day: 5, for: previous month}", due))
    assert {each.line for each in got if each.severity == "error"} == {16}, got


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        ("[]", "not_a_plan"),
        ("a: [1", "syntax"),
        ("a: &x 1\nb: *x", "alias"),
        ("a: *x", "alias"),
        ("a: !!python/object/apply:os.system [ls]", "tag"),
        ("a: !x 1", "tag"),
        ("--- 1\n--- 2", "documents"),
        ("[" * 100_000, "too_deep"),
        ("? [a]\n: 1", "key"),
        ("a: \x00", "syntax"),
        (b"a: \xff", "not_utf8"),
        ("a: \ud800", "not_utf8"),
        ("#" * (1 << 20) + "\n", "too_large"),
        ("[" + "1," * 150_000 + "]", "too_large"),
    ],
)
def test_what_is_not_read_at_all(text: str | bytes, code: str) -> None:
    plan, got = load_plan(text, registry=REGISTRY)
    assert plan is None
    assert code in [fault.code for fault in got]


def test_an_alias_bomb_is_refused_at_once() -> None:
    bomb = "a: &a [x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)},*{chr(97 + n)}]\n" for n in range(24)
    )
    assert found(bomb) == [(1, "alias")]


def test_words_that_yaml_twists_stay_as_written() -> None:
    plan = read_plan(swap("app: rtHome", "app: yes"), registry=REGISTRY)
    assert plan.indicators["installs"].where["app"] == "yes"
    assert (
        read_plan(swap('"462"', "462"), registry=REGISTRY).digest()
        == read_plan(GOOD, registry=REGISTRY).digest()
    )


@given(st.text(max_size=300) | st.binary(max_size=300))
def test_rubbish_never_raises(text: str | bytes) -> None:
    plan, got = load_plan(text, registry=REGISTRY)
    assert plan is None
    assert any(fault.severity == "error" for fault in got)


_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2000) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def _paths(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = (
        value.items() if isinstance(value, dict)
        else enumerate(value) if isinstance(value, list) else ()
    )  # fmt: skip
    return [path, *(inner for key, each in items for inner in _paths(each, (*path, key)))]


_PLAIN = orjson.loads(read_plan(GOOD, registry=REGISTRY).canonical())


@given(st.sampled_from(_paths(_PLAIN)[1:]), _JUNK)
def test_a_good_plan_with_junk_anywhere_never_raises(
    path: tuple[str | int, ...], junk: Any
) -> None:
    value = orjson.loads(orjson.dumps(_PLAIN))
    at = value
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = junk
    plan, got = load_plan(orjson.dumps(value, option=orjson.OPT_INDENT_2), registry=REGISTRY)
    assert (plan is None) == any(fault.severity == "error" for fault in got)
    assert all(fault.line >= 1 for fault in got)


def test_the_published_schema_is_current() -> None:
    kept = (ROOT / "docs" / "plans" / "plan.schema.json").read_text(encoding="utf-8")
    assert kept == plan_schema_text()


LISTED = (
    GOOD
    + """\
lists:
  some: {from: mau}
"""
)


def test_a_procedure_list_is_written_into_the_plan() -> None:
    plan = read_plan(LISTED, registry=REGISTRY)
    assert plan.lists == {"some": ["9.000001", "9.000002", "9.000003"]}
    again = read_plan(plan.canonical(), registry=REGISTRY)
    assert again.digest() == plan.digest()


@pytest.mark.parametrize(
    ("name", "words"), [("none", "mau"), ("../units/gia-lai", "không hợp lệ"), ("''", "hợp lệ")]
)
def test_a_list_that_is_not_there_is_named_with_those_that_are(name: str, words: str) -> None:
    got = faults(LISTED.replace("from: mau", f"from: {name}"))
    assert [(each.line, each.code) for each in got if each.severity == "error"] == [
        (19, "procedures")
    ], got
    assert any(words in each.message for each in got)


def test_every_fault_of_a_procedure_list_is_told(tmp_path: Path) -> None:
    text = "code,name,authority,level,duration\n1 2,a,,,\n9.1,b,ward,,\n9.1,c,,,5 weeks\n"
    (tmp_path / "thu.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ProcedureFaults) as caught:
        read_procedures(tmp_path, "thu")
    assert [fault.split(":")[1] for fault in caught.value.faults] == ["2", "3", "4", "4"]
    (tmp_path / "thu.csv").write_text("code;name\n", encoding="utf-8")
    with pytest.raises(ProcedureFaults, match="các cột"):
        read_procedures(tmp_path, "thu")


def test_targets_that_all_or_none_can_meet_are_odd() -> None:
    ratio = "ratio: {of: {count: dossier.late}, over: {count: dossier.received}}"
    text = f"""\
plan: thu
title: Thử
issued: {{number: 1/KH}}
runs: {{from: 2020-01-01, to: 2020-12-31}}
indicators:
  a: {{count: install.recorded, target: {{for: [461, 462], at_least: 5, except: {{461: 0}}}}}}
  b: {{{ratio}, target: {{for: 461, at_least: 150%}}}}
  c: {{{ratio}, target: {{for: 461, more_than: 100%}}}}
  d: {{{ratio}, target: {{for: 461, at_least: 100%}}}}
  e: {{{ratio}, target: {{for: 461, more_than: 0%}}}}
"""
    plan, faults = load_plan(text, registry=REGISTRY)
    assert plan is not None
    odd = {(each.code, each.path) for each in faults if each.code != "mixed_comparison"}
    assert odd == {
        ("always_met", "/indicators/a/target/except/461"),
        ("out_of_reach", "/indicators/b/target/at_least"),
        ("out_of_reach", "/indicators/c/target/more_than"),
    }


NAMED = """\
plan: ten
title: Tên
issued: {{number: 1/KH, date: 2020-01-02, by: UBND}}
runs: {{from: {start}, to: {end}}}
groups: {{hai: ["Đa Krông", 461]}}
indicators:
  a:
    count: install.recorded
    where: {{place: home}}
    target: {{for: [{name}], at_least: 5, except: {{{name}: 7}}}}
obligations:
  b:
    title: B
    owed_by: hai
    owed_to: [Quảng Trị]
    due: {{every: month, day: 5}}
    fulfilled_by: {{event: report.filed}}
    remind: [{{before_due: 1 day, to: [unit, {name}]}}]
"""


@pytest.mark.parametrize(
    "name", ["467", "Đakrông", "Đa Krông", "DAKRONG", "Huyện Đakrông", "\u0110akro\u0302ng"]
)
def test_a_unit_is_called_by_any_of_its_names_and_kept_as_a_code(name: str) -> None:
    text = NAMED.format(name=name, start="2020-01-01", end="2020-12-31")
    plan = read_plan(text, registry=REGISTRY)
    target = plan.indicators["a"].target
    assert target is not None
    assert (target.for_, target.except_) == (["467"], {"467": 7})
    assert plan.groups["hai"].units == ["467", "461"]
    duty = plan.obligations["b"]
    assert (duty.owed_by, duty.owed_to) == (["hai"], ["45"])
    assert duty.remind[0].to == ["unit", "467"]
    assert "DAKRONG" not in plan.canonical().decode()


def test_a_name_means_the_unit_of_the_plan_s_time() -> None:
    text = NAMED.format(name="DAKRONG", start="2025-08-01", end="2025-12-31")
    for old, new in (("Đa Krông", "xã Đakrông"), ("461", "19360"), ("Quảng Trị", "44")):
        text = text.replace(old, new)
    plan, faults = load_plan(text, registry=REGISTRY)
    assert plan is not None, faults
    target = plan.indicators["a"].target
    assert target is not None
    assert target.for_ == ["19564"]
    assert plan.groups["hai"].units == ["19564", "19360"]


def test_a_name_of_nothing_or_of_one_unit_twice_is_refused_with_the_nearest() -> None:
    text = NAMED.format(name="Đakrong Thượng", start="2020-01-01", end="2020-12-31")
    _, faults = load_plan(text, registry=REGISTRY)
    assert any("467 (Huyện Đakrông)" in each.message for each in faults)
    twice = NAMED.format(name="467", start="2020-01-01", end="2020-12-31").replace(
        "except: {467: 7}", "except: {467: 7, DAKRONG: 8}"
    )
    assert load_plan(twice, registry=REGISTRY)[0] is None
