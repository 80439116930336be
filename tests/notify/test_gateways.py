"""Gateways described by files: what leaves, how answers and receipts are read, what is told."""

import base64
import hashlib
import hmac
import json
import subprocess
import sys
from urllib.parse import parse_qs

import httpx
import pytest

from services.notify.clients import Call, Forbidden, GatewayFaults, Gateways, Parcel, Unreadable
from services.notify.handlers.delivery import Delivery
from services.notify.handlers.gate import Gate
from shared.embedded.process import free_port
from tests.instance import ROOT, instance
from tests.notify import liar as liars
from tests.notify.liar import liar
from tests.notify.test_clients import server
from tests.notify.test_kannel import dossier, told
from tests.notify.test_leaving import NIGHT, local
from tests.notify.test_leaving import dossier as evening

SECRETS = {
    "ESMS_API_KEY": "api-k3y",
    "ESMS_SECRET_KEY": "s3cret-k3y",
    "ESMS_BRANDNAME": "MOTCUA",
    "ESMS_RECEIPT_KEY": "r3ceipt key&",
    "SPEEDSMS_TOKEN": "t0ken",
    "SPEEDSMS_SENDER": "MOTCUA",
    "SPEEDSMS_RECEIPT_KEY": "r3ceipt",
    "VIETGUYS_USER": "motcua",
    "VIETGUYS_PASSWORD": "p&ss",
    "VIETGUYS_SENDER": "MOTCUA",
    "VIETGUYS_RECEIPT_KEY": "r3ceipt",
    "ZALO_ACCESS_TOKEN": "zal0",
    "ZALO_APP_ID": "4711",
    "ZALO_OA_SECRET": "0a",
    "ZALO_TEMPLATE_RECEIVED": "12345",
}
ACCENTED = "Một cửa: đã nhận hồ sơ {1} của ông/bà"
REFERENCE = "R" * 32


