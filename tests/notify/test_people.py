"""What people decide holds; what is erased does not come back; who looks is recorded."""

import uuid
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from services.notify.clients import Answer
from services.notify.handlers.people import Erasure, Gone, record_consent
from services.notify.store.people import Actor, Consent
from shared import clock
from tests.builders import status, submitted
from tests.instance import wait_for
from tests.notify.test_kannel import told, wait_read

CODE = "000.00.24.H50-261012-0001"
NAME, PHONE, EMAIL = "Người Nộp Hồ Sơ Mẫu", "0900000001", "nop@example.org"
WHO = Actor("k1", "Một cửa", "theo yêu cầu")


def dossier(**applicant):
    given = {"name": NAME, "phone": PHONE, "email": EMAIL} | applicant
    return submitted(CODE, day="2026-10-12", applicant=given)


def result(minute="50"):
    return status(CODE, "result_ready", f"2026-10-12T08:{minute}:00+07:00")


async def decide(
    world, channels=None, *, withdrawn=False, purpose="status", token=None, at=None, note=None,
    code=CODE,
):  # fmt: skip
    consent = Consent(
        token, None if token else code, purpose, channels, withdrawn, at or clock.now(), "counter",
        note,
    )  # fmt: skip
    async with world.database.transaction() as session:
        await record_consent(session, world.desk, consent, WHO)


async def by_kind(world):
    return sorted((n.kind, n.channel, n.state, n.reason) for n in await world.notices())


@pytest.mark.parametrize("token", [None, f"t-{CODE}"])
async def test_an_opt_out_holds_for_what_waits_and_what_comes(world, token):
    await world.tell(dossier())
    await decide(world, [], token=token)
    await world.tell(result())
    await world.deliver()
    assert world.sms.parcels == []
    assert await by_kind(world) == [
        ("received", "sms", "withheld", "declined"),
        ("result_ready", None, "withheld", "declined"),
    ]


async def test_an_opt_out_before_the_dossier_holds(world):
    await decide(world, [])
    await world.tell(dossier(notify=["sms"]))
    assert await by_kind(world) == [("received", None, "withheld", "declined")]


async def test_an_opt_out_for_another_purpose_changes_nothing_here(world):
    await decide(world, [], purpose="survey")
    await world.tell(dossier())
    assert await by_kind(world) == [("received", "sms", "ready", None)]
    await decide(world, [], purpose="all")
    assert await by_kind(world) == [("received", "sms", "withheld", "declined")]


async def test_a_channel_is_chosen_for_what_waits_and_what_comes(world):
    await world.tell(dossier())
    await decide(world, ["email"])
    await world.tell(result())
    await world.deliver()
    assert world.sms.parcels == []
    assert {p.address for p in world.email.parcels} == {EMAIL}
    assert await by_kind(world) == [
        ("received", "email", "sent", None),
        ("result_ready", "email", "sent", None),
    ]


async def test_what_was_sent_is_not_sent_again_through_the_new_channel(world):
    await world.tell(dossier(notify=["sms", "email"]))
    [claimed] = await world.delivery.claim()
    await world.delivery.deliver(claimed)
    await decide(world, [claimed.channel])
    await world.deliver()
    assert len(world.sms.parcels) + len(world.email.parcels) == 1
    assert {n.state for n in await world.notices()} == {"sent", "withheld"}


async def test_a_withdrawal_brings_back_what_came_with_the_dossier(world):
    await decide(world, [])
    await decide(world, withdrawn=True)
    await world.tell(dossier())
    assert await by_kind(world) == [("received", "sms", "ready", None)]


async def erase(world, purged=None):
    async def purge(token):
        (purged if purged is not None else []).append(token)

    return await Erasure(world.database, purge).erase(f"t-{CODE}", WHO)


async def everything(world):
    """All that the store holds, as text."""
    tables = ("contacts", "notices", "notice_history", "events", "consents", "erasures",
              "contact_access", "dead_letters", "attempts", "outbox")  # fmt: skip
    rows = [await world.query(f"SELECT to_jsonb(t)::text AS row FROM {name} t") for name in tables]
    return " ".join(row.row for found in rows for row in found)


async def test_an_erasure_leaves_the_record_and_nothing_personal(world):
    await world.tell(dossier(notify=["sms", "email"]))
    await world.deliver()
    await world.tell(result())
    assert NAME in await everything(world)
    assert await erase(world) == (True, 4)
    whole = await everything(world)
    for secret in (NAME, PHONE[1:], EMAIL, EMAIL.split("@")[0]):
        assert secret not in whole
    assert await by_kind(world) == [
        ("received", "email", "sent", None),
        ("received", "sms", "sent", None),
        ("result_ready", "email", "withheld", "erased"),
        ("result_ready", "sms", "withheld", "erased"),
    ]
    letter = next(n.body for n in await world.notices() if n.channel == "email")
    assert "Kính gửi ông/bà ***," in letter
    assert CODE in letter


