"""Due dates under fire, as processes: other rules, slips, kills, two replicas. Each word once."""

import asyncio
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from shared.db import Database
from tests.builders import status, submitted
from tests.instance import ROOT, instance, wait_for
from tests.notify.liar import liar

PROCEDURE = "9.000099"
CHANGEOVER = "SELECT done, total, state FROM due_rules ORDER BY seq DESC LIMIT 1"
SLIPS = (
    "SELECT count(*) FILTER (WHERE state = 'slipped') AS told, count(*) AS all FROM deadlines"
    " WHERE key LIKE 'F-%'"
)


@pytest.fixture(scope="module")
def gateway():
    with liar() as made:
        made.honest = True
        yield made


@pytest.fixture(scope="module")
def running(tmp_path_factory, gateway):
    folder = tmp_path_factory.mktemp("changeover")
    shutil.copytree(ROOT / "deploy", folder / "deploy")
    with instance(folder) as made:
        made.extra = {
            "ESMS_URL": gateway.url, "ESMS_API_KEY": "a", "ESMS_SECRET_KEY": "b",
            "ESMS_BRANDNAME": "M", "ESMS_RECEIPT_KEY": "r3ceipt", "ESMS_RATE": "5000",
            "MOTCUA_NOTIFY_GATEWAYS": "esms", "MOTCUA_NOTIFY_QUIET_HOURS": "",
            "MOTCUA_NOTIFY_RECEIPT_URL": "http://127.0.0.1:9",
            "MOTCUA_DEPLOY_DIR": str(folder / "deploy"),
        }  # fmt: skip
        last(made, 10)
        made.start("intake")
        start(made)
        made.wait_ready("intake")
        yield made


def last(made, days):
    """Have the procedure take so many working days from the next start on."""
    path = made.folder / "deploy" / "procedures" / "thu.csv"
    path.write_text(f"code,name,authority,level,duration\n{PROCEDURE},Thử,,,{days} working days\n")


def start(made):
    for replica in (0, 1):
        made.start("notify", replica)
    for replica in (0, 1):
        made.wait_ready("notify", replica)


def kill(made):
    for replica in (0, 1):
        made.kill("notify", replica)


def look(made, statement):
    """The first row of what a statement finds in notify's store."""
    return rows(made, statement)[0]


def rows(made, statement):
    async def ask():
        database = Database(made.urls["notify"], "notify", 1)
        try:
            async with database.transaction() as session:
                return (await session.execute(sa.text(statement))).all()
        finally:
            await database.close()

    return asyncio.run(ask())


def ago(**span):
    return (datetime.now(UTC) - timedelta(**span)).isoformat()


def told_all(made, replica=0):
    """Wait until everything was read and sent."""

    def done():
        figures = made.http.get(made.url("notify", "/v1/status", replica)).json()
        lag = figures["lag"]
        return lag["notify-events"] == lag["notify-contacts"] == figures["unsent"] == 0

    wait_for(lambda: made.get("intake", "/v1/status")["unpublished"] == 0, 300)
    wait_for(done, 600)


def dossier(name, number, at, **data):
    applicant = {"name": "Người nộp mẫu", "phone": f"09{number:08}"}
    raw = submitted(name, unit="QTR-TTHCC", submitted_at=at, received_at=at,
                    applicant=applicant, **data)  # fmt: skip
    return raw | {"time": at}


def break_it(made, gateway, waiting, late):
    """Other rules hold after a start, and while nobody looked many due dates have passed.

    Both replicas are killed while they change over, and one of them while it tells of slips.
    """
    raws, expected = promised(waiting)
    made.post(raws)
    told_all(made)
    before = due_days(made)
    kill(made)
    last(made, 12)
    made.post([*passed(late)])
    for replica in (0, 1):
        made.start("notify", replica)
    undated = waiting - len(range(1, waiting, 8))
    _, total, state = wait_for(lambda: half_way(made, undated), 300)
    kill(made)
    assert (total, state) == (undated, "running")
    for replica in (0, 1):
        made.start("notify", replica)
    told = wait_for(lambda: look(made, SLIPS).told, 300)
    made.kill("notify", 0)
    made.wait_ready("notify", 1)
    print("killed at", told, "of", late, "slips")
    wait_for(lambda: look(made, SLIPS).told == late, 600)
    wait_for(lambda: look(made, CHANGEOVER).state == "held", 600)
    told_all(made, 1)
    check_changeover(made, gateway, expected, before, undated)
    check_slips(made, gateway, late)


