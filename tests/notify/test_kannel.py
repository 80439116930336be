"""Whole processes in front of a real Kannel: what handsets get, and what receipts come to."""

import contextlib
import socket
import threading
import uuid
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx
import pytest

from shared.embedded.process import free_port
from tests.builders import submitted
from tests.instance import instance, wait_for
from tests.notify.kannel import PASSWORD, USER, kannel

OFFICE = "Trung tam Phuc vu hanh chinh cong tinh Quang Tri"
PROVINCE = "44"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with kannel(tmp_path_factory.mktemp("kannel")) as made:
        yield made


@pytest.fixture(scope="module")
def running(tmp_path_factory, gateway):
    with instance(tmp_path_factory.mktemp("sms")) as made:
        made.ports["notify-0"] = free_port()
        made.extra = settings(gateway.url, made.ports["notify-0"])
        for name in ("intake", "notify"):
            made.start(name)
        for name in ("intake", "notify"):
            made.wait_ready(name)
        yield made


def settings(url, port):
    return {
        "MOTCUA_NOTIFY_KANNEL_URL": url,
        "MOTCUA_NOTIFY_KANNEL_USER": USER,
        "MOTCUA_NOTIFY_KANNEL_PASSWORD": PASSWORD,
        "MOTCUA_NOTIFY_KANNEL_SENDER": "MOTCUA",
        "MOTCUA_NOTIFY_KANNEL_PRICE": "350",
        "MOTCUA_NOTIFY_RECEIPT_URL": f"http://127.0.0.1:{port}",
        "MOTCUA_NOTIFY_QUIET_HOURS": "",
        "MOTCUA_ACK_WAIT": "3",
    }


def dossier(phone, **data):
    """A dossier that came in a few minutes ago."""
    now = datetime.now(UTC)
    times = {"submitted_at": now - timedelta(minutes=9), "received_at": now - timedelta(minutes=8)}
    times = {name: at.isoformat() for name, at in times.items()}
    code = f"H45.05-{uuid.uuid4().hex[:6]}-0001"
    applicant = {"name": "Người nộp mẫu", "phone": phone}
    raw = submitted(code, **({"unit": "QTR-TTHCC", "applicant": applicant} | times | data))
    return raw | {"time": times["received_at"]}


def told(running, raw, *states, replica=0, seconds=30):
    """The notice of a dossier once it is in one of some states."""
    code = raw["data"]["code"]

    def check():
        with contextlib.suppress(httpx.HTTPError):
            url = running.url("notify", "/v1/notices", replica)
            found = running.http.get(url, params={"subject": code}).json()["notices"]
            return next((n for n in found if n["state"] in states), None)
        return None

    return wait_for(check, seconds)


def wait_read(running):
    """Wait until notify has read every event."""

    def read():
        lag = running.get("notify", "/v1/status")["lag"]
        published = running.get("intake", "/v1/status")["unpublished"] == 0
        return published and lag["notify-events"] == lag["notify-contacts"] == 0

    wait_for(read)


def kill(running):
    """Kill notify once it has nothing unacknowledged, which would come back half a minute later."""
    wait_read(running)
    running.kill("notify")


def states_of(running, notice):
    history = running.get("notify", f"/v1/notices/{notice['id']}")["history"]
    return [each["state"] for each in history if each["state"] != "waiting_contact"]


def test_queued_while_the_carrier_is_down_then_delivered_in_one_plain_segment(running, gateway):
    raw = dossier("0900000001")
    running.post([raw])
    notice = told(running, raw, "sent")
    assert notice["provider"] == "kannel"
    assert notice["segments"] == 1
    gateway.connect_carrier()
    wait_for(lambda: gateway.handsets("+84900000001"))
    [message] = gateway.handsets("+84900000001")
    assert message.sender == "MOTCUA"
    assert message.coding == "text"
    assert message.text.startswith(f"{OFFICE}: da tiep nhan ho so {raw['data']['code']} ngay ")
    told(running, raw, "delivered")
    shown = running.get("notify", f"/v1/notices/{notice['id']}")
    assert [each["verdict"] for each in shown["tries"]] == ["accepted"]
    assert states_of(running, notice)[:2] == ["ready", "sending"]
    assert states_of(running, notice)[-1] == "delivered"
    running.post([raw])
    running.settle(("notify",))
    assert len(gateway.handsets("+84900000001")) == 1


