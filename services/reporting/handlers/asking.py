"""From what somebody typed to a question that a report can answer, with every fault at once."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from services.reporting.handlers.reports import GROUPINGS, REPORTS, Question
from services.reporting.rules import Place, Territory, territory
from services.reporting.store.scope import LATEST
from shared import clock, nearest
from shared.keys import Key
from shared.problems import Problem
from shared.units import LEVELS, UnitRegistry

DOMAINS = ("public_administration", "health")
MOST_ROWS = 1000
"""Rows of a page of dossiers."""
FILTERED = {
    "field": (
        "bieu-06",
        "on-time",
        "online-share",
        "data-quality",
        "overdue",
        "interview-list",
        "index-766",
    ),
    "level": tuple(name for name in REPORTS if name != "emulation"),
    "domain": ("scorecard", "survey-reasons"),
    "plan": ("timeliness", "emulation"),
    "obligation": ("timeliness",),
    "indicator": (),
}
"""Which reports a filter has a meaning for."""
FORMATS = ("json", "csv", "xlsx", "pdf")


@dataclass(frozen=True, slots=True)
class PlanNames:
    """What plans there are, and the indicators and obligations of any version of each."""

    indicators: Mapping[str, frozenset[str]]
    obligations: Mapping[str, frozenset[str]]

    def unheard_of(self, typed: Mapping[str, str]) -> list[dict[str, str]]:
        """Each of `plan`, `indicator`, `obligation` asked for that no plan has; it may be on its
        way, since plans come here as events do."""
        found = []
        plan = typed.get("plan") or None
        if plan is not None and plan not in self.indicators:
            message = "There is no such plan."
            found.append(nearest.unknown("plan", plan, self.indicators, message))
        for name, by_plan in (("indicator", self.indicators), ("obligation", self.obligations)):
            asked = typed.get(name)
            known = by_plan[plan] if plan in by_plan else frozenset().union(*by_plan.values())
            if asked and asked not in known:
                found.append(nearest.unknown(name, asked, known, f"There is no such {name}."))
        return found


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and the words it was asked in, for the answer to repeat."""

    question: Question
    first: date | None
    last: date
    as_of: date
    format: str
    unit: str | None = None
    not_applied: tuple[str, ...] = ()
    """Filters that this report has no use for."""
    warnings: tuple[dict[str, str], ...] = ()
    """Names of plans, indicators and obligations that nothing here bears, with the nearest."""


def ask(
    report: str,
    typed: Mapping[str, str],
    key: Key,
    registry: UnitRegistry,
    now: datetime,
    names: PlanNames | None = None,
) -> Asked:
    """Check a request for a report.

    A period's end in the future is judged as of today; with `as_of`, as of that day. Without
    `from` the period begins with the first event, without `to` it ends on the day of asking.
    `names`, where given, are all plans, indicators and obligations heard of; another name is
    warned of and not refused, because a plan applied a moment ago may not have come here yet.

    Raises:
        Problem: 404 for an unknown report, 403 outside the key's units, 422 naming every other fault.
    """
    if report not in REPORTS:
        raise Problem(404, f"There is no report of that name; there are: {', '.join(REPORTS)}.")
    # Events are kept in NFC; what is typed may have its accents apart from their letters.
    typed = {name: unicodedata.normalize("NFC", words) for name, words in typed.items()}
    faults: list[dict[str, str]] = []
    first = _day(typed, "from", faults)
    last = _day(typed, "to", faults)
    as_of = _day(typed, "as_of", faults)
    if first and last and first > last:
        faults.append(_fault("to", "range", "The last day lies before the first one."))
    by = _one_of(typed, "by", GROUPINGS.get(report, ()), faults)
    domain = _one_of(typed, "domain", DOMAINS, faults)
    level = _one_of(typed, "level", ("unit", *LEVELS), faults)
    level = None if level == "unit" else level
    limit = _number(typed, "limit", 100, 1, MOST_ROWS, faults)
    offset = _number(typed, "offset", 0, 0, 10_000_000, faults)
    form = typed.get("format") or "json"
    if form not in FORMATS:
        faults.append(_fault("format", "unknown", f"Ask for one of: {', '.join(FORMATS)}."))
    today = clock.local_day(now)
    asked_on = min(as_of or today, today)
    judged = min(last or asked_on, asked_on)
    unit = typed.get("unit") or None
    if unit is not None and not registry.known(unit):
        faults.append(nearest.fault("unit", "There is no such unit.", registry.nearest(unit)))
    if faults:
        raise Problem(422, errors=faults)
    question = Question(
        report=report,
        first=first or date.min,
        last=judged,
        until=last or date.max,
        now=now if judged == today else clock.start_of(judged + timedelta(days=1)),
        known=as_of or LATEST,
        territory=visible_units(unit, key, registry, first or date.min, judged, level),
        level=level,
        by=by,
        field=typed.get("field") or None,
        domain=domain,
        plan=typed.get("plan") or None,
        obligation=typed.get("obligation") or None,
        limit=limit,
        offset=offset,
        after=typed.get("after") or "",
    )
    unused = tuple(
        name for name, reports in FILTERED.items() if typed.get(name) and report not in reports
    )
    if typed.get("by") not in (None, "", "unit") and report not in GROUPINGS:
        unused += ("by",)  # rows named by units are what `by=unit` asks for
    warnings = () if names is None else tuple(names.unheard_of(typed))
    return Asked(question, first, last or judged, as_of or today, form, unit, unused, warnings)