@pytest.fixture
def secrets(monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def build(*names, folder=ROOT / "deploy" / "gateways"):
    return Gateways.load([folder]).build(names, "https://motcua.example.org", 20)


def request_of(name, body="Ho so 1", kind="received", **values):
    [gateway], _ = build(name)
    parcel = Parcel("n", REFERENCE, "+84900000001", None, body, kind, values)
    request = gateway.request(parcel)
    return request, json.loads(request.content) if request.content else None


class TestShapes:
    """What leaves, held against what the gateways document."""

    def test_esms(self, secrets):
        request, body = request_of("esms", ACCENTED)
        assert request.method == "POST"
        assert request.url.host == "rest.esms.vn"
        assert request.headers["content-type"].startswith("application/json")
        callback = "https://motcua.example.org/v1/receipts/esms?key=r3ceipt%20key%26"
        assert body == {
            "ApiKey": "api-k3y", "SecretKey": "s3cret-k3y", "Phone": "0900000001",
            "Content": ACCENTED, "Brandname": "MOTCUA", "SmsType": "2", "IsUnicode": "1",
            "RequestId": REFERENCE, "CallbackUrl": callback,
        }  # fmt: skip
        assert request_of("esms")[1]["IsUnicode"] == "0"

    def test_speedsms(self, secrets):
        request, body = request_of("speedsms", ACCENTED)
        assert str(request.url) == "https://api.speedsms.vn/index.php/sms/send"
        assert base64.b64decode(request.headers["authorization"].split()[1]) == b"t0ken:x"
        assert body == {
            "to": ["84900000001"], "content": ACCENTED, "sms_type": 3, "sender": "MOTCUA",
        }  # fmt: skip

    def test_vietguys(self, secrets):
        request, body = request_of("vietguys", ACCENTED)
        assert (request.method, body) == ("GET", None)
        query = {name: value for name, [value] in parse_qs(request.url.query.decode()).items()}
        assert query == {
            "u": "motcua", "pwd": "p&ss", "from": "MOTCUA", "phone": "84900000001",
            "sms": ACCENTED, "bid": REFERENCE, "type": "8", "json": "1",
        }  # fmt: skip

    def test_zalo(self, secrets):
        request, body = request_of("zalo-zns", code="C-1", office="Một cửa", on="12/10/2026")
        assert str(request.url) == "https://business.openapi.zalo.me/message/template"
        assert request.headers["access_token"] == "zal0"
        data = {"ma_ho_so": "C-1", "co_quan": "Một cửa", "ngay": "12/10/2026", "hen_tra": ""}
        assert body == {
            "phone": "84900000001", "template_id": "12345", "template_data": data,
            "tracking_id": REFERENCE,
        }  # fmt: skip
        [gateway], _ = build("zalo-zns")
        assert gateway.terms.kinds == {"received"}
        assert gateway.terms.told_as == "zns"

    def test_a_token_in_a_file_is_read_anew_for_each_message(self, secrets, tmp_path):
        secrets.delenv("ZALO_ACCESS_TOKEN")
        secrets.setenv("ZALO_ACCESS_TOKEN_FILE", str(tmp_path / "token"))
        for token in ("first", "second"):
            (tmp_path / "token").write_text(token + "\n")
            assert request_of("zalo-zns")[0].headers["access_token"] == token

    @pytest.mark.parametrize(
        ("name", "status", "body", "verdict"),
        [
            ("esms", 200, b'{"CodeResult": "100", "SMSID": "x1"}', "accepted"),
            ("esms", 200, b'{"CodeResult": 100, "SMSID": "x1"}', "accepted"),
            ("esms", 200, b'{"CodeResult": "99"}', "refused"),
            ("esms", 200, b'{"CodeResult": "101"}', "again"),
            ("esms", 200, b'{"CodeResult": "177"}', "elsewhere"),
            ("esms", 200, b'{"CodeResult": "4711"}', "elsewhere"),
            ("esms", 200, b"{}", "elsewhere"),
            ("esms", 200, b"ok", "unknown"),
            ("esms", 200, b"", "unknown"),
            ("esms", 500, b'{"CodeResult": "100"}', "unknown"),
            ("esms", 401, b"", "again"),
            ("esms", 429, b"", "again"),
            ("esms", 404, b"", "refused"),
            ("speedsms", 200, b'{"status":"success","code":"00","data":{"tranId":123456,'
             b'"invalidPhone":[]}}', "accepted"),
            ("speedsms", 200, b'{"status":"success","code":"00","data":{"tranId":1,'
             b'"invalidPhone":["84900000001"]}}', "refused"),
            ("speedsms", 200, b'{"status":"error","code":"300"}', "again"),
            ("speedsms", 200, b'{"status":"error","code":"105"}', "refused"),
            ("vietguys", 200, b'{"error": 0, "msgid": "x1"}', "accepted"),
            ("vietguys", 200, b"4711", "accepted"),
            ("vietguys", 200, b"-3", "elsewhere"),
            ("zalo-zns", 200, b'{"error": 0, "data": {"msg_id": "x1"}}', "accepted"),
            ("zalo-zns", 200, b'{"error": -118}', "elsewhere"),
            ("zalo-zns", 200, b'{"error": -124}', "again"),
        ],
    )  # fmt: skip
    def test_answers(self, secrets, name, status, body, verdict):
        [gateway], _ = build(name)
        answer = gateway.judge(status, body)
        assert answer.verdict == verdict
        if b"x1" in body and verdict == "accepted":
            assert answer.ids == ("x1",)
        assert "09" not in answer.detail

    def test_what_it_says_of_a_number_is_never_repeated(self, secrets):
        [gateway], _ = build("esms")
        answer = gateway.judge(200, b'{"CodeResult": "0900000001"}')
        assert "0900000001" not in answer.detail


def call(query="", body=b"", **headers):
    return Call({k: v[-1] for k, v in parse_qs(query).items()}, headers, body)


class TestReceipts:
    @pytest.mark.parametrize(
        ("query", "receipt"),
        [("SendStatus=5&SendSuccess=1&SendFailed=0", "delivered"),
         ("SendStatus=5&SendSuccess=0&SendFailed=1", "failed"),
         ("SendStatus=4&SendSuccess=0&SendFailed=0", "failed"),
         ("SendStatus=7&SendSuccess=0&SendFailed=0", "accepted"),
         ("SendStatus=2&SendSuccess=0&SendFailed=0", "buffered")],
    )  # fmt: skip
    def test_esms(self, secrets, query, receipt):
        _, reporters = build("esms")
        given = f"key=r3ceipt+key%26&RequestId={REFERENCE}&SMSID=1&{query}"
        [report] = reporters["esms"].read(call(given))
        assert (report.receipt, report.reference) == (receipt, REFERENCE)

    def test_a_wrong_key_an_unknown_state_and_no_name(self, secrets):
        reporter = build("esms")[1]["esms"]
        for wrong in ("", "key=", "key=r3ceipt"):
            with pytest.raises(Forbidden):
                reporter.read(call(f"{wrong}&RequestId=R&SendStatus=4"))
        for odd in ("RequestId=R&SendStatus=77", "SendStatus=4", "RequestId=&SendStatus=4"):
            with pytest.raises(Unreadable):
                reporter.read(call(f"key=r3ceipt+key%26&{odd}"))

    @pytest.mark.parametrize(
        ("status", "receipt"), [(0, "delivered"), (17, "buffered"), (64, "failed"), (99, "failed")]
    )
    def test_speedsms(self, secrets, status, receipt):
        body = json.dumps({"type": "report", "tranId": 123456, "status": status}).encode()
        reporter = build("speedsms")[1]["speedsms"]
        [report] = reporter.read(call("key=r3ceipt", body))
        assert (report.receipt, report.message_id) == (receipt, "123456")
        assert reporter.read(call("key=r3ceipt", b'{"type": "sms", "phone": "x"}')) == []

    def test_zalo_signs(self, secrets):
        fields = {
            "event_name": "user_received_message",
            "message": {"msg_id": "x", "tracking_id": REFERENCE},
            "timestamp": "1602518400000",
        }
        body = json.dumps(fields).encode()
        right = hashlib.sha256(b"4711" + body + b"16025184000000a").hexdigest()
        reporter = build("zalo-zns")[1]["zalo-zns"]
        [report] = reporter.read(call("", body, **{"x-zevent-signature": f"mac={right}"}))
        assert (report.receipt, report.reference) == ("delivered", REFERENCE)
        for wrong in ("", right, f"mac={right[:-1]}", "mac=" + "0" * 64):
            with pytest.raises(Forbidden):
                reporter.read(call("", body, **{"x-zevent-signature": wrong}))


OWN = """
title: One of our own
terms: {rate: 50, price: 290, most_segments: 2, unicode: false}
request:
  url: "{env.OWN_URL}/{reference}"
  form: {to: "{phone}", body: "{text}", parts: "{segments}", brace: "{{x}}"}
answer:
  body: text
  rules:
    - {when: {text: "1..", http: ["200", "201"]}, is: accepted}
    - {when: {http: "400..499"}, is: refused}
  message_id: text
receipts:
  signature: {header: X-Sign, algorithm: sha512, encoding: base64, secret: "{env.OWN_SECRET}"}
  items: reports
  message_id: id
  rules:
    - {when: {state: done}, is: delivered}
    - {when: {state: [dead, lost]}, is: failed}
"""


class TestOwn:
    """A gateway that nobody has written code for."""

    @pytest.fixture
    def own(self, tmp_path, monkeypatch):
        monkeypatch.setenv("OWN_URL", "https://sms.example.org/api")
        monkeypatch.setenv("OWN_SECRET", "s3cret")
        (tmp_path / "own.yaml").write_text(OWN)
        return build("own", folder=tmp_path)

    def test_its_request(self, own):
        [gateway], _ = own
        request = gateway.request(Parcel("n", "r/1", "+84900000001", None, "Đã nhận"))
        assert str(request.url) == "https://sms.example.org/api/r%2F1"
        form = {name: value for name, [value] in parse_qs(request.content.decode()).items()}
        assert form == {"to": "+84900000001", "body": "Đã nhận", "parts": "1", "brace": "{x}"}
        terms = gateway.terms
        assert (terms.rate, terms.price, terms.most_segments, terms.unicode) == (50, 290, 2, False)

    def test_its_answers(self, own):
        [gateway], _ = own
        assert gateway.judge(201, b" 4711\n").ids == ("4711",)
        assert gateway.judge(200, b"-1").verdict == "refused"
        assert gateway.judge(418, b"teapot").verdict == "refused"
        assert gateway.judge(503, b"1").verdict == "again"
        assert gateway.judge(502, b"1").verdict == "unknown"

    def test_its_receipts(self, own):
        reporter = own[1]["own"]
        body = b'{"reports": [{"id": 1, "state": "done"}, {"id": "2", "state": "lost"}]}'
        digest = hmac.new(b"s3cret", body, "sha512").digest()
        signed = {"x-sign": base64.b64encode(digest).decode()}
        found = reporter.read(call("", body, **signed))
        assert [(r.message_id, r.receipt) for r in found] == [("1", "delivered"), ("2", "failed")]
        with pytest.raises(Forbidden):
            reporter.read(call("", body.replace(b"lost", b"done"), **signed))


class TestFaults:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (OWN.replace("terms:", "trems:"), "own.yaml:3: /trems: there is no such key; write 'terms'"),
            (OWN.replace("{phone}", "{phnoe}"), ":6: /request/form/to: unknown placeholder {phnoe}; known"),
            (OWN.replace("is: accepted", "is: ok"), "/answer/rules/0/is: write one of accepted, "),
            (OWN.replace("is: accepted", "is: again"), "/answer: no rule says what is accepted"),
            (OWN.replace("rate: 50", "rate: 0"), ":3: /terms/rate: "),
            (OWN.replace('secret: "{env.OWN_SECRET}"', ""), "proves nothing: write 'secret: \"{env.NAME}\"'"),
            (OWN.replace("  message_id: text\n", ""), "write 'answer: message_id' to learn it"),
            (OWN.replace("form:", "form: [}"), "own.yaml:6: this is not YAML"),
            (OWN.replace("{{x}}", "{x"), "a single '{'"),
            ("", "the file is empty"),
            ("- a\n", "write 'key: value' lines"),
            ("kind: soap\n", "/kind: write one of "),
            (OWN + "title: again\n", "/title: written twice"),
        ],
    )  # fmt: skip
    def test_each_is_said_with_file_place_and_mend(self, tmp_path, text, said):
        (tmp_path / "own.yaml").write_text(text)
        with pytest.raises(GatewayFaults) as found:
            Gateways.load([tmp_path])
        assert said in str(found.value)
        assert all(line.startswith("gateways/own.yaml:") for line in str(found.value).splitlines())

    def test_what_ships_is_right_and_names_what_it_needs(self, monkeypatch):
        for name in SECRETS:
            monkeypatch.delenv(name, raising=False)
        with pytest.raises(GatewayFaults) as found:
            build("esms", "speedsms", "vietguys", "zalo-zns", "esmss")
        for name in SECRETS.keys() - {"SPEEDSMS_SENDER", "ZALO_TEMPLATE_RECEIVED"}:
            assert f"{name}: it is not set: set it, or {name}_FILE" in str(found.value)
        assert "there is no gateways/esmss.yaml; the nearest is esms" in str(found.value)

    def test_a_bad_file_stops_the_start(self, tmp_path):
        (tmp_path / "own.yaml").write_text(OWN.replace("{phone}", "{phnoe}"))
        env = {
            "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT),
            "DATABASE_URL": "postgresql://u:p@127.0.0.1:1/x", "NATS_URL": "nats://127.0.0.1:1",
            "MOTCUA_NOTIFY_GATEWAY_DIR": str(tmp_path),
        }  # fmt: skip
        argv = [sys.executable, "-m", "shared.cli.main", "serve", "notify"]
        done = subprocess.run(argv, env=env, cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.returncode == 2
        assert "gateways/own.yaml:6: /request/form/to: unknown placeholder {phnoe}" in done.stderr
        assert "Traceback" not in done.stderr


async def test_zalo_waits_for_the_morning(world, secrets):
    """By its shipped description, over HTTP: nothing is asked by night, once in the morning."""
    asked = []

    async def talk(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        size = int(head.partition("content-length: ")[2].split()[0])
        asked.append(json.loads(await reader.readexactly(size)))
        body = b'{"error": 0, "data": {"msg_id": "z1"}}'
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()

    async with server(talk) as url:
        secrets.setenv("ZALO_URL", url)
        [gateway], _ = build("zalo-zns")
        world.set_clock("2026-10-12 23:30")
        world.rebuild(NIGHT)
        gate = Gate(world.leaving, desk=world.desk)
        world.delivery = Delivery(world.database, {"sms": [gateway]}, gate=gate)
        await world.tell(evening("C-1"))
        for hour in ("2026-10-12 23:31", "2026-10-13 06:59"):
            world.set_clock(hour)
            await world.deliver()
            assert asked == []
        [notice] = await world.notices()
        assert (notice.state, notice.reason) == ("ready", "quiet_hours")
        assert notice.next_at == local("2026-10-13 07:00")
        world.set_clock("2026-10-13 07:00")
        await world.deliver()
        await world.deliver()
        await gateway.close()
    [body] = asked
    assert (body["template_id"], body["template_data"]["ma_ho_so"]) == ("12345", "C-1")
    assert await world.states() == [("received", "sent", None)]
    [told] = await world.query("SELECT payload FROM outbox WHERE stream = 'OUTCOMES'")
    assert json.loads(bytes(told.payload))["data"]["channel"] == "zns"


@pytest.fixture(scope="module")
def lying():
    with liar() as made:
        yield made


@pytest.fixture(scope="module")
def running(tmp_path_factory, lying):
    with instance(tmp_path_factory.mktemp("gateways")) as made:
        port = made.ports["notify-0"] = free_port()
        made.extra = SECRETS | {
            "ESMS_URL": lying.url,
            "MOTCUA_NOTIFY_GATEWAYS": "esms",
            "MOTCUA_NOTIFY_RECEIPT_URL": f"http://127.0.0.1:{port}",
            "MOTCUA_NOTIFY_QUIET_HOURS": "",
            "MOTCUA_NOTIFY_TIMEOUT": "1",
        }
        for name in ("intake", "notify"):
            made.start(name)
        for name in ("intake", "notify"):
            made.wait_ready(name)
        yield made


def test_a_gateway_that_lies(running, lying):
    """One notice for each lie; what it took is held against what notify makes of it."""
    expected = {
        "0900000030": ("sent", None),
        f"090000003{liars.HANGS}": ("unknown", "no_answer"),
        f"090000003{liars.DIES}": ("unknown", "no_answer"),
        f"090000003{liars.REFUSES}": ("failed", "refused"),
        f"090000003{liars.EARLY}": ("delivered", None),
        f"090000003{liars.TWICE}": ("delivered", None),
        f"090000003{liars.BUSY}": ("sent", None),
        f"090000003{liars.LOCKED}": ("sent", None),
        f"090000003{liars.GARBLES}": ("unknown", "no_answer"),
    }
    raws = {}
    for number in expected:
        # One at a time: two lies at once would open the circuit for an honest third.
        raws[number] = dossier(number)
        running.post([raws[number]])
        state, reason = expected[number]
        notice = told(running, raws[number], state)
        assert notice["reason"] == reason, number
    for number, (state, _) in expected.items():
        assert len(lying.taken.get(number, ())) == (0 if state == "failed" else 1), number
    # The gateway remembers what it hung on: the receipt settles what was unknown.
    [hung] = lying.taken[f"090000003{liars.HANGS}"]
    assert lying.call_back(hung) == 200
    assert told(running, raws[f"090000003{liars.HANGS}"], "delivered")
    # Out of order, repeated, and about what never was.
    [sent] = lying.taken["0900000030"]
    for delivered, status in ((False, "7"), (True, "5"), (False, "5"), (True, "2"), (True, "5")):
        assert lying.call_back(sent, delivered, status) == 200
    notice = told(running, raws["0900000030"], "delivered")
    assert lying.call_back(sent | {"RequestId": "nobody's"}) == 404
    address = sent["CallbackUrl"].split("?")[0]
    assert httpx.get(address, params={"key": "guess", "RequestId": "x"}).status_code == 403
    assert httpx.get(address.replace("esms", "nobody")).status_code == 404
    shown = running.get("notify", f"/v1/notices/{notice['id']}")
    assert shown["provider"] == "esms"
    log = running.log("notify")
    for secret in (*SECRETS.values(), "0900000030", "blocked"):
        assert len(secret) < 5 or secret == "MOTCUA" or secret not in log + json.dumps(shown)
    metrics = httpx.get(running.url("notify", "/metrics")).text
    assert 'motcua_provider_circuit{provider="esms"}' in metrics
