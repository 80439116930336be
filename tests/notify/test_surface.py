"""Notify as a process: its HTTP surface, its page, what it logs."""

import http.server
import re
import threading
import uuid
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.builders import status, submitted
from tests.instance import instance, wait_for

PHONE, NAME, EMAIL = "0900000001", "Người Nộp Hồ Sơ Mẫu", "nguoi.nop@example.org"
OFFICER_PHONE = "0900000009"


class Gateway:
    """An SMS gateway on loopback that takes everything."""

    def __init__(self) -> None:
        self.seen: list[dict[str, list[str]]] = []
        self.status = 202
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.seen.append(parse_qs(urlsplit(self.path).query))
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *_args) -> None:
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/cgi-bin/sendsms"


@pytest.fixture(scope="module")
def gateway():
    made = Gateway()
    yield made
    made.server.shutdown()


@pytest.fixture(scope="module")
def running(tmp_path_factory, gateway):
    with instance(tmp_path_factory.mktemp("surface")) as made:
        made.extra = {
            "MOTCUA_NOTIFY_KANNEL_URL": gateway.url,
            "MOTCUA_NOTIFY_KANNEL_SENDER": "MOTCUA",
            "MOTCUA_NOTIFY_RECEIPT_URL": "http://127.0.0.1:1",
            "MOTCUA_NOTIFY_QUIET_HOURS": "",
        }
        for name in ("intake", "notify"):
            made.start(name)
        for name in ("intake", "notify"):
            made.wait_ready(name)
        yield made


def fresh(code: str, **data):
    """A dossier that came in a few minutes ago."""
    now = datetime.now(UTC)
    applicant = {"name": NAME, "phone": PHONE, "email": EMAIL, "notify": ["sms", "email"]}
    times = {"submitted_at": now - timedelta(minutes=9), "received_at": now - timedelta(minutes=8)}
    times = {name: at.isoformat() for name, at in times.items()}
    raw = submitted(code, **({"unit": "QTR-TTHCC", "applicant": applicant} | times | data))
    return raw | {"time": times["received_at"]}


def notices(running, key=None, **params):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    answer = running.http.get(running.url("notify", "/v1/notices"), params=params, headers=headers)
    answer.raise_for_status()
    return answer.json()["notices"]


def make_key(running, *scopes, units=()):
    answer = running.http.post(
        running.url("intake", "/v1/keys"),
        json={"name": "test", "scopes": list(scopes), "units": list(units)},
    )
    assert answer.status_code == 201, answer.text
    return answer.json()["key"]


