"""Requests as senders make them: repeated, signed, packed, too many, for trial."""

import base64
import gzip
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from standardwebhooks import Webhook

from tests.builders import install, submitted
from tests.instance import ADMIN, instance, wait_for

SINGLE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
AGEING = '{"motcua.survey.completed.v1": {"since": "2026-01-01", "sunset": "2027-07-01",'
AGEING += ' "link": "https://example.vn/v2"}}'


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("requests")) as made:
        made.start("intake", MOTCUA_AGEING_TYPES=AGEING)
        made.wait_ready("intake")
        yield made


@pytest.fixture
def send(running):
    """Post a body; what is no bytes goes as JSON, a list as a batch."""

    def post(body, key=ADMIN, content_type=None, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named["Content-Type"] = content_type or (BATCH if isinstance(body, list) else SINGLE)
        named["Authorization"] = f"Bearer {key}"
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return running.http.post(running.url("intake", "/v1/events"), content=raw, headers=named)

    return post


@pytest.fixture(scope="module")
def make_key(running):
    def make(*scopes, **more):
        answer = running.http.post(
            running.url("intake", "/v1/keys"),
            json={"name": "test", "scopes": list(scopes) or ["events:write"], **more},
        )
        assert answer.status_code == 201, answer.text
        return answer.json()["key"]

    return make


def statuses(answer):
    assert answer.status_code == 202, answer.text
    return [result["status"] for result in answer.json()["results"]]


def codes(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return {fault["code"] for fault in answer.json()["errors"]}


def source_path(running, source, rest=""):
    return running.url("intake", f"/v1/sources/{quote(source, safe='')}{rest}")


def where(running, source, id, key=ADMIN):
    return running.http.get(
        running.url("intake", "/v1/events"),
        params={"source": source, "id": id},
        headers={"Authorization": f"Bearer {key}"},
    )


# -- repeated ----------------------------------------------------------------------------------


def test_a_repeat_with_its_key_gets_the_first_answer_again(send):
    batch = [install(1, "461"), install(2, "nowhere"), install(3, "461")]
    first = send(batch, Idempotency_Key='"8e03978e-40d5"')
    assert statuses(first) == ["accepted", "refused", "accepted"]
    assert "idempotent-replayed" not in first.headers
    again = send(batch, Idempotency_Key='"8e03978e-40d5"')
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    assert statuses(send(batch, Idempotency_Key="another")) == ["duplicate", "refused", "duplicate"]
    assert statuses(send(batch)) == ["duplicate", "refused", "duplicate"]


def test_a_refusal_and_a_conflict_are_repeated_too(running, send):
    refused = send(install(4, "461", place="moon"), Idempotency_Key="r1")
    assert codes(refused, 422) == {"not_allowed"}
    assert send(install(4, "461", place="moon"), Idempotency_Key="r1").content == refused.content
    assert statuses(send([install(5, "461")])) == ["accepted"]
    conflict = send(install(5, "461", place="public"), Idempotency_Key="c1")
    assert codes(conflict, 409) == {"conflict"}
    again = send(install(5, "461", place="public"), Idempotency_Key="c1")
    assert (again.status_code, again.content) == (409, conflict.content)


def test_a_key_that_came_with_another_body_is_refused(running, send, make_key):
    assert statuses(send([install(6, "461")], Idempotency_Key="k6")) == ["accepted"]
    assert codes(send([install(7, "461")], Idempotency_Key="k6"), 422) == {"key_reused"}
    assert where(running, "/test", "install-461-7").status_code == 404
    other = make_key()
    assert statuses(send([install(7, "461")], other, Idempotency_Key="k6")) == ["accepted"]


def test_what_is_the_same_body_does_not_hang_on_spelling(send):
    body = install(8, "461")
    first = send(body, Idempotency_Key="k8")
    assert statuses(first) == ["accepted"]
    spelt = json.dumps(dict(reversed(body.items())), indent=2).encode()
    assert send(spelt, Idempotency_Key="k8").content == first.content


@pytest.mark.parametrize("name", ["type", "source", "id", "time", "data", "subject"])
@pytest.mark.parametrize("value", [None, [], {}, 1, 1.5, True, "\ud800"])
def test_an_attribute_of_any_type_is_refused_by_its_name(send, name, value):
    """Every attribute but the subject, which may be null."""
    sent = [install(12, "461") | {name: value}]
    headers = {"Idempotency_Key": f"{name}-{value!r}".encode("ascii", "replace").decode()}
    answer = send(sent, **headers)
    if name == "subject" and value is None:
        assert statuses(answer) == ["accepted"]
        return
    assert statuses(answer) == ["refused"]
    [result] = answer.json()["results"]
    assert {fault["pointer"].split("/")[1] for fault in result["errors"]} == {name}


def test_a_repeat_of_what_is_nested_too_deeply(send):
    body = json.dumps(install(14, "461")).replace('"rtHome"', "[" * 1000 + "]" * 1000).encode()
    first = send(body, Idempotency_Key="deep")
    assert first.status_code in (400, 422)
    assert send(body, Idempotency_Key="deep").content == first.content


@pytest.mark.parametrize("key", ["", '""', "x" * 300])
def test_a_key_that_is_none(send, key):
    assert codes(send(install(9, "461"), Idempotency_Key=key), 400) == {"invalid_key"}


def test_the_id_of_a_webhook_is_such_a_key(send):
    first = send([install(10, "461")], webhook_id="msg_10")
    assert statuses(first) == ["accepted"]
    assert send([install(10, "461")], webhook_id="msg_10").content == first.content
    assert statuses(send([install(11, "461")], Idempotency_Key="msg_10")) == ["accepted"]


def test_repeats_at_the_same_time_store_once_and_are_answered_alike(send):
    batch = [install(n, "462") for n in range(50)]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: send(batch, Idempotency_Key="at-once"), range(24)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert statuses(answers[0]) == ["accepted"] * 50


def test_a_thousand_unknown_units_do_not_hold_up_the_others(send):
    """The nearest codes are looked for a few times a request, not a thousand times."""
    batch = [install(n, f"no-{n}-such") for n in range(999)]
    batch.append(install(999, "x" * 100_000))
    with ThreadPoolExecutor(2) as pool:
        many = pool.submit(send, batch)
        one = pool.submit(send, install(13, "461"))
        assert one.result().status_code == 202
        results = many.result().json()["results"]
    assert {result["status"] for result in results} == {"refused"}
    assert {f["code"] for result in results for f in result["errors"]} == {
        "unknown_unit",
        "too_long",
    }


def test_replicas_give_one_answer_to_repeats_at_the_same_time(running):
    running.start("intake", 1, MOTCUA_AGEING_TYPES=AGEING)
    running.wait_ready("intake", 1)
    try:
        headers = {"Content-Type": BATCH, "Authorization": f"Bearer {ADMIN}"}
        for round in range(6):
            batch = json.dumps([install(n, "466", device=f"r{round}-{n}") for n in range(40)])
            body = batch.replace("install-466", f"round-{round}")

            def post(replica, body=body, round=round):
                return running.http.post(
                    running.url("intake", "/v1/events", replica % 2),
                    content=body,
                    headers=headers | {"Idempotency-Key": f"round-{round}"},
                )

            with ThreadPoolExecutor(4) as pool:
                answers = list(pool.map(post, range(4)))
            assert {answer.status_code for answer in answers} == {202}
            assert len({answer.content for answer in answers}) == 1
            assert statuses(answers[0]) == ["accepted"] * 40
    finally:
        running.kill("intake", 1)


# -- packed ------------------------------------------------------------------------------------


def test_gzip_gets_through(send):
    body = gzip.compress(json.dumps([install(20, "461")]).encode())
    assert statuses(send(body, content_type=BATCH, Content_Encoding="gzip")) == ["accepted"]
    assert statuses(send([install(20, "461")], Content_Encoding="identity")) == ["duplicate"]
    members = gzip.compress(b"[" + json.dumps(install(20, "461")).encode()) + gzip.compress(b"]")
    assert statuses(send(members, content_type=BATCH, Content_Encoding="x-gzip")) == ["duplicate"]


def test_a_bomb_is_refused_without_unpacking_it(running, send):
    bomb = gzip.compress(b" " * (200 << 20))
    assert len(bomb) < 1 << 20
    assert send(bomb, content_type=BATCH, Content_Encoding="gzip").status_code == 413


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("gzip", b"[]", 400),
        ("gzip", b"", 400),
        ("gzip", gzip.compress(b"[]")[:-4], 400),
        ("gzip", gzip.compress(b"[]") + b"rubbish", 400),
        ("deflate", b"[]", 415),
        ("br", b"[]", 415),
        ("gzip, gzip", gzip.compress(gzip.compress(b"[]")), 415),
    ],
    # A packed body holds the time of its making: it cannot name a test.
    ids=["plain", "empty", "cut", "followed", "deflate", "br", "twice"],
)
def test_other_packing(send, encoding, body, status):
    answer = send(body, content_type=BATCH, Content_Encoding=encoding)
    assert codes(answer, status) == ({"not_gzip"} if status == 400 else {"content_encoding"})
    if status == 415:
        assert "gzip" in answer.headers["accept-encoding"]


