"""What intake keeps of whom: quarantine, contacts and their erasure, how sources send."""

import asyncio
import json
from datetime import timedelta

import asyncpg
import httpx
import nats
import pytest
from nats.js.errors import NotFoundError

from shared import clock
from tests.builders import event, install, submitted
from tests.instance import ADMIN, instance, wait_for

BATCH = "application/cloudevents-batch+json"
PHONE, NAME, MAIL = "0900000042", "Nguyễn Thị Thử", "thu@example.vn"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("keeping")) as made:
        made.start("intake")
        made.wait_ready("intake")
        yield made


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


@pytest.fixture
def post(running):
    def send(*events, key=ADMIN):
        answer = running.http.post(
            running.url("intake", "/v1/events"),
            content=json.dumps(list(events)),
            headers={"Content-Type": BATCH, "Authorization": f"Bearer {key}"},
        )
        assert answer.status_code == 202, answer.text
        return [result["status"] for result in answer.json()["results"]]

    return send


@pytest.fixture
def ask(running):
    def get(path, key=ADMIN, **params):
        return running.http.get(
            running.url("intake", path), params=params, headers={"Authorization": f"Bearer {key}"}
        )

    return get


def query(running, text, *values):
    async def run():
        connection = await asyncpg.connect(running.urls["owner"])
        try:
            return await connection.fetch(text, *values)
        finally:
            await connection.close()

    return asyncio.run(run())


def last_contact(running, token):
    """What the stream holds of a contact; None where it holds nothing."""

    async def run():
        client = await nats.connect(running.urls["nats"])
        try:
            found = await client.jetstream().get_last_msg("CONTACTS", f"motcua.contacts.{token}")
            return json.loads(found.data)
        except NotFoundError:
            return None
        finally:
            await client.close()

    return asyncio.run(run())


# -- quarantine --------------------------------------------------------------------------------


def test_quarantine_by_source_fault_and_day(post, ask):
    wrong = [
        install(n, "nowhere", place="moon") | {"source": "/q/one", "id": f"w{n}"} for n in range(3)
    ]
    other = [
        install(n, "461", place="moon") | {"source": "/q/two", "id": f"o{n}"} for n in range(2)
    ]
    assert post(*wrong, *other) == ["refused"] * 5
    today = str(clock.today())
    rows = ask("/v1/quarantine", source="/q/one").json()["quarantine"]
    assert sorted(row["event"] for row in rows) == ["w0", "w1", "w2"]
    assert {row["state"] for row in rows} == {"open"}
    assert {f["code"] for f in rows[0]["errors"]} == {"not_allowed", "unknown_unit"}
    codes = ask("/v1/quarantine", code="unknown_unit", day=today).json()["quarantine"]
    assert {row["source"] for row in codes} == {"/q/one"}
    assert ask("/v1/quarantine", source="/q/one", day="2020-01-01").json()["quarantine"] == []
    assert post(wrong[0]) == ["refused"]
    summary = ask("/v1/quarantine/summary", source="/q/one").json()["rows"]
    shown = {
        row["code"]: (row["day"], row["events"], row["refusals"], row["open"]) for row in summary
    }
    assert shown == {
        "not_allowed": (today, 3, 4, 3),
        "unknown_unit": (today, 3, 4, 3),
    }
    page = ask("/v1/quarantine", source="/q/one", limit=2).json()
    rest = ask("/v1/quarantine", source="/q/one", limit=2, before=page["next"]).json()
    paged = page["quarantine"] + rest["quarantine"]
    assert [row["event"] for row in paged] == [row["event"] for row in rows]


def test_a_correction_releases_what_was_refused(post, ask):
    bad = install(1, "461", place="moon") | {"source": "/q/mend"}
    good = install(1, "461") | {"source": "/q/mend"}
    assert post(bad) == ["refused"]
    assert post(good) == ["accepted"]
    [row] = ask("/v1/quarantine", source="/q/mend").json()["quarantine"]
    assert row["state"] == "corrected"
    assert row["corrected_at"] is not None
    assert post(bad) == ["refused"]
    assert ask("/v1/quarantine", source="/q/mend", state="open").json()["quarantine"] == []
    both = [install(2, "461", place="moon"), install(2, "461")]
    assert post(*({**each, "source": "/q/mend"} for each in both)) == ["refused", "accepted"]
    assert ask("/v1/quarantine", source="/q/mend", state="open").json()["quarantine"] == []
    [summed] = ask("/v1/quarantine/summary", source="/q/mend").json()["rows"]
    assert (summed["events"], summed["open"], summed["corrected"]) == (2, 0, 2)


