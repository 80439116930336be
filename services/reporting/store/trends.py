"""Figures by month, for pictures: running sums of a period, cut into months."""

from collections import Counter
from dataclasses import dataclass
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.store import dossier_sums, spells
from services.reporting.store.scope import Scope


@dataclass(frozen=True, slots=True)
class Month:
    """What a unit received and finished in a month."""

    month: str
    unit: str
    received: int
    online: int
    on_time: int
    late: int


@dataclass(frozen=True, slots=True)
class Late:
    """How many dossiers of a unit are overdue, and the due day of the oldest."""

    unit: str
    dossiers: int
    oldest: date


async def months(session: AsyncSession, scope: Scope) -> list[Month]:
    """By month and unit; months in which nothing happened are left out."""
    found = [
        Month(
            month,
            place.unit,
            sums["received_online"] + sums["received_counter_post"],
            sums["received_online"],
            sums["resolved_early"] + sums["resolved_on_time"],
            sums["resolved_late"],
        )
        for (month, place), sums in sorted((await dossier_sums.by_month(session, scope)).items())
    ]
    return [one for one in found if one.received or one.on_time or one.late]


async def late(session: AsyncSession, scope: Scope) -> list[Late]:
    """Which units have dossiers that are overdue at the end of the scope's last day; most first."""
    sums = await dossier_sums.dossier_sums(session, scope, ["unit"])
    counts: Counter[str] = Counter()
    for (place,), one in sums:
        counts[place.unit] += one.overdue
    oldest = await spells.oldest(session, scope)
    found = [Late(place, counts[place], day) for place, day in oldest]
    return sorted(found, key=lambda one: (-one.dossiers, one.oldest, one.unit))
