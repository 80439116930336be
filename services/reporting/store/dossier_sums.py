"""The figures about dossiers: what is pending, and what was rolled up into sums of days.

A batch of events only appends its contributions to `pending`; a moment later they are rolled up, many
at once, into `dossier_sums`: without a field (the empty one) for the unit itself, both for each
authority and for all of them (`*`), with a field for the unit and every unit above it. Whoever reads
adds both, so no moment shows less than the events.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.rules import (
    DAY,
    LATE,
    MEASURES,
    MONTH,
    QUARTER,
    THIRD,
    Cell,
    DossierSums,
    Place,
)
from services.reporting.store.blocks import Sums, all_before, period
from services.reporting.store.rows import Insert
from services.reporting.store.scope import PLACE, Scope
from shared.alphabet import alphabetical

ALL = "*"
"""Stands for all authorities together, where no field is told apart."""
_KEYS = {"unit": "text", "field": "text", "authority": "text"}
_FIGURES = dict.fromkeys(MEASURES, "integer")
SUMS = Sums("dossier_sums", _KEYS, _FIGURES)
_PENDING = Insert(
    "pending",
    {"unit": "text", "era": "date", "field": "text", "authority": "text",
     "business_day": "date", "recorded_day": "date", **_FIGURES},
    on_conflict="",
)  # fmt: skip
_WAITING = sa.text(
    "SELECT count(*) AS n, max(id) AS upto"
    " FROM (SELECT id FROM pending ORDER BY id LIMIT CAST(:most AS bigint)) p"
)
_PLACES = sa.text("SELECT DISTINCT unit, era FROM pending WHERE id <= :upto")
_MONTH_OF = (
    "CAST(extract(year FROM business_day) * 12 + extract(month FROM business_day) - 1 AS integer)"
)
_ROLL = sa.text(f"""
WITH taken AS (DELETE FROM pending WHERE id <= :upto RETURNING *),
chains AS (
    SELECT * FROM unnest(CAST(:units AS text[]), CAST(:eras AS date[]), CAST(:aboves AS text[]))
        AS c(unit, era, above)
),
named AS (
    INSERT INTO fields SELECT DISTINCT field FROM taken WHERE field <> '' ON CONFLICT DO NOTHING
),
spread AS (
    SELECT unit AS of_unit, era, '' AS of_field, a.authority, business_day, recorded_day,
        {", ".join(MEASURES)}
    FROM taken CROSS JOIN LATERAL (VALUES (taken.authority), ('{ALL}')) AS a(authority)
    UNION ALL
    SELECT c.above, t.era, t.field, t.authority, t.business_day, t.recorded_day,
        {", ".join(f"t.{name}" for name in MEASURES)}
    FROM taken t JOIN chains c ON c.unit = t.unit AND c.era = t.era WHERE t.field <> ''
),
parts AS (
    SELECT of_unit, of_field, authority, era, b.level, b.number, b.rday,
        {", ".join(f"sum({name}) AS {name}" for name in MEASURES)}
    FROM spread
    CROSS JOIN LATERAL (
        SELECT {DAY}, business_day - DATE '0001-01-01', DATE 'infinity'
        UNION ALL
        SELECT {THIRD}, {_MONTH_OF} * 3
            + least(CAST(extract(day FROM business_day) - 1 AS integer) / 10, 2), DATE 'infinity'
        UNION ALL
        SELECT {MONTH}, {_MONTH_OF}, DATE 'infinity'
        UNION ALL
        SELECT {QUARTER}, {_MONTH_OF} / 3, DATE 'infinity'
        UNION ALL
        SELECT {LATE} + length(ltrim(CAST(CAST(recorded_day - business_day - 1 AS bit(32)) AS text),
            '0')),
            business_day - DATE '0001-01-01', recorded_day
        WHERE recorded_day > business_day
    ) AS b(level, number, rday)
    GROUP BY 1, 2, 3, 4, 5, 6, 7
),
lately AS (
    INSERT INTO lateness SELECT DISTINCT 'dossier_sums', level FROM parts WHERE level >= {LATE}
    ON CONFLICT DO NOTHING
)
INSERT INTO dossier_sums (unit, field, authority, era, level, block, rday, {", ".join(MEASURES)})
SELECT of_unit, of_field, authority, era, level, number, rday, {", ".join(MEASURES)} FROM parts
ORDER BY of_field, authority, level, rday, number, of_unit
ON CONFLICT (unit, field, level, rday, block, era, authority)
DO UPDATE SET {", ".join(f"{name} = dossier_sums.{name} + excluded.{name}" for name in MEASURES)}
""")
_TOGETHER = f"AND f.field = '' AND f.authority = '{ALL}'"
_EACH = f"AND f.field = '' AND f.authority <> '{ALL}'"
_OF_FIELD = "AND f.field = CAST(:of_field AS text)"
_OF_ANY = "AND f.field = g.field"
_ANY_FIELD = "CROSS JOIN fields g"


def _named_month(number: str) -> str:
    return f"lpad(CAST({number} / 12 AS text), 4, '0') || '-' || to_char({number} % 12 + 1, 'FM00')"


_MONTH = f"""CASE f.level
    WHEN {MONTH} THEN {_named_month("f.block")}
    WHEN {THIRD} THEN {_named_month("(f.block / 3)")}
    ELSE to_char(DATE '0001-01-01' + f.block, 'YYYY-MM') END"""
_PENDING_MONTH = "to_char(f.business_day, 'YYYY-MM')"
_GROUPS = {
    "month": (_MONTH,),
    "unit": (PLACE, "s.borne"),
    "field": ("f.field",),
    "authority": ("f.authority",),
}
_FORM = ("received_online", "received_counter_post", "resolved_early", "resolved_on_time",
         "resolved_late", "overdue")  # fmt: skip
_QUALITY = ("received_online", "received_counter_post", "missing_phone", "invalid_phone",
            "missing_name", "missing_returned_at", "eligible", "no_submission")  # fmt: skip


async def add(session: AsyncSession, change: Counter[Cell]) -> None:
    """Add signed contributions, to be rolled up later."""
    rows: dict[tuple[Any, ...], dict[str, int]] = {}
    for cell, n in change.items():
        if n:
            rows.setdefault(cell[1:], {})[cell.measure] = n
    await _PENDING.run(
        session,
        [(*key, *(row.get(name, 0) for name in MEASURES)) for key, row in sorted(rows.items())],
    )


async def waiting(session: AsyncSession, most: int) -> tuple[int, int]:
    """Of the contributions that wait to be rolled up, the oldest so many: how many there are, and
    the last one's number (0: none)."""
    row = (await session.execute(_WAITING, {"most": most})).one()
    return row.n, row.upto or 0


