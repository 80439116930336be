"""Who has to be called because no message reaches them; what is kept no longer than its time."""

import csv
import io
from datetime import timedelta

import httpx
import pytest

from services.notify.clients import Answer
from services.notify.handlers.calling import Call, Clash, record_call
from services.notify.handlers.keeping import Keeping, Terms
from services.notify.store import calls
from shared import clock
from tests.builders import status, submitted
from tests.instance import wait_for
from tests.notify.test_choices import wrong
from tests.notify.test_people import (
    CODE,
    EMAIL,
    NAME,
    PHONE,
    WHO,
    decide,
    dossier,
    erase,
    everything,
    fresh,
    key,
    result,
    url,
)  # fmt: skip


async def listed(world, day="2026-10-12", days=1, **query):
    asked = clock.today().fromisoformat(day)
    since, until = (clock.start_of(asked + timedelta(days=n)) for n in (1 - days, 1))
    async with world.database.transaction() as session:
        rows = await calls.find(session, calls.Query(since, until, asked, **query))
    return [(row.subject, row.kind, row.reason) for row in rows]


async def test_only_whom_nothing_reached_is_to_be_called(world):
    def other(code, **applicant):
        return submitted(code, day="2026-10-12", applicant=applicant)

    world.sms.answers = [Answer("refused", "http 400")]
    await world.tell(
        other("A-refused", name="A", phone=PHONE),
        other("B-nothing", name="B"),
        other("C-fixed", name="C", phone="02333000001"),
    )
    await world.deliver()
    await world.tell(
        other("D-declined", name="D", phone=PHONE, notify=[]),
        other("E-reached", name="E", phone=PHONE),
        submitted("F-nobody", day="2026-10-12"),
    )
    await world.deliver()
    assert await listed(world) == [
        ("A-refused", "received", "refused"),
        ("B-nothing", "received", "no_address"),
        ("C-fixed", "received", "no_address"),
        ("F-nobody", "received", "no_contact"),
    ]
    assert [row[0] for row in await listed(world, after="A-refused", limit=2)] == [
        "B-nothing", "C-fixed",
    ]  # fmt: skip
    assert await listed(world, units=["462"]) == []
    assert await listed(world, "2026-10-13") == []


async def test_whoever_was_reached_another_way_needs_no_call(world):
    await world.tell(dossier(notify=["sms", "email"]))
    world.sms.answers = [Answer("refused", "http 400")]
    await world.deliver()
    assert {n.state for n in await world.notices()} == {"sent", "failed"}
    assert await listed(world) == []


async def test_a_wrong_number_is_to_be_called_and_an_erased_contact_is_not(world):
    await world.tell(dossier(email=None))
    await wrong(world)
    assert await listed(world) == [(CODE, "received", "wrong_number")]
    await erase(world)
    assert await listed(world) == []


async def call(world, result, code=CODE, **given):
    async with world.database.transaction() as session:
        return await record_call(session, world.desk, Call(code, result, **given), "461", WHO)


async def test_who_was_called_leaves_the_days_list_and_comes_back_only_unanswered(world):
    await world.tell(dossier(phone="02333000001", email=None))
    lost = [(CODE, "received", "no_address")]
    assert await listed(world) == lost
    world.set_clock("2026-10-12 10:00")
    await call(world, "not_reached")
    assert await listed(world) == []
    assert await listed(world, "2026-10-13", 2) == lost
    assert await listed(world, "2026-10-13", 1) == []
    world.set_clock("2026-10-13 08:00")
    await world.tell(result())
    await call(world, "reached", at=clock.now() - timedelta(minutes=1))
    # What came after the call was not spoken of.
    assert await listed(world, "2026-10-13", 2) == [(CODE, "result_ready", "no_address")]
    await call(world, "reached")
    assert await listed(world, "2026-10-13", 2) == []
    assert await listed(world, "2026-10-14", 3) == []
    # A day that is over reads as it did.
    assert await listed(world) == []
    async with world.database.transaction() as session:
        rows = await calls.history(session, None, CODE, None, None, 10)
    assert [(row.result, row.day.isoformat()) for row in rows] == [
        ("reached", "2026-10-13"), ("reached", "2026-10-13"), ("not_reached", "2026-10-12"),
    ]  # fmt: skip


async def test_a_wrong_number_in_a_call_is_written_to_no_more(world):
    await world.tell(dossier(email=None))
    world.sms.answers = [Answer("refused", "http 400")]
    await world.deliver()
    await call(world, "wrong_number", at=clock.now() - timedelta(minutes=5))
    assert await listed(world) == []
    await world.tell(result())
    await world.deliver()
    assert ("result_ready", "unreachable", "wrong_number") in await world.states()
    assert len(world.sms.parcels) == 1


