"""POST /v1/events as strangers use it: every way in, every answer that the contract names."""

import asyncio
import base64
import copy
import json
from datetime import UTC, datetime

import asyncpg
import httpx
import pytest
from cloudevents.core.bindings.http import to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from tests.builders import event, install, status, submitted
from tests.instance import instance, wait_for

SINGLE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
PHONE, NAME, MAIL = "0900000042", "Nguyễn Thị Thử", "thu@example.vn"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("front-door")) as made:
        made.start("intake")
        made.wait_ready("intake")
        yield made


@pytest.fixture
def send(running):
    """Post a body; what is no bytes goes as JSON."""

    def post(body, content_type=SINGLE, key=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if content_type:
            headers["Content-Type"] = content_type
        if key is not None:
            headers["Authorization"] = f"Bearer {key}" if key else ""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return running.http.post(running.url("intake", "/v1/events"), content=raw, headers=headers)

    return post


@pytest.fixture(scope="module")
def make_key(running):
    def make(*scopes, **bounds):
        answer = running.http.post(
            running.url("intake", "/v1/keys"),
            json={"name": "test", "scopes": list(scopes), **bounds},
        )
        assert answer.status_code == 201, answer.text
        return answer.json()["key"]

    return make


def results(answer):
    assert answer.status_code == 202, answer.text
    return [r["status"] for r in answer.json()["results"]]


def faults(answer, status):
    """{(pointer, code)} of a problem document."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["type"].startswith("urn:motcua:problem:")
    assert all(fault["message"] for fault in body["errors"])
    return {(fault["pointer"], fault["code"]) for fault in body["errors"]}


def published(running, made):
    """What went to the stream for an event, decoded; None where it was never taken."""

    async def ask():
        connection = await asyncpg.connect(running.urls["owner"])
        try:
            return await connection.fetchval(
                "SELECT o.payload FROM intake.outbox o JOIN intake.events e USING (message_id)"
                " WHERE o.stream = 'EVENTS' AND e.source = $1 AND e.event_id = $2",
                made["source"],
                made["id"],
            )
        finally:
            await connection.close()

    found = asyncio.run(ask())
    return None if found is None else json.loads(found)


def quarantine(running):
    return running.get("intake", "/v1/quarantine", limit=1000)["quarantine"]


# -- the three modes -----------------------------------------------------------------------------


def test_one_event_in_structured_mode(running, send):
    made = install(1, "461")
    answer = send(made)
    assert answer.status_code == 202
    assert answer.json() == {
        "results": [
            {"index": 0, "source": "/test", "id": "install-461-1", "status": "accepted",
             "errors": []}
        ]
    }  # fmt: skip
    assert results(send(made)) == ["duplicate"]
    assert results(send(made, f"{SINGLE}; charset=utf-8")) == ["duplicate"]
    assert results(send(made, "application/json")) == ["duplicate"]
    where = wait_for(
        lambda: (
            found := running.get("intake", "/v1/events", source="/test", id="install-461-1")
        )["state"] == "published" and found
    )  # fmt: skip
    assert (where["type"], where["unit"]) == ("motcua.install.recorded.v1", "461")
    missing = running.http.get(
        running.url("intake", "/v1/events"), params={"source": "/test", "id": "never"}
    )
    assert missing.status_code == 404


def test_a_batch_is_answered_item_by_item_in_order(running, send):
    first, second, third = (install(n, "462") for n in (1, 2, 3))
    changed = copy.deepcopy(second)
    changed["data"]["place"] = "public"
    unknown = install(4, "46l")
    no_zone = install(5, "462") | {"time": "2019-09-01T08:00:00"}
    no_event = {"hello": "world"}
    batch = [first, second, first, changed, unknown, 17, no_zone, None, no_event, third]
    answer = send(batch, BATCH)
    assert results(answer) == [
        "accepted", "accepted", "duplicate", "conflict", "refused", "refused", "refused",
        "refused", "refused", "accepted",
    ]  # fmt: skip
    shown = answer.json()["results"]
    assert [r["index"] for r in shown] == list(range(10))
    assert [r["id"] for r in shown[:3]] == ["install-462-1", "install-462-2", "install-462-1"]
    assert [[f["code"] for f in r["errors"]] for r in shown[4:7]] == [
        ["unknown_unit"], ["not_an_object"], ["missing_zone"],
    ]  # fmt: skip
    assert results(send(batch, BATCH)) == [
        "duplicate", "duplicate", "duplicate", "conflict", "refused", "refused", "refused",
        "refused", "refused", "duplicate",
    ]  # fmt: skip
    assert published(running, second)["data"]["place"] == "home"
    assert published(running, third)["data"]["installer"] == "462-04"
    assert results(send([], BATCH)) == []
    assert results(send([install(6, "462")], "application/json")) == ["accepted"]


def in_headers(made):
    return {f"ce-{k}": v for k, v in made.items() if k not in ("data", "datacontenttype")}


def test_one_event_in_binary_mode(running, send):
    made = install(1, "464") | {"source": "/m%E1%BB%99t-c%E1%BB%ADa/464"}
    plain = made | {"source": "/một-cửa/464"}
    answer = send(made["data"], "application/json", **in_headers(made))
    assert results(answer) == ["accepted"]
    assert answer.json()["results"][0]["source"] == "/một-cửa/464"
    assert results(send(plain)) == ["duplicate"]
    assert results(send(made["data"], "application/json", **in_headers(made))) == ["duplicate"]
    changed = made["data"] | {"place": "other"}
    answer = send(changed, "application/json", **in_headers(made))
    assert faults(answer, 409) == {("/id", "conflict")}
    assert published(running, plain)["data"]["place"] == "home"


def test_what_is_loaded_afterwards_says_so_in_every_mode(running, send):
    marked = [install(n, "464") | {"backfill": True} for n in (11, 12)]
    plain = [install(13, "464") | {"backfill": False}, install(14, "464") | {"backfill": None}]
    assert results(send([marked[0], *plain], BATCH)) == ["accepted"] * 3
    headers = in_headers(marked[1]) | {"ce-backfill": "true"}
    assert results(send(marked[1]["data"], "application/json", **headers)) == ["accepted"]
    kept = [published(running, made) for made in (*marked, *plain)]
    assert [made.get("backfill") for made in kept] == [True, True, None, None]
    assert results(send(install(11, "464"))) == ["duplicate"], "it is no part of the body"
    assert published(running, marked[0])["backfill"] is True


@pytest.mark.parametrize("value", ["true", "yes", "", 1, 0, 1.0, [True], {}])
def test_anything_but_a_boolean_is_no_backfill(running, send, value):
    made = install(15, "464") | {"backfill": value}
    assert faults(send(made), 400) == {("/backfill", "wrong_type")}
    if isinstance(value, str) and value != "true":
        headers = in_headers(made)
        answer = send(made["data"], "application/json", **headers)
        assert faults(answer, 400) == {("/backfill", "wrong_type")}
    assert published(running, made) is None


@pytest.mark.parametrize("missing", ["id", "source", "type", "specversion"])
def test_binary_mode_without_a_required_header(send, missing):
    made = install(2, "464")
    headers = in_headers(made)
    del headers[f"ce-{missing}"]
    answer = send(made["data"], "application/json", **headers)
    assert (f"/{missing}", "missing") in faults(answer, 400)


@pytest.mark.parametrize(
    ("name", "value", "status", "pointer"),
    [
        ("ce-time", None, 422, "/time"),
        ("ce-time", "2019-09-01T08:00:00", 422, "/time"),
        ("ce-id", "a%00b", 422, "/id"),
        ("ce-id", "%ff%fe", 400, ""),
        ("ce-id", "", 400, "/id"),
        ("ce-source", "a%20b", 400, "/source"),
        ("ce-type", "motcua.quota.reached.v1", 422, "/type"),
        ("ce-Specversion", "0.3", 400, "/specversion"),
        ("Content-Type", "text/plain", 415, ""),
        ("Content-Type", "application/json; charset=latin-1", 415, ""),
    ],
)
def test_tricks_with_headers(running, send, name, value, status, pointer):
    made = install(3, "464")
    headers = {"Content-Type": "application/json", **in_headers(made)}
    headers = {k: v for k, v in headers.items() if k.lower() != name.lower()}
    if value is not None:
        headers[name] = value
    content_type = headers.pop("Content-Type")
    answer = send(made["data"], content_type, **headers)
    assert pointer in {where for where, _ in faults(answer, status)}
    assert published(running, made) is None


@pytest.mark.parametrize("pack", [to_structured, to_binary])
def test_the_official_sdk_gets_through(running, send, pack):
    attributes = {
        "id": f"sdk-{pack.__name__}-số 1",
        "source": "/sdk",
        "type": "motcua.survey.completed.v1",
        "time": datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC),
        "datacontenttype": "application/json",
        "subject": 'a "quoted" 100% subject',
    }
    data = {
        "unit": "461", "domain": "health", "mode": "phone", "questionnaire": "q1",
        "answers": {"quality": 9, "note": "hài lòng"},
    }  # fmt: skip
    message = pack(CloudEvent(attributes=attributes, data=data), JSONFormat())
    for expected in ("accepted", "duplicate"):
        answer = running.http.post(
            running.url("intake", "/v1/events"), content=message.body, headers=message.headers
        )
        assert results(answer) == [expected]
    kept = published(running, attributes)
    assert kept["time"] == "2020-02-03T04:05:06+00:00"
    assert kept["subject"] == 'a "quoted" 100% subject'
    assert kept["data"] == data


# -- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"{",
        b"\xff\xfe\x00\x01",
        bytes(range(256)) * 50,
        b"\xef\xbb\xbf{}x",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b"[" * 5_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b"[" * 100_000 + b"]" * 100_000,
        '{"id": "đ"}'.encode("utf-16"),
        '{"id": "đ"}'.encode("latin-1", "replace") + b"\xf0",
    ],
)
@pytest.mark.parametrize("content_type", [SINGLE, BATCH])
def test_what_is_not_json(send, body, content_type):
    answer = send(body, content_type)
    assert answer.status_code == 400
    assert faults(answer, 400)


@pytest.mark.parametrize("body", [b"7", b'"text"', b"null", b"true", b"[]", b"{}", b"[[]]"])
def test_json_that_is_no_event(send, body):
    assert faults(send(body), 400)


@pytest.mark.parametrize("body", [b"7", b"{}", b"null"])
def test_a_batch_must_be_a_list(send, body):
    assert faults(send(body, BATCH), 400) == {("", "not_a_batch")}


def test_not_a_cloudevent(send):
    made = install(1, "465")
    del made["specversion"], made["source"]
    made |= {"id": 7, "Bad_Name": 1}
    assert faults(send(made), 400) == {
        ("/specversion", "missing"),
        ("/source", "missing"),
        ("/id", "wrong_type"),
        ("/Bad_Name", "invalid_attribute_name"),
    }


def test_every_fault_of_an_event_at_once(running, send):
    made = event(
        "dossier.submitted", "many-faults", "2020-03-02T08:00:00",
        code="A B", procedure="", field="Đất đai", unit="46l", credited_unit="moon",
        authority="planet", channel="online", submitted_at="2020-13-01T00:00:00Z",
        due_at="2020-03-09", applicant={"phone": PHONE, "name": 7, "notify": ["pigeon"]},
    )  # fmt: skip
    expected = {
        ("/time", "missing_zone"),
        ("/data/code", "invalid_code"),
        ("/data/procedure", "empty"),
        ("/data/unit", "unknown_unit"),
        ("/data/credited_unit", "unknown_unit"),
        ("/data/authority", "not_allowed"),
        ("/data/submitted_at", "not_rfc3339"),
        ("/data/due_at", "not_rfc3339"),
        ("/data/applicant/name", "wrong_type"),
        ("/data/applicant/notify/0", "not_allowed"),
    }
    assert faults(send(made), 422) == expected
    assert PHONE not in send(made).text
    assert published(running, made) is None


def test_a_unit_of_another_time(send):
    before = install(1, "19333")
    after = install(2, "461") | {"time": "2026-01-05T08:00:00+07:00"}
    for made in (before, after):
        assert faults(send(made), 422) == {("/data/unit", "unit_not_valid")}


@pytest.mark.parametrize(
    ("field", "raw"),
    [
        ("rows", b"1e300"),
        ("rows", b"123456789012345678901234567890"),
        ("rows", b"-1"),
        ("rows", b"1.5"),
        ("rows", b"true"),
        ("rows", b'"7"'),
        ("period", b'"2020-02\\u0000"'),
        ("period", b'"\\ud800"'),
        ("list", b'"clients\\u0000"'),
        ("unit", b'"461\\u0000"'),
        ("unit", b'["461"]'),
    ],
)
def test_values_that_no_field_takes(running, send, field, raw):
    """Alone it is refused with its place; in a batch it alone."""
    made = event(
        "list.delivered", f"odd-{field}-{raw!r}", "2020-03-02T08:00:00+07:00",
        unit="461", list="clients", period="2020-02", rows=7,
    )  # fmt: skip
    made["data"][field] = "SPOT"
    body = json.dumps(made).encode().replace(b'"SPOT"', raw)
    assert f"/data/{field}" in {where for where, _ in faults(send(body), 422)}
    good = json.dumps(made | {"id": made["id"] + "good"}).replace('"SPOT"', '"461"').encode()
    neighbour = json.dumps(install(70, "465") | {"id": f"beside {field} {raw!r}"}).encode()
    if field == "unit":
        assert results(send(b"[" + good + b"," + body + b"]", BATCH)) == ["accepted", "refused"]
    assert results(send(b"[" + body + b"," + neighbour + b"]", BATCH)) == ["refused", "accepted"]
    assert published(running, made) is None


def test_numbers_beyond_all_measure_in_base64(send):
    made = event("survey.completed", "huge", "2020-03-02T08:00:00+07:00")
    del made["data"]
    data = {"unit": "461", "domain": "health", "mode": "phone", "questionnaire": "q"}
    for value in ("1" * 400, "1" * 5000, "NaN", "1e999", "[" * 3000 + "]" * 3000):
        text = json.dumps(data | {"answers": {"quality": "SPOT"}}).replace('"SPOT"', value)
        encoded = base64.b64encode(text.encode()).decode()
        answer = send(made | {"data_base64": encoded})
        assert answer.status_code == 422, (value[:9], answer.text)


def test_of_repeated_keys_the_last_counts(running, send):
    made = install(71, "465")
    body = json.dumps(made).replace('"place": "home"', '"place": "home", "place": "public"')
    assert results(send(body.encode())) == ["accepted"]
    assert published(running, made)["data"]["place"] == "public"
    made["data"]["place"] = "public"
    assert results(send(made)) == ["duplicate"]


def test_unknown_keys_are_taken_and_go_no_further(running, send):
    made = install(72, "465", secret=PHONE, nested={"deep": [1, {"x": None}]})
    made["traceparent"] = "00-abc"
    assert results(send(made)) == ["accepted"]
    text = json.dumps(published(running, made))
    assert PHONE not in text
    assert "nested" not in text


def test_too_deep(send):
    deep = "x"
    for _ in range(40):
        deep = [deep]
    assert ("/data", "too_deep") in faults(send(install(73, "465", extra=deep)), 422)


# -- limits --------------------------------------------------------------------------------------


def test_ten_megabytes(running, send):
    body = b" " * (10 << 20)
    assert faults(send(body), 413) == set()

    def pieces():
        for _ in range(200):
            yield b" " * 65536

    answer = running.http.post(
        running.url("intake", "/v1/events"), content=pieces(), headers={"Content-Type": BATCH}
    )
    assert answer.status_code == 413
    assert running.http.get(running.url("intake", "/livez")).status_code == 200


def test_a_thousand_events_and_no_more(send):
    many = [install(n, "466") for n in range(1001)]
    assert faults(send(many, BATCH), 413) == set()
    assert results(send(many[:1000], BATCH)) == ["accepted"] * 1000
    assert results(send(many[1:], BATCH)) == ["duplicate"] * 999 + ["accepted"]


@pytest.mark.parametrize("filling", ["x" * 300_000, ["\ud800"] * 60_000, list(range(60_000))])
def test_an_event_over_256_kib(running, send, filling):
    big = install(74, "465", padding=filling)
    assert faults(send(big), 413) == {("", "too_large")}
    answer = send([install(75, "465"), big, install(76, "465")], BATCH)
    assert [s == "refused" for s in results(answer)] == [False, True, False]
    assert answer.json()["results"][1]["errors"][0]["code"] == "too_large"
    assert published(running, big) is None


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/xml", "multipart/x"])
def test_other_content_types(send, content_type):
    assert faults(send(install(77, "465"), content_type), 415)


# -- keys ----------------------------------------------------------------------------------------


def test_without_a_key_or_with_a_wrong_one(running, send):
    for key in ("", "mc_no_such_key", "mc_abc_" + "x" * 43, "mc_"):
        answer = send(install(1, "467"), key=key)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
    bare = httpx.post(running.url("intake", "/v1/events"), json=install(1, "467"))
    assert bare.status_code == 401
    assert published(running, install(1, "467")) is None


def test_a_key_for_something_else(send, make_key):
    assert faults(send(install(1, "467"), key=make_key("reports:read")), 403) == set()


def test_a_key_bound_to_units(running, send, make_key):
    key = make_key("events:write", units=["440"])
    inside = submitted("DT-1", "18229", authority="commune")
    outside = submitted("DT-2", "461")
    assert results(send(inside, key=key)) == ["accepted"]
    assert faults(send(outside, key=key), 403) == {("/data/unit", "unit_not_allowed")}
    more = submitted("DT-3", "DT-TP")
    answer = send([outside, more, inside], BATCH, key=key)
    assert results(answer) == ["refused", "accepted", "duplicate"]
    assert answer.json()["results"][0]["errors"][0]["code"] == "unit_not_allowed"
    assert published(running, outside) is None
    # What others sent is not for this key to withdraw, known or not.
    send(outside)
    withdraw = event(
        "record.voided", "void-461", "2020-03-03T08:00:00+07:00", "/dt",
        of_source="/test", of_id=outside["id"], reason="r",
    )  # fmt: skip
    assert faults(send(withdraw, key=key), 403) == {("/data/of_id", "unit_not_allowed")}


def test_a_key_bound_to_sources(send, make_key):
    key = make_key("events:write", sources=["/mine"])
    assert results(send(install(2, "467") | {"source": "/mine"}, key=key)) == ["accepted"]
    assert faults(send(install(3, "467"), key=key), 403) == {("/source", "source_not_allowed")}


def test_a_revoked_key(running, send, make_key):
    key = make_key("events:write")
    assert results(send(install(4, "467"), key=key)) == ["accepted"]
    key_id = key.split("_")[1]
    running.http.delete(running.url("intake", f"/v1/keys/{key_id}")).raise_for_status()
    assert send(install(5, "467"), key=key).status_code == 401


# -- identity ------------------------------------------------------------------------------------


def test_a_conflict_is_told_and_kept_for_a_person(running, send):
    made = submitted("C-1", "468", applicant={"phone": PHONE, "name": NAME, "email": MAIL})
    assert results(send(made)) == ["accepted"]
    other = copy.deepcopy(made)
    other["data"]["applicant"]["phone"] = "0900000043"
    answer = send(other)
    assert faults(answer, 409) == {("/id", "conflict")}
    assert "0900000043" not in answer.text
    kept = [row for row in quarantine(running) if row["event"] == made["id"]]
    assert [(row["kind"], row["source"], row["unit"]) for row in kept] == [
        ("conflict", "/test", "468")
    ]
    assert results(send(made)) == ["duplicate"]


def test_the_same_body_is_a_matter_of_meaning(send):
    made = submitted("M-1", "468", due_at="2020-03-09T17:00:00+07:00")
    assert results(send(made)) == ["accepted"]
    backwards = json.dumps(dict(reversed(made.items()))).encode()
    utc = made | {"time": "2020-03-02T01:30:00.000Z"}
    spaced = json.dumps(made, indent=4).encode()
    for same in (backwards, utc, spaced, made | {"traceparent": "00-1"}):
        assert results(send(same)) == ["duplicate"]
    for other in (
        made | {"subject": "x"},
        made | {"time": "2020-03-02T08:30:01+07:00"},
        made | {"data": made["data"] | {"channel": "post"}},
        made | {"data": made["data"] | {"note": "unknown, but it says something else"}},
    ):
        assert faults(send(other), 409) == {("/id", "conflict")}
    elsewhere = made | {"source": "/other"}
    assert results(send(elsewhere)) == ["accepted"]


def test_what_a_source_sent_is_known_for_ever_and_without_the_broker(running, send):
    made = install(6, "467")
    assert results(send(made)) == ["accepted"]
    running.urls.tell("stop broker")
    running.kill("intake")
    running.start("intake")
    try:
        ready = wait_for(lambda: _answered(lambda: send(made)), 30)
        assert results(ready) == ["duplicate"]
        assert results(send(install(7, "467"))) == ["accepted"]
        changed = copy.deepcopy(made)
        changed["data"]["result"] = "failed"
        assert send(changed).status_code == 409
    finally:
        running.urls.tell("start broker")
    running.wait_ready("intake")
    wait_for(lambda: running.get("intake", "/v1/status")["unpublished"] == 0)
    assert results(send(made)) == ["duplicate"]


def _answered(call):
    try:
        answer = call()
    except httpx.HTTPError:
        return None
    return answer if answer.status_code != 503 else None


def test_any_order_is_taken(send):
    code = "ORDER-1"
    first = event(
        "record.voided", "void-early", "2020-03-05T08:00:00+07:00",
        of_source="/test", of_id=f"{code}-submitted", reason="nhập sai",
    )  # fmt: skip
    assert results(send(first)) == ["accepted"]
    assert results(send(status(code, "returned", "2020-03-04T08:00:00+07:00"))) == ["accepted"]
    assert results(send(status(code, "received", "2020-03-03T08:00:00+07:00"))) == ["accepted"]
    assert results(send(submitted(code))) == ["accepted"]


def test_the_same_event_from_many_at_once(running, send):
    made = [install(n, "470") for n in range(40)]

    async def storm():
        async with httpx.AsyncClient(headers=dict(running.http.headers)) as client:

            async def one():
                answer = await client.post(
                    running.url("intake", "/v1/events"),
                    content=json.dumps(made).encode(),
                    headers={"Content-Type": BATCH},
                )
                return results(answer)

            return await asyncio.gather(*(one() for _ in range(12)))

    answers = asyncio.run(storm())
    for of_one_event in zip(*answers, strict=True):
        assert sorted(of_one_event) == ["accepted"] + ["duplicate"] * 11


# -- personal data -------------------------------------------------------------------------------


def test_quarantine_and_refusals_hold_no_personal_data(running, send):
    bad = submitted(
        "Q-1", "46l", field=f"{NAME} {PHONE}", note=MAIL,
        applicant={"name": NAME, "phone": PHONE, "email": MAIL, "kind": "robot"},
    )  # fmt: skip
    named = submitted("Q-2", "469", applicant={"phone": PHONE}) | {"id": f"tel-{PHONE}"}
    strange = install(1, "469") | {"type": f"{MAIL}", "id": "Q-3", f"x{PHONE}": 1.5}
    unit = install(2, PHONE) | {"id": "Q-4"}
    installer = install(3, "469", installer=PHONE) | {"id": "Q-5"}
    source = install(4, "469", citizen=PHONE) | {"id": "Q-6", "source": f"/{PHONE}"}
    answer = send([bad, named, strange, unit, installer, source], BATCH)
    assert results(answer) == ["refused"] * 6
    for made in (bad, strange, unit, installer):
        told = send(made).text
        assert not any(secret in told for secret in (PHONE, NAME, MAIL))
    rows = quarantine(running)
    assert {"Q-1-submitted", "Q-3", "Q-4", "Q-5"} <= {row["event"] for row in rows}
    text = json.dumps(rows, ensure_ascii=False)
    for secret in (PHONE, PHONE[1:], NAME, MAIL):
        assert secret not in text
        assert secret not in running.log("intake")
