"""Everything that the services answer, held against recounts of what was posted."""

import datetime as dt
from collections import Counter, defaultdict
from typing import Any

from tests.instance import Instance
from tests.quota import recount
from tests.reporting import recount as stories

LEVELS = ("very_dissatisfied", "dissatisfied", "neutral", "satisfied", "very_satisfied")
YEAR = (dt.date(2020, 1, 1), dt.date(2020, 12, 31))
MIDYEAR = dt.date(2020, 6, 30)
PLANS = ("quang-tri-rthome-2019", "quang-tri-mscore-2020", "to-tung-2023", "duc-tho-2020")

Events = list[dict[str, Any]]


def check_quota(running: Instance, posted: Events) -> None:
    """Progress, stipends and the balances of the ledger."""
    plan = "quang-tri-rthome-2019"
    expected = recount.installs(posted)
    rows = running.get("quota", "/v1/progress", plan=plan, indicator="installs")["rows"]
    assert {row["unit"]: row["numerator"] for row in rows} == {
        unit: expected[unit] for unit in recount.RTHOME
    }
    for by, group in (("unit", lambda r: r["unit"]), ("installer", installer_of)):
        answer = running.get("quota", "/v1/stipends", plan=plan, by=by)
        paid = recount.stipends(posted, by=by)
        got = {group(r): (r["succeeded"], r["payable"]) for r in answer["rows"] if r["succeeded"]}
        assert got == paid
        assert answer["total"]["amount"] == recount.RATE * sum(p for _, p in paid.values())
    assert balances(running, plan) == recount.balances(posted)

    figures = recount.duc_tho(posted)
    for row in running.get("quota", "/v1/progress", plan="duc-tho-2020")["rows"]:
        online, total = figures.get((row["indicator"], row["unit"]), (0, 0))
        whole = None if row["indicator"] == "commune-district-dossiers" else total
        assert (row["numerator"], row["denominator"]) == (online, whole), row
    rows = running.get("quota", "/v1/progress", plan="to-tung-2023", indicator="online-share")
    years = recount.to_tung(posted)
    assert {row["period"]: (row["numerator"], row["denominator"]) for row in rows["rows"]} == {
        year: years.get(year, (0, 0)) for year in ("2023", "2024", "2025")
    }
    rows = running.get(
        "quota", "/v1/progress", plan="quang-tri-mscore-2020", indicator="dossiers-entered"
    )["rows"]
    months = recount.entered(posted)
    assert len(rows) == 120
    assert {(r["unit"], r["period"]): r["numerator"] for r in rows if r["numerator"]} == months


def installer_of(row: dict[str, Any]) -> tuple[str, str]:
    return row["unit"], row["installer"]


def balances(running: Instance, plan: str) -> dict[tuple[str, ...], int]:
    """What the ledger comes to for each event; every entry once, none changed or zero."""
    sums: Counter[tuple[str, ...]] = Counter()
    after: int | None = 0
    while after is not None:
        page = running.get("quota", "/v1/stipends/ledger", plan=plan, after=after, limit=5000)
        for entry in page["rows"]:
            assert abs(entry["amount"]) == recount.RATE
            sums[entry["unit"], entry["installer"], entry["source"], entry["event_id"]] += entry[
                "amount"
            ]
        after = page["next"]
    assert min(sums.values(), default=0) >= 0
    assert max(sums.values(), default=0) <= recount.RATE
    return {event: amount for event, amount in sums.items() if amount}


def report(running: Instance, name: str, period: tuple[dt.date, dt.date], **asked: Any) -> Any:
    days = {"from": period[0].isoformat(), "to": period[1].isoformat()}
    return running.get("reporting", f"/v1/reports/{name}", **days, **asked)


