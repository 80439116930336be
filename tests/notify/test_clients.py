"""What gateways and mail servers answer, and what they do not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from email import message_from_bytes
from email.policy import default
from urllib.parse import parse_qs, urlsplit

import aiosmtplib
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from services.notify.clients import Kannel, Mail, Parcel, Server
from services.notify.clients.mail import read_fault
from shared.embedded.process import free_port

PARCEL = Parcel(
    "0b7f0f5e-0000-4000-8000-000000000001",
    "ref_-1",
    "+84900000001",
    None,
    "Một cửa: hồ sơ".encode("ascii", "ignore").decode(),
)
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[str]:
    """A server on loopback that talks as told."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await talk(reader, writer)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/cgi-bin/sendsms"
    finally:
        listening.close()


def answering(status: int, seen: list[str]) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await reader.readuntil(b"\r\n\r\n")).decode().split()[1])
        body = b"0: Accepted for delivery"
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    return talk


async def send(url: str, parcel: Parcel = PARCEL, **options):
    gateway = Kannel(url, "u", "p", "MOTCUA", "https://motcua.example.org", **options)
    try:
        return await gateway.send(parcel)
    finally:
        await gateway.close()


class TestKannel:
    @pytest.mark.parametrize(
        ("status", "verdict"),
        [(202, "accepted"), (200, "accepted"), (400, "refused"), (403, "refused"),
         (404, "refused"), (503, "again"), (429, "again"), (500, "unknown"), (502, "unknown"),
         (302, "refused")],
    )  # fmt: skip
    async def test_answers(self, status, verdict):
        async with server(answering(status, [])) as url:
            assert (await send(url)).verdict == verdict

    async def test_the_query(self):
        seen: list[str] = []
        async with server(answering(202, seen)) as url:
            await send(url)
            accented = Parcel("n", "r", PARCEL.address, None, "hồ sơ đã có kết quả")
            await send(url, accented)
        plain, unicode = (parse_qs(urlsplit(each).query) for each in seen)
        assert plain["text"] == [PARCEL.body]
        assert plain["charset"] == ["UTF-8"]
        assert "coding" not in plain
        assert plain["dlr-mask"] == ["31"]
        assert plain["dlr-url"] == [
            "https://motcua.example.org/v1/receipts/kannel?ref=ref_-1&type=%d"
        ]
        assert unicode["coding"] == ["2"]
        assert unicode["text"] == ["hồ sơ đã có kết quả"]

    async def test_nobody_listens(self):
        url = f"http://127.0.0.1:{free_port()}/cgi-bin/sendsms"
        assert (await send(url)).verdict == "again"

    async def test_it_takes_the_request_and_hangs(self):
        async def hang(reader, _writer):
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(30)

        async with server(hang) as url:
            assert (await send(url, timeout=0.3)).verdict == "unknown"

    async def test_it_takes_the_request_and_drops_the_line(self):
        async def drop(reader, _writer):
            await reader.readuntil(b"\r\n\r\n")

        async with server(drop) as url:
            assert (await send(url)).verdict == "unknown"

    async def test_details_hold_no_address(self):
        async with server(answering(403, [])) as url:
            assert (await send(url)).detail == "http 403"


LETTER = Parcel(
    "0b7f0f5e-0000-4000-8000-000000000001",
    "ref",
    "nop@example.org",
    "Đã tiếp nhận hồ sơ X",
    "Kính gửi ông/bà,\n\nĐã nhận.\n",
)


SENDER = "Một cửa <mot-cua@example.org>"


