"""Tables of sums by day and by month (see `rules.blocks`): adding to them, and reading periods."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.rules import Range, Span, before, blocks, cover
from services.reporting.store.rows import Insert
from services.reporting.store.scope import LATEST, SPANS, Scope

_WEIGHT = "CASE WHEN f.rday = DATE 'infinity' THEN 1 ELSE -1 END"


class Sums:
    """One table of sums: its keys, era, level, block, rday, figures.

    Args:
        table: its name.
        keys: name -> type of what tells sums apart, the unit first.
        figures: name -> type of what is added up.
    """

    def __init__(self, table: str, keys: Mapping[str, str], figures: Mapping[str, str]) -> None:
        self.table, self.keys, self.figures = table, list(keys), list(figures)
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
        """Add (keys, business day, recorded day, figures) to their days and months; a unit's era is
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
        await self._insert.run(
            session, [(*mark, *sums[mark]) for mark in sorted(sums) if any(sums[mark])]
        )

    def reading(
        self,
        groups: Sequence[str],
        figures: Sequence[str],
        scope: Scope,
        ranges: Sequence[tuple[Range, str]],
        spans: Sequence[Span] | None = None,
        more: str = "",
    ) -> tuple[sa.TextClause, dict[str, Any]]:
        """A query of the sums of each group and part of the ranges, and its values. Groups and
        `more` may name the sums as f, the place of a unit as s."""
        weights = [] if scope.known >= LATEST else [_WEIGHT]
        spans = scope.territory.spans if spans is None else spans
        if any(span.sign < 0 for span in spans):
            weights.append("s.sign")
        times = "".join(f" * {weight}" for weight in weights)
        shown = ", ".join(f"sum(f.{name}{times}) AS {name}" for name in figures)
        query = f"""
SELECT {", ".join((*groups, "p.part"))}, {shown}
FROM {SPANS} CROSS JOIN unnest(CAST(:range_levels AS smallint[]), CAST(:range_lows AS integer[]),
        CAST(:range_highs AS integer[]), CAST(:range_parts AS text[])) AS p(level, low, high, part)
    JOIN {self.table} f ON f.unit = s.unit AND f.era >= s.since AND f.era < s.until
        AND f.level = p.level AND f.block BETWEEN p.low AND p.high AND f.rday > :known {more}
GROUP BY {", ".join(str(n + 1) for n in range(len(groups) + 1))}
"""
        return sa.text(query), scope.values(spans) | _columns(ranges) | {"known": scope.known}


def period(scope: Scope) -> list[tuple[Range, str]]:
    """The ranges of a scope's period, as part `in`."""
    return [(each, "in") for each in cover(scope.first, scope.last)]


def all_before(scope: Scope) -> list[tuple[Range, str]]:
    """The ranges of all days before a scope's period, as part `before`."""
    return [(each, "before") for each in before(scope.first)]


def _columns(ranges: Sequence[tuple[Range, str]]) -> dict[str, Any]:
    return {
        "range_levels": [each.level for each, _ in ranges],
        "range_lows": [each.low for each, _ in ranges],
        "range_highs": [each.high for each, _ in ranges],
        "range_parts": [part for _, part in ranges],
    }