def test_messages_by_kannel_draw_on_every_budget_above_until_one_is_spent(running):
    """The centre may spend enough for nine, its province only for two."""
    url = running.url("notify", "/v1/budgets")
    before = running.get("notify", "/v1/notices/costs", unit="QTR-TTHCC")["total"]
    given = [{"unit": "QTR-TTHCC", "amount": 9 * 350}, {"unit": PROVINCE, "amount": 2 * 350 + 349}]
    try:
        assert running.http.put(url, json=given).json() == {"budgets": 2}
        first, second, third = (dossier(f"090000003{n}") for n in range(3))
        for raw in (first, second):
            running.post([raw])
            told(running, raw, "sent", "delivered")
        running.post([third])
        held = told(running, third, "ready")
        assert wait_for(lambda: told(running, third, "ready")["reason"] == "budget")
        shown = running.get("notify", "/v1/budgets")
        assert shown["unpriced"] == []
        found = {row["unit"]: row for row in shown["budgets"]}
        assert (found["QTR-TTHCC"]["used"], found["QTR-TTHCC"]["held"]) == (700, 0)
        assert (found[PROVINCE]["used"], found[PROVINCE]["left"]) == (700, 349)
        assert (found[PROVINCE]["held"], found[PROVINCE]["state"]) == (1, "ok")
    finally:
        none = [each | {"amount": None} for each in given]
        assert running.http.put(url, json=none).status_code == 200
    assert told(running, third, "sent", "delivered")["id"] == held["id"]

    def spent():
        # A receipt may come before the answer, and what it cost with the answer.
        after = running.get("notify", "/v1/notices/costs", unit="QTR-TTHCC")["total"]
        return (after["cost"] - before["cost"], after["segments"] - before["segments"])

    wait_for(lambda: spent() == (3 * 350, 3))


@pytest.mark.parametrize(
    ("reports", "state"), [([1], "delivered"), ([2], "failed")], ids=["delivered", "failed"]
)
def test_receipts_of_the_carrier(running, gateway, reports, state):
    phone = f"090000009{reports[0]}"
    raw = dossier(phone)
    running.post([raw])
    number = f"+84{phone[1:]}"
    wait_for(lambda: gateway.carrier.find(number))
    told(running, raw, "sent")
    for kind in reports:
        gateway.carrier.report(number, kind)
    notice = told(running, raw, state)
    assert notice["reason"] == ("carrier" if state == "failed" else None)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_receipts_out_of_order_and_repeated_leave_the_state_where_it_is(running, gateway, method):
    raw = dossier("0900000095")
    running.post([raw])
    message = wait_for(lambda: gateway.carrier.find("+84900000095"))
    notice = told(running, raw, "sent")
    # What Kannel calls, as the carrier was given it: our own address, with its reference.
    ours = message["dlr-url"].split("dlr-url=", 1)[1].split("&dlr-mask", 1)[0]
    receipt = urlsplit(ours)
    for mask, state in ((4, "sent"), (2, "failed"), (8, "failed"), (1, "delivered"),
                        (2, "delivered"), (8, "delivered"), (1, "delivered"), (16, "delivered")):  # fmt: skip
        query = receipt.query.replace("%d", str(mask))
        url = f"http://{receipt.netloc}{receipt.path}"
        if method == "GET":
            answer = httpx.get(f"{url}?{query}")
        else:
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            answer = httpx.post(url, content=query, headers=form)
        assert answer.status_code == 200, answer.text
        assert running.get("notify", f"/v1/notices/{notice['id']}")["state"] == state
    assert states_of(running, notice).count("delivered") >= 1
    gateway.carrier.taken.clear()