async def test_nothing_brings_the_erased_back(world):
    raw = dossier(notify=["sms", "email"])
    await world.tell(raw)
    await erase(world)
    await world.query("DELETE FROM inbox RETURNING uid")
    await world.tell(raw, {**raw, "id": "again", "time": "2026-10-12T08:40:00+07:00"}, result())
    with pytest.raises(Gone):
        await decide(world, ["sms"])
    await world.deliver()
    assert await erase(world) == (True, 3)
    assert world.sms.parcels == world.email.parcels == []
    assert ("result_ready", None, "withheld", "erased") in await by_kind(world)
    whole = await everything(world)
    for secret in (NAME, PHONE[1:], EMAIL):
        assert secret not in whole


async def test_an_erasure_before_the_contact_bars_it(world):
    contacts, published = world.split(dossier())
    await world.apply(world.on_events, published)
    assert await erase(world) == (False, 0)
    await world.apply(world.on_contacts, contacts)
    assert await by_kind(world) == [("received", None, "withheld", "erased")]
    assert PHONE[1:] not in await everything(world)


async def test_what_is_on_its_way_is_not_tried_again_after_an_erasure(world):
    await world.tell(dossier())
    [claimed] = await world.delivery.claim()
    await erase(world)
    world.sms.answers = [Answer("again", "http 503")]
    await world.delivery.deliver(claimed)
    assert await by_kind(world) == [("received", "sms", "withheld", "erased")]


async def test_what_is_on_its_way_is_not_tried_again_after_an_opt_out(world):
    await world.tell(dossier())
    [claimed] = await world.delivery.claim()
    await decide(world, [])
    world.sms.answers = [Answer("again", "http 503")]
    await world.delivery.deliver(claimed)
    assert await by_kind(world) == [("received", "sms", "withheld", "declined")]


# -- through the front door -------------------------------------------------------------------


@pytest.fixture(scope="module")
def running(plain):
    return plain


def fresh(**data):
    now = datetime.now(UTC)
    code = f"H45-{uuid.uuid4().hex[:8]}"
    applicant = {"name": NAME, "phone": PHONE, "email": EMAIL, "notify": ["email"]}
    times = {"submitted_at": now - timedelta(minutes=9), "received_at": now - timedelta(minutes=8)}
    times = {name: at.isoformat() for name, at in times.items()}
    raw = submitted(code, **({"unit": "QTR-TTHCC", "applicant": applicant} | times | data))
    return raw | {"time": times["received_at"]}


def key(running, *scopes, units=()):
    answer = running.http.post(
        running.url("intake", "/v1/keys"),
        json={"name": "test", "scopes": list(scopes), "units": list(units)},
    )
    return {"Authorization": f"Bearer {answer.json()['key']}"}


def url(running, path):
    return running.url("notify", path)


def test_the_road_of_a_contact_from_reading_to_erasure(running):
    raw = fresh()
    code = raw["data"]["code"]
    running.post([raw])
    told(running, raw, "outbox")
    reader = key(running, "contacts:read", "notices:read")
    blind = key(running, "notices:read")
    find = url(running, "/v1/contacts")
    assert httpx.get(find, params={"code": code}, headers=reader).status_code == 422
    assert httpx.get(find, params={"code": code, "why": "x"}, headers=blind).status_code == 403
    found = httpx.get(find, params={"code": code, "why": "gọi hỏi"}, headers=reader).json()
    assert (found["name"], found["phone"], found["email"]) == (NAME, "+84900000001", EMAIL)
    token = found["token"]
    one = url(running, f"/v1/contacts/{token}")
    assert httpx.get(one, params={"why": "xem lại"}, headers=reader).json()["code"] == code
    httpx.get(url(running, "/v1/notices"), params={"subject": code}, headers=reader)
    httpx.get(url(running, "/v1/notices"), params={"subject": code}, headers=blind)
    access = httpx.get(f"{one}/access", headers=reader).json()["access"]
    assert [(a["action"], a["why"]) for a in access if a["key"] != "admin"] == [
        ("notices", None),
        ("read", "xem lại"),
        ("read", "gọi hỏi"),
    ]
    assert httpx.delete(one, headers=reader).status_code == 403
    answer = running.http.delete(one, params={"why": "đơn yêu cầu số 5"})
    assert answer.status_code == 200
    assert (answer.json()["known"], answer.json()["notices"]) == (True, 1)
    assert running.http.delete(one).json()["erased_at"] == answer.json()["erased_at"]
    found = httpx.get(one, params={"why": "kiểm tra"}, headers=reader).json()
    assert (found["name"], found["phone"], found["email"]) == (None, None, None)
    assert found["erased"]
    listed = running.get("notify", "/v1/notices", subject=code)["notices"]
    assert [n["recipient"] for n in listed] == [None]
    assert NAME not in str(listed)
    notice = listed[0]["id"]
    assert running.http.post(url(running, f"/v1/notices/{notice}/retry")).status_code == 409
    again = {**raw, "id": "again", "data": {**raw["data"], "field": "Hộ tịch"}}
    running.post([again])
    wait_read(running)
    found = httpx.get(one, params={"why": "kiểm tra"}, headers=reader).json()
    assert found["phone"] is None
    assert "erased" in {
        a["action"] for a in httpx.get(f"{one}/access", headers=reader).json()["access"]
    }
    wait_for(lambda: purged(running, token))


