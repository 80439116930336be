"""SMPP against a carrier over TCP: what handsets show, what faults come to."""

import asyncio
import contextlib
import unicodedata

import pytest

from services.notify.clients import Parcel
from services.notify.clients.smpp import SmppGateway, SmppOptions
from services.notify.clients.smpp.pdu import Delivered
from services.notify.clients.smpp.receipts import of_answer, read_receipt
from services.notify.rules.terms import Terms
from services.notify.rules.texts import segments
from tests.instance import instance, wait_for
from tests.notify import carrier as faults
from tests.notify.carrier import carrier
from tests.notify.test_kannel import dossier, told, wait_read

NUMBER = "+84900000100"
ACCENTED = "Trung tâm Phục vụ hành chính công: đã tiếp nhận hồ sơ, mời ông/bà đến nhận. "
PLAIN = "Trung tam Phuc vu hanh chinh cong: da tiep nhan ho so, moi ong/ba den nhan. "


@contextlib.asynccontextmanager
async def gateway(made, **options):
    given = {"system_id": "motcua", "password": "p@ss", "sender": "MOTCUA", "timeout": 1.0}
    built = SmppGateway("smpp", SmppOptions("127.0.0.1", made.port, **given | options), Terms())
    built.heard, built.learned = [], []

    async def hear(report):
        built.heard.append((report.message_id, report.receipt))

    async def late(reference, named, parts):
        built.learned.append((reference, named, parts))

    built.hear, built.late = hear, late
    running = asyncio.create_task(built.run())
    try:
        yield built
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def parcel(text, number=NUMBER):
    return Parcel("n", "ref-1", number, None, text)


async def until(check, seconds=8):
    for _ in range(seconds * 50):
        if check():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("nothing in time")


class TestTexts:
    @pytest.mark.parametrize("long", ["udh", "sar", "payload"])
    @pytest.mark.parametrize(
        ("text", "count", "coding"),
        [
            (PLAIN * 2, 1, 0),
            ("a" * 160, 1, 0),
            ("a" * 161, 2, 0),
            ("a" * 306, 2, 0),
            ("a" * 307, 3, 0),
            ("a" * 152 + "{" * 10, 2, 0),  # what takes two octets is not cut in two
            ("a" * 159 + "€", 2, 0),
            ("ă" * 70, 1, 8),
            ("ă" * 71, 2, 8),
            ("ă" * 134, 2, 8),
            ("ă" * 135, 3, 8),
            ("ă" * 66 + "😀" * 3, 2, 8),  # nor what takes four
            (ACCENTED * 5, 6, 8),
            (unicodedata.normalize("NFD", ACCENTED), 2, 8),
            ("@£$ [x] {y} ~ | \\ ^ Àà", 1, 8),
            ("@£$¥ [x] {y} ~ | \\ ^ à", 1, 0),
        ],
    )  # fmt: skip
    async def test_what_a_handset_shows(self, long, text, count, coding):
        with carrier() as made:
            async with gateway(made, long=long) as smpp:
                answer = await smpp.send(parcel(text))
        assert answer.verdict == "accepted"
        assert made.handset(NUMBER) == [unicodedata.normalize("NFC", text)]
        assert {part.coding for part in made.parts} == {coding}
        assert segments(text) == count
        sent = 1 if long == "payload" else count
        assert len(made.parts) == len(answer.ids) == answer.parts == sent
        if long != "payload":
            most = 140 if count == 1 and coding else 134 if coding else 160 if count == 1 else 153
            assert max(len(part.octets) for part in made.parts) <= most

    async def test_who_it_is_from(self):
        with carrier() as made:
            for sender, ton in (("MOTCUA", 5), ("+84901234", 1), ("8088", 0)):
                async with gateway(made, sender=sender) as smpp:
                    await smpp.send(parcel("a"))
                assert made.parts[-1].sender == sender.removeprefix("+")
                assert made.parts[-1].sender_ton == ton
            assert made.binds[0] == ("motcua", "p@ss")


