import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import events


def install(**changes: Any) -> dict[str, Any]:
    data = {
        "unit": "461",
        "app": "rtHome",
        "installer": "461-03",
        "citizen": "0900000001",
        "place": "home",
        "result": "succeeded",
    }
    envelope = {
        "specversion": "1.0",
        "id": "install-1",
        "source": "/one-stop/461",
        "type": "motcua.install.recorded.v1",
        "time": "2019-08-20T09:15:00+07:00",
        "data": data,
    }
    for key, value in changes.items():
        target = envelope if key in envelope or key in {"subject", "traceparent"} else data
        target[key] = value
    return envelope


def dossier(**changes: Any) -> dict[str, Any]:
    data = {
        "code": "000.00.24.H50-190805-0012",
        "procedure": "1.005129",
        "field": "Đất đai",
        "unit": "461",
        "authority": "district",
        "channel": "online",
        "submitted_at": "2019-08-05T08:40:00+07:00",
    }
    return {
        "specversion": "1.0",
        "id": "d-1",
        "source": "/one-stop/461",
        "type": "motcua.dossier.submitted.v1",
        "time": "2019-08-05T08:45:00+07:00",
        "data": data | changes,
    }


def report(period: object) -> dict[str, Any]:
    data = {"unit": "461", "plan": "p", "obligation": "o", "period": period}
    return install(type="motcua.report.filed.v1") | {"data": data}


def survey(answers: object) -> dict[str, Any]:
    data = {
        "unit": "461",
        "domain": "health",
        "mode": "phone",
        "questionnaire": "q",
        "answers": answers,
    }
    return install(type="motcua.survey.completed.v1") | {"data": data}


def total(value: object) -> dict[str, Any]:
    data = {"unit": "440", "plan": "p", "indicator": "i", "period": "2020-08", "value": value}
    return install(type="motcua.total.recorded.v1") | {"data": data}


def faults(raw: object) -> set[tuple[str, str]]:
    incoming, found = events.check(raw)
    assert (incoming is None) == bool(found)
    return {(fault.pointer, fault.code) for fault in found}


def without(raw: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in raw.items() if key not in names}


def test_all_faults_at_once() -> None:
    raw = without(install(unit=461, place="moon", result=True, app="a\0b"), "id", "specversion")
    raw["time"] = "2019-08-20T09:15:00"
    assert faults(raw) == {
        ("/id", "missing"),
        ("/specversion", "missing"),
        ("/time", "missing_zone"),
        ("/data/unit", "wrong_type"),
        ("/data/place", "not_allowed"),
        ("/data/result", "not_allowed"),
        ("/data/app", "control_character"),
    }


@pytest.mark.parametrize("raw", [None, 1, "x", [], [install()], True])
def test_not_even_an_object(raw: object) -> None:
    _, found = events.check(raw)
    assert [fault.is_envelope for fault in found] == [True]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"id": ""}, "empty"),
        ({"id": " "}, "empty"),
        ({"id": 7}, "wrong_type"),
        ({"source": None}, "missing"),
        ({"source": "not a uri"}, "not_a_uri"),
        ({"type": ""}, "empty"),
        ({"type": ["x"]}, "wrong_type"),
        ({"specversion": "0.3"}, "unsupported_specversion"),
        ({"specversion": 1.0}, "unsupported_specversion"),
        ({"subject": ""}, "empty"),
        ({"subject": 4}, "wrong_type"),
        ({"traceparent": {}}, "wrong_type"),
        ({"Unit": "461"}, "invalid_attribute_name"),
        ({"my_unit": "461"}, "invalid_attribute_name"),
    ],
)
def test_no_cloudevent(change: dict[str, Any], code: str) -> None:
    _, found = events.check(install() | change)
    assert [(fault.code, fault.is_envelope) for fault in found] == [(code, True)]


