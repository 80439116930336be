"""An answer as a table that people read: headings, cells, links to what is behind them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from services.reporting.api.filtering import Filters
from services.reporting.api.words import columns_for_people
from services.reporting.handlers import Answer
from services.reporting.rules import TRACED

ROWS = 50
"""Rows of a page of a table; the files have them all."""
HIDDEN = frozenset({"unit", "due_at", "unit_valid_from"})
"""What programs need and people do not: names stand for codes, days for instants."""
SUMMED = frozenset(
    {"bieu-06", "installs", "on-time", "online-share", "data-quality", "activity", "notices"}
)
"""Reports whose total is a row of its own."""
BARS = frozenset({"share", "rate"})
ALARMING = frozenset({"pending_overdue", "open_overdue", "days_late", "undecided"})
LONG = frozenset({"arithmetic", "text", "answer"})
GROUPS: Mapping[str, tuple[tuple[str, int], ...]] = {
    "bieu-06": (("", 1), ("received", 4), ("resolved", 4), ("pending", 3)),
}
"""Headings above headings, and over how many columns each goes."""

LEADING: Mapping[str, tuple[str, ...]] = {
    **{report: columns for report, (_, columns) in TRACED.items()},
    "installs": ("installs", "succeeded", "failed", "distinct_citizens", "counted"),
    "data-quality": (*TRACED["data-quality"][1], "refused_events", "undeliverable_phones"),
    "activity": ("activities", "people", "members"),
    "scorecard": ("n", "out_of_scale", "previous_n"),
    "survey-reasons": ("n", "answered"),
    "difficulties": ("difficulty", "raised_at", "resolved_at"),
    "notices": ("notices", "sent", "delivered", "failed", "segments", "cost"),
    "timeliness": ("fulfilled_at", "rows"),
    "emulation": ("merits", "deductions", "points", "undecided"),
}
"""Report -> the columns from whose cells one comes to the rows behind them."""
COORDINATES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(TRACED, ("unit", "unit_valid_from", "field", "authority")),
    "index-766": ("unit", "unit_valid_from", "group"),
    "installs": ("unit", "unit_valid_from", "month", "place", "installer"),
    "activity": ("unit", "unit_valid_from", "team", "member", "day", "month", "kind"),
    "scorecard": (
        *("unit", "unit_valid_from", "domain", "mode"),
        *("quarter", "item", "questionnaire"),
    ),
    "survey-reasons": ("unit", "unit_valid_from", "domain", "mode", "quarter", "item", "cause"),
    "difficulties": ("difficulty",),
    "notices": ("unit", "unit_valid_from", "channel"),
    "timeliness": ("unit", "unit_valid_from", "plan", "obligation", "period"),
    "emulation": ("unit", "unit_valid_from", "plan"),
}
"""Report -> the columns that tell its rows apart."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: its column, its value, and where it leads (null: nowhere)."""

    column: str
    value: Any
    link: str | None = None
    numeric: bool = False
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A page of an answer."""

    columns: list[str]
    numeric: frozenset[str]
    groups: tuple[tuple[str, int], ...]
    rows: list[list[Cell]]
    foot: list[Cell]
    count: int
    first: int
    """Place of the first row shown, from 0."""
    before: str | None
    after: str | None


PAGED = {"overdue": "overdue", "interview-list": "eligible"}
"""Report that is paged by itself -> the total that counts all its rows."""


def table_of(answer: Answer, filters: Filters, language: str, offset: int) -> Table:
    """The table of an answer, `ROWS` at a time.

    An answer that is paged by itself holds the page that was asked for; of others it is cut.
    """
    question = filters.asked.question
    report = question.report
    paged = report in PAGED
    columns = _columns(report, answer, question.by)
    count = answer.total[PAGED[report]] if paged else len(answer.rows)
    shown = answer.rows if paged else answer.rows[offset : offset + ROWS]
    numeric = frozenset(
        name for name in columns if any(_is_number(row.get(name)) for row in answer.rows[:200])
    )
    where = _links(report, filters, language)
    path = f"/reports/{report}"
    after = offset + len(shown)
    more = {"offset": after} | ({"after": answer.extra["next"]} if "next" in answer.extra else {})
    back = max(0, offset - ROWS)
    # Where a list goes on after a row, there is no way back but to its beginning.
    earlier = {"offset": None} if "next" in answer.extra else {"offset": back or None}
    return Table(
        columns=columns,
        numeric=numeric,
        groups=GROUPS.get(report, ()) if len(columns) == 12 else (),
        rows=[[_cell(name, row, where, numeric) for name in columns] for row in shown],
        foot=_foot(report, columns, answer.total, numeric, where) if shown else [],
        count=count,
        first=offset,
        before=filters.link(path, language, **earlier) if offset else None,
        after=filters.link(path, language, **more) if shown and after < count else None,
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _columns(report: str, answer: Answer, by: str | None) -> list[str]:
    columns = [name for name in columns_for_people(report, by, answer.rows) if name not in HIDDEN]
    if report == "installs" and answer.total.get("quota") is None:
        columns = [name for name in columns if name not in ("counted", "quota", "share")]
    return columns


def _cell(name: str, row: Row, where: Callable[[str, Row], str | None], numeric: Any) -> Cell:
    value = row.get(name)
    bad = name in ALARMING and bool(value)
    return Cell(name, value, where(name, row), name in numeric, bad)


def _foot(
    report: str,
    columns: Sequence[str],
    total: Row,
    numeric: Any,
    where: Callable[[str, Row], str | None],
) -> list[Cell]:
    if report not in SUMMED:
        return []
    sums = {name: value for name, value in total.items() if name in numeric}
    return [Cell(name, total.get(name), where(name, sums), name in numeric) for name in columns]


def _links(report: str, filters: Filters, language: str) -> Callable[[str, Row], str | None]:
    """Where the cells of a report lead: a count of overdue dossiers to their list, another count to
    the rows behind it, a code to its story, a unit to the same report of it alone."""

    def where(name: str, row: Row) -> str | None:
        if name in ("pending_overdue", "open_overdue") and row.get(name):
            more = {part: row[part] for part in ("unit", "field") if row.get(part)}
            return filters.link("/reports/overdue", language, by=None, level=None, **more)
        if name in LEADING.get(report, ()) and row.get(name):
            told = {f"row.{part}": str(row[part]) for part in COORDINATES[report] if row.get(part)}
            link = filters.link(f"/reports/{report}/rows", language)
            return f"{link}&{urlencode({'column': name, **told})}"
        if name == "code":
            return f"/dossiers/{quote(str(row['code']), safe='')}?lang={language}"
        if name == "unit_name" and row.get("unit") and filters.held.get("unit") != row["unit"]:
            return filters.link(f"/reports/{report}", language, unit=row["unit"], level=None)
        return None

    return where
