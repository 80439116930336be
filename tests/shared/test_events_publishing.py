import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import events
from shared.events import outcomes

RECEIVED = datetime(2019, 8, 20, 17, 30, tzinfo=UTC)
KEY = b"k" * 32


def event(type_: str, data: dict[str, Any], **envelope: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/one-stop/461",
        "type": f"motcua.{type_}.v1",
        "time": "2019-08-20T09:15:00+07:00",
        "data": data,
    } | envelope


def install(**data: Any) -> dict[str, Any]:
    base = {"unit": "461", "app": "rtHome", "installer": "461-03", "place": "home"}
    return event("install.recorded", base | {"result": "failed"} | data)


def dossier(applicant: dict[str, Any] | None, **data: Any) -> dict[str, Any]:
    base = {
        "code": "000.00.24.H50-190805-0012",
        "procedure": "1.005129",
        "field": "Đất đai",
        "unit": "461",
        "authority": "district",
        "channel": "online",
        "submitted_at": "2019-08-05T08:40:00+07:00",
    }
    if applicant is not None:
        base["applicant"] = applicant  # type: ignore[assignment]
    return event("dossier.submitted", base | data)


def publish(raw: dict[str, Any], key: bytes = KEY) -> tuple[dict[str, Any], dict[str, Any] | None]:
    incoming, faults = events.check(raw)
    assert incoming is not None, faults
    parts = events.publish(incoming, receivedat=RECEIVED, hash_key=key, contact_token="tok")
    events.parse(parts.event_json)
    contact = json.loads(parts.contact_json) if parts.contact_json else None
    return json.loads(parts.event_json), contact


def test_one_citizen_has_one_hash_in_any_spelling() -> None:
    spellings = ["0900000001", "0900.000.001", "+84 900 000 001", "O900000001", "900000001.0"]
    hashes = {publish(install(citizen=text))[0]["data"]["citizen"] for text in spellings}
    hashes |= {publish(dossier({"phone": text}))[0]["data"]["citizen"] for text in spellings}
    assert hashes == {events.hash_citizen("0900000001", KEY)}


def test_hashes_are_keyed_and_of_separate_domains() -> None:
    data = publish(install(citizen="ref-1", device="ref-1"))[0]["data"]
    assert data["citizen"] != data["device"]
    assert data != publish(install(citizen="ref-1", device="ref-1"), b"other")[0]["data"]
    assert data["device"] == publish(install(device=" ref-1 "))[0]["data"]["device"]


def test_spellings_of_unicode_do_not_matter() -> None:
    composed, decomposed = "hộ-1", "ho\u0323\u0302-1"
    assert events.hash_citizen(composed, KEY) == events.hash_citizen(decomposed, KEY)


@pytest.mark.parametrize(
    ("applicant", "quality"),
    [
        (None, ("missing", "missing", "missing")),
        ({}, ("missing", "missing", "missing")),
        ({"name": "", "phone": "", "email": ""}, ("missing", "missing", "missing")),
        (
            {"name": "Người Mẫu", "phone": "0900000001", "email": "a@example.org"},
            ("present", "present", "present"),
        ),
        ({"name": ".", "phone": "không", "email": "a@b"}, ("invalid", "invalid", "invalid")),
        ({"name": "0900000001", "phone": "02333000001"}, ("invalid", "invalid", "missing")),
    ],
)
def test_quality_flags(applicant: dict[str, Any] | None, quality: tuple[str, str, str]) -> None:
    data = publish(dossier(applicant))[0]["data"]
    assert tuple(data["quality"][name] for name in ("name", "phone", "email")) == quality
    assert "applicant" not in data


def test_contact_takes_the_personal_data() -> None:
    applicant = {
        "name": " Người   Mẫu ",
        "phone": "0900.000.001",
        "email": " a@example.org",
        "kind": "organization",
        "notify": ["email"],
    }
    published, contact = publish(dossier(applicant))
    assert contact == {
        "token": "tok",
        "code": "000.00.24.H50-190805-0012",
        "name": "Người Mẫu",
        "phone": "+84900000001",
        "email": "a@example.org",
        "kind": "organization",
        "notify": ["email"],
        "source": "/one-stop/461",
        "id": "e-1",
        "time": "2019-08-20T09:15:00+07:00",
        "receivedat": "2019-08-20T17:30:00+00:00",
    }
    assert published["data"]["contact"] == "tok"
    assert published["data"]["applicant_kind"] == "organization"


def test_without_an_applicant_there_is_no_contact() -> None:
    published, contact = publish(dossier(None))
    assert contact is None
    assert published["data"]["contact"] is None
    assert published["data"]["citizen"] is None