async def roll_up(
    session: AsyncSession,
    upto: int,
    chains: Callable[[Iterable[tuple[str, date]]], Sequence[tuple[str, date, str]]],
) -> None:
    """Roll contributions up to a number into the sums. `chains` gives of (unit, era) the unit and
    all above it. One at a time: the caller holds the turn."""
    found = await session.execute(_PLACES, {"upto": upto})
    units, eras, aboves = zip(*chains([(row.unit, row.era) for row in found]), strict=True)
    asked = {"upto": upto, "units": list(units), "eras": list(eras), "aboves": list(aboves)}
    await session.execute(_ROLL, asked)


async def dossier_sums(
    session: AsyncSession, scope: Scope, groups: Sequence[str]
) -> list[tuple[tuple[Any, ...], DossierSums]]:
    """The running sums of each group, by unit (a `Place`), field or authority; without zeros."""
    kept = session.info.get("kept", {})
    mark = scope, tuple(groups)
    if mark not in kept:
        kept[mark] = await _running_sums(session, scope, groups)
    return kept[mark]  # type: ignore[no-any-return]


async def _running_sums(
    session: AsyncSession, scope: Scope, groups: Sequence[str]
) -> list[tuple[tuple[Any, ...], DossierSums]]:
    ranges = [*all_before(scope), *period(scope)]
    found = await _read(session, scope, groups, _FORM, ranges)
    sums = []
    for key in sorted({key for key, _ in found}, key=_order):
        earlier, within = found.get((key, "before"), {}), found.get((key, "in"), {})
        one = DossierSums(
            received_before=_both(earlier, *_FORM[:2]),
            resolved_before=_both(earlier, *_FORM[2:5]),
            **{name: within.get(name, 0) for name in _FORM[:5]},
            overdue=_both(earlier, "overdue") + _both(within, "overdue"),
        )
        if one != DossierSums():
            sums.append((key, one))
    return sums