async def test_a_call_named_twice_counts_once_and_its_note_tells_nobodys_data(world):
    await world.tell(dossier())
    note = f"Gặp ông {NAME.upper()}, số 0912 345 678, a@b.vn; hồ sơ {CODE}"
    row, new = await call(world, "not_reached", ref="c-1", note=note)
    assert (row.note, new) == (f"Gặp ông ***, số […], […]; hồ sơ {CODE}", True)
    again, new = await call(world, "not_reached", ref="c-1", note="khác")
    assert (again.id, new) == (row.id, False)
    with pytest.raises(Clash):
        await call(world, "reached", ref="c-1")
    await erase(world)
    [kept] = await world.query("SELECT result, note FROM calls_made")
    assert tuple(kept) == ("not_reached", None)


# -- keeping ---------------------------------------------------------------------------------


def keeping(world, **days):
    given = {"contacts": 0, "texts": 0, "access": 0, "consents": 0} | days
    return Keeping(world.database, Terms(**given), lambda: None)


async def test_contacts_go_once_nothing_was_heard_for_long_enough(world):
    await world.tell(dossier())
    await world.deliver()
    keep = keeping(world, contacts=30)
    world.set_clock("2026-11-10 09:00")
    assert (await keep.tidy(clock.now()))["contacts"] == 0
    await world.tell(status(CODE, "returned", "2026-11-10T08:00:00+07:00"))
    await world.deliver()
    world.set_clock("2026-12-01 09:00")
    assert (await keep.tidy(clock.now()))["contacts"] == 0
    world.set_clock("2026-12-11 09:00")
    assert (await keep.tidy(clock.now()))["contacts"] == 1
    whole = await everything(world)
    for secret in (NAME, PHONE[1:], EMAIL):
        assert secret not in whole
    [row] = await world.query("SELECT key_name, why FROM erasures")
    assert tuple(row) == ("retention", "kept for 30 days")
    assert (await keep.tidy(clock.now()))["contacts"] == 0


async def test_each_class_has_its_own_time_and_rounds_are_bounded(world, monkeypatch):
    monkeypatch.setattr("services.notify.handlers.keeping.ROUND", 2)
    await world.tell(*(submitted(f"X-{n}", day="2026-10-12", applicant={"name": "A", "phone": PHONE})
                       for n in range(5)))  # fmt: skip
    await world.deliver()
    await decide(world, [])
    keep = keeping(world, texts=10, consents=10, access=10)
    world.set_clock("2026-10-23 09:00")
    await world.tell(submitted("Y-1", day="2026-10-23", applicant={"name": "A", "phone": PHONE}))
    counts = await keep.tidy(clock.now())
    assert counts == {"contacts": 0, "texts": 5, "files": 0, "access": 0, "consents": 1}
    bodies = {row.subject: row.body for row in await world.notices()}
    assert [bodies[f"X-{n}"] for n in range(5)] == [""] * 5
    assert bodies["Y-1"]
    assert await world.query("SELECT id FROM consents") == []


async def test_a_decision_is_kept_as_long_as_its_contact(world):
    await world.tell(dossier())
    await decide(world, ["email"])
    world.set_clock("2027-10-12 09:00")
    assert (await keeping(world, consents=10).tidy(clock.now()))["consents"] == 0
    await world.tell(result())
    assert (await keeping(world).tidy(clock.now())) == dict.fromkeys(
        ("contacts", "texts", "files", "access", "consents"), 0
    )


# -- through the front door ------------------------------------------------------------------


@pytest.fixture(scope="module")
def running(plain):
    return plain


