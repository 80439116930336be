"""The versions of a plan as quota counts by them, and from when on a new one holds."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

import orjson

from shared.plans import BEGINNING, Indicator, Plan, PlanVersion, Versions


@dataclass(frozen=True, slots=True)
class Version(PlanVersion):
    """A version of a plan, the first day that it judges, and what its results go under.

    ``judged_as`` is the number under which its results go: of the first version that counts, sets
    targets and pays as it does. So going back to it gives the same results and tells nothing a
    second time, and a new deadline leaves the results as they are.
    """

    judged_as: int = 1


class History(Versions[Version]):
    """All versions of one plan, as quota counts by them."""

    def __init__(self, versions: Iterable[Version], name: str | None = None) -> None:
        """Takes at least one version, in any order.

        ``name`` is that of its counts in the store, where it is not the plan's.
        """
        super().__init__(versions)
        self.plan = self.newest.plan.plan
        self.name = name or self.plan

    def indicators(self) -> list[str]:
        """The indicators of all versions that judge any day, in the newest one's order."""
        names: dict[str, None] = {}
        for window in self.windows:
            names.update(dict.fromkeys(window.version.plan.indicators))
        return list(names)

    def variants(self, indicator: str) -> Iterator[tuple[Version, Indicator]]:
        """An indicator as each version that judges any day has it, newest first."""
        for window in self.windows:
            made = window.version.plan.indicators.get(indicator)
            if made is not None:
                yield window.version, made

    def judgement(self) -> list[tuple[date, bytes]]:
        """From which day on what is counted how: equal for histories that judge all days alike."""
        found: list[tuple[date, bytes]] = []
        for window in reversed(self.windows):
            content = counted_content(window.version.plan)
            if not found or found[-1][1] != content:
                found.append((window.since, content))
        return found


def counted_content(plan: Plan, indicator: str | None = None) -> bytes:
    """What of a plan decides its counts, targets and pay: of all indicators, or of one."""
    body = orjson.loads(plan.canonical())
    made = body.get("indicators", {})
    kept = made if indicator is None else made.get(indicator)
    parts = [kept, body["runs"], body.get("groups"), body.get("lists")]
    return orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)


def same_indicators(earlier: Version, later: Version) -> list[str]:
    """The indicators that two versions count, target and pay alike."""
    return [
        name
        for name in later.plan.indicators
        if name in earlier.plan.indicators
        and counted_content(later.plan, name) == counted_content(earlier.plan, name)
    ]


def numbered(plans: Iterable[tuple[int, Plan, date]]) -> list[Version]:
    """Versions from (number, plan, first day), oldest first."""
    first: dict[bytes, int] = {}
    return [
        Version(plan, number, since, first.setdefault(counted_content(plan), number))
        for number, plan, since in plans
    ]


def takes_effect(
    digest: str,
    wanted: date | None,
    known: Iterable[tuple[str, date]],
    today: date,
    restate: bool,
) -> date:
    """The first day that a new version judges.

    Args:
        digest: of the new version's content.
        wanted: its ``effective_from``.
        known: (digest, first day) of the versions before it, oldest first.
        today: the day on which it is applied.
        restate: judge the past by it, too.

    A first version holds from the plan's start. A return to content that was in force before
    holds from when that did. Anything else leaves the days before it is applied as they were.
    """
    before = list(known)
    if restate:
        return BEGINNING
    for earlier, since in reversed(before):
        if earlier == digest:
            return since
    return wanted or (today if before else BEGINNING)