def visible_units(
    unit: str | None,
    key: Key,
    registry: UnitRegistry,
    first: date,
    last: date,
    level: str | None = None,
) -> Territory:
    """What to look at: the unit asked for with all below it, within the units of the key.

    What happened belongs to the units above it on the day of the event. Where a code was reused,
    the last bearer of the period is meant. Raises `Problem` 403 for a unit outside the key's in
    the whole period.
    """
    roots = []
    if key.units:
        roots.append([meant(one, registry, last) for one in sorted(key.units)])
    if unit is not None:
        asked = meant(unit, registry, last)
        if roots and not _reached(asked, tuple(roots[0]), registry, first, last):
            raise Problem(403, "The key does not reach this unit.")
        roots.append([asked])
    return _territory(registry, tuple(map(tuple, roots)), level)


@lru_cache(maxsize=512)
def _territory(
    registry: UnitRegistry, roots: tuple[tuple[Place, ...], ...], level: str | None
) -> Territory:
    return territory(registry, roots, level)


def meant(unit: str, registry: UnitRegistry, last: date) -> Place:
    """The unit that a code means in a period: its last bearer by the period's end."""
    return Place(unit, registry.bearer(unit, last))


def _reached(
    asked: Place, roots: tuple[Place, ...], registry: UnitRegistry, first: date, last: date
) -> bool:
    """Whether a unit is or lies below one of the roots on a day of a period; of a time at which it
    did not exist, on the day nearest to it."""
    within = _territory(registry, (roots,), None)
    days = {first, last, *(each for each in registry.turns if first < each <= last)}
    borne = [each for each in days if registry.bearer(asked.unit, each) == asked.since]
    return any(within.place(asked.unit, each) for each in borne)


def _fault(name: str, code: str, message: str) -> dict[str, str]:
    return {"pointer": f"/{name}", "code": code, "message": message}


def _day(typed: Mapping[str, str], name: str, faults: list[dict[str, str]]) -> date | None:
    text = typed.get(name)
    if not text:
        return None
    try:
        # date.fromisoformat alone would also take 20200131 and 2020-W05-5.
        day = date.fromisoformat(text) if len(text) == 10 and text[4] == text[7] == "-" else None
    except ValueError:
        day = None
    if day is None or not date(1900, 1, 1) <= day <= date(2999, 12, 31):
        faults.append(_fault(name, "not_a_date", "Write a day as YYYY-MM-DD."))
        return None
    return day


def _one_of(
    typed: Mapping[str, str], name: str, known: tuple[str, ...], faults: list[dict[str, str]]
) -> str | None:
    text = typed.get(name)
    if not text or not known:
        return None
    if text not in known:
        faults.append(_fault(name, "unknown", f"Ask for one of: {', '.join(known)}."))
    return text


def _number(
    typed: Mapping[str, str],
    name: str,
    default: int,
    least: int,
    most: int,
    faults: list[dict[str, str]],
) -> int:
    text = typed.get(name)
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        faults.append(_fault(name, "out_of_range", f"Give a number from {least} to {most}."))
        return default
    return int(text)