def test_a_conflict_stays_until_what_it_contradicts_is_voided(post, ask):
    first, second = install(3, "461"), install(3, "461", place="public")
    assert post({**first, "source": "/q/c"}, {**second, "source": "/q/c"}) == [
        "accepted",
        "conflict",
    ]
    [row] = ask("/v1/quarantine", source="/q/c").json()["quarantine"]
    assert (row["kind"], row["state"]) == ("conflict", "open")
    void = event(
        "record.voided", "v3", first["time"], of_source="/q/c", of_id=first["id"], reason="x"
    )
    assert post(void) == ["accepted"]
    [row] = ask("/v1/quarantine", source="/q/c").json()["quarantine"]
    assert row["state"] == "corrected"


def test_a_bound_key_sees_what_concerns_it(post, ask, make_key):
    for unit in ("461", "462"):
        assert post(install(5, unit, place="moon") | {"source": f"/q/{unit}"}) == ["refused"]
    of_unit, of_source = make_key(units=["461"]), make_key(sources=["/q/462"])
    seen = ask("/v1/quarantine", of_unit).json()["quarantine"]
    assert {row["unit"] for row in seen} == {"461"}
    seen = ask("/v1/quarantine", of_source).json()["quarantine"]
    assert {row["source"] for row in seen} == {"/q/462"}
    assert {row["source"] for row in ask("/v1/quarantine/summary", of_source).json()["rows"]} == {
        "/q/462"
    }
    assert post(install(6, "462") | {"source": "/q/mine"}, key=of_unit) == ["refused"]
    assert "/q/mine" in {
        row["source"] for row in ask("/v1/quarantine", of_unit).json()["quarantine"]
    }
    assert ask("/v1/quarantine", make_key("reports:read")).status_code == 403


def test_contents_are_sealed_apart(running, post, ask, make_key):
    person = {"name": NAME, "phone": PHONE, "email": MAIL}
    bad = submitted("Q-1", channel="pigeon", applicant=person) | {"source": "/q/sealed"}
    assert post(bad) == ["refused"]
    [row] = ask("/v1/quarantine", source="/q/sealed").json()["quarantine"]
    assert row["sealed"] is True
    stored = query(running, "SELECT * FROM intake.quarantine WHERE source = '/q/sealed'")
    assert not any(word in str(stored) for word in (PHONE, NAME, MAIL, "pigeon"))
    path = f"/v1/quarantine/{row['id']}/contents"
    assert ask(path, make_key("events:write")).status_code == 403
    reader = make_key("contacts:read")
    opened = ask(path, reader, reason="Called the office").json()
    assert opened["contents"]["data"]["applicant"] == person
    [log] = [
        entry
        for entry in ask("/v1/access-log").json()["rows"]
        if entry["action"] == "open quarantine"
    ]
    assert (log["subject"], log["reason"]) == (str(row["id"]), "Called the office")
    assert ask("/v1/quarantine/999999/contents", reader).status_code == 404


# -- erasure -----------------------------------------------------------------------------------


def erase(running, token, key=ADMIN, **params):
    return running.http.delete(
        running.url("intake", f"/v1/contacts/{token}"),
        params=params,
        headers={"Authorization": f"Bearer {key}"},
    )


def test_an_erased_contact_does_not_come_back(running, post, ask, make_key):
    person = {"name": NAME, "phone": PHONE, "email": MAIL}
    assert post(
        submitted("E-1", applicant=person),
        submitted("E-1", channel="pigeon", applicant=person) | {"id": "E-1-bad"},
        submitted("E-2", applicant=person),
    ) == ["accepted", "refused", "accepted"]
    tokens = dict(query(running, "SELECT code, token FROM intake.contact_tokens"))
    wait_for(lambda: last_contact(running, tokens["E-1"]))
    assert last_contact(running, tokens["E-1"])["phone"] == "+84900000042"

    assert erase(running, tokens["E-1"], make_key("events:write")).status_code == 403
    answer = erase(running, tokens["E-1"], make_key("contacts:read"), reason="asked by letter")
    assert (answer.status_code, answer.json()["state"]) == (200, "erased")
    stone = wait_for(lambda: last_contact(running, tokens["E-1"]))
    assert (stone["phone"], stone["name"], stone["email"]) == (None, None, None)
    assert stone["erased"] is True

    again = submitted("E-1", channel="counter", applicant=person) | {"id": "E-1-again"}
    assert post(again) == ["accepted"]
    replayed = running.http.post(
        running.url("intake", "/v1/replays"), params={"since": "2020-01-01T00:00:00+07:00"}
    )
    assert replayed.status_code == 202
    wait_for(lambda: running.get("intake", "/v1/status")["unpublished"] == 0)
    assert last_contact(running, tokens["E-1"])["erased"] is True
    assert last_contact(running, tokens["E-2"])["phone"] == "+84900000042"
    kept = query(
        running,
        "SELECT payload FROM intake.outbox WHERE stream = 'CONTACTS' AND subject = $1",
        f"motcua.contacts.{tokens['E-1']}",
    )
    assert [json.loads(row["payload"])["phone"] for row in kept] == [None]
    sealed = query(running, "SELECT sealed FROM intake.quarantine WHERE dossier = 'E-1'")
    assert [row["sealed"] for row in sealed] == [None]
    found = ask("/v1/events", source="/test", id="E-1-submitted").json()
    assert found["type"] == "motcua.dossier.submitted.v1"
    entries = [e for e in ask("/v1/access-log").json()["rows"] if e["action"] == "erase contact"]
    assert [(e["subject"], e["reason"]) for e in entries] == [(tokens["E-1"], "asked by letter")]
    assert erase(running, tokens["E-1"]).json()["state"] == "erased"
    assert erase(running, "no-such-token").status_code == 404


