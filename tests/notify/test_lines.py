"""Letters over few lines, none twice, whatever the server does with its lines."""

import asyncio
import base64
import contextlib
import datetime
import ipaddress
import socket
import ssl
from collections import Counter
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from uuid import uuid4

import dkim
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from services.notify.clients import Mail, MailFaults, Parcel, Server, Signer, trust
from services.notify.handlers.delivery import Delivery
from services.notify.rules.terms import Terms
from shared import clock
from shared.embedded.process import free_port
from tests.notify.test_leaving import dossier

SENDER = "Một cửa <mot-cua@example.org>"


def letter(address: str = "nop@example.org", **more) -> Parcel:
    return Parcel(str(uuid4()), "ref", address, "Đã nhận hồ sơ", "Kính gửi.\n.\n", **more)


class Office:
    """Counts lines, and answers as it is told: ``fate`` by the recipient's name."""

    def __init__(self, per_line: int = 0) -> None:
        self.per_line = per_line
        self.refused_sender, self.asked = "", 0
        self.lines: Counter = Counter()
        self.letters: list = []
        self.raw: list[bytes] = []
        self.encrypted: list[bool] = []
        self.servers: list[SMTP] = []

    async def handle_EHLO(self, server, session, _envelope, hostname, responses):
        session.host_name = hostname
        if server not in self.servers:
            self.servers.append(server)
        return responses

    async def handle_MAIL(self, server, session, envelope, address, _options):
        if self.refused_sender:
            self.asked += 1
            return self.refused_sender
        if self.per_line and self.lines[session.peer] >= self.per_line:
            asyncio.get_running_loop().call_later(0.01, server.transport.close)
            return "421 4.7.0 too many letters on this line"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        name = address.partition("@")[0]
        if name.isdigit():
            return f"{name} so it is"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        [address] = envelope.rcpt_tos
        self.lines[session.peer] += 1
        self.raw.append(envelope.original_content)
        self.letters.append(message_from_bytes(envelope.original_content, policy=default))
        self.encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        if address.startswith("dropped"):
            server.transport.abort()
        return "250 OK"


