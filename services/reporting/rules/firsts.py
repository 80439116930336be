"""Installs of which each machine or person counts once: what each counts for, on which days, and
since when that is known, without reading all of them again."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from hashlib import sha256
from typing import NamedTuple

from services.reporting.rules.installs import Install
from services.reporting.rules.targets import InstallQuota

FOREVER = date.max
MOST_UNITS = 50_000
"""Units on days whose target is remembered."""
Spell = tuple[str, date, date, date]
"""The unit and the day of an install that counts, from which recorded day on and up to, but not on,
which one."""


Spells = tuple[Spell, ...]


class KnownInstall(NamedTuple):
    """An install, since when it is known and since when withdrawn."""

    install: Install
    rday: date
    voided: date | None


class Firsts:
    """How many installs count for each unit on each day by one plan, as known on any day.

    Of installs with one key the earliest by (time, source, id) counts that is known and stands; an
    earlier one that comes later, or the withdrawal of the first, changes that from its recorded day
    on. A key takes at most some 400 bytes, and 150 where many count for the same unit and day.
    """

    def __init__(self, quota: InstallQuota) -> None:
        self.quota = quota
        self._of: dict[bytes, Spells] = {}
        self._days: dict[date, Counter[Spell]] = {}
        self._shared: dict[Spells, Spells] = {}
        self._units: dict[tuple[str, date], str] = {}

    def __len__(self) -> int:
        return len(self._of)

    def append(self, known: Iterable[KnownInstall]) -> None:
        """Take installs in the order of events, later than all that were taken."""
        self._take(known, self._of)

    def replace(self, known: Iterable[KnownInstall]) -> None:
        """Take all installs there are with some keys, in the order of events, instead of those that
        were taken with these keys; one without a key is its own."""
        self._take(known, {})

    def _take(self, known: Iterable[KnownInstall], before: Mapping[bytes, Spells]) -> None:
        spells: dict[bytes, Spells] = {}
        for each in known:
            one = each.install
            if self.quota.counts(one):
                mark = _mark(one, self.quota.key(one))
                taken = spells.get(mark, before.get(mark, ()))
                unit = self._unit_of(one)
                gaps = _gaps(each.rday, each.voided or FOREVER, taken)
                spells[mark] = (*taken, *((unit, one.day, *gap) for gap in gaps))
        for mark, found in spells.items():
            self._count(self._of.pop(mark, ()), -1)
            if found:
                self._of[mark] = self._shared.setdefault(found, found)
            self._count(found, 1)
        if len(self._shared) > 2 * len(self._of) + 1000:
            self._shared = {each: each for each in self._of.values()}

    def _unit_of(self, one: Install) -> str:
        mark = one.unit, one.day
        found = self._units.get(mark)
        if found is None:
            if len(self._units) >= MOST_UNITS:
                self._units.clear()
            found = self._units[mark] = self.quota.unit_of(one) or ""
        return found

    def _count(self, spells: Iterable[Spell], times: int) -> None:
        for spell in spells:
            cells = self._days.setdefault(spell[1], Counter())
            cells[spell] += times
            if not cells[spell]:
                del cells[spell]

    def counted(self, first: date, last: date, known: date) -> Counter[str]:
        """Unit -> how many installs of these days count, as known at the end of a recorded day."""
        found: Counter[str] = Counter()
        for day, cells in self._days.items():
            if first <= day <= last:
                for (unit, _, since, until), n in cells.items():
                    if since <= known < until:
                        found[unit] += n
        return found


def _mark(one: Install, key: str | None) -> bytes:
    name = f"={key}" if key is not None else "|".join(map(str, one.order))
    return sha256(name.encode()).digest()[:16]


def _gaps(since: date, until: date, taken: Iterable[Spell]) -> list[tuple[date, date]]:
    """What of the days from `since` up to, but not on, `until` nothing earlier takes."""
    left = [(since, until)] if since < until else []
    for _, _, begun, ended in taken:
        left = [
            part
            for one, other in left
            for part in ((one, min(other, begun)), (max(one, ended), other))
            if part[0] < part[1]
        ]
    return left