def test_unusable_addresses_do_not_become_contacts() -> None:
    _, contact = publish(dossier({"phone": "02333000001", "email": "a@b", "notify": []}))
    assert contact is not None
    assert (contact["phone"], contact["email"], contact["notify"]) == (None, None, [])


def test_an_applicant_needs_a_token() -> None:
    incoming, _ = events.check(dossier({"phone": "0900000001"}))
    assert incoming is not None
    with pytest.raises(ValueError, match="token"):
        events.publish(incoming, receivedat=RECEIVED, hash_key=KEY, contact_token=None)


def test_unknown_keys_and_extensions_are_not_published() -> None:
    raw = install(mood="good", friend={"phone": "0900000002"}) | {"traceparent": "x"}
    published, _ = publish(raw)
    assert "mood" not in published["data"]
    assert "friend" not in published["data"]
    assert "traceparent" not in published


def test_free_texts_are_scrubbed_and_codes_survive() -> None:
    code = "000.00.24.H50-190805-0012"
    text = f"Gọi 0900.000.001 hoặc a@example.org, CCCD 044090001234, hồ sơ {code}"
    clean = f"Gọi […] hoặc […], CCCD […], hồ sơ {code}"
    status = event(
        "dossier.status_changed",
        {
            "code": code,
            "unit": "461",
            "status": "received",
            "at": "2019-08-05T08:40:00+07:00",
            "reason": text,
            "department": text,
        },
        subject=text,
    )
    published, _ = publish(status)
    assert published["data"]["reason"] == clean
    assert published["data"]["department"] == clean
    assert published["subject"] == clean
    answers = {"open": text, "n": 8, "none": None}
    survey = {"unit": "461", "domain": "health", "mode": "phone", "questionnaire": "q"}
    published, _ = publish(event("survey.completed", survey | {"answers": answers}))
    assert published["data"]["answers"] == {"open": clean, "n": 8}
    report = {"unit": "461", "plan": "p", "obligation": "o", "period": "2020", "document": text}
    assert publish(event("report.filed", report))[0]["data"]["document"] == clean
    difficulty = {"unit": "461", "difficulty": "d", "category": "c", "text": text}
    assert publish(event("difficulty.raised", difficulty))[0]["data"]["text"] == clean


def test_an_opaque_code_of_the_event_survives_in_its_texts() -> None:
    data = {
        "code": "12345678901",
        "unit": "461",
        "status": "received",
        "at": "2019-08-05T08:40:00+07:00",
        "reason": "hồ sơ 12345678901",
    }
    published, _ = publish(event("dossier.status_changed", data))
    assert published["data"]["reason"] == "hồ sơ 12345678901"


@given(
    st.integers(0, 9_999_999),
    st.sampled_from(["{}", "{} ", "0900000009/{}", "đt {}"]),
    st.sampled_from(["Người Nộp Mẫu", "Trần Thị Thử", "CÔNG TY MẪU"]),
    st.text(alphabet="xyz.", min_size=1, max_size=8).filter(lambda t: t.strip(".") == t),
    st.sampled_from(["field", "notes", "subject"]),
)
def test_no_personal_data_in_published_bytes(
    number: int, spelling: str, name: str, local: str, where: str
) -> None:
    phone, email = f"090{number:07d}", f"{local}@example.org"
    hidden = f"nộp bởi {name}, {phone}, {email}"
    applicant = {"name": name, "phone": spelling.replace("{}", phone), "email": email}
    raw = dossier(applicant)
    if where == "subject":
        raw["subject"] = hidden
    else:
        raw["data"][where] = hidden
    incoming, faults = events.check(raw)
    assert incoming is not None, faults
    parts = events.publish(incoming, receivedat=RECEIVED, hash_key=KEY, contact_token="tok")
    text = parts.event_json.decode()
    for secret in (phone, phone[1:], email, name):
        assert secret not in text
    assert name not in repr(incoming)


def test_parse_refuses_rubbish_without_repeating_it() -> None:
    for message in (b"", b"\xff", b"{}", b"[]", b'{"type": "secret-0900000001"}', b"0" * 100):
        with pytest.raises(ValueError) as caught:
            events.parse(message)
        assert "secret" not in str(caught.value)
    raw, _ = publish(install(citizen="x"))
    raw["data"]["installer"] = "0900000001"
    with pytest.raises(ValueError) as caught:
        events.parse(json.dumps(raw).encode())
    assert str(caught.value) == "/motcua.install.recorded.v1/data/installer personal_data"