def test_what_the_broker_cannot_be_told_is_told_when_it_is_back(running, post):
    person = {"name": NAME, "phone": PHONE}
    assert post(submitted("E-9", applicant=person)) == ["accepted"]
    tokens = dict(query(running, "SELECT code, token FROM intake.contact_tokens"))
    wait_for(lambda: last_contact(running, tokens["E-9"]))
    running.urls.tell("stop broker")
    try:
        answer = erase(running, tokens["E-9"])
        assert (answer.status_code, answer.json()["state"]) == (202, "purging")
        kept = query(
            running,
            "SELECT 1 FROM intake.outbox WHERE subject = $1",
            f"motcua.contacts.{tokens['E-9']}",
        )
        assert kept == []
    finally:
        running.urls.tell("start broker")

    def gone():
        found = last_contact(running, tokens["E-9"])
        return found is not None and found["phone"] is None

    wait_for(gone, 90)


# -- sources -----------------------------------------------------------------------------------


def history(running, source, counts, first):
    """Give a source a past: events on each of the days before today."""
    today = clock.today()
    for ago in range(1, first + 1):
        day = today - timedelta(days=ago)
        query(
            running,
            "INSERT INTO intake.arrivals VALUES ($1, $2, $3, 0, 0, now() - $4::interval)",
            source,
            day,
            counts(day),
            timedelta(days=ago),
        )


def test_a_source_that_falls_silent_raises_one_alert(running, post, make_key, tmp_path):
    today = clock.today()
    history(running, "/s/steady", lambda _day: 40, 60)
    history(running, "/s/gone", lambda day: 40 if (today - day).days > 7 else 0, 60)
    history(running, "/s/young", lambda _day: 40, 3)
    history(running, "/s/worse", lambda day: 40 if (today - day).days > 7 else 0, 60)
    query(
        running,
        "INSERT INTO intake.silences VALUES ('/s/worse', 'quiet', $1, now() - interval '1 day')",
        today - timedelta(days=8),
    )
    assert post(install(1, "461") | {"source": "/s/steady"}) == ["accepted"]
    shown = {row["source"]: row for row in running.get("intake", "/v1/sources")["sources"]}
    assert shown["/s/steady"]["today"] == 1
    assert shown["/s/gone"]["state"] == "silent"
    assert shown["/s/gone"]["today"] == 0
    assert shown["/s/young"]["state"] == "new"
    assert shown["/s/steady"]["state"] in ("ok", "quiet")  # quiet from the closing hour on

    running.kill("intake", 0)
    for replica in (0, 1):
        running.start("intake", replica)
    for replica in (0, 1):
        running.wait_ready("intake", replica)

    def alerts(source="/s/gone"):
        lines = (running.log("intake", 0) + running.log("intake", 1)).splitlines()
        said = [json.loads(line) for line in lines if '"source_alert"' in line]
        return [each for each in said if each["source"] == source]

    wait_for(lambda: alerts() and alerts("/s/worse"))
    assert [each["state"] for each in alerts()] == ["silent"]
    assert [each["state"] for each in alerts("/s/worse")] == ["silent"]
    [row] = [r for r in running.get("intake", "/v1/sources")["sources"] if r["source"] == "/s/gone"]
    assert row["alert"] == "silent"
    paged, after = [], ""
    while after is not None:
        page = running.get("intake", "/v1/sources", limit=2, after=after)
        paged += [each["source"] for each in page["sources"]]
        after = page["next"]
    everything = running.get("intake", "/v1/sources")["sources"]
    assert paged == [each["source"] for each in everything]
    assert len(set(paged)) == len(paged) >= 3
    key = make_key(sources=["/s/gone"])
    answer = httpx.get(
        running.url("intake", "/v1/sources"), headers={"Authorization": f"Bearer {key}"}
    )
    assert [each["source"] for each in answer.json()["sources"]] == ["/s/gone"]
    wait_for(
        lambda: (
            'motcua_source_alert{source="/s/gone",state="silent"} 1.0'
            in running.http.get(running.url("intake", "/metrics")).text
        )
    )