class TestFaults:
    async def test_a_window_is_kept_and_answers_come_in_any_order(self):
        with carrier() as made:
            async with gateway(made, window=4) as smpp:
                numbers = [f"+8490000{n:04}" for n in range(100, 140)]
                numbers = [n for n in numbers if n[-1] in ("0", faults.SLOW)]
                answers = await asyncio.gather(*(smpp.send(parcel("a", n)) for n in numbers))
        assert {a.verdict for a in answers} == {"accepted"}
        assert len({a.ids for a in answers}) == len(numbers)
        assert made.most_unanswered == 4

    async def test_it_slows_down_until_the_carrier_is_content(self):
        with carrier() as made:
            made.rate, made.honest = 40.0, True
            async with gateway(made, window=20) as smpp:
                numbers = [f"+8490000{n:04}" for n in range(1000, 1040)]
                answers = await asyncio.gather(*(smpp.send(parcel("a", n)) for n in numbers))
            assert {a.verdict for a in answers} == {"accepted"}
            assert len(made.parts) == 40
            assert sum(made.tries.values()) < 133  # it did not just knock until it was let in

    @pytest.mark.parametrize(
        ("fault", "verdict", "detail"),
        [(faults.DROPS, "unknown", "line lost"), (faults.THROTTLES, "accepted", "smpp 0x0"),
         (faults.REFUSES, "refused", "smpp 0xb"), (faults.STUMBLES, "again", "smpp 0x8"),
         (faults.LATE, "unknown", "timeout")],
    )  # fmt: skip
    async def test_what_a_fault_comes_to(self, fault, verdict, detail):
        number = NUMBER[:-1] + fault
        with carrier() as made:
            async with gateway(made, timeout=0.7) as smpp:
                answer = await smpp.send(parcel("a", number))
                assert (answer.verdict, answer.detail) == (verdict, detail)
                # The line is there again, and what goes wrong is not the line's fault.
                assert (await smpp.send(parcel("b"))).verdict == "accepted"
                if fault == faults.LATE:
                    await until(lambda: smpp.learned)
                    assert smpp.learned == [("ref-1", "1000", 1)]
        assert len(made.handset(number)) == (verdict not in ("refused", "again"))

    async def test_a_text_of_which_a_part_was_taken_is_not_sent_again(self):
        with carrier() as made:
            async with gateway(made) as smpp:
                seen = []

                async def drop(raw, writer, sequence):
                    seen.append(raw)
                    if len(seen) == 2:
                        writer.transport.abort()
                    else:
                        await honest(raw, writer, sequence)

                honest, made.submit = made.submit, drop
                answer = await smpp.send(parcel("a" * 400))
        assert (answer.verdict, answer.ids, answer.parts) == ("unknown", ("1000",), 3)
        assert len(seen) == 2

    async def test_a_carrier_that_lets_nobody_in(self):
        with carrier() as made:
            made.refuse_binds = True
            async with gateway(made) as smpp:
                answer = await smpp.send(parcel("a"))
                assert (answer.verdict, answer.detail) == ("again", "bind 0xd")
                made.refuse_binds = False
                await until(lambda: smpp._bound.is_set())
                assert (await smpp.send(parcel("a"))).verdict == "accepted"
        # It waited longer and longer in between.
        assert 3 <= len(made.binds) <= 9

    async def test_a_silent_line_is_tried_and_a_dead_one_left(self):
        with carrier() as made:
            async with gateway(made, enquire=0.1, timeout=0.3) as smpp:
                await until(lambda: made.enquiries >= 3)

                async def deaf(reader, writer):
                    await reader.read(-1)

                answer, made.send = made.send, lambda *_: None
                await until(lambda: not smpp._bound.is_set())
                made.send = answer
                await until(lambda: smpp._bound.is_set())
                assert (await smpp.send(parcel("a"))).verdict == "accepted"


