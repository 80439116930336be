"""Invented lists and reports, most of them in time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from shared.demo.days import Days, at, in_office, month_day
from shared.demo.envelope import Event, chance, event, taken
from shared.demo.scenario import Lists, Reports, Scenario


def tell_lists(scenario: Scenario) -> Iterator[Event]:
    """The monthly lists of every unit, and the lists of installers."""
    for lists in scenario.lists:
        for month in lists.months.all():
            for unit in lists.units:
                yield _monthly(scenario, lists, month, unit)
    yield from _installers(scenario)


def _monthly(scenario: Scenario, lists: Lists, month: str, unit: str) -> Event:
    rng = chance("list", lists.list, unit, month)
    late = lists.late
    if late and unit in late.units and month in late.months:
        day = rng.choice(late.days)
    else:
        day = month_day(month, rng.choice(lists.handed_in), following=True)
    rows = rng.randint(*lists.rows)
    data = {
        "unit": unit,
        "list": lists.list,
        "period": month,
        "rows": rows,
        "eligible": int(rows * (0.7 + rng.random() * 0.28)),
    }
    when = in_office(day, rng.random() * 480)
    source = f"{scenario.source}/lists/{unit}"
    return event("list.delivered", source, f"{lists.list}-{month}", when, data)


def _installers(scenario: Scenario) -> Iterator[Event]:
    installers = scenario.installers
    for unit in installers.units:
        rng = chance("installers", unit)
        deliveries = [(rng.choice(installers.days), installers.rows)]
        if unit in installers.short:
            short = installers.short[unit]
            deliveries = [(installers.days[0], short), (installers.days[-1], installers.rows)]
        for number, (day, rows) in enumerate(deliveries, 1):
            data = {"unit": unit, "list": "installers", "rows": rows}
            when = in_office(day, 300 + rng.random() * 150)
            source = f"{scenario.source}/lists/{unit}"
            yield event("list.delivered", source, f"installers-{number}", when, data)


def tell_reports(scenario: Scenario, scale: float) -> Iterator[Event]:
    """Reports to those they are owed to; some late, some never."""
    told = 0
    for reports in scenario.reports:
        for unit in reports.units:
            for period, when in _filings(reports, unit):
                told += 1
                if reports.every == "day" and not taken(told - 1, scale):
                    continue
                data: dict[str, Any] = {
                    "unit": unit,
                    "plan": reports.plan,
                    "obligation": reports.obligation,
                    "period": period,
                    "document": f"{told % 400 + 1:02}/BC",
                }
                source = f"{scenario.source}/reports/{unit}"
                id = f"{reports.plan}-{reports.obligation}-{period}"
                yield event("report.filed", source, id, when, data)


def _filings(reports: Reports, unit: str) -> Iterator[tuple[str, datetime]]:
    """The periods that a unit reports on, and when it does."""
    if reports.every == "once":
        rng = chance(reports.obligation, unit)
        yield "once", in_office(rng.choice(reports.dates), rng.random() * 480)
    for month in reports.months.all() if reports.months else ():
        rng = chance(reports.obligation, unit, month)
        late = rng.random() < reports.late
        number = rng.choice(reports.late_days if late else reports.days)
        day = month_day(month, number, reports.following)
        yield month, in_office(day, rng.random() * 480)
    if reports.every == "day" and reports.runs:
        yield from _daily(reports, Days(reports.runs.from_, reports.runs.to), unit)


def _daily(reports: Reports, days: Days, unit: str) -> Iterator[tuple[str, datetime]]:
    for day in days.days[: days.count]:
        rng = chance(reports.obligation, unit, day)
        draw = rng.random()
        if draw >= reports.missing:
            late = draw < reports.missing + reports.late
            yield day.isoformat(), _evening(day, rng.random()) if late else _afternoon(day, draw)


def _afternoon(day: date, draw: float) -> datetime:
    return at(day, 15) + timedelta(seconds=int(draw * 7000))


def _evening(day: date, draw: float) -> datetime:
    return at(day, 17, 5) + timedelta(seconds=int(draw * 14_000))