@pytest.mark.parametrize(
    ("time", "code"),
    [
        (None, "missing"),
        (0, "wrong_type"),
        (1565000000.5, "wrong_type"),
        (True, "wrong_type"),
        ("", "not_rfc3339"),
        ("1565000000", "not_rfc3339"),
        ("2019-08-20", "not_rfc3339"),
        ("2019-08-20 09:15:00+07:00", "not_rfc3339"),
        ("20190820T091500+0700", "not_rfc3339"),
        ("2019-08-20T09:15+07:00", "not_rfc3339"),
        ("2019-02-30T09:15:00+07:00", "not_rfc3339"),
        ("2019-08-20T25:15:00Z", "not_rfc3339"),
        ("2019-08-20T09:15:00+25:00", "not_rfc3339"),
        ("2019-08-20T09:15:00Z\n", "not_rfc3339"),
        ("２019-08-20T09:15:00Z", "not_rfc3339"),
        ("2019-08-20T09:15:00", "missing_zone"),
        ("1989-12-31T23:59:59Z", "date_out_of_range"),
        ("2101-01-01T00:00:00Z", "date_out_of_range"),
        ("0001-01-01T00:00:00+07:00", "not_rfc3339"),
        ("9999-12-31T23:59:59-07:00", "not_rfc3339"),
    ],
)
def test_time_breaks_the_contract(time: object, code: str) -> None:
    _, found = events.check(install(time=time))
    assert [(f.pointer, f.code, f.is_envelope) for f in found] == [("/time", code, False)]
    if time is not None:
        assert faults(dossier(due_at=time)) == {("/data/due_at", code)}


@pytest.mark.parametrize(
    ("time", "instant"),
    [
        ("2019-08-20T09:15:00+07:00", datetime(2019, 8, 20, 2, 15, tzinfo=UTC)),
        ("2019-08-20t02:15:00z", datetime(2019, 8, 20, 2, 15, tzinfo=UTC)),
        ("2019-08-20T02:15:00.123456789Z", datetime(2019, 8, 20, 2, 15, 0, 123456, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
    ],
)
def test_time_is_rfc3339(time: str, instant: datetime) -> None:
    incoming, _ = events.check(install(time=time))
    assert incoming is not None
    assert incoming.time == instant


@pytest.mark.parametrize("type_", sorted(events.OUTCOMES))
def test_outcomes_do_not_come_from_outside(type_: str) -> None:
    assert faults(install(type=type_)) == {("/type", "outcome_type")}


@pytest.mark.parametrize("type_", ["install.recorded", "motcua.install.recorded", "x" * 400])
def test_unknown_type(type_: str) -> None:
    assert faults(install(type=type_)) == {("/type", "unknown_type")}


@pytest.mark.parametrize("name", ["installer", "team", "member", "assisted_by"])
@pytest.mark.parametrize(
    "value", ["0900000001", "0900.000.001", "+84900000001", "a@example.org", "044090001234"]
)
def test_people_are_named_by_code(name: str, value: str) -> None:
    if name == "installer":
        raw = install(installer=value)
    elif name == "assisted_by":
        raw = dossier(assisted_by=value)
    else:
        data = {"unit": "1", "team": "t", "member": "m", "kind": "duty", "people": 1, name: value}
        raw = install(type="motcua.activity.recorded.v1") | {"data": data}
    assert faults(raw) == {(f"/data/{name}", "personal_data")}


def test_a_name_is_no_code() -> None:
    assert faults(install(installer="Nguyễn Văn Mẫu")) == {("/data/installer", "invalid_code")}


@pytest.mark.parametrize(
    "code", ["461", "QTR-TTHCC", "BP-HD-01", "H50.24", "ĐTN-01", "18229", "a_b", "x:1", "a/b"]
)
def test_codes(code: str) -> None:
    assert faults(install(unit=code, installer=code)) == set()


@pytest.mark.parametrize("bad", ["", " 461", "461\n", "a b", "-1", "x" * 65])
def test_no_codes(bad: str) -> None:
    assert len(faults(install(unit=bad))) == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a\0b", "control_character"),
        ("a\x1bb", "control_character"),
        ("a\x85b", "control_character"),
        ("a\ud800b", "invalid_unicode"),
        ("x" * 4001, "too_long"),
        ("\u0958" * 4000, "too_long"),
        (5, "wrong_type"),
        ([], "wrong_type"),
    ],
)
def test_texts_that_cannot_be_kept(text: object, code: str) -> None:
    assert faults(install(reason=text)) == {("/data/reason", code)}