def promised(size):
    """Dossiers under way: most are due when we say, some when upstream says, some are done."""
    at, stated = ago(minutes=5), (datetime.now(UTC) + timedelta(days=40)).isoformat()
    raws, kinds = [], {}
    for n in range(size):
        kind = ("closed", "stated", *["open"] * 6)[n % 8]
        more = {"due_at": stated} if kind == "stated" else {}
        raws.append(dossier(f"C-{n:05}", n, at, procedure=PROCEDURE, **more))
        if kind == "closed":
            at_last = ago(minutes=1)
            raws.append(status(f"C-{n:05}", "result_ready", at_last, unit="QTR-TTHCC"))
        kinds[f"09{n:08}"] = kind
    return raws, kinds


def passed(size):
    """Dossiers that were due yesterday."""
    due = ago(days=1)
    for n in range(size):
        yield dossier(f"F-{n:05}", 10_000_000 + n, ago(days=4), due_at=due)


def check_changeover(made, gateway, expected, before, undated):
    assert tuple(look(made, CHANGEOVER)) == (undated, undated, "held")
    status_now = made.http.get(made.url("notify", "/v1/status", 1)).json()["due_rules"]
    assert (status_now["state"], status_now["done"]) == ("held", undated)
    lost = {
        (f"09{int(row.subject[2:]):08}", row.kind)
        for row in rows(made, "SELECT subject, kind FROM notices WHERE state = 'unknown'")
    }
    wanted = {
        "open": {"received": 1, "due_later": 1},
        "stated": {"received": 1},
        "closed": {"received": 1, "result_ready": 1},
    }
    for number, kind in expected.items():
        words = Counter(kind_of(body["Content"]) for body in gateway.taken[number])
        assert max(words.values()) == 1, number
        missing = wanted[kind].keys() - words.keys()
        # What a killed process was about to hand over is marked unknown, and not sent again.
        assert all((number, each) in lost for each in missing), (number, words)
        assert words.keys() <= wanted[kind].keys(), (number, words)
    assert len(lost) <= 2 * 2 * 40
    after = due_days(made)
    kinds = {code: expected[f"09{int(code[2:]):08}"] for code in after}
    moved = {(kinds[code], before[code] < after[code]) for code in after}
    assert moved == {("open", True), ("stated", False), ("closed", True)}
    assert len(after) == len(expected)


def kind_of(text):
    if "hen tra lai" in text:
        return "due_later"
    return "result_ready" if "da co ket qua" in text else "received"


def half_way(made, total):
    row = look(made, CHANGEOVER)
    return row if row.state == "running" and 0 < row.done < total else None


def due_days(made):
    found = rows(
        made, "SELECT key, due_day FROM deadlines WHERE key LIKE 'C-%' AND state <> 'cancelled'"
    )
    assert len(found) == len({row.key for row in found})
    return {row.key: row.due_day for row in found}


def check_slips(made, gateway, size):
    outcomes = look(
        made,
        "SELECT count(*) AS n, count(DISTINCT p->>'subject') AS subjects FROM (SELECT"
        " convert_from(payload, 'UTF8')::jsonb AS p FROM outbox WHERE stream = 'OUTCOMES') AS o"
        " WHERE p->>'type' = 'motcua.deadline.slipped.v1' AND p->>'subject' LIKE 'F-%'",
    )
    assert tuple(outcomes) == (size, size)
    for kind in ("dossier_slipped", "late"):
        found = look(
            made,
            "SELECT count(*) AS n, count(DISTINCT subject) AS subjects FROM notices"
            f" WHERE kind = '{kind}' AND subject LIKE 'F-%'",
        )
        assert tuple(found) == (size, size), kind
    unknown = look(
        made, "SELECT count(*) AS n FROM notices WHERE kind = 'late' AND state = 'unknown'"
    )
    late = {number: bodies for number, bodies in gateway.taken.items() if number > "0910"}
    assert max(map(len, late.values())) == 1
    assert size - unknown.n <= len(late) <= size


def test_other_rules_and_slips_among_kills_are_told_once(running, gateway):
    break_it(running, gateway, 320, 620)


@pytest.mark.soak
def test_other_rules_and_slips_among_kills_are_told_once_at_length(running, gateway):
    break_it(running, gateway, 20_000, 20_000)
