"""Tables of sums by days and blocks of days (see `rules.blocks`): adding to them, and reading periods."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.rules import LATE, QUARTER, Range, Span, before, blocks, cover, learnt_later
from services.reporting.store.planner import in_order
from services.reporting.store.rows import Insert
from services.reporting.store.scope import LATEST, SPANS, Scope


class Sums:
    """One table of sums: its keys, era, level, block, rday, figures.

    Args:
        table: its name.
        keys: name -> type of what tells sums apart, the unit first.
        figures: name -> type of what is added up.
    """

    def __init__(self, table: str, keys: Mapping[str, str], figures: Mapping[str, str]) -> None:
        self.table, self.keys, self.figures = table, list(keys), dict(figures)
        marks = {"era": "date", "level": "smallint", "block": "integer", "rday": "date"}
        added = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in figures)
        self._insert = Insert(
            table,
            {**keys, **marks, **figures},
            f"ON CONFLICT ({', '.join([*keys, *marks])}) DO UPDATE SET {added}",
        )

    async def add(
        self,
        session: AsyncSession,
        cells: Iterable[tuple[Sequence[Any], date, date, Sequence[Any]]],
        era: Callable[[date], date],
    ) -> None:
        """Add (keys, business day, recorded day, figures) to their days and blocks; a unit's era is
        that of the business day."""
        sums: dict[tuple[Any, ...], list[Any]] = {}
        for keys, day, rday, figures in cells:
            of = era(day)
            for block in blocks(day, rday):
                mark = (*keys, of, *block)
                known = sums.get(mark)
                sums[mark] = (
                    list(figures)
                    if known is None
                    else [a + b for a, b in zip(known, figures, strict=True)]
                )
        # Side by side lies what is read together: a day or block of all units.
        marks = sorted(sums, key=lambda mark: (*mark[-3:], *mark))
        rows = [(*mark, *sums[mark]) for mark in marks if any(sums[mark])]
        await self._insert.run(session, rows)
        late = sorted({level for *_, level, _, _ in sums if level >= LATE})
        await _LATENESS.run(session, [(self.table, level) for level in late])

    async def read(
        self,
        session: AsyncSession,
        groups: Sequence[str],
        figures: Sequence[str],
        scope: Scope,
        ranges: Sequence[tuple[Range, str]],
        spans: Sequence[Span] | None = None,
        more: str = "",
        with_more: str = "",
        **values: Any,
    ) -> Sequence[Sequence[Any]]:
        """The sums of each group and part of the ranges: what the group is, the part, the figures.
        Groups and `more` may name the sums as f, the place of a unit as s; `values` are those that
        `more` names.

        Where a territory is small, each unit's ranges are looked up one by one in the primary key;
        where it is wide, a range is read of all units at once, by the index `<table>_across`.
        Either way some rows of each unit, whatever the size (OFFSET keeps the planner from doing
        it otherwise).
        """
        spans = scope.territory.spans if spans is None else spans
        wide = scope.territory.wide and len(spans) > len(ranges)
        weights = ["s.sign"] if any(span.sign < 0 for span in spans) else []
        weights += ["p.sign"] if any(each.sign < 0 for each, _ in ranges) else []
        times = "".join(f" * {weight}" for weight in weights)
        shown = ", ".join(f"{self._summed(name, times)} AS {name}" for name in figures)
        ranged = _RANGES.format(table=self.table)
        own = "f.unit = s.unit AND f.era >= s.since AND f.era < s.until"
        tables = f"{ranged} {with_more}" if wide else f"{SPANS} CROSS JOIN {ranged} {with_more}"
        query = f"""
SELECT {", ".join((*groups, "p.part"))}, {shown}
FROM {tables} CROSS JOIN LATERAL (
    SELECT f.* FROM {self.table} f WHERE f.level = p.level
        AND f.rday BETWEEN p.since AND p.until AND f.block BETWEEN p.low AND p.high
        AND {ACROSS if wide else own} {more}
    OFFSET 0
) f {f"JOIN {SPANS} ON {own}" if wide else ""}
GROUP BY {", ".join(str(n + 1) for n in range(len(groups) + 1))}
"""
        asked = scope.values(spans) | _columns(ranges) | values
        if not wide:
            return (await session.execute(sa.text(query), asked)).all()
        async with in_order(session):
            return (await session.execute(sa.text(query), asked)).all()

    def _summed(self, name: str, times: str) -> str:
        # The sum of bigint is numeric, which takes longer to read; a sum of days is no larger.
        summed = f"sum(f.{name}{times})"
        return summed if self.figures[name] == "numeric" else f"CAST({summed} AS bigint)"


ACROSS = "f.level > -9"
"""True of all sums, and said where the indexes `..._across` are to be used: they hold it as their
condition, so that nobody else is given them."""
_RANGES = f"""(
    SELECT r.* FROM unnest(CAST(:range_levels AS smallint[]), CAST(:range_lows AS integer[]),
        CAST(:range_highs AS integer[]), CAST(:range_since AS date[]), CAST(:range_until AS date[]),
        CAST(:range_signs AS integer[]), CAST(:range_parts AS text[]))
        AS r(level, low, high, since, until, sign, part)
    WHERE r.level < {LATE}
        OR r.level IN (SELECT l.level FROM lateness l WHERE l.sums = '{{table}}')
    OFFSET 0
) p"""
"""The ranges as a table, without those of a lateness that nothing has."""
_LATENESS = Insert("lateness", {"sums": "text", "level": "smallint"})


def period(scope: Scope, most: int = QUARTER) -> list[tuple[Range, str]]:
    """The ranges of a scope's period, as known then, as part `in`; none is a larger block than
    `most`."""
    return [(each, "in") for each in _as_known(scope.first, scope.last, scope.known, most)]


def all_before(scope: Scope) -> list[tuple[Range, str]]:
    """The ranges of all days before a scope's period, as part `before`."""
    days = before(scope.first)
    return [(each, "before") for each in _as_known(*days, scope.known)] if days else []


def _as_known(first: date, last: date, known: date, most: int = QUARTER) -> list[Range]:
    found = cover(first, last, most)
    return found if known >= LATEST else found + learnt_later(first, last, known)


def _columns(ranges: Sequence[tuple[Range, str]]) -> dict[str, Any]:
    return {
        "range_levels": [each.level for each, _ in ranges],
        "range_lows": [each.low for each, _ in ranges],
        "range_highs": [each.high for each, _ in ranges],
        "range_since": [each.since for each, _ in ranges],
        "range_until": [each.until for each, _ in ranges],
        "range_signs": [each.sign for each, _ in ranges],
        "range_parts": [part for _, part in ranges],
    }