def test_lines_in_free_text() -> None:
    assert faults(install(reason="một\n\thai\r\n")) == set()
    assert faults(dossier(field="một\nhai")) == {("/data/field", "control_character")}


@pytest.mark.parametrize("name", ["id", "source", "subject", "traceparent"])
@pytest.mark.parametrize(
    ("text", "code"),
    [("a\0", "control_character"), ("\ud800", "invalid_unicode"), ("x" * 513, "too_long")],
)
def test_attributes_that_cannot_be_kept(name: str, text: str, code: str) -> None:
    raw = install()
    raw[name] = text
    assert faults(raw) == {(f"/{name}", code)}


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (-1, "negative"),
        (-1.0, "negative"),
        (1.5, "wrong_type"),
        (True, "wrong_type"),
        ("12", "wrong_type"),
        (None, "wrong_type"),
        (10**10, "too_large"),
        (float("nan"), "wrong_type"),
        (float("inf"), "wrong_type"),
    ],
)
def test_counts(value: object, code: str) -> None:
    assert faults(total(value)) == {("/data/value", code)}


@pytest.mark.parametrize("value", [0, 120, 120.0])
def test_good_counts(value: object) -> None:
    assert faults(total(value)) == set()


@pytest.mark.parametrize(
    "period",
    [
        "2020", "2020-07", "2020-07-14", "2020-07-14-am", "2020-Q1", "2020-H2", "2020-W05", "once",
        "installer-list",
    ],
)  # fmt: skip
def test_periods(period: str) -> None:
    assert faults(report(period)) == set()


@pytest.mark.parametrize(
    "period", ["", "2020-13", "2020-02-30", "07/2020", "1890-01", 2020, "2020-Q5", "2020-1"]
)
def test_no_periods(period: object) -> None:
    assert len(faults(report(period))) == 1


@pytest.mark.parametrize(
    "answers",
    [
        {"quality": 8, "bribe": "no"},
        {"x": 7.5, "y": True, "z": None},
        {"câu.1": "hài lòng"},
        {"a": -2},
    ],
)
def test_answers(answers: object) -> None:
    assert faults(survey(answers)) == set()


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ({}, "empty"),
        ([], "wrong_type"),
        (None, "wrong_type"),
        ({"a": [1]}, "wrong_type"),
        ({"a": float("nan")}, "wrong_type"),
        ({"a": "x\0"}, "control_character"),
        ({"a": "\ud800"}, "invalid_unicode"),
        ({"a": "x" * 2001}, "too_long"),
        ({str(n): 1 for n in range(501)}, "too_long"),
        ({"0900000001": 1}, "invalid_code"),
        ({"a b": 1}, "invalid_code"),
        ({"\ud800": 1}, "invalid_code"),
    ],
)
def test_no_answers(answers: object, code: str) -> None:
    assert faults(survey(answers)) == {("/data/answers", code)}


def test_blank_optional_strings_count_as_absent() -> None:
    incoming, _ = events.check(install(device=" ", citizen="", reason="\u2003"))
    assert incoming is not None
    assert incoming.data.model_dump(include={"device", "citizen", "reason"}) == {
        "device": None,
        "citizen": None,
        "reason": None,
    }


def test_malformed_contact_data_are_no_faults() -> None:
    applicant = {"name": ".", "phone": "không có", "email": "x@", "notify": []}
    assert faults(dossier(applicant=applicant)) == set()


def test_applicant_faults_have_their_place() -> None:
    applicant = {"name": 1, "phone": 900000001, "kind": "robot", "notify": ["sms", "fax"]}
    assert faults(dossier(applicant=applicant)) == {
        ("/data/applicant/name", "wrong_type"),
        ("/data/applicant/phone", "wrong_type"),
        ("/data/applicant/kind", "not_allowed"),
        ("/data/applicant/notify/1", "not_allowed"),
    }
    assert faults(dossier(applicant="x")) == {("/data/applicant", "wrong_type")}