def unique(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def settled(running, code, count=1):
    def check():
        found = notices(running, subject=code)
        done = [n for n in found if n["state"] not in ("ready", "sending", "waiting_contact")]
        return found if len(done) >= count else None

    return wait_for(check)


def test_from_an_event_to_the_gateway_and_back(running, gateway):
    code = unique("H45")
    assert running.post([fresh(code)])[0]["status"] == "accepted"
    by_channel = {n["channel"]: n for n in settled(running, code, 2)}
    assert by_channel["sms"]["state"] == "sent"
    assert by_channel["email"]["state"] == "outbox"
    assert by_channel["email"]["reason"] == "no_provider"
    [message] = [each for each in gateway.seen if code in each["text"][0]]
    assert message["to"] == ["+84900000001"]
    assert message["from"] == ["MOTCUA"]

    receipt = urlsplit(message["dlr-url"][0].replace("%d", "1"))
    path = f"{receipt.path}?{receipt.query}"
    for _ in range(2):
        answer = httpx.get(running.url("notify", path))
        assert answer.status_code == 200, answer.text
    sms = running.get("notify", f"/v1/notices/{by_channel['sms']['id']}")
    assert sms["state"] == "delivered"
    states = [each["state"] for each in sms["history"]]
    assert [each for each in states if each != "waiting_contact"][:4] == [
        "ready",
        "sending",
        "sent",
        "delivered",
    ]
    assert [each["verdict"] for each in sms["tries"]] == ["accepted"]

    running.post([fresh(code)])
    running.settle(("notify",))
    assert len([each for each in gateway.seen if code in each["text"][0]]) == 1


@pytest.mark.parametrize(
    ("query", "status"),
    [("ref=guess&type=1", 404), ("ref=guess&type=x", 422), ("type=1", 404), ("", 422)],
)
def test_receipts_need_a_reference_that_cannot_be_guessed(running, query, status):
    for send in (httpx.get, httpx.post):
        answer = send(running.url("notify", f"/v1/receipts/kannel?{query}"))
        assert answer.status_code == status


def test_only_keys_with_contacts_see_addresses_and_names(running):
    code = unique("H45")
    running.post([fresh(code)])
    settled(running, code, 2)
    whole = notices(running, make_key(running, "notices:read", "contacts:read"), subject=code)
    assert "+84900000001" in {n["recipient"] for n in whole}
    assert NAME in str(whole)
    masked = notices(running, make_key(running, "notices:read"), subject=code)
    assert {n["recipient"] for n in masked} == {"+8490***01", "n***@example.org"}
    for secret in (PHONE[1:], NAME, EMAIL):
        assert secret not in str(masked)


def test_keys_see_their_own_units(running):
    code = unique("H45")
    running.post([fresh(code)])
    settled(running, code, 2)
    own = make_key(running, "notices:read", units=["QTR-TTHCC"])
    other = make_key(running, "notices:read", units=["461"])
    assert len(notices(running, own, subject=code)) == 2
    assert notices(running, other, subject=code) == []
    one = notices(running, own, subject=code)[0]["id"]
    url = running.url("notify", f"/v1/notices/{one}")
    assert httpx.get(url, headers={"Authorization": f"Bearer {own}"}).status_code == 200
    assert httpx.get(url, headers={"Authorization": f"Bearer {other}"}).status_code == 404
    listed = running.url("notify", "/v1/notices?unit=QTR-TTHCC")
    assert httpx.get(listed, headers={"Authorization": f"Bearer {other}"}).status_code == 403


@pytest.mark.parametrize(
    ("path", "status"),
    [("/v1/notices?state=lost", 422), ("/v1/notices?unit=nowhere", 422),
     ("/v1/deadlines?state=lost", 422), ("/v1/notices/not-an-id", 422),
     ("/v1/notices/0b7f0f5e-0000-4000-8000-000000000001", 404), ("/v1/notices?limit=0", 422)],
)  # fmt: skip
def test_bad_questions(running, path, status):
    answer = running.http.get(running.url("notify", path))
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_keys_and_scopes(running):
    for path in ("/v1/notices", "/v1/deadlines", "/v1/officers"):
        assert httpx.get(running.url("notify", path)).status_code == 401
        key = make_key(running, "reports:read")
        answer = httpx.get(running.url("notify", path), headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 403


def test_a_failed_notice_is_sent_again_by_order_only(running, gateway):
    code = unique("H45")
    gateway.status = 403
    try:
        running.post([fresh(code)])
        [sms] = [n for n in settled(running, code, 2) if n["channel"] == "sms"]
    finally:
        gateway.status = 202
    assert (sms["state"], sms["reason"]) == ("failed", "refused")
    url = running.url("notify", f"/v1/notices/{sms['id']}/retry")
    reader = make_key(running, "notices:read")
    assert httpx.post(url, headers={"Authorization": f"Bearer {reader}"}).status_code == 403
    assert running.http.post(url).status_code == 202
    wait_for(lambda: running.get("notify", f"/v1/notices/{sms['id']}")["state"] == "sent")
    assert running.http.post(url).status_code == 409


def test_a_dossier_overdue_is_told_to_its_officers(running, gateway):
    officers = [
        {"unit": "QTR-TTHCC", "name": "Cán Bộ Mẫu", "role": "Trưởng bộ phận",
         "phone": OFFICER_PHONE, "valid_from": "2020-01-01"},
    ]  # fmt: skip
    url = running.url("notify", "/v1/officers")
    assert running.http.put(url, json=officers).json() == {"officers": 1}
    bad = [{"unit": "nowhere", "phone": "0233 385 0001"}, {"unit": 5, "email": "x"}]
    answer = running.http.put(url, json=bad)
    assert answer.status_code == 422
    assert len(running.http.get(url).json()["officers"]) == 1
    bad = [{"unit": "nowhere", "phone": "0233 385 0001"}]
    codes = {error["code"] for error in running.http.put(url, json=bad).json()["errors"]}
    assert codes == {"unknown_unit", "no_mobile"}

    code = unique("H45")
    now = datetime.now(UTC)
    hours = {"submitted_at": 30, "received_at": 29, "due_at": 24}
    times = {name: (now - timedelta(hours=ago)).isoformat() for name, ago in hours.items()}
    running.post([fresh(code, **times)])

    def sent():
        found = [n for n in notices(running, subject=code) if n["state"] == "sent"]
        return {n["kind"]: n for n in found} if len(found) >= 3 else None

    found = wait_for(sent)
    assert set(found) == {"received", "late", "dossier_slipped"}
    assert "+84900000009" in {each["to"][0] for each in gateway.seen}
    rows = running.get("notify", "/v1/deadlines", unit="QTR-TTHCC", state="slipped")["deadlines"]
    assert code in {row["subject"] for row in rows}


def test_the_page(running):
    code = unique("H45")
    running.post([fresh(code)])
    settled(running, code, 2)
    page = running.url("notify", "/notices")
    with httpx.Client(follow_redirects=True) as browser:
        first = browser.get(page)
        assert "Khóa truy cập" in first.text
        assert code not in first.text
        assert browser.post(f"{page}/session", data={"key": "mc_x_y"}).status_code == 401
        key = make_key(running, "notices:read")
        second = browser.post(f"{page}/session", data={"key": key})
        assert second.status_code == 200
        shown = browser.get(page, params={"subject": code})
        assert code in shown.text
        assert "Đã gửi" in shown.text
        assert "chưa cấu hình nhà cung cấp" in shown.text
        assert NAME not in shown.text
        assert "default-src 'none'" in shown.headers["content-security-policy"]
        assert "<script" not in shown.text
        assert "style=" not in shown.text
        sheets = re.findall(r'<link rel="stylesheet" href="([^"]+)"', shown.text)
        assert len(sheets) == 2
        for sheet in (*sheets, "/notices/style.css"):
            found = browser.get(running.url("notify", sheet))
            assert (found.status_code, found.headers["content-type"][:8]) == (200, "text/css")
        for odd in ({"state": "x"}, {"unit": "nowhere"}, {"cursor": "²"}, {"subject": "<b>"}):
            answer = browser.get(page, params=odd)
            assert answer.status_code == 200
            assert "<b>" not in answer.text
        browser.post(f"{page}/session/end")
        assert code not in browser.get(page).text


def test_nothing_personal_is_logged(running):
    running.post([status(unique("H45"), "result_ready", datetime.now(UTC).isoformat())])
    running.settle(("notify",))
    log = running.log("notify")
    assert "notice_attempted" in log
    for secret in (PHONE[1:], NAME, EMAIL, OFFICER_PHONE[1:], "dlr-url", "ref="):
        assert secret not in log