class Postbox:
    """An SMTP server's behaviour: answers by command, and what it took."""

    def __init__(self, **answers: str) -> None:
        self.answers, self.letters = answers, []

    async def handle_MAIL(self, _server, _session, envelope, address, _options):
        envelope.mail_from = address
        return self.answers.get("mail", "250 OK")

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        answer = self.answers.get("rcpt", "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, _session, envelope):
        if self.answers.get("data") == "drop":
            server.transport.abort()
            return "421 gone"
        if self.answers.get("data") == "hang":
            await asyncio.sleep(5)
        answer = self.answers.get("data", "250 OK")
        if answer.startswith("250"):
            self.letters.append(message_from_bytes(envelope.content, policy=default))
        return answer


@contextlib.contextmanager
def post_office(box: Postbox):
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


async def post(port: int, parcel: Parcel = LETTER, **options):
    mail = Mail(Server("127.0.0.1", port, **options), SENDER)
    try:
        return await mail.send(parcel)
    finally:
        await mail.close()


class TestMail:
    async def test_a_letter_arrives_with_its_accents(self):
        box = Postbox()
        with post_office(box) as port:
            answer = await post(port)
            again = await post(port)
        assert (answer.verdict, again.verdict) == ("accepted", "accepted")
        first, second = box.letters
        assert first["Subject"] == LETTER.subject
        assert first["To"] == LETTER.address
        assert first["From"] == "Một cửa <mot-cua@example.org>"
        assert first["Auto-Submitted"] == "auto-generated"
        assert first.get_content().split() == LETTER.body.split()
        assert first["Message-ID"] == second["Message-ID"] == f"<{LETTER.notice}@example.org>"

    @pytest.mark.parametrize(
        ("answers", "verdict"),
        [
            ({"rcpt": "451 later"}, "again"),
            ({"rcpt": "550 nobody"}, "refused"),
            ({"mail": "421 busy"}, "again"),
            ({"mail": "553 no"}, "again"),
            ({"mail": "550 5.1.1 no"}, "again"),
            ({"mail": "554 5.7.1 relay denied"}, "again"),
            ({"rcpt": "550 5.1.1 nobody"}, "refused"),
            ({"rcpt": "550 5.1.8 your domain does not exist"}, "again"),
            ({"rcpt": "552 5.2.2 full"}, "refused"),
            ({"rcpt": "550 5.7.1 relaying denied"}, "again"),
            ({"rcpt": "554 relay access denied"}, "again"),
            ({"rcpt": "503 5.5.1 bad sequence"}, "again"),
            ({"rcpt": "501 5.1.3 bad address"}, "refused"),
            ({"rcpt": "556 5.1.10 null MX"}, "refused"),
            ({"data": "550 5.1.1 nobody"}, "refused"),
            ({"data": "552 5.3.4 too big"}, "elsewhere"),
            ({"data": "550 5.7.1 policy"}, "elsewhere"),
            ({"data": "530 5.7.0 log in first"}, "again"),
            ({"data": "452 full"}, "again"),
            ({"data": "554 spam"}, "elsewhere"),
            ({"data": "drop"}, "unknown"),
        ],
    )
    async def test_faults(self, answers, verdict):
        box = Postbox(**answers)
        with post_office(box) as port:
            answer = await post(port)
        assert answer.verdict == verdict
        assert "@" not in answer.detail
        assert box.letters == []

    async def test_one_recipient_put_off_does_not_hold_up_the_others(self):
        for answers, blame in (
            ({"rcpt": "451 later"}, (False, True)),
            ({"rcpt": "550 5.7.1 not by this way"}, (True, False)),
            ({"mail": "421 busy"}, (True, True)),
            ({"mail": "450 4.1.8 sender unknown"}, (True, True)),
            ({"mail": "550 5.1.8 sender unknown"}, (True, True)),
        ):
            with post_office(Postbox(**answers)) as port:
                answer = await post(port)
            assert (answer.verdict, answer.blame, answer.certain) == ("again", *blame)

    @pytest.mark.parametrize(
        ("fault", "verdict"),
        [(aiosmtplib.SMTPHeloError(550, "go away"), "again"),
         (aiosmtplib.SMTPDataError(554, "no valid recipients"), "again"),
         (aiosmtplib.SMTPNotSupported("no"), "refused")],
    )  # fmt: skip
    def test_what_is_refused_before_the_letter_is_nobodys_fault(self, fault, verdict):
        assert read_fault(fault, False).verdict == verdict

    def test_a_wrong_password_fails_no_letter_for_good(self):
        answer = read_fault(aiosmtplib.SMTPAuthenticationError(535, "no"), False)
        assert (answer.verdict, answer.detail, answer.blame) == ("again", "smtp 535", True)

    async def test_a_hang_after_the_letter_was_handed_over(self):
        with post_office(Postbox(data="hang")) as port:
            assert (await post(port, timeout=0.5)).verdict == "unknown"

    async def test_nobody_listens(self):
        assert (await post(free_port())).verdict == "again"

    async def test_no_encryption_where_it_is_demanded_sends_nothing(self):
        box = Postbox()
        with post_office(box) as port:
            assert (await post(port, tls="starttls")).verdict in ("again", "refused")
        assert box.letters == []

    @pytest.mark.parametrize(
        "address", ["a@b.org\r\nBcc: c@d.org", "không@example.org", "a b@example.org", "@", ""]
    )
    async def test_addresses_that_cannot_be(self, address):
        box = Postbox()
        with post_office(box) as port:
            answer = await post(port, Parcel("n", "r", address, "s", "b"))
        assert answer.verdict == "refused"
        assert box.letters == []
