"""Whole processes in front of a real mail server that is told how to answer."""

import asyncio
import contextlib
import os
import subprocess
import sys
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default

import httpx
import pytest
from aiosmtpd.controller import Controller

from shared.embedded.process import free_port
from tests.builders import status
from tests.instance import instance
from tests.notify.test_kannel import dossier, told

NAME = "Người Nộp Hồ Sơ Mẫu"


class Postbox:
    """Answers by the recipient's name; remembers every letter and every try."""

    def __init__(self) -> None:
        self.letters: dict[str, list] = {}
        self.tries: dict[str, int] = {}
        self.returns: dict[str, str] = {}

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        self.tries[address] = self.tries.get(address, 0) + 1
        if address.startswith("later") and self.tries[address] == 1:
            return "451 4.7.1 greylisted, try again later"
        if address.startswith("nobody"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):
        [address] = envelope.rcpt_tos
        self.returns[address] = envelope.mail_from
        letter = message_from_bytes(envelope.content, policy=default)
        self.letters.setdefault(address, []).append(letter)
        if address.startswith("hanging"):
            await asyncio.sleep(5)
        return "250 OK"


@contextlib.contextmanager
def post_office():
    box = Postbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield box, controller.port
    finally:
        controller.stop()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("mail")) as made, post_office() as (box, port):
        made.extra = {
            "MOTCUA_NOTIFY_QUIET_HOURS": "",
            "MOTCUA_NOTIFY_SMTP_URL": f"smtp://127.0.0.1:{port}",
            "MOTCUA_NOTIFY_SMTP_FROM": "Một cửa <mot-cua@example.org>",
            "MOTCUA_NOTIFY_TIMEOUT": "1.5",
            "MOTCUA_NOTIFY_SMTP_BOUNCES": "tra-lai@example.org",
            "MOTCUA_NOTIFY_PUBLIC_URL": "https://hoso.example.org",
        }
        for name in ("intake", "notify"):
            made.start(name)
        for name in ("intake", "notify"):
            made.wait_ready(name)
        made.box, made.smtp = box, port
        yield made


def report(to, action, status="5.0.0"):
    """What a mail server says of a letter that it had taken, laid out as RFC 3464 has it."""
    return f"""From: MAILER-DAEMON@mx.example.org
To: {to}
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain

This is the mail system.

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org
Arrival-Date: Wed, 25 Nov 2026 09:00:00 +0700

Final-Recipient: rfc822; someone@example.org
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 no such user

--b1
Content-Type: text/rfc822-headers

Subject: Ho so
--b1--
"""


def letter_to(address):
    return dossier(None, applicant={"name": NAME, "email": address, "notify": ["email"]})


def verdicts(running, notice):
    tries = running.get("notify", f"/v1/notices/{notice['id']}")["tries"]
    return [(each["verdict"], each["detail"]) for each in tries]


def test_a_letter_arrives(running):
    raw = letter_to("nop@example.org")
    running.post([raw])
    notice = told(running, raw, "sent")
    [letter] = running.box.letters["nop@example.org"]
    assert letter["Subject"] == f"Đã tiếp nhận hồ sơ {raw['data']['code']}"
    assert letter["Message-ID"] == f"<{notice['id']}@example.org>"
    assert f"Kính gửi ông/bà {NAME}," in letter.get_content()


def test_one_click_ends_the_letters_of_a_dossier_and_following_the_link_does_not(running):
    raw = letter_to("tired@example.org")
    running.post([raw])
    told(running, raw, "sent")
    [letter] = running.box.letters["tired@example.org"]
    link = letter["List-Unsubscribe"].strip("<>")
    assert link.startswith("https://hoso.example.org/s/")
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = link.removeprefix("https://hoso.example.org")
    url = running.url("notify", path)
    click = {"data": {"List-Unsubscribe": "One-Click"}}
    page = running.url("notify", path.partition("/stop/")[0])
    with httpx.Client() as reader:
        before = reader.get(page).text
        assert reader.get(url).status_code == 303  # to the page that asks
        assert reader.get(url, follow_redirects=True).text == before
        assert reader.head(url).status_code == 405
        assert reader.post(url[:-1] + "-", **click).status_code == 404
        assert reader.post(url).status_code == 303
        assert reader.get(page).text == before
        assert reader.post(url, **click).status_code == 204
        assert reader.post(url, **click).status_code == 204
        assert reader.get(page).text != before
    code = raw["data"]["code"]
    at = datetime.now(UTC).isoformat()
    [said] = running.post([status(code, "result_ready", at, unit="QTR-TTHCC")])
    assert said["status"] == "accepted"
    withheld = told(running, raw, "withheld")
    assert (withheld["kind"], withheld["reason"]) == ("result_ready", "declined")
    assert len(running.box.letters["tired@example.org"]) == 1


