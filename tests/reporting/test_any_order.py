"""Two instances take the same events, one of them undisturbed and in order, the other one at random,
twice, by replicas of which some are killed: every report is the same byte by byte, and is what a
recount makes of the events."""

import json
from random import Random

import pytest

from shared.clock import today
from shared.settings import deploy_dir
from tests.instance import NAMES, instance, wait_for
from tests.quota.plans import apply
from tests.reporting.asked import questions
from tests.reporting.comparing import asked_of_each, compare
from tests.reporting.front_door import answer, sent
from tests.reporting.invented import World
from tests.reporting.invented_plan import FIRST, PLAN, SECOND
from tests.reporting.recount_reports import Recount
from tests.reporting.recount_rows import Answers
from tests.reporting.tree import Tree

WORKERS = ("quota", "reporting")


def post(running, events):
    """{id: status} of one batch, sent again until it is answered; of what is in it twice the first."""

    def answered():
        given = running.http.post(
            running.url("intake", "/v1/events"),
            content=json.dumps(events),
            headers={"Content-Type": "application/cloudevents-batch+json"},
        )
        return given.json()["results"] if given.status_code == 202 else None

    return {each["id"]: each["status"] for each in reversed(wait_for(answered, 60))}


def feed_calmly(running, events):
    """In the order of time; the second version of the plan once half of them are in."""
    said = {}
    apply(running, FIRST)
    for begin in range(0, len(events), 500):
        if begin >= len(events) // 2 > begin - 500:
            apply(running, SECOND)
        said |= post(running, events[begin : begin + 500])
    return said


def feed_wildly(running, events, random):
    """In any order and batches, some twice; services are killed, their replicas go on."""
    stream = events + random.sample(events, len(events) // 5)
    random.shuffle(stream)
    size, said = len(stream), {}
    todo = [
        (size // 5, lambda: apply(running, FIRST)),
        (size // 3, lambda: [running.kill(name) for name in WORKERS]),
        (size // 2, lambda: [running.start(name) for name in WORKERS]),
        (size * 3 // 5, lambda: running.kill("reporting", 1)),
        (size * 4 // 5, lambda: (running.start("reporting", 1), running.wait_ready("quota"))),
        (size * 9 // 10, lambda: apply(running, SECOND)),
    ]
    taken = 0
    while stream:
        some = random.randint(1, 300)
        batch, stream = stream[:some], stream[some:]
        for id, status in post(running, batch).items():
            if said.get(id) not in ("accepted", "refused"):
                said[id] = status
        taken += some
        while todo and taken >= todo[0][0]:
            todo.pop(0)[1]()
    return said


def run(folder, seed, size, count):
    random = Random(seed)
    pairs = sorted(sent(World(seed, size).events), key=lambda pair: pair[1]["time"])
    events = [given for given, _ in pairs]
    services = [name for name in NAMES if name != "notify"]
    with instance(folder / "calm") as calm, instance(folder / "wild") as wild:
        wild.extra = {"MOTCUA_ACK_WAIT": "5"}
        for running in (calm, wild):
            for name in services:
                running.start(name)
        for name in WORKERS:
            wild.start(name, 1)
        for running in (calm, wild):
            for name in services:
                running.wait_ready(name)
        said = feed_calmly(calm, events)
        assert feed_wildly(wild, events, random) == said
        assert set(said.values()) <= {"accepted", "refused"}
        taken = [each for given, each in pairs if said[given["id"]] == "accepted"]
        assert len(taken) > 0.97 * len(pairs)
        for name in WORKERS:
            wild.wait_ready(name)
            wild.wait_ready(name, 1)
        for running in (calm, wild):
            running.settle(tuple(services), 600)
        answers = Answers(Recount(taken, Tree(deploy_dir() / "units")), PLAN, 30)
        for typed, asked in questions(random, count, today(), known=False):
            for report, by in asked_of_each():
                words = typed | ({"by": by} if by else {})
                check(calm, wild, report, words, answers, typed, asked, by)


def check(calm, wild, report, words, answers, typed, asked, by):
    """One answer of the calm instance, and of both replicas of the other one."""
    if asked["last"] == today():  # what was refused today is no event of the recount
        words = words | {"to": "2025-12-31"}
        asked = asked | {"last": asked["last"].replace(2025, 12, 31)}
        asked["until"] = asked["last"]

    def told():
        document, text = answer(calm, report, words)
        others = {answer(wild, report, words, replica)[1] for replica in (0, 1)}
        return document if others == {text} else None

    # Quota gathers what it tells of results for a moment.
    document = wait_for(told, 60, lambda: f"{report} {words}")
    if report != "emulation":
        compare(document, answers, typed, asked, by)
        return

    def right():
        try:
            compare(answer(calm, report, words)[0], answers, typed, asked, by)
        except AssertionError as fault:
            faults[:] = [fault]
            return False
        return True

    faults = []
    wait_for(right, 60, lambda: str(faults))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", [1])
def test_any_order_gives_the_same_reports(tmp_path, seed):
    run(tmp_path, seed, 20_000, 12)