@contextlib.contextmanager
def office(made: Office, **options):
    controller = Controller(made, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop(no_assert=True)


@contextlib.asynccontextmanager
async def mail_to(port: int, signer=None, letters: int = 100, idle: float = 15.0, **server):
    mail = Mail(Server("127.0.0.1", port, **server), SENDER, signer, letters, idle)
    try:
        yield mail
    finally:
        await mail.close()


async def send_all(mail: Mail, parcels, at_once: int = 8) -> Counter:
    gate = asyncio.Semaphore(at_once)

    async def send(parcel):
        async with gate:
            return (await mail.send(parcel)).verdict

    return Counter(await asyncio.gather(*map(send, parcels)))


async def test_two_hundred_letters_over_eight_lines():
    made = Office()
    with office(made) as port:
        async with mail_to(port) as mail:
            assert await send_all(mail, [letter() for _ in range(200)]) == {"accepted": 200}
    assert len(made.lines) <= 8
    assert len({each["Message-ID"] for each in made.letters}) == len(made.letters) == 200
    assert {each.get_content() for each in made.letters} == {"Kính gửi.\r\n.\r\n"}


async def test_a_line_carries_as_many_letters_as_it_may():
    made = Office()
    with office(made) as port:
        async with mail_to(port, letters=10) as mail:
            await send_all(mail, [letter() for _ in range(35)], at_once=1)
    assert sorted(made.lines.values()) == [5, 10, 10, 10]


async def test_a_server_that_allows_fewer_gets_each_letter_once():
    made = Office(per_line=7)
    with office(made) as port:
        async with mail_to(port) as mail:
            assert await send_all(mail, [letter() for _ in range(50)]) == {"accepted": 50}
    assert max(made.lines.values()) == 7
    assert len({each["Message-ID"] for each in made.letters}) == len(made.letters) == 50


async def test_a_refused_reader_costs_neither_the_line_nor_the_others():
    made = Office()
    names = ["550", "a", "451", "b", "552", "c"]
    with office(made) as port:
        async with mail_to(port) as mail:
            answers = [await mail.send(letter(f"{name}@example.org")) for name in names]
    assert [(each.verdict, each.detail) for each in answers] == [
        ("refused", "smtp 550"),
        ("accepted", "smtp 250"),
        ("again", "smtp 451"),
        ("accepted", "smtp 250"),
        ("refused", "smtp 552"),
        ("accepted", "smtp 250"),
    ]
    assert list(made.lines.values()) == [3]
    assert [each["To"] for each in made.letters] == [f"{name}@example.org" for name in "abc"]


@pytest.mark.parametrize(
    ("size", "refusal"),
    [(12, "550 5.7.1 relay access denied"),
     pytest.param(2000, "553 sender refused", marks=pytest.mark.soak)],
)  # fmt: skip
async def test_a_refused_sender_fails_no_letter_and_the_next_server_takes_it(world, size, refusal):
    """After the first few the refusing server is left alone; once it is right again it serves."""
    first, second = Office(), Office()
    first.refused_sender = refusal
    await world.tell(*(dossier(f"C-{n:04}", number=n, notify=["email"]) for n in range(size)))
    with office(first) as one, office(second) as other:
        mails = [
            Mail(Server("127.0.0.1", port), SENDER, name=name, terms=Terms(priority=place))
            for place, (name, port) in enumerate((("one", one), ("other", other)))
        ]
        world.delivery = Delivery(world.database, {"email": mails})
        await world.deliver()
        assert {(state, why) for _, state, why in await world.states()} == {("sent", None)}
        assert len(second.letters) == size
        assert 1 <= first.asked <= 40
        first.refused_sender = ""
        world.set_clock("2026-10-12 09:30")
        await world.tell(dossier("C-last", notify=["email"]))
        await world.deliver()
        assert len(first.letters) == 1
        for mail in mails:
            await mail.close()


async def test_alone_a_server_that_refuses_us_is_asked_later(world):
    made = Office()
    made.refused_sender = "550 5.1.8 sender unknown"
    await world.tell(dossier("C-1", notify=["email"]))
    with office(made) as port:
        mail = Mail(Server("127.0.0.1", port), SENDER)
        world.delivery = Delivery(world.database, {"email": [mail]})
        await world.deliver()
        [notice] = await world.notices()
        assert (notice.state, notice.reason) == ("retrying", "provider_down")
        assert notice.next_at > clock.now()
        made.refused_sender = ""
        world.set_clock("2026-10-12 09:30")
        await world.deliver()
        await mail.close()
    assert [state for _, state, _ in await world.states()] == ["sent"]
    assert len(made.letters) == 1


async def test_a_line_lost_after_the_letter_leaves_its_fate_open_and_sends_it_no_more():
    made = Office()
    with office(made) as port:
        async with mail_to(port) as mail:
            assert (await mail.send(letter())).verdict == "accepted"
            assert (await mail.send(letter("dropped@example.org"))).verdict == "unknown"
            assert (await mail.send(letter())).verdict == "accepted"
    assert [each["To"] for each in made.letters].count("dropped@example.org") == 1


async def test_a_line_that_the_server_left_is_opened_anew():
    made = Office()
    with office(made) as port:
        async with mail_to(port) as mail:
            assert (await mail.send(letter())).verdict == "accepted"
            for server in made.servers:
                server.loop.call_soon_threadsafe(server.transport.close)
            assert (await mail.send(letter())).verdict == "accepted"
    assert sorted(made.lines.values()) == [1, 1]


@pytest.mark.parametrize("at", ["greeting", "MAIL", "DATA"])
async def test_a_line_lost_before_the_letter_is_tried_again(at):
    heard: list[bytes] = []

    async def talk(reader, writer):
        if at != "greeting":
            writer.write(b"220 hi\r\n")
            while line := await reader.readline():
                heard.append(line)
                if line.startswith(at.encode()):
                    break
                writer.write(b"250 OK\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server, mail_to(server.sockets[0].getsockname()[1]) as mail:
        answer = await mail.send(letter())
    assert (answer.verdict, answer.blame) == ("again", True)
    assert not any(line.startswith(b"Subject") for line in heard)


async def test_a_server_that_drags_its_feet_leaves_no_fate_open():
    async def talk(reader, writer):
        writer.write(b"220 hi\r\n")
        while await reader.readline():
            await asyncio.sleep(0.25)
            writer.write(b"250 OK\r\n")

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server, mail_to(server.sockets[0].getsockname()[1], timeout=0.3) as mail:
        answer = await mail.send(letter())
    assert (answer.verdict, answer.detail) == ("again", "timeout")


async def test_lines_that_nobody_uses_are_left():
    made = Office()
    with office(made) as port:
        async with mail_to(port, idle=0.1) as mail:
            tending = asyncio.create_task(mail.tend())
            await mail.send(letter())
            assert len(mail.lines.kept) == 1
            async with asyncio.timeout(5):
                while mail.lines.kept:  # noqa: ASYNC110 - polled from outside, as an operator would
                    await asyncio.sleep(0.05)
            assert mail.lines.kept == []
            tending.cancel()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A key and a certificate of 127.0.0.1, signed by itself: (certificate, key) files."""
    folder = tmp_path_factory.mktemp("tls")
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "key.pem").chmod(0o600)
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return folder, public


@pytest.mark.parametrize(
    ("mode", "trusted", "verdict", "encrypted"),
    [
        ("none", False, "accepted", [False]),
        ("opportunistic", False, "accepted", [True]),
        ("starttls", True, "accepted", [True]),
        ("starttls", False, "again", []),
        ("tls", True, "accepted", [True]),
        ("tls", False, "again", []),
    ],
)
async def test_encryption(authority, mode, trusted, verdict, encrypted):
    folder, _ = authority
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    options = {"ssl_context": context} if mode == "tls" else {"tls_context": context}
    believed = trust(str(folder / "cert.pem")) if trusted else None
    made = Office()
    with ssl_office(made, mode, options) as port:
        async with mail_to(port, tls=mode, context=believed) as mail:
            answer = await mail.send(letter())
    assert answer.verdict == verdict
    assert made.encrypted == encrypted


@contextlib.contextmanager
def ssl_office(made, mode, options):
    if mode != "tls":
        with office(made, **options) as port:
            yield port
        return

    class Implicit(Controller):
        def _trigger_server(self):  # it would ask with the server's own context
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with socket.create_connection(("127.0.0.1", self.port), 1) as plain:
                with context.wrap_socket(plain) as line:
                    line.recv(1024)

    controller = Implicit(made, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop(no_assert=True)


def test_authorities_that_are_none(tmp_path):
    bad = tmp_path / "ca.pem"
    bad.write_text("x")
    for path in (bad, tmp_path / "none.pem"):
        with pytest.raises(MailFaults, match="MOTCUA_NOTIFY_SMTP_CA"):
            trust(str(path))


async def test_a_signature_that_receivers_can_check(authority):
    folder, public = authority
    signer = Signer.load("example.org", "mc", folder / "key.pem")
    made = Office()
    stop = f"https://hoso.example.org/{'long/' * 30}s/abc/stop/xyz"
    with office(made) as port:
        async with mail_to(port, signer) as mail:
            await mail.send(letter(unsubscribe=stop))
    asked = []

    def dns(name, **_):
        asked.append(name)
        return b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)

    [raw], [read] = made.raw, made.letters
    assert dkim.verify(raw, dnsfunc=dns)
    assert asked == [b"mc._domainkey.example.org."]
    assert read["List-Unsubscribe"] == f"<{stop}>"
    assert read["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    tags = dict(
        tag.strip().split("=", 1) for tag in "".join(read["DKIM-Signature"].split()).split(";")
    )
    assert tags["c"] == "relaxed/relaxed"
    signed = set(tags["h"].lower().split(":"))
    assert {"from", "to", "subject", "date", "message-id", "list-unsubscribe"} <= signed
    for before, after in ((b"nop@", b"nob@"), (b"hoso.", b"hose."), (b"=ADnh", b"=ADng")):
        assert before in raw
        assert not dkim.verify(raw.replace(before, after), dnsfunc=dns)
    assert dkim.verify(raw.replace(b"Subject: ", b"Subject:  "), dnsfunc=dns)
    assert not dkim.verify(b"Subject: Other\r\n" + raw, dnsfunc=dns)


def test_keys_that_cannot_sign(authority, tmp_path):
    folder, _ = authority
    for name, content, mode, word in (
        ("none", None, 0, "No such file"),
        ("open", (folder / "key.pem").read_bytes(), 0o644, "open to others"),
        ("empty", b"", 0o600, "not an RSA key"),
        ("rubbish", b"\xff\x00key", 0o600, "not an RSA key"),
    ):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
            path.chmod(mode)
        with pytest.raises(MailFaults, match=word) as caught:
            Signer.load("example.org", "mc", path)
        assert str(caught.value).count("\n") == 0
        assert "PRIVATE" not in str(caught.value)


async def test_letters_are_composed_in_nfc_and_seven_bits():
    made = Office()
    decomposed = replace(letter(), subject="Đã nhận hồ sơ", body="Tiếng Việt\n")
    with office(made) as port:
        async with mail_to(port) as mail:
            await mail.send(decomposed)
    [read], [raw] = made.letters, made.raw
    assert read["Subject"] == "Đã nhận hồ sơ"
    assert read.get_content() == "Tiếng Việt\r\n"
    assert max(raw) < 128
    assert "List-Unsubscribe" not in read
