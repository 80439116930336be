"""What a report looks at, as queries need it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from services.reporting.rules import EVERYWHERE, FOREVER, Span, Territory

LATEST = FOREVER - timedelta(days=1)
"""The recorded day that asks for all that is known now."""

STANDS = "f.rday <= :known AND (v.rday IS NULL OR v.rday > :known)"
PLACE = "coalesce(s.place, f.unit)"
SPANS = """unnest(CAST(:span_units AS text[]), CAST(:span_since AS date[]),
        CAST(:span_until AS date[]), CAST(:span_places AS text[]), CAST(:span_borne AS date[]),
        CAST(:span_signs AS integer[])) AS s(unit, since, until, place, borne, sign)"""
"""The territory as a table: which codes at which times are shown under which place."""

OF_UNIT = "f.unit = s.unit AND f.era >= s.since AND f.era < s.until"
WITHIN = f"(f.unit = ANY(CAST(:always AS text[])) OR EXISTS (SELECT FROM {SPANS} WHERE {OF_UNIT}))"
"""The same of what keeps a day of its unit as `era`: whether it belongs to the territory."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a report looks at: business days from `first` to `last`, both included, known by the
    end of the recorded day `known` (never before `last`), in a territory, of one field (null:
    all)."""

    first: date
    last: date
    known: date = LATEST
    territory: Territory = EVERYWHERE
    field: str | None = None

    def within(self, day: str) -> str:
        """The join of a table `f` with the territory as `s`, by the column that holds the day of
        the event: rows outside it fall away, and `PLACE` is where the others are shown."""
        join = "LEFT JOIN" if self.territory.open else "JOIN"
        return f"{join} {SPANS} ON s.unit = f.unit AND f.{day} >= s.since AND f.{day} < s.until"

    @property
    def condition(self) -> str | None:
        """What is true of the territory's rows with an era, where all are read at once; null where
        units are few among all there are, and are looked up one by one."""
        if self.territory.open:
            return "TRUE"
        return WITHIN if self.territory.wide else None

    @property
    def always(self) -> list[str]:
        """The codes that belong to the territory at all times."""
        return [
            each.unit
            for each in self.territory.spans
            if (each.since, each.until) == (date.min, date.max)
        ]

    def values(self, spans: Sequence[Span]) -> dict[str, Any]:
        """Values for a territory's spans as a table."""
        units, since, until, places, signs = (
            zip(*spans, strict=True) if spans else ((), (), (), (), ())
        )
        return {
            "span_units": list(units),
            "span_since": list(since),
            "span_until": list(until),
            "span_places": [place.unit for place in places],
            "span_borne": [place.since for place in places],
            "span_signs": list(signs),
        }

    def parameters(self, *names: str) -> dict[str, Any]:
        """Values for `within`, and for those named of: first, last, known, field."""
        return {name: getattr(self, name) for name in names} | self.values(self.territory.spans)
