"""Links to dossiers' pages, what is chosen there, and numbers that were not their applicants'."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.handlers import choices
from services.notify.handlers.people import Gone, Unproven
from services.notify.rules import links
from services.notify.store import links as store
from shared import clock
from tests.builders import status, submitted
from tests.notify.test_people import CODE, EMAIL, PHONE, by_kind, decide, dossier, erase, result

URL = "https://mc.example.vn"
OTHER = "000.00.24.H50-261012-0002"


def other():
    applicant = {"name": "Người Khác", "phone": PHONE}
    return submitted(OTHER, day="2026-10-12", applicant=applicant)


async def linked(world):
    world.desk.public_url = URL
    async with world.database.transaction() as session:
        await world.desk.refresh(session)


async def wrong(world, channel="sms", everywhere=True, code=CODE):
    async with world.database.transaction() as session:
        return await choices.report_wrong(session, world.desk, code, channel, everywhere)


async def opened(world, code=CODE):
    token = links.token_of(world.desk.link_key, code)
    async with world.database.transaction() as session:
        return await choices.open_page(session, world.desk, token, clock.today())


@given(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=60))
def test_tokens_need_the_key_and_tell_dossiers_apart(first, second):
    token = links.token_of(b"k" * 32, first)
    assert links.read_token(f" {token.upper()} ") == token
    assert links.token_of(b"l" * 32, first) != token
    assert links.seal_of(b"k" * 32, token) != token
    import unicodedata

    same = unicodedata.normalize("NFC", first) == unicodedata.normalize("NFC", second)
    assert (links.token_of(b"k" * 32, second) == token) == same
    assert len(links.masked(first)) <= 1 + max(0, len(first) // 2)


async def test_a_text_leads_to_the_page_only_where_citizens_can_reach_it(world):
    await world.tell(dossier())
    assert "/s/" not in (await world.notices())[0].body
    await linked(world)
    await world.tell(result())
    body = (await world.notices())[-1].body
    token = links.token_of(world.desk.link_key, CODE)
    assert body.endswith(f"{URL}/s/{token}")
    shown = await opened(world)
    assert [step.kind for step in shown.timeline.steps] == [
        "filed_online", "received", "result_ready",
    ]  # fmt: skip
    assert not shown.timeline.open


async def test_the_page_follows_voids_and_lateness_and_ends_with_the_contact(world):
    await linked(world)
    await world.tell(
        dossier() | {"data": dossier()["data"] | {"due_at": "2026-10-13T17:00:00+07:00"}}
    )
    world.set_clock("2026-10-16 09:00")
    shown = await opened(world)
    assert (shown.timeline.late, shown.timeline.open) == (3, True)
    await erase(world)
    assert await opened(world) is None
    await world.tell(status(CODE, "result_ready", "2026-10-16T08:50:00+07:00"))
    assert await opened(world) is None


async def test_a_wrong_number_gets_nothing_more_about_any_dossier(world):
    await world.tell(dossier(), other())
    await world.deliver()
    assert len(world.sms.parcels) == 2
    assert await wrong(world)
    await world.tell(result(), status(OTHER, "result_ready", "2026-10-12T08:51:00+07:00"))
    await world.deliver()
    assert len(world.sms.parcels) == 2
    told = {(n.subject, n.kind): (n.channel, n.state, n.reason) for n in await world.notices()}
    assert told[CODE, "result_ready"] == ("email", "sent", None)
    assert told[OTHER, "result_ready"] == (None, "unreachable", "wrong_number")
    [failed] = [o for o in await payloads(world) if o["type"] == "motcua.notice.failed.v1"]
    assert failed["data"]["reason"] == "wrong_number"
    assert failed["data"]["subject"] == CODE


async def payloads(world):
    import orjson

    rows = await world.query("SELECT payload FROM outbox WHERE stream = 'OUTCOMES' ORDER BY id")
    return [orjson.loads(bytes(row.payload)) for row in rows]


async def test_a_wrong_number_of_one_dossier_may_be_right_for_another(world):
    await world.tell(dossier(), other())
    await wrong(world, everywhere=False)
    await world.deliver()
    assert len(world.sms.parcels) == 1
    assert [parcel.address for parcel in world.email.parcels] == [EMAIL]


async def test_what_waits_goes_another_way_or_not_at_all(world):
    await world.tell(dossier(email=None))
    assert await by_kind(world) == [("received", "sms", "ready", None)]
    await wrong(world)
    assert await by_kind(world) == [("received", "sms", "withheld", "wrong_number")]


async def test_only_a_key_holder_lifts_it_and_a_new_number_is_free(world):
    await world.tell(dossier(email=None))
    await wrong(world)
    async with world.database.transaction() as session:
        await choices.choose(session, world.desk, CODE, ["sms"], "vi", "status-page/1:vi")
    await world.tell(result())
    assert ("result_ready", None, "unreachable", "wrong_number") in await by_kind(world)
    with pytest.raises(Unproven):
        await decide(world, ["sms"])
    await decide(world, ["sms"], purpose="survey", note="đơn số 12")
    await decide(world, ["sms"], note="đơn số 12", at=clock.now() - timedelta(hours=1))
    await world.tell(status(CODE, "in_process", "2026-10-12T08:54:00+07:00"))
    assert ("in_process", None, "unreachable", "wrong_number") in await by_kind(world)
    await decide(world, ["sms"], note="đơn số 12")
    await world.tell(status(CODE, "returned", "2026-10-12T08:55:00+07:00"))
    assert ("returned", "sms", "ready", None) in await by_kind(world)
    await wrong(world)
    again = dossier(phone="0900000002", email=None)
    await world.tell(again | {"id": "again", "time": "2026-10-12T08:56:00+07:00"})
    await world.tell(status(CODE, "payment_requested", "2026-10-12T08:57:00+07:00"))
    assert ("payment_requested", "sms", "ready", None) in await by_kind(world)


async def test_a_number_that_is_right_for_one_dossier_stays_wrong_for_the_other(world):
    await world.tell(dossier(email=None), other())
    await wrong(world)
    assert {(n.subject, n.state, n.reason) for n in await world.notices()} == {
        (CODE, "withheld", "wrong_number"), (OTHER, "withheld", "wrong_number"),
    }  # fmt: skip
    await decide(world, ["sms"], note="giấy hẹn số 7", code=OTHER)
    later = "2026-10-12T08:55:00+07:00"
    await world.tell(result(), status(OTHER, "result_ready", later))
    told = {(n.subject, n.state, n.reason) for n in await world.notices()
            if n.kind == "result_ready"}  # fmt: skip
    assert told == {(CODE, "unreachable", "wrong_number"), (OTHER, "ready", None)}


async def test_who_was_erased_cannot_be_told_again(world):
    await world.tell(dossier())
    await decide(world, [])
    await erase(world)
    for other_way in ({}, {"token": f"t-{CODE}"}, {"purpose": "survey"}):
        with pytest.raises(Gone):
            await decide(world, ["sms"], note="đơn", **other_way)
    await decide(world, [])  # not to be told is no news
    await world.tell(result())
    assert [n.state for n in await world.notices() if n.kind == "result_ready"] == ["withheld"]


async def test_reporting_twice_counts_once_and_nobody_to_bar_is_said(world):
    await world.tell(dossier())
    await world.deliver()
    assert [await wrong(world), await wrong(world)] == [True, True]
    failed = [o for o in await payloads(world) if o["type"] == "motcua.notice.failed.v1"]
    assert len(failed) == 1
    assert not await wrong(world, code="X-9")


async def test_an_erasure_forgets_who_was_barred(world):
    await world.tell(dossier())
    await wrong(world)
    await erase(world)
    assert await world.query("SELECT address FROM barred") == []
    assert await store_key(world) is not None


async def store_key(world):
    async with world.database.transaction() as session:
        return await store.load_key(session)
