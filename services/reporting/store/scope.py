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
