"""Everything goes wrong at once: notify is killed, the gateway fails, the broker restarts, receipts
come out of order. Every notice ends sent once, failed visibly, or marked unknown."""

import contextlib
import queue
import random
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from shared.embedded.process import free_port
from tests.builders import submitted
from tests.instance import instance, wait_for
from tests.notify.liar import Liar, liar
from tests.notify.test_kannel import wait_read

SWAPPED, REPEATED, BEFORE, UNDELIVERED = 0.35, 0.1, 0.05, 0.15


class Carrier:
    """Reports on what the gateway took, in the wrong order as often as carriers do, and again
    until somebody takes the report."""

    def __init__(self, gateway: Liar, ports: list[int]) -> None:
        self.gateway, self.ports = gateway, ports
        self.random = random.Random(20261012)
        self.waiting: queue.Queue = queue.Queue()
        self.fates: dict[str, str] = {}
        self.lock = threading.Lock()
        self.open = 0
        self.answer = gateway.answer
        gateway.answer = self.take  # type: ignore[method-assign]
        for _ in range(6):
            threading.Thread(target=self.work, daemon=True).start()

    def take(self, body):
        with self.lock:
            before, swapped, repeated, lost = (self.random.random() for _ in range(4))
            delivered = lost >= UNDELIVERED
        told = self.answer(body)
        if told is None or told[0] != 200:
            return told
        final = (body, delivered, "5")
        steps = [(body, True, "7"), final]
        if swapped < SWAPPED:
            steps.reverse()
        if repeated < REPEATED:
            steps += [final]
        with self.lock:
            self.fates[body["Phone"]] = "delivered" if delivered else "failed"
            self.open += len(steps)
        if before < BEFORE:
            self.report(*steps.pop(0))
        for step in steps:
            self.waiting.put(step)
        return told

    def work(self):
        with httpx.Client(timeout=10) as http:
            while True:
                self.report(*self.waiting.get(), http)

    def report(self, body, delivered, status, http=None):
        fields = {
            "RequestId": body["RequestId"], "SendStatus": status,
            "SendSuccess": str(int(delivered)), "SendFailed": str(int(not delivered)),
            "key": "r3ceipt",
        }  # fmt: skip
        for attempt in range(400):
            port = self.ports[attempt % 2]
            with contextlib.suppress(httpx.HTTPError):
                get = (http or httpx).get
                answer = get(f"http://127.0.0.1:{port}/v1/receipts/esms", params=fields)
                if answer.status_code == 200:
                    break
            time.sleep(0.05)
        with self.lock:
            self.open -= 1


def number_of(n):
    return f"0900{n:06}"


def dossiers(size):
    now = datetime.now(UTC)
    at = (now - timedelta(minutes=5)).isoformat()
    for n in range(size):
        applicant = {"name": "Người nộp mẫu", "phone": number_of(n)}
        raw = submitted(
            f"S-{n:06}", unit="QTR-TTHCC", applicant=applicant, submitted_at=at, received_at=at
        )
        yield raw | {"time": at}


def all_notices(made):
    found, cursor = [], None
    while True:
        params = {"limit": 1000} | ({"cursor": cursor} if cursor else {})
        page = made.get("notify", "/v1/notices", **params)
        found += page["notices"]
        cursor = page["next"]
        if cursor is None:
            return found


def storm(made, gateway, carrier, size, rounds):
    """Load, and break one part after the other while it is sent."""
    raws = [*dossiers(size)]
    posting = threading.Thread(target=made.post, args=(raws,), daemon=True)
    posting.start()
    if size < 1000:
        # What a killed process had read and not acknowledged comes back half a minute later: the
        # small storm breaks only what sends.
        posting.join()
        wait_read(made)
    part = size // (rounds + 1)
    for round in range(rounds):
        wait_for(lambda n=round: len(gateway.taken) >= part * (n + 0.3), 300)
        replica = round % 2
        made.kill("notify", replica)
        if round % 3 == 1:
            made.urls.tell("kill broker", "start broker")
        if round % 2 == 0:
            gateway.busy = True
        else:
            gateway.down = True
        time.sleep(0.3)
        gateway.busy = gateway.down = False
        made.start("notify", replica)
    posting.join()
    for replica in (0, 1):
        made.wait_ready("notify", replica)
    if size >= 1000:
        made.settle(("notify",), 300)
    wait_for(lambda: made.get("notify", "/v1/status")["unsent"] == 0, 300)
    wait_for(lambda: carrier.open == 0, 300)


def check(made, gateway, carrier, size, rounds):
    """What notify says is held against what the gateway took."""
    taken = {number: len(bodies) for number, bodies in gateway.taken.items()}
    assert max(taken.values()) == 1, "somebody was told twice"
    notices = all_notices(made)
    assert len(notices) == size, "a notice is missing"
    assert len({notice["subject"] for notice in notices}) == size
    states = Counter()
    for notice in notices:
        number = number_of(int(notice["subject"][2:]))
        fate = carrier.fates.get(number)
        states[notice["state"], notice["reason"]] += 1
        if fate is None:
            # Nobody has it: that nobody knows, or that it failed, is said.
            assert notice["state"] in ("unknown", "failed"), notice
        else:
            assert notice["state"] == fate, notice
    lost = sum(n for (state, _), n in states.items() if state == "unknown")
    # A kill leaves open what was on its way; an outage at most what opens a circuit.
    assert lost <= rounds * 2 * 40, states
    assert sum(n for (state, _), n in states.items() if state == "delivered") > size * 0.6
    return states


def run(folder, size, rounds, rate):
    with instance(folder) as made, liar() as gateway:
        gateway.honest = True
        ports = [free_port(), free_port()]
        made.ports |= {"notify-0": ports[0], "notify-1": ports[1]}
        carrier = Carrier(gateway, ports)
        made.extra = {
            "ESMS_URL": gateway.url, "ESMS_API_KEY": "a", "ESMS_SECRET_KEY": "b",
            "ESMS_BRANDNAME": "M", "ESMS_RECEIPT_KEY": "r3ceipt", "ESMS_RATE": str(rate),
            "MOTCUA_ACK_WAIT": "5",
            "MOTCUA_NOTIFY_GATEWAYS": "esms", "MOTCUA_NOTIFY_QUIET_HOURS": "",
            "MOTCUA_NOTIFY_RECEIPT_URL": f"http://127.0.0.1:{ports[0]}",
        }  # fmt: skip
        made.start("intake")
        made.wait_ready("intake")
        for replica in (0, 1):
            made.start("notify", replica)
        for replica in (0, 1):
            made.wait_ready("notify", replica)
        storm(made, gateway, carrier, size, rounds)
        return check(made, gateway, carrier, size, rounds)


def test_every_notice_ends_once_whatever_breaks(tmp_path):
    run(tmp_path, 400, 2, 150)


@pytest.mark.soak
def test_twenty_thousand_notices_through_kills_and_outages(tmp_path):
    print(run(tmp_path, 20_000, 12, 400))
