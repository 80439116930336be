"""Who has to be called because no message reaches them; what is kept no longer than its time."""

import csv
import io
from datetime import timedelta

import httpx
import pytest

from services.notify.clients import Answer
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
    decide,
    dossier,
    erase,
    everything,
    fresh,
    key,
    result,
    url,
)  # fmt: skip


async def listed(world, day="2026-10-12", **query):
    since = clock.start_of(clock.today().fromisoformat(day))
    async with world.database.transaction() as session:
        rows = await calls.find(session, calls.Query(since, since + timedelta(days=1), **query))
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