async def received(session: AsyncSession, scope: Scope) -> list[tuple[Place, str, int, int]]:
    """Per unit and authority how many dossiers were received in the period: (place, authority,
    online, by other ways); without zeros."""
    found = await _read(session, scope, ["unit", "authority"], _FORM[:2], period(scope))
    counts = [
        (*key, *(sums[name] for name in _FORM[:2]))
        for (key, part), sums in found.items()
        if part == "in" and any(sums.values())
    ]
    return sorted(counts, key=lambda one: _order(one[:2]))


async def quality_counts(session: AsyncSession, scope: Scope) -> dict[Place, dict[str, int]]:
    """Per unit how many dossiers were received in the period, and what their data lack."""
    found = await _read(session, scope, ["unit"], _QUALITY, period(scope))
    counts = {}
    for (key, part), sums in found.items():
        row = {name: n for name, n in sums.items() if n}
        if row and part == "in":
            counts[key[0]] = row | {"received": _both(row, *_QUALITY[:2])}
    return counts


async def by_month(session: AsyncSession, scope: Scope) -> dict[tuple[str, Place], dict[str, int]]:
    """{(month, unit): what was received and resolved in it}, months as in 2020-03."""
    found = await _read(session, scope, ["month", "unit"], _FORM[:5], period(scope, MONTH))
    return {(key[0], key[1]): sums for (key, part), sums in found.items() if part == "in"}


async def _read(
    session: AsyncSession,
    scope: Scope,
    groups: Sequence[str],
    figures: Sequence[str],
    ranges: Sequence[Any],
) -> dict[tuple[tuple[Any, ...], str], dict[str, int]]:
    """{(group, part): figures}: the sums and what is still pending."""
    shown = [part for group in groups for part in _GROUPS[group]]
    spans, which, of_fields = scope.territory.spans, _TOGETHER, ""
    if "field" in groups:
        spans = scope.territory.tops
    elif scope.field is not None:
        spans = scope.territory.parts
    elif "authority" in groups:
        which = _EACH
    if scope.field is not None:
        which = _OF_FIELD
    elif "field" in groups:
        which, of_fields = _OF_ANY, _ANY_FIELD
    values = {} if scope.field is None else {"of_field": scope.field}
    rows = [
        *await SUMS.read(session, shown, figures, scope, ranges, spans, which, of_fields, **values)
    ]
    told = [_PENDING_MONTH if part == _MONTH else part for part in shown]
    rows += await session.execute(*_pending(scope, groups, told, figures))
    found: dict[tuple[tuple[Any, ...], str], dict[str, int]] = {}
    for row in rows:
        key = list(row[: len(shown)])
        if "unit" in groups:
            at = list(groups).index("unit")
            key[at : at + 2] = [Place(*key[at : at + 2])]
        sums = found.setdefault((tuple(key), row.part), dict.fromkeys(figures, 0))
        for name, n in zip(figures, row[len(shown) + 1 :], strict=True):
            sums[name] += n
    return found


def _pending(
    scope: Scope, groups: Sequence[str], shown: Sequence[str], figures: Sequence[str]
) -> tuple[sa.TextClause, dict[str, Any]]:
    part = "CASE WHEN f.business_day < :first THEN 'before' ELSE 'in' END"
    of_field = "TRUE"
    if scope.field is not None:
        of_field = "f.field = :field"
    elif "field" in groups:
        of_field = "f.field <> ''"
    names = ["first", "last", "known", *(["field"] if scope.field is not None else [])]
    query = f"""
SELECT {", ".join([*shown, f"{part} AS part"])},
    {", ".join(f"sum(f.{name}) AS {name}" for name in figures)}
FROM pending f {scope.within("era")}
WHERE f.business_day <= :last AND f.recorded_day <= :known AND {of_field}
GROUP BY {", ".join(str(n + 1) for n in range(len(shown) + 1))}
"""
    return sa.text(query), scope.parameters(*names)


def _both(sums: Mapping[str, int], *names: str) -> int:
    return sum(sums.get(name, 0) for name in names)


def _order(key: tuple[Any, ...]) -> list[Any]:
    return [
        (part.unit, part.since or date.min) if isinstance(part, Place) else alphabetical(part)
        for part in key
    ]
