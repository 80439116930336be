"""One call erases in intake and in notify, whichever is asked; older stores learn of it again."""

import asyncio

import asyncpg
import httpx
import pytest

from tests.instance import wait_for
from tests.notify.test_kannel import told
from tests.notify.test_people import EMAIL, NAME, PHONE, fresh, key, purged, url


@pytest.fixture(scope="module")
def running(plain):
    return plain


def known(running):
    """A dossier whose contact has come: (its event, its token)."""
    raw = fresh()
    running.post([raw])
    told(running, raw, "outbox")
    code = raw["data"]["code"]
    return raw, running.get("notify", "/v1/contacts", code=code, why="x")["token"]


def ask(running, service, statement, *given):
    """Rows of a service's store."""

    async def look():
        connection = await asyncpg.connect(running.urls[service])
        try:
            await connection.execute(f"SET search_path = {service}")
            return await connection.fetch(statement, *given)
        finally:
            await connection.close()

    return asyncio.run(look())


def held(running, token):
    """Whether intake could publish a contact again."""
    rows = ask(
        running,
        "intake",
        "SELECT payload FROM outbox WHERE subject = $1",
        f"motcua.contacts.{token}",
    )
    return any(PHONE[1:].encode() in row["payload"] for row in rows)


def shown(running, token):
    return running.get("notify", f"/v1/contacts/{token}", why="x")


def test_asked_of_notify_intake_erases_too(running):
    raw, token = known(running)
    assert held(running, token)
    answer = running.http.delete(url(running, f"/v1/contacts/{token}"), params={"why": "đơn 7"})
    assert answer.json()["intake"] == "erased"
    assert not held(running, token)
    log = running.get("intake", "/v1/access-log")["rows"]
    assert ("erase contact", token, "notify", "đơn 7") in {
        (row["action"], row["subject"], row["key"], row["reason"]) for row in log
    }
    wait_for(lambda: purged(running, token))
    running.post([raw | {"id": "again", "data": raw["data"] | {"field": "Hộ tịch"}}])
    running.settle(("intake", "notify"))
    assert not held(running, token)
    assert shown(running, token)["phone"] is None


def test_asked_of_intake_notify_erases_too(running):
    raw, token = known(running)
    answer = running.http.delete(running.url("intake", f"/v1/contacts/{token}"))
    assert answer.status_code in (200, 202)
    wait_for(lambda: shown(running, token)["erased"])
    listed = running.get("notify", "/v1/notices", subject=raw["data"]["code"])["notices"]
    assert [notice["recipient"] for notice in listed] == [None]
    for secret in (NAME, PHONE[1:], EMAIL):
        assert secret not in str(listed)
    access = running.get("notify", f"/v1/contacts/{token}/access")["access"]
    assert ("erased", "intake") in {(entry["action"], entry["who"]) for entry in access}


def test_a_token_that_intake_never_had_is_unknown_there(running):
    answer = running.http.delete(url(running, "/v1/contacts/never-given"))
    assert (answer.json()["intake"], answer.json()["known"]) == ("unknown", False)


def test_an_older_intake_learns_of_what_was_erased_since(running):
    _, token = known(running)
    before = ask(
        running, "intake", "SELECT * FROM outbox WHERE subject = $1", f"motcua.contacts.{token}"
    )
    running.http.delete(url(running, f"/v1/contacts/{token}"))
    running.kill("intake")
    # As in a backup that is older than the erasure.
    undo = "UPDATE contact_tokens SET erased_at = NULL, purge_due = false WHERE token = $1"
    ask(running, "intake", undo, token)
    for row in before:
        ask(running, "intake", "INSERT INTO outbox (stream, subject, message_id, payload, created_at)"
            " VALUES ($1, $2, $3, $4, $5)", row["stream"], row["subject"], row["message_id"] + "-old",
            row["payload"], row["created_at"])  # fmt: skip
    running.start("intake")
    running.wait_ready("intake")
    wait_for(lambda: not held(running, token))
    [row] = ask(running, "intake", "SELECT erased_at FROM contact_tokens WHERE token = $1", token)
    assert row["erased_at"] is not None
    running.settle(("intake", "notify"))
    assert shown(running, token)["phone"] is None
    wait_for(lambda: purged(running, token))


def test_tombstones_are_kept_beside_backups_and_given_back(running):
    _, token = known(running)
    running.http.delete(url(running, f"/v1/contacts/{token}"))
    listed, after = [], ""
    while True:
        page = running.get("notify", "/v1/erasures", after=after, limit=2)
        listed += page["tokens"]
        after = page["next"]
        if after is None:
            break
    assert token in listed
    assert listed == sorted(set(listed))
    _, other = known(running)
    answer = running.http.post(url(running, "/v1/erasures"), json={"tokens": [token, other]})
    assert answer.json() == {"erased": 2, "known": 2}
    assert shown(running, other)["erased"]
    assert not held(running, other)
    assert (
        running.http.post(url(running, "/v1/erasures"), json={"tokens": ["*"]}).status_code == 422
    )
    reader, bound = key(running, "contacts:read"), key(running, "admin", units=["461"])
    for headers, status in ((reader, 403), (bound, 403)):
        assert httpx.get(url(running, "/v1/erasures"), headers=headers).status_code == status
