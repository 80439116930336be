"""The periods of a plan."""

from datetime import date

from shared.plans import WHOLE, Plan, period_key


def periods(plan: Plan, kind: str, today: date) -> list[str]:
    """The periods of a plan up to today, at least the first one."""
    if kind == WHOLE:
        return [WHOLE]
    last = min(max(today, plan.runs.from_), plan.runs.to)
    seen: dict[str, None] = {}
    for offset in range((last - plan.runs.from_).days + 1):
        day = date.fromordinal(plan.runs.from_.toordinal() + offset)
        seen[period_key(kind, day)] = None
    return list(seen)


def period_start(plan: Plan, period: str) -> date:
    """The first day of a period inside the plan."""
    return max(_span(plan, period)[0], plan.runs.from_)


def period_end(plan: Plan, period: str) -> date:
    """The last day of a period inside the plan."""
    return min(_span(plan, period)[1], plan.runs.to)


def _span(plan: Plan, period: str) -> tuple[date, date]:
    if period == WHOLE:
        return plan.runs.from_, plan.runs.to
    if "-Q" in period:
        year, quarter = int(period[:4]), int(period[-1])
        return date(year, quarter * 3 - 2, 1), _month_end(year, quarter * 3)
    parts = [int(part) for part in period.split("-")]
    if len(parts) == 1:
        return date(parts[0], 1, 1), date(parts[0], 12, 31)
    if len(parts) == 2:
        return date(parts[0], parts[1], 1), _month_end(parts[0], parts[1])
    day = date(*parts)
    return day, day


def _month_end(year: int, month: int) -> date:
    first_after = date(year + month // 12, month % 12 + 1, 1)
    return date.fromordinal(first_after.toordinal() - 1)