def check_reporting(running: Instance, posted: Events) -> None:
    """Form 06, installs, online shares, scores, lists in time, dossiers overdue."""
    told = recount.told(posted)
    for by in ("unit", "field"):
        rows = report(running, "bieu-06", YEAR, by=by)["rows"]
        found = {
            row[by]: {k: n for k, n in row.items() if n and isinstance(n, int)} for row in rows
        }
        plain = stories.bieu_06(told, *YEAR, by)
        assert {group: row for group, row in found.items() if row} == {
            group: {k: n for k, n in row.items() if n} for group, row in plain.items()
        }
    shares = report(running, "online-share", YEAR)["rows"]
    assert {(r["unit"], r["authority"]): (r["online"], r["total"]) for r in shares} == (
        stories.online_share(told, *YEAR)
    )
    overdue = running.get("reporting", "/v1/reports/overdue", to=MIDYEAR.isoformat(), limit=1000)
    assert overdue["next_offset"] is None
    assert {row["code"] for row in overdue["rows"]} == stories.overdue_codes(told, MIDYEAR)

    span = (dt.date(2019, 8, 1), YEAR[1])
    rows = report(running, "installs", span, by="unit")["rows"]
    assert {row["unit"]: attempts_of(row) for row in rows if row["installs"]} == installs(
        posted, span
    )
    rows = report(running, "scorecard", YEAR)["rows"]
    names = ("unit", "domain", "mode", "quarter", "item")
    got = {tuple(row[k] for k in names): (row["n"], round(row["score"], 9)) for row in rows}
    assert got == scores(posted)
    rows = report(running, "timeliness", YEAR, plan="quang-tri-mscore-2020")["rows"]
    lists = {
        (row["unit"], row["period"]): row["state"]
        for row in rows
        if row["obligation"] == "patient-lists" and row["state"] != "missing"
    }
    assert lists == patient_lists(posted)


def attempts_of(row: dict[str, Any]) -> tuple[int, int, int]:
    return row["installs"], row["succeeded"], row["distinct_citizens"]


def installs(posted: Events, span: tuple[dt.date, dt.date]) -> dict[str, tuple[int, int, int]]:
    """{unit: (attempts, successes, citizens)}."""
    groups: dict[str, Events] = defaultdict(list)
    for e in recount.standing(posted):
        day = recount.moment(e["time"]).astimezone(recount.LOCAL).date()
        if e["type"] == "motcua.install.recorded.v1" and span[0] <= day <= span[1]:
            groups[e["data"]["unit"]].append(e["data"])
    return {
        unit: (
            len(own),
            sum(d["result"] == "succeeded" for d in own),
            len({d["citizen"] for d in own if "citizen" in d}),
        )
        for unit, own in groups.items()
    }


def scores(posted: Events) -> dict[tuple[str, ...], tuple[int, float]]:
    """{(unit, domain, mode, quarter, item): (answers, mean)}."""
    groups: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for e in recount.standing(posted):
        data = e["data"]
        if e["type"] == "motcua.survey.completed.v1":
            at = recount.moment(e["time"]).astimezone(recount.LOCAL)
            quarter = f"{at.year}-Q{(at.month - 1) // 3 + 1}"
            for item, answer in data["answers"].items():
                score = answer if isinstance(answer, int) else LEVELS.index(answer) + 1
                groups[data["unit"], data["domain"], data["mode"], quarter, item].append(score)
    return {group: (len(own), round(sum(own) / len(own), 9)) for group, own in groups.items()}


def patient_lists(posted: Events) -> dict[tuple[str, str], str]:
    """{(unit, month): state} of the lists that are due before the 5th of the month after.

    What is made up for before 13 February was late all the same.
    """
    first: dict[tuple[str, str], dt.datetime] = {}
    for e in recount.standing(posted):
        data = e["data"]
        if e["type"] == "motcua.list.delivered.v1" and data["list"] == "patients":
            key, at = (data["unit"], data["period"]), recount.moment(e["time"])
            first[key] = min(at, first.get(key, at))
    states = {}
    for (unit, period), at in first.items():
        month = int(period[5:]) + 1
        due = dt.datetime(2020, month, 5, tzinfo=recount.LOCAL)
        states[unit, period] = "on_time" if at < due else "late"
    return states