def test_contacts_are_never_repeated_in_errors_or_representations() -> None:
    applicant = {"name": "Người Mẫu", "phone": "0900000001"}
    _, contact = publish(dossier(applicant))
    assert contact is not None
    parsed = events.parse_contact(json.dumps(contact).encode())
    assert f"{parsed}{parsed!r}" == "Contact(tok)Contact(tok)"
    with pytest.raises(ValueError) as caught:
        events.parse_contact(json.dumps(contact | {"phone": 900000001, "kind": "x"}).encode())
    assert str(caught.value) == "/phone wrong_type; /kind not_allowed"


def test_parse_ignores_what_later_versions_add() -> None:
    raw, _ = publish(install())
    raw["data"]["later"] = 1
    assert events.parse(json.dumps(raw | {"later": 1}).encode()).unit == "461"


def test_recorded_day_is_a_local_day() -> None:
    raw, _ = publish(install())
    parsed = events.parse(json.dumps(raw).encode())
    assert parsed.rday == date(2019, 8, 21)
    assert parsed.order == (parsed.time, "/one-stop/461", "e-1")
    assert parsed.uid == events.uid("/one-stop/461", "e-1")


def test_identity() -> None:
    assert len(events.uid("/a", "b")) == 16
    assert events.message_id("/a", "b").startswith(events.uid("/a", "b").hex())
    assert events.uid("/a", "b") != events.uid("/ab", "")


@pytest.mark.parametrize(
    ("type_", "unit", "subject"),
    [
        ("motcua.install.recorded.v1", "461", "motcua.events.install.recorded.461"),
        ("motcua.record.voided.v1", None, "motcua.events.record.voided._"),
        ("motcua.list.delivered.v1", "H50.*>", "motcua.events.list.delivered.H50___"),
        ("motcua.quota.fell_behind.v1", "ĐTN", "motcua.outcomes.quota.fell_behind._TN"),
    ],
)
def test_subject(type_: str, unit: str | None, subject: str) -> None:
    assert events.subject(type_, unit) == subject


def test_outcome_takes_only_its_own_data() -> None:
    entry = outcomes.StipendEntry(
        plan="p", unit="461", amount=-30000, currency="VND", of_source="/a", of_id="b"
    )
    made = {"source": "/motcua/quota", "id": "x", "time": RECEIVED}
    message = events.outcome("motcua.stipend.earned.v1", entry, **made)
    parsed = events.parse(message)
    assert parsed.data == entry
    with pytest.raises(ValueError, match="no outcome"):
        events.outcome("motcua.quota.reached.v1", entry, **made)
    with pytest.raises(ValueError, match="no outcome"):
        events.outcome("motcua.install.recorded.v1", entry, **made)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()


@given(st.dictionaries(st.text(), SCALARS, max_size=6), st.randoms(use_true_random=False))
def test_digest_ignores_the_order_of_keys(data: dict[str, Any], random: Any) -> None:
    raw = event("install.recorded", data)
    shuffled = [*data.items()]
    random.shuffle(shuffled)
    other = dict(reversed(raw.items())) | {"data": dict(shuffled)}
    assert events.canonical_digest(raw, KEY) == events.canonical_digest(other, KEY)


def test_digest_sees_what_matters() -> None:
    raw = install(citizen="0900000001")
    same = [
        raw | {"time": "2019-08-20T02:15:00.000Z"},
        raw | {"id": "other", "source": "/other", "datacontenttype": "application/json"},
        json.loads(json.dumps(raw)),
    ]
    different = [
        raw | {"time": "2019-08-20T09:15:01+07:00"},
        raw | {"subject": "x"},
        raw | {"type": "motcua.install.recorded.v2"},
        install(citizen="0900000002"),
        install(citizen="0900000001", unknown=1),
    ]
    digest = events.canonical_digest(raw, KEY)
    assert {events.canonical_digest(other, KEY) for other in same} == {digest}
    assert digest not in {events.canonical_digest(other, KEY) for other in different}
    assert digest != events.canonical_digest(raw, b"other")
    one, two = event("x.y", {"rows": 8}), event("x.y", {"rows": 8.0})
    assert events.canonical_digest(one, KEY) == events.canonical_digest(two, KEY)
    assert events.canonical_digest(one, KEY) != events.canonical_digest(
        event("x.y", {"rows": True}), KEY
    )


def test_digest_of_base64_data_is_that_of_the_data() -> None:
    import base64

    raw = install()
    encoded = base64.b64encode(json.dumps(raw["data"]).encode()).decode()
    other = {key: value for key, value in raw.items() if key != "data"} | {"data_base64": encoded}
    assert events.canonical_digest(raw, KEY) == events.canonical_digest(other, KEY)
