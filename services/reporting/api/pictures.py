"""Geometry of pictures: numbers in, points and bars out; how they look is the style sheet's.

They are drawn on the server as SVG: a picture is there without scripts, on paper and for screen
readers, and nothing in it is more than the table beside it says.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.reporting.store.trends import Month

WIDTH, HEIGHT = 640.0, 200.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 8.0, 10.0, 24.0


@dataclass(frozen=True, slots=True)
class Series:
    """A line: its name, its colour's class, its points (null: nothing to show there)."""

    name: str
    look: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Dot:
    """A point of a line."""

    x: float
    y: float
    label: str
    value: float


@dataclass(frozen=True, slots=True)
class Drawn:
    """A line as it is drawn."""

    name: str
    look: str
    paths: list[str]
    dots: list[Dot]


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over a time axis."""

    lines: list[Drawn]
    ticks: list[tuple[float, float]]
    """(y, value) of each level line."""
    labels: list[tuple[float, str]]
    """(x, text) below the axis."""
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    base: float = HEIGHT - BOTTOM


def line_chart(labels: Sequence[str], series: Iterable[Series], top: float | None = None) -> Chart:
    """Lines from a base of 0 up to `top`, or to a round number above the greatest value."""
    lines = list(series)
    values = [value for one in lines for value in one.values if value is not None]
    most = top or _round_up(max(values, default=1) or 1)
    step = (WIDTH - LEFT - RIGHT) / max(1, len(labels) - 1)
    span = HEIGHT - TOP - BOTTOM

    def at(place: int, value: float) -> tuple[float, float]:
        x = LEFT + step * place if len(labels) > 1 else (LEFT + WIDTH - RIGHT) / 2
        return round(x, 1), round(HEIGHT - BOTTOM - span * min(value, most) / most, 1)

    drawn = []
    for one in lines:
        dots = [
            Dot(*at(place, value), labels[place], value)
            for place, value in enumerate(one.values)
            if value is not None
        ]
        drawn.append(Drawn(one.name, one.look, _paths(one.values, at), dots))
    every = max(1, -(-len(labels) // 8))
    return Chart(
        lines=drawn,
        ticks=[(at(0, most * part / 4)[1], most * part / 4) for part in range(5)],
        labels=[(at(place, 0)[0], text) for place, text in enumerate(labels) if place % every == 0],
    )


def _paths(values: Sequence[float | None], at) -> list[str]:
    """A path for each run of values without a gap."""
    paths: list[list[str]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            paths.append([])
        else:
            x, y = at(place, value)
            paths[-1].append(f"{x} {y}")
    return [f"M{' L'.join(points)}" for points in paths if points]


def _round_up(value: float) -> float:
    """The least of 1, 2, 4, 5, 8, 10 times a power of ten that is not below a value."""
    power = 1.0
    while power * 10 < value:
        power *= 10
    while power > value:
        power /= 10
    return next(power * each for each in (1, 2, 4, 5, 8, 10) if power * each >= value)


MONTHS = 24
"""Months of a picture at most, the last ones."""


def month_labels(months: Iterable[str]) -> list[str]:
    """The months (YYYY-MM) of a picture: from the first to the last of some, those between them
    included; of a time longer than `MONTHS`, the last ones in which something happened, so that an
    idle year between hides nothing."""
    every = sorted(set(months))
    if not every:
        return []
    found = []
    year, month = map(int, every[0].split("-"))
    while (text := f"{year:04}-{month:02}") <= every[-1] and len(found) <= MONTHS:
        found.append(text)
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return found if len(found) <= MONTHS else every[-MONTHS:]


@dataclass(frozen=True, slots=True)
class HeatCell:
    """A cell of a heat map: a share (null: nothing happened) with both its numbers, and its grade
    from 1 (poor) to 5 (good)."""

    share: float | None
    part: int = 0
    whole: int = 0

    @property
    def grade(self) -> int | None:
        if self.share is None:
            return None
        return next((5 - place for place, least in enumerate(GRADES) if self.share >= least), 1)


GRADES = (0.98, 0.95, 0.9, 0.8)
"""From which share on a cell is of grade 5, 4, 3, 2."""


@dataclass(frozen=True, slots=True)
class HeatRow:
    """A unit's cells, one for each month."""

    unit: str
    cells: list[HeatCell]
    whole: HeatCell


def heat_map(
    counts: Mapping[tuple[str, str], tuple[int, int]], months: Sequence[str]
) -> list[HeatRow]:
    """Rows of shares from (unit, month) -> (part, whole), the worst unit first."""
    rows = []
    for unit in sorted({unit for unit, _ in counts}):
        mine = [counts.get((unit, month), (0, 0)) for month in months]
        rows.append(
            HeatRow(
                unit, [_share(*each) for each in mine], _share(*map(sum, zip(*mine, strict=True)))
            )
        )
    return sorted(rows, key=lambda row: (row.whole.share is None, row.whole.share or 0, row.unit))


def _share(part: int, whole: int) -> HeatCell:
    return HeatCell(part / whole if whole else None, part, whole)


def received_and_finished(months: Iterable[Month]) -> tuple[list[str], list[list[float]]]:
    """(months, [received, finished in time, finished late] for each) of all units together."""
    found = list(months)
    labels = month_labels(one.month for one in found)
    sums = {label: [0.0, 0.0, 0.0] for label in labels}
    for one in found:
        if one.month in sums:
            for place, value in enumerate((one.received, one.on_time, one.late)):
                sums[one.month][place] += value
    return labels, [sums[label] for label in labels]