class TestReceipts:
    @pytest.mark.parametrize("by_text", [True, False])
    @pytest.mark.parametrize("hex_answers", [True, False])
    async def test_in_every_spelling(self, by_text, hex_answers):
        with carrier() as made:
            made.by_text, made.hex_answers = by_text, hex_answers
            ids = "hex_in_answers" if hex_answers else "same"
            async with gateway(made, ids=ids) as smpp:
                sent = {}
                for fault in ("0", faults.FAILS, faults.TWICE, faults.EARLY):
                    answer = await smpp.send(parcel("a", NUMBER[:-1] + fault))
                    sent[fault] = answer.ids[0]
                await until(lambda: len(smpp.heard) == 6 and made.acknowledged[0] == 6)
        assert sorted(smpp.heard) == sorted(
            [
                (sent["0"], "delivered"),
                (sent[faults.FAILS], "failed"),
                *[(sent[faults.TWICE], "delivered")] * 3,
                (sent[faults.EARLY], "delivered"),
            ]
        )

    async def test_what_could_not_be_stored_is_to_be_brought_again(self):
        with carrier() as made:
            async with gateway(made) as smpp:

                async def fail(_report):
                    raise ConnectionError

                smpp.hear = fail
                await smpp.send(parcel("a"))
                await until(lambda: made.acknowledged[0x64] == 1)

    def test_odd_ones(self):
        def read(text, esm_class=4, parameters=()):
            return read_receipt(Delivered(esm_class, 0, text, dict(parameters)))

        found = read(b"ID:00AB stat:delivrd")
        assert (found.message_id, found.receipt) == ("00ab", "delivered")
        assert read(b"id:0012 stat:EXPIRED").message_id == "12"
        assert read(b"Cam on", esm_class=0) is None
        assert read(b"id:1 stat:UNKNOWN") is None
        assert read(b"stat:DELIVRD") is None
        assert read(b"", parameters={0x1E: b"7\0", 0x427: b"\x08"}).receipt == "failed"
        assert of_answer("0F", "hex_in_answers") == "15"


@pytest.fixture(scope="module")
def line():
    with carrier() as made:
        yield made


@pytest.fixture(scope="module")
def running(tmp_path_factory, line):
    with instance(tmp_path_factory.mktemp("smpp")) as made:
        made.extra = {
            "SMPP_URL": line.url,
            "SMPP_SENDER": "MOTCUA",
            "SMPP_PRICE": "300",
            "MOTCUA_NOTIFY_GATEWAYS": "smpp",
            "MOTCUA_NOTIFY_QUIET_HOURS": "",
            "MOTCUA_NOTIFY_TIMEOUT": "1",
        }
        for name in ("intake", "notify"):
            made.start(name)
        for name in ("intake", "notify"):
            made.wait_ready(name)
        yield made


def test_notices_through_a_carrier_with_every_fault(running, line):
    expected = {
        "0": "delivered", faults.DROPS: "unknown", faults.THROTTLES: "delivered",
        faults.EARLY: "delivered", faults.TWICE: "delivered", faults.LATE: "delivered",
        faults.REFUSES: "failed", faults.FAILS: "failed", faults.SLOW: "delivered",
        faults.STUMBLES: "delivered",
    }  # fmt: skip
    raws = {digit: dossier(f"090000020{digit}") for digit in expected}
    for digit, raw in raws.items():
        running.post([raw])
        told(running, raw, expected[digit])
    for digit in expected:
        shown = line.handset(f"+8490000020{digit}")
        assert len(shown) == (0 if digit == faults.REFUSES else 1), digit
    notice = told(running, raws["0"], "delivered")
    assert line.handset("+84900000200") == [notice["text"]]
    assert (notice["provider"], notice["cost"]) == ("smpp", 300 * notice["segments"])
    assert told(running, raws[faults.FAILS], "failed")["reason"] == "carrier"
    assert told(running, raws[faults.REFUSES], "failed")["reason"] == "refused"


def test_two_replicas_and_a_carrier_that_restarts(running, line):
    """Each replica is bound; receipts come through either; what was told is told once."""
    running.start("notify", 1)
    running.wait_ready("notify", 1)
    wait_for(lambda: len(line.sessions) == 2)
    many = [dossier(f"09000003{n:02}") for n in range(0, 100, 10)]
    running.post(many[:5])
    line.drop_all()
    running.post(many[5:])
    wait_read(running)
    for raw in many:
        told(running, raw, "delivered", "unknown")
    for n in range(0, 100, 10):
        assert len(line.handset(f"+849000003{n:02}")) <= 1
    assert sum(len(line.handset(f"+849000003{n:02}")) for n in range(0, 100, 10)) >= 5
    # Told to stop, it lets go of its line properly.
    running.processes["notify-1"].terminate()
    running.processes["notify-1"].wait(30)
    wait_for(lambda: len(line.sessions) == 1 and line.unbinds == 1)