def purged(running, token):
    """Whether the broker holds no message of a contact."""
    import asyncio

    import nats

    async def look():
        client = await nats.connect(running.urls["nats"])
        try:
            info = await client.jetstream().stream_info(
                "CONTACTS", subjects_filter=f"motcua.contacts.{token}"
            )
            return info.state.subjects or {}
        finally:
            await client.close()

    return asyncio.run(look()) == {}


def test_keys_of_other_units_reach_nobody(running):
    raw = fresh()
    code = raw["data"]["code"]
    running.post([raw])
    told(running, raw, "outbox")
    other = key(running, "admin", units=["461"])
    own = key(running, "contacts:read", "events:write", units=["QTR-TTHCC"])
    params = {"code": code, "why": "x"}
    assert httpx.get(url(running, "/v1/contacts"), params=params, headers=other).status_code == 404
    token = httpx.get(url(running, "/v1/contacts"), params=params, headers=own).json()["token"]
    for method, path in (
        ("GET", f"/v1/contacts/{token}?why=x"),
        ("GET", f"/v1/contacts/{token}/access"),
        ("DELETE", f"/v1/contacts/{token}"),
        ("GET", f"/v1/consents?token={token}"),
    ):
        assert httpx.request(method, url(running, path), headers=other).status_code == 404, path
    given = {"token": token, "opt_out": True, "how": "phone"}
    assert httpx.post(url(running, "/v1/consents"), json=given, headers=other).status_code == 404
    answer = httpx.post(url(running, "/v1/consents"), json=given, headers=own)
    assert answer.status_code == 201, answer.text
    [kept] = httpx.get(url(running, f"/v1/consents?code={code}"), headers=own).json()["consents"]
    assert (kept["opt_out"], kept["how"], kept["by"], kept["purpose"]) == (
        True, "phone", "test", "status",
    )  # fmt: skip
    assert datetime.fromisoformat(kept["at"])


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"code": "X", "opt_out": True}, 201),
        ({"code": "X", "channels": ["sms"], "at": "2020-01-01T00:00:00+07:00"}, 201),
        ({"code": "X", "withdrawn": True, "purpose": "survey"}, 201),
        ({"code": "X"}, 422),
        ({"opt_out": True}, 422),
        ({"code": "X", "token": "Y", "opt_out": True}, 422),
        ({"code": "X", "opt_out": True, "channels": ["sms"]}, 422),
        ({"code": "X", "channels": ["fax"]}, 422),
        ({"code": "X", "opt_out": "yes"}, 422),
        ({"code": "X", "opt_out": True, "at": "2020-01-01T00:00:00"}, 422),
        ({"code": "X", "opt_out": True, "at": "2999-01-01T00:00:00Z"}, 422),
        ({"code": "X", "opt_out": True, "surprise": 1}, 422),
        ({"code": "X\u0000", "opt_out": True}, 422),
        ([], 422),
    ],
)
def test_decisions_are_checked(running, given, status):
    answer = running.http.post(url(running, "/v1/consents"), json=given)
    assert answer.status_code == status, answer.text
    if status == 422:
        assert answer.json()["errors"]


@pytest.mark.parametrize("token", ["%3E", "*", "a.*", "%00", "a%20b", "..", "x" * 201])
def test_tokens_that_would_reach_others_are_refused(running, token):
    raw = fresh()
    running.post([raw])
    told(running, raw, "outbox")
    answer = running.http.delete(url(running, f"/v1/contacts/{token}"))
    assert answer.status_code in (400, 404, 405, 422)
    assert running.http.post(url(running, "/v1/consents"), content=b"{").status_code == 400
    found = running.get("notify", "/v1/contacts", code=raw["data"]["code"], why="x")
    assert found["phone"] == "+84900000001"
    assert not purged(running, found["token"])