def hand_in(running, text, tmp_path):
    file = tmp_path / "report.eml"
    file.write_text(text)
    return subprocess.run(
        [sys.executable, "-m", "shared.cli.main", "bounce", str(file)],
        env={**os.environ, "MOTCUA_NOTIFY_URL": running.url("notify"), "MOTCUA_KEY": "any"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_letter_that_comes_back_fails_its_notice_alone(running, tmp_path):
    raw, other = letter_to("moved@example.org"), letter_to("stays@example.org")
    running.post([raw, other])
    notice = told(running, raw, "sent")
    told(running, other, "sent")
    to = running.box.returns["moved@example.org"]
    assert to.startswith("tra-lai+")
    assert to != running.box.returns["stays@example.org"]
    late = hand_in(running, report(to, "delayed", "4.4.1"), tmp_path)
    assert (late.returncode, late.stdout.split(": ")[-1]) == (0, "buffered\n")
    answer = hand_in(running, f"To: {to}\nSubject: Re: ho so\n\nToi dang nghi phep.\n", tmp_path)
    assert (answer.returncode, answer.stdout.split(": ", 1)[1]) == (0, "no report: ignored\n")
    assert told(running, raw, "sent")
    for _ in range(2):
        assert hand_in(running, report(to, "failed", "5.1.1"), tmp_path).returncode == 0
    shown = told(running, raw, "failed")
    assert (shown["id"], shown["reason"]) == (notice["id"], "carrier")
    history = running.get("notify", f"/v1/notices/{notice['id']}")["history"]
    assert [each["reason"] for each in history].count("carrier") == 1
    assert told(running, other, "sent")
    # Nobody can fail a letter whose address they do not know.
    forged = hand_in(running, report("tra-lai+" + "x" * 32 + "@example.org", "failed"), tmp_path)
    assert forged.returncode == 1
    assert "Nothing was sent under this reference" in forged.stdout


def test_a_temporary_refusal_is_tried_again(running):
    raw = letter_to("later@example.org")
    running.post([raw])
    notice = told(running, raw, "sent")
    assert verdicts(running, notice) == [("again", "smtp 451"), ("accepted", "smtp 250")]
    assert len(running.box.letters["later@example.org"]) == 1


def test_a_final_refusal_fails(running):
    raw = letter_to("nobody@example.org")
    running.post([raw])
    notice = told(running, raw, "failed")
    assert notice["reason"] == "refused"
    assert verdicts(running, notice) == [("refused", "smtp 550")]


def test_a_server_that_hangs_on_the_letter_leaves_its_fate_open(running):
    raw = letter_to("hanging@example.org")
    running.post([raw])
    notice = told(running, raw, "unknown")
    assert notice["reason"] == "no_answer"
    assert running.get("notify", "/v1/status")["unsent"] == 0
    running.post([{**raw, "id": "again"}])
    other = letter_to("nop@example.org")
    running.post([other])
    told(running, other, "sent")
    assert len(running.box.letters["hanging@example.org"]) == 1


def test_without_the_encryption_that_is_demanded_nothing_is_sent(running):
    running.start("notify", 1, MOTCUA_NOTIFY_SMTP_URL=f"smtp+starttls://127.0.0.1:{running.smtp}")
    running.wait_ready("notify", 1)
    running.kill("notify")
    raw = letter_to("secret@example.org")
    running.post([raw])
    notice = told(running, raw, "retrying", replica=1)
    shown = running.http.get(running.url("notify", f"/v1/notices/{notice['id']}", 1)).json()
    assert {each["verdict"] for each in shown["tries"]} == {"again"}
    assert "secret@example.org" not in running.box.tries