@contextlib.contextmanager
def refusing():
    """An address at which nobody listens: the port is held, so nobody else can begin to."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}/cgi-bin/sendsms"


@contextlib.contextmanager
def hanging():
    """A gateway that accepts connections and the request, and never answers."""
    listener = socket.create_server(("127.0.0.1", 0))
    got: list[bytes] = []
    kept: list[socket.socket] = []

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                kept.append(connection)
                got.append(connection.recv(65536))

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/cgi-bin/sendsms", got
    finally:
        listener.close()
        for connection in kept:
            connection.close()


def test_hangs_kills_failover_and_replicas(tmp_path, gateway):
    """One instance whose gateway is changed by restarts: each restart is a fault of its own."""
    with instance(tmp_path) as made, hanging() as (slow, got), refusing() as down:
        port = made.ports["notify-0"] = free_port()
        made.start("intake")
        made.wait_ready("intake")

        # It takes the request and hangs: nobody knows, so nobody sends it again.
        made.start("notify", **settings(slow, port), MOTCUA_NOTIFY_TIMEOUT="1")
        made.wait_ready("notify")
        hung = dossier("0900000011")
        made.post([hung])
        notice = told(made, hung, "unknown")
        assert notice["reason"] == "no_answer"
        assert made.get("notify", "/v1/notices", state="unknown")["notices"]
        assert len(got) == 1
        kill(made)

        # Killed while sending: unknown at the next start, and never sent again.
        made.start("notify", **settings(slow, port), MOTCUA_NOTIFY_TIMEOUT="60")
        made.wait_ready("notify")
        killed = dossier("0900000012")
        made.post([killed])
        wait_for(lambda: len(got) == 2)
        assert told(made, killed, "sending")
        assert made.get("notify", "/v1/status")["unsent"] == 1
        kill(made)
        made.start("notify", **settings(gateway.url, port))
        made.wait_ready("notify")
        assert told(made, killed, "unknown")["reason"] == "interrupted"

        # Nobody listens at the first gateway: the second takes it.
        kill(made)
        made.start("notify", **settings(f"{down}, {gateway.url}", port))
        made.wait_ready("notify")
        other = dossier("0900000013")
        made.post([other])
        assert told(made, other, "sent", "delivered")["provider"] == "kannel-2"

        # Neither listens: tried again, then failed and visible; a person may order another try.
        kill(made)
        made.start("notify", **settings(f"{down},{down}", port), MOTCUA_NOTIFY_ATTEMPTS="2")
        made.wait_ready("notify")
        lost = dossier("0900000014")
        made.post([lost])
        failed = told(made, lost, "failed")
        assert (failed["reason"], failed["attempts"]) == ("gave_up", 2)
        tries = made.get("notify", f"/v1/notices/{failed['id']}")["tries"]
        assert [(each["provider"], each["verdict"]) for each in tries] == [
            ("kannel", "again"),
            ("kannel-2", "again"),
        ]
        kill(made)

        # No gateway at all: it stays where people read it, and a gateway that comes later does
        # not send it.
        made.start("notify")
        made.wait_ready("notify")
        kept = dossier("0900000015")
        made.post([kept])
        assert told(made, kept, "outbox")["reason"] == "no_provider"
        kill(made)
        made.start("notify", **settings(gateway.url, port))
        made.start("notify", 1, **settings(gateway.url, port))
        for replica in (0, 1):
            made.wait_ready("notify", replica)

        # Two replicas: each dossier is told once, and none of the above is told at all.
        many = [dossier(f"09000002{n:02}") for n in range(40)]
        made.post(many)
        for raw in many:
            told(made, raw, "sent", "delivered")
        again = [{**raw, "id": f"{raw['id']}-again"} for raw in (kept, killed, hung, *many)]
        made.post(again)
        wait_read(made)
        assert told(made, kept, "outbox")
        assert told(made, killed, "unknown")
        assert told(made, hung, "unknown")
        assert len(got) == 2
        gateway.connect_carrier()
        numbers = [f"+8490000{n:04}" for n in range(200, 240)]
        wait_for(lambda: all(gateway.handsets(number) for number in numbers))
        assert {len(gateway.handsets(number)) for number in numbers} == {1}
        for number in ("+84900000011", "+84900000012", "+84900000014", "+84900000015"):
            assert gateway.handsets(number) == []
        metrics = httpx.get(made.url("notify", "/metrics")).text
        assert 'motcua_notices{state="unknown"} 2.0' in metrics
        assert (
            'motcua_notice_attempts_total{channel="sms",provider="kannel",verdict="accepted"}'
            in metrics
        )


def test_an_accented_template_arrives_with_its_accents(running, gateway):
    url = running.url("notify", "/v1/templates/received.citizen.sms")
    text = "Accents: keep\n\n{{ office }}: đã nhận hồ sơ {{ code }}"
    assert running.http.put(url, json={"text": text}).status_code == 200
    raw = dossier("0900000021")
    try:
        running.post([raw])
        notice = told(running, raw, "sent", "delivered")
    finally:
        running.http.delete(url)
    gateway.connect_carrier()
    wait_for(lambda: gateway.handsets("+84900000021"))
    [message] = gateway.handsets("+84900000021")
    assert message.coding == "ucs-2"
    office = "Trung tâm Phục vụ hành chính công tỉnh Quảng Trị"
    assert message.text.startswith(f"{office}: đã nhận hồ sơ {raw['data']['code']}"[:60])
    assert notice["segments"] == 2