def test_unknown_keys_and_extensions_are_accepted() -> None:
    assert faults(install(traceparent="00-1", mood="good")) == set()


@pytest.mark.parametrize("secret", ["0900000001", "0900.000.001", "+84900000001"])
def test_an_id_must_not_hold_the_citizens_phone(secret: str) -> None:
    assert faults(install(id=f"install-{secret}")) == {("/id", "personal_data")}
    raw = dossier(applicant={"phone": "0900000001"}, code=secret)
    assert faults(raw) == {("/data/code", "personal_data")}


def test_a_source_must_not_hold_the_applicants_email() -> None:
    raw = dossier(applicant={"email": "A.B@example.org"})
    raw["source"] = "mailto:a.b@example.org"
    assert faults(raw) == {("/source", "personal_data")}


def test_data_as_base64() -> None:
    raw = install()
    encoded = base64.b64encode(json.dumps(raw["data"]).encode()).decode()
    incoming, found = events.check(without(raw, "data") | {"data_base64": encoded})
    assert not found
    assert incoming is not None
    assert incoming.raw == raw
    assert faults(raw | {"data_base64": encoded}) == {("/data_base64", "two_data")}


@pytest.mark.parametrize(
    ("encoded", "code", "is_envelope"),
    [
        (5, "wrong_type", True),
        ("***", "not_base64", True),
        ("é", "not_base64", True),
        (base64.b64encode(b"\xff").decode(), "not_json", False),
        (base64.b64encode(b"[" * 100_000).decode(), "not_json", False),
    ],
)
def test_bad_base64(encoded: object, code: str, is_envelope: bool) -> None:
    _, found = events.check(without(install(), "data") | {"data_base64": encoded})
    assert [(f.code, f.is_envelope) for f in found] == [(code, is_envelope)]


def test_data_must_be_an_object() -> None:
    assert faults(without(install(), "data")) == {("/data", "missing")}
    assert faults(install() | {"data": "{}"}) == {("/data", "wrong_type")}
    assert faults(install() | {"datacontenttype": "text/xml"}) == {
        ("/datacontenttype", "unsupported_content_type")
    }
    assert faults(install() | {"datacontenttype": "application/json; charset=utf-8"}) == set()


def test_too_deep() -> None:
    deep: Any = 1
    for _ in range(200):
        deep = [deep]
    assert faults(install(extra=deep)) == {("/data", "too_deep")}


def test_nothing_is_echoed() -> None:
    secret = "secret-0900000001@example.org"
    raw = install(unit=f"{secret} x", installer=secret, place=secret, result=secret)
    raw |= {"type": raw["type"], "time": secret, secret: secret}
    _, found = events.check(raw)
    assert len(found) == 6
    assert "0900000001" not in repr(found)
    assert "secret" not in repr(found)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(alphabet=st.characters(codec=None), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(alphabet=st.characters(codec=None), max_size=8), inner, max_size=4
        )
    ),
    max_leaves=12,
)
DATA_KEYS = sorted({name for t in events.TYPES.values() for name in t.published.model_fields})


@given(JSON)
def test_random_json_never_raises(raw: object) -> None:
    incoming, found = events.check(raw)
    assert incoming is None
    assert found


@given(
    st.sampled_from(sorted(events.TYPES)),
    st.dictionaries(st.sampled_from([*DATA_KEYS, "applicant"]), JSON, max_size=8),
    st.dictionaries(st.sampled_from(["id", "source", "time", "subject", "x"]), JSON, max_size=3),
)
def test_half_random_events_never_raise(type_: str, data: Any, envelope: Any) -> None:
    raw = install(type=type_) | {"data": data} | envelope
    incoming, found = events.check(raw)
    assert (incoming is None) == bool(found)
    for fault in found:
        json.dumps(fault.as_dict()).encode()
    events.canonical_digest(raw, b"key")