# -- signed ------------------------------------------------------------------------------------


def signed(secret, body, id="msg_1", at=None, **more):
    at = at or datetime.now(UTC)
    text = body.decode() if isinstance(body, bytes) else body
    signature = Webhook(secret).sign(id, at, text)
    return {
        "webhook_id": id,
        "webhook_timestamp": str(int(at.timestamp())),
        "webhook_signature": signature,
        **more,
    }


def new_secret(running, source, **body):
    answer = running.http.post(source_path(running, source, "/secrets"), json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_source_with_a_secret_must_sign(running, send):
    secret = new_secret(running, "/unit/461")["secret"]
    assert secret.startswith("whsec_")
    body = json.dumps(install(30, "461", source="/unit/461") | {"source": "/unit/461"}).encode()
    assert codes(send(body), 401) == {"unsigned"}
    assert codes(send(body, **signed("whsec_" + base64.b64encode(b"x" * 32).decode(), body)), 401)
    good = signed(secret, body, "msg_30")
    assert codes(send(body + b" ", **good), 401) == {"bad_signature"}
    assert codes(send(body, **good | {"webhook_id": "msg_31"}), 401) == {"bad_signature"}
    old = signed(secret, body, at=datetime.now(UTC) - timedelta(minutes=6))
    assert codes(send(body, **old), 401) == {"bad_signature"}
    for malformed in ("v1", "v1,%%%", "rubbish", "v1,", "v1a,abc"):
        wrong = good | {"webhook_signature": malformed}
        assert codes(send(body, **wrong), 401) == {"bad_signature"}
    assert statuses(send(body, **good)) == ["accepted"]
    packed = gzip.compress(body)
    again = signed(secret, body, "msg_32", Content_Encoding="gzip")
    assert statuses(send(packed, content_type=SINGLE, **again)) == ["duplicate"]


def test_two_secrets_are_valid_at_once_and_a_third_ends_the_first(running, send):
    first = new_secret(running, "urn:rotating")["secret"]
    body = json.dumps(install(40, "461") | {"source": "urn:rotating"}).encode()
    assert statuses(send(body, **signed(first, body, "a"))) == ["accepted"]
    second = new_secret(running, "urn:rotating")
    for n, secret in enumerate((first, second["secret"])):
        assert statuses(send(body, **signed(secret, body, f"b{n}"))) == ["duplicate"]
    given = "whsec_" + base64.b64encode(b"a secret of the source's own").decode()
    assert new_secret(running, "urn:rotating", secret=given)["secret"] == given
    assert codes(send(body, **signed(first, body, "c")), 401) == {"bad_signature"}
    both = signed(first, body, "d")
    both["webhook_signature"] += " " + signed(given, body, "d")["webhook_signature"]
    both["webhook_timestamp"] = signed(given, body, "d")["webhook_timestamp"]
    assert statuses(send(body, **both)) == ["duplicate"]
    dropped = running.http.delete(source_path(running, "urn:rotating", f"/secrets/{second['id']}"))
    assert dropped.status_code == 200
    assert codes(send(body, **signed(second["secret"], body, "e")), 401) == {"bad_signature"}
    listed = running.http.get(source_path(running, "urn:rotating", "/secrets")).json()
    assert [set(each) for each in listed["secrets"]] == [{"id", "created_at"}]


def test_one_unsigned_source_does_not_hold_up_the_rest_of_a_batch(running, send):
    new_secret(running, "/must-sign")
    mixed = [install(50, "461"), install(51, "461") | {"source": "/must-sign"}]
    answer = send(mixed)
    assert statuses(answer) == ["accepted", "refused"]
    assert [f["code"] for f in answer.json()["results"][1]["errors"]] == ["unsigned"]


def test_signing_may_be_left_to_the_source(running, send):
    secret = new_secret(running, "/may-sign", required=False)["secret"]
    body = json.dumps(install(55, "461") | {"source": "/may-sign"}).encode()
    assert statuses(send(body)) == ["accepted"]
    wrong = signed(secret, body) | {"webhook_id": "msg_2"}
    assert codes(send(body, **wrong), 401) == {"bad_signature"}


def test_only_an_admin_makes_secrets_and_not_of_anything(running, make_key):
    key = {"Authorization": f"Bearer {make_key()}"}
    url = source_path(running, "/unit/461", "/secrets")
    assert running.http.post(url, json={}, headers=key).status_code == 403
    assert running.http.get(url, headers=key).status_code == 403
    assert running.http.post(url, json={"secret": "whsec_c2hvcnQ="}).status_code == 422
    assert running.http.post(source_path(running, "a b", "/secrets")).status_code == 422


# -- too many ----------------------------------------------------------------------------------


def test_a_source_that_sends_too_much_is_asked_to_wait(running, send):
    agreed = running.http.put(source_path(running, "/busy"), json={"events_per_minute": 600})
    assert agreed.status_code == 200
    many = [install(n, "464") | {"source": "/busy"} for n in range(600)]
    assert statuses(send(many[:500])) == ["accepted"] * 500
    limited = send(many)
    assert limited.status_code == 429
    assert 1 <= int(limited.headers["retry-after"]) <= 50
    assert limited.json()["type"] == "urn:motcua:problem:too-many-requests"
    assert statuses(send([install(700, "464")])) == ["accepted"]
    assert send([install(701, "464"), *many]).status_code == 429
    assert where(running, "/test", "install-464-701").status_code == 404
    few = wait_for(lambda: (got := send(many[400:505])).status_code == 202 and got, 15)
    assert statuses(few) == ["duplicate"] * 100 + ["accepted"] * 5
    assert running.http.put(source_path(running, "/busy"), json={}).status_code == 200
    assert statuses(send(many)) == ["duplicate"] * 505 + ["accepted"] * 95


# -- ageing ------------------------------------------------------------------------------------


def test_a_version_that_ages_says_so(send):
    fresh = send([install(60, "461")])
    assert "deprecation" not in fresh.headers
    aged = send([install(60, "461"), {"type": "motcua.survey.completed.v1"}])
    assert aged.headers["deprecation"] == "@1767200400"
    assert aged.headers["sunset"] == "Wed, 30 Jun 2027 17:00:00 GMT"
    assert aged.headers["link"] == '<https://example.vn/v2>; rel="deprecation"'


# -- for trial ---------------------------------------------------------------------------------


def test_the_sandbox_answers_alike_and_lets_nothing_through(running, send, make_key):
    trial, other = make_key(sandbox=True), make_key(sandbox=True)
    event = submitted("SB-1", applicant={"phone": "0900000042", "name": "Nguyễn Thị Thử"})
    changed = submitted("SB-1", channel="counter")
    bad = submitted("SB-2", unit="nowhere")
    assert statuses(send([event, event, changed, bad], trial)) == [
        "accepted",
        "duplicate",
        "conflict",
        "refused",
    ]
    assert codes(send(changed, trial), 409) == {"conflict"}
    assert codes(send(bad, trial), 422) == {"unknown_unit"}
    assert statuses(send([changed], other)) == ["accepted"]
    assert where(running, "/test", "SB-1-submitted").status_code == 404
    assert where(running, "/test", "SB-1-submitted", trial).json()["state"] == "sandboxed"
    held = running.get("intake", "/v1/quarantine", source="/test", code="unknown_unit")
    assert "SB-2-submitted" not in [row["event"] for row in held["quarantine"]]
    assert statuses(send([event])) == ["accepted"]
    assert statuses(send([changed], other)) == ["duplicate"]
    arrived = {
        row["source"]: row["today"] for row in running.get("intake", "/v1/sources")["sources"]
    }
    before = arrived["/test"]
    send([submitted("SB-3")], trial)
    after = {row["source"]: row["today"] for row in running.get("intake", "/v1/sources")["sources"]}
    assert after["/test"] == before


def test_a_key_of_the_sandbox_is_for_events_alone(running, make_key):
    answer = running.http.post(
        running.url("intake", "/v1/keys"),
        json={"name": "t", "scopes": ["events:write", "plans:write"], "sandbox": True},
    )
    assert codes(answer, 422) == {"not_allowed"}
    make_key(sandbox=True)
    kept = running.get("intake", "/v1/keys")["keys"]
    assert {tuple(key["scopes"]) for key in kept if key["sandbox"]} == {("events:write",)}


# -- where an event is -------------------------------------------------------------------------


def test_where_an_event_is(running, send, make_key):
    assert codes(send(install(80, "461") | {"data": install(80, "nowhere")["data"]}), 422) == {
        "unknown_unit"
    }
    held = where(running, "/test", "install-461-80").json()
    assert held["state"] == "quarantined"
    assert [fault["code"] for fault in held["errors"]] == ["unknown_unit"]
    assert statuses(send([install(80, "461")])) == ["accepted"]

    def settled():
        now = where(running, "/test", "install-461-80").json()
        return now["state"] == "published" and now

    found = wait_for(settled)
    assert found["stream_seq"] > 0
    assert found["unit"] == "461"
    assert [row["state"] for row in found["refusals"]] == ["corrected"]
    assert where(running, "/test", "never-sent").status_code == 404
    for allowed, key in (
        (True, make_key(units=["461"])),
        (True, make_key(sources=["/test"])),
        (False, make_key(units=["462"])),
        (False, make_key(sources=["/other"])),
    ):
        seen = where(running, "/test", "install-461-80", key)
        assert seen.status_code == (200 if allowed else 403)


# -- curl --------------------------------------------------------------------------------------


def test_curl_gets_through_in_every_mode(running, tmp_path):
    url = running.url("intake", "/v1/events")
    event = install(90, "461")
    single, batch, packed = tmp_path / "one", tmp_path / "batch", tmp_path / "batch.gz"
    single.write_text(json.dumps(event))
    batch.write_text(json.dumps([event]))
    packed.write_bytes(gzip.compress(batch.read_bytes()))
    data = tmp_path / "data"
    data.write_text(json.dumps(event["data"]))
    binary = [
        f"ce-{name}: {event[name]}" for name in ("specversion", "id", "source", "type", "time")
    ]
    for file, headers, expected in (
        (single, [f"Content-Type: {SINGLE}"], "accepted"),
        (batch, [f"Content-Type: {BATCH}"], "duplicate"),
        (packed, [f"Content-Type: {BATCH}", "Content-Encoding: gzip"], "duplicate"),
        (data, ["Content-Type: application/json", *binary], "duplicate"),
    ):
        argv = ["curl", "-sS", "--max-time", "20", "-w", "\n%{http_code}", url]
        argv += ["--data-binary", f"@{file}", "-H", f"Authorization: Bearer {ADMIN}"]
        for header in headers:
            argv += ["-H", header]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        body, _, status = done.stdout.rpartition("\n")
        assert status == "202", done.stdout
        assert [result["status"] for result in json.loads(body)["results"]] == [expected]
