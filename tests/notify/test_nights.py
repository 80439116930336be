"""A night on whole processes: what comes in waits for its end, and leaves then, spread and once."""

import contextlib
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.clock import VN
from tests.builders import status, submitted
from tests.instance import instance, wait_for
from tests.notify.serving import Quiet, serving
from tests.notify.test_kannel import wait_read
from tests.notify.test_storm import all_notices, number_of

RETRIED, MOVED_ON = number_of(900_001), number_of(900_002)
"""One that both gateways turn away in the evening; one that the first turns away after dark."""
WORKERS = 8
SPAN = timedelta(seconds=12)


class Hands:
    """The clock of the services under test: it can be put forward."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ahead"
        self._put(0)

    def _put(self, seconds: float) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(str(seconds))
        os.replace(new, self.path)
        self.ahead = timedelta(seconds=seconds)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def move_to(self, instant: datetime) -> None:
        """Be at an instant from now on."""
        self._put((instant - datetime.now(UTC)).total_seconds())


class RealTime(Hands):
    """The clock of the machine, which has to be waited for."""

    def move_to(self, instant: datetime) -> None:
        time.sleep(max(0.0, (instant - datetime.now(UTC)).total_seconds()))


@dataclass
class Doors:
    """Two gateways, ``/one`` and ``/two``: who was taken, by number, when and where."""

    hands: Hands
    taken: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict)
    asked: Counter = field(default_factory=Counter)
    evening: bool = True
    dark: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    port: int = 0

    @property
    def urls(self) -> str:
        return ",".join(f"http://127.0.0.1:{self.port}/{door}" for door in ("one", "two"))

    def answer(self, door: str, number: str) -> int:
        with self.lock:
            self.asked[number] += 1
        if number == RETRIED and self.evening:
            return 503
        if number == MOVED_ON and door == "one":
            self.dark.wait(60)  # it makes up its mind when the night has begun
            return 503
        with self.lock:
            self.taken.setdefault(number, []).append((self.hands.now(), door))
        return 202


@contextlib.contextmanager
def doors(hands: Hands) -> Iterator[Doors]:
    """Both gateways, running."""
    made = Doors(hands)

    class Handler(Quiet):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            number = "0" + parse_qs(url.query)["to"][0].removeprefix("+84")
            code = made.answer(url.path.strip("/"), number)
            with contextlib.suppress(OSError):
                self.send_response(code)
                self.end_headers()

    with serving(Handler) as made.port:
        try:
            yield made
        finally:
            made.dark.set()


def filed(code, number, at):
    applicant = {"name": "Người nộp mẫu", "phone": number, "notify": ["sms"]}
    raw = submitted(
        code, unit="QTR-TTHCC", applicant=applicant,
        submitted_at=at.isoformat(), received_at=at.isoformat(),
    )  # fmt: skip
    return raw | {"time": at.isoformat()}


def told(made, code):
    return {n["kind"]: n for n in made.get("notify", "/v1/notices", subject=code)["notices"]}


def night(folder, size, hands, minutes):
    """One night of some minutes with ``size`` dossiers; returns the notices and who was taken."""
    start = (hands.now() + timedelta(seconds=75)).replace(second=0, microsecond=0)
    if isinstance(hands, RealTime):
        start -= timedelta(minutes=1) * ((start - hands.now()).total_seconds() > 80)
    opening = start + timedelta(minutes=minutes)
    with instance(folder) as made, doors(hands) as gateway:
        made.extra = {
            "MOTCUA_NOTIFY_KANNEL_URL": gateway.urls,
            "MOTCUA_NOTIFY_URGENT": "result_ready",
            "MOTCUA_NOTIFY_QUIET_HOURS": "-".join(
                f"{each.astimezone(VN):%H:%M}" for each in (start, opening)
            ),
            "MOTCUA_NOTIFY_MORNING_MINUTES": str(SPAN.total_seconds() / 60),
            "MOTCUA_NOTIFY_WORKERS": str(WORKERS),
            "MOTCUA_ACK_WAIT": "3",
            "TEST_CLOCK": str(hands.path),
        }
        for name, replica in (("intake", 0), ("notify", 0), ("notify", 1)):
            made.start(name, replica)
        for name, replica in (("intake", 0), ("notify", 0), ("notify", 1)):
            made.wait_ready(name, replica)

        evening(made, gateway, start, hands)
        waiting = dark(made, gateway, size, hands.now())
        for notice in waiting.values():
            assert opening <= when(notice["held_until"]) <= opening + SPAN, notice

        wait_read(made)  # what a killed process has read and not acknowledged comes back later
        assert hands.now() < opening, "too slow: the night was over before all was in"
        hands.move_to(opening)
        made.kill("notify", 0)
        made.start("notify", 0)
        half = opening + SPAN / 2
        hands.move_to(half)
        soon = {id for id, n in waiting.items() if when(n["held_until"]) < half}
        wait_for(lambda: len(gateway.taken) > size // 4)
        made.kill("notify", 1)
        made.start("notify", 1)
        hands.move_to(opening + SPAN)
        for replica in (0, 1):
            made.wait_ready("notify", replica)
        wait_for(lambda: made.get("notify", "/v1/status")["unsent"] == 0, 60)
        check(made, gateway, waiting, soon, size, start, opening)


def when(text):
    return datetime.fromisoformat(text)


def evening(made, gateway, start, hands):
    """Two messages set out before the night and come back."""
    before = hands.now() - timedelta(minutes=5)
    hands.move_to(start - timedelta(seconds=20))
    made.post([filed("E-other", MOVED_ON, before)])
    wait_for(lambda: gateway.asked[MOVED_ON] == 1)
    made.post([filed("E-again", RETRIED, before)])
    wait_for(lambda: gateway.asked[RETRIED] >= 2)
    wait_for(lambda: told(made, "E-again")["received"]["state"] == "retrying")
    hands.move_to(start + timedelta(seconds=1))
    gateway.evening = False
    gateway.dark.set()


def dark(made, gateway, size, now):
    """What comes in at night; returns the notices that wait for its end, by id."""
    at = now - timedelta(minutes=5)
    plain = [filed(f"N-{n:05}", number_of(n), at) for n in range(size)]
    extra = []
    for n in range(6):  # a result comes: it is urgent, and "received" is pointless now
        code = f"U-{n}"
        extra.append(filed(code, number_of(800_000 + n), at))
        then = (at + timedelta(minutes=2)).isoformat()
        extra.append(status(code, "result_ready", then, unit="QTR-TTHCC") | {"source": "/test"})
    made.post(plain + extra)
    wait_read(made)
    wait_for(lambda: sum(map(len, gateway.taken.values())) == 6)
    wait_for(lambda: told(made, "E-other")["received"]["reason"] == "quiet_hours")
    wait_for(lambda: told(made, "E-again")["received"]["reason"] == "quiet_hours")
    held = [n for n in all_notices(made) if n["state"] in ("ready", "retrying")]
    assert Counter(n["reason"] for n in held) == {"quiet_hours": size + 6 + 2}
    assert set(gateway.taken) == {number_of(800_000 + n) for n in range(6)}
    return {n["id"]: n for n in held}


def check(made, gateway, waiting, soon, size, start, opening):
    """Everything left once, in the morning, when it was said to; or was pointless by then."""
    notices = {n["id"]: n for n in all_notices(made)}
    assert len(notices) == size + 2 + 12
    pointless = [n for n in notices.values() if n["subject"][0] == "U" and n["kind"] == "received"]
    assert [(n["state"], n["reason"]) for n in pointless] == [("withdrawn", "overtaken")] * 6
    urgent = [n for n in notices.values() if n["kind"] == "result_ready"]
    assert [n["state"] for n in urgent] == ["sent"] * 6
    assert all(start <= at < opening for n in range(6)
               for at, _ in gateway.taken[number_of(800_000 + n)])  # fmt: skip
    states = Counter()
    for id, notice in waiting.items():
        if notice["subject"][0] == "U":
            continue
        state = notices[id]["state"]
        states[state] += 1
        number = numbers(notice["subject"])
        times = gateway.taken.get(number, [])
        assert len(times) <= 1, f"{notice['subject']} was told {len(times)} times"
        assert state == "unknown" or (state == "sent" and times), notices[id]
        for at, _door in times:
            assert at >= when(notice["held_until"]) - timedelta(milliseconds=50), notice
    # A kill leaves open what was on its way, and nothing else.
    assert states["unknown"] <= 2 * WORKERS, states
    assert 0.2 * len(waiting) < len(soon) < 0.8 * len(waiting)
    # What the first gateway turned away after dark went to the second, unless a kill stopped it.
    assert {door for _, door in gateway.taken.get(MOVED_ON, [])} <= {"two"}


def numbers(code):
    return {"E-again": RETRIED, "E-other": MOVED_ON}.get(code) or number_of(int(code[2:]))


def test_a_night_its_end_and_a_kill_just_then(tmp_path):
    night(tmp_path, 60, Hands(tmp_path), 600)


@pytest.mark.soak
def test_a_night_in_real_time(tmp_path):
    night(tmp_path, 2000, RealTime(tmp_path), 1)