def test_the_list_as_json_and_csv_and_who_read_it(running):
    raw = fresh(applicant={"name": "=Người Cần Gọi", "notify": ["sms"]})
    code = raw["data"]["code"]
    running.post([raw])
    reader, blind = key(running, "contacts:read"), key(running, "notices:read")
    address = url(running, "/v1/call-list")

    def mine():
        calls = httpx.get(address, params={"unit": "QTR-TTHCC"}, headers=reader).json()["calls"]
        return [call for call in calls if call["code"] == code]

    wait_for(mine)
    [call] = mine()
    assert (call["name"], call["phone"], call["unit"]) == ("=Người Cần Gọi", None, "QTR-TTHCC")
    assert call["notices"][0]["reason"] == "no_address"
    sheet = httpx.get(address, params={"format": "csv", "why": "gọi dân"}, headers=reader)
    rows = list(csv.DictReader(io.StringIO(sheet.content.decode("utf-8-sig"))))
    [row] = [row for row in rows if row["Mã hồ sơ"] == code]
    assert row["Họ tên"] == "'=Người Cần Gọi"
    assert row["Vì sao tin không đến"] == "không có số di động hoặc email hợp lệ"
    access = running.get("notify", f"/v1/contacts/{call['token']}/access")["access"]
    assert ("call_list", "gọi dân") in {(entry["action"], entry["why"]) for entry in access}
    assert httpx.get(address, headers=blind).status_code == 403
    assert httpx.get(address, params={"day": "yesterday"}, headers=reader).status_code == 422
    assert httpx.get(address, params={"unit": "nowhere"}, headers=reader).status_code == 422
    assert httpx.get(address, params={"day": "2001-01-01"}, headers=reader).json()["calls"] == []
    bound = key(running, "contacts:read", units=["461"])
    assert httpx.get(address, headers=bound).json()["calls"] == []


def test_a_call_is_marked_over_http_and_on_the_page(running):
    raws = [fresh(applicant={"name": "Người Cần Gọi", "notify": ["sms"]}) for _ in range(3)]
    codes = [raw["data"]["code"] for raw in raws]
    running.post(raws)
    clerk = key(running, "notices:read", "contacts:read", units=["QTR-TTHCC"])
    blind, other = key(running, "notices:read"), key(running, "contacts:read", units=["461"])
    address = url(running, "/v1/calls")

    def left():
        params = {"unit": "QTR-TTHCC", "limit": 5000}
        listed = httpx.get(url(running, "/v1/call-list"), params=params, headers=clerk).json()
        return [call["code"] for call in listed["calls"] if call["code"] in codes]

    wait_for(lambda: len(left()) == 3)
    given = {"code": codes[0], "result": "reached", "note": "hẹn đến quầy", "id": f"c-{codes[0]}"}
    assert httpx.post(address, json=given, headers=blind).status_code == 403
    assert httpx.post(address, json=given, headers=other).status_code == 404
    assert httpx.post(address, json=given | {"code": "X-0"}, headers=clerk).status_code == 404
    bad = httpx.post(address, json={"code": codes[0], "result": "0900000001"}, headers=clerk)
    assert (bad.status_code, bad.json()["errors"][0]["pointer"]) == (422, "/result")
    assert "0900000001" not in bad.text
    later = given | {"at": "2999-01-01T00:00:00+07:00"}
    assert httpx.post(address, json=later, headers=clerk).status_code == 422
    assert httpx.post(address, content=b"{", headers=clerk).status_code == 400
    made = httpx.post(address, json=given, headers=clerk)
    assert (made.status_code, made.json()["result"], made.json()["by"]) == (201, "reached", "test")
    assert httpx.post(address, json=given, headers=clerk).status_code == 200
    clash = httpx.post(address, json=given | {"result": "wrong_number"}, headers=clerk)
    assert clash.status_code == 409
    assert sorted(left()) == sorted(codes[1:])

    page = url(running, "/notices/calls")
    shown = httpx.get(page, params={"unit": "QTR-TTHCC"}, headers=clerk).text
    assert "đã gặp người nộp" in shown
    form = {"code": codes[1], "result": "not_reached", "once": f"p-{codes[1]}", "note": "bận máy"}
    assert httpx.post(page, data=form, headers=blind).status_code == 401
    cross = clerk | {"Sec-Fetch-Site": "cross-site"}
    assert httpx.post(page, data=form, headers=cross).status_code == 401
    assert "fault=1" in httpx.post(page, data={"code": codes[1]}, headers=clerk).headers["location"]
    for _ in range(2):  # a second click
        sent = httpx.post(page, data=form, headers=clerk)
        assert (sent.status_code, "done=not_reached" in sent.headers["location"]) == (303, True)
    assert left() == [codes[2]]
    history = httpx.get(address, params={"code": codes[1]}, headers=clerk).json()["calls"]
    assert [(each["result"], each["note"]) for each in history] == [("not_reached", "bận máy")]
    assert httpx.get(address, params={"code": codes[1]}, headers=other).json()["calls"] == []
    token = running.get("notify", "/v1/contacts", code=codes[1], why="x")["token"]
    access = running.get("notify", f"/v1/contacts/{token}/access")["access"]
    assert ("call", "not_reached") in {(entry["action"], entry["why"]) for entry in access}
