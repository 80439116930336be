"""A report's document as a file: CSV, Excel, PDF; in the look of its official form where it has one."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from services.reporting.api.words import (
    LANGUAGES,
    columns_for_people,
    columns_of,
    columns_told,
    shown,
    spoken_value,
    texts_of,
    word,
)
from services.reporting.api.workbooks import form_book, table_book
from shared.clock import VN
from shared.forms import HEADING_LINES, Form, Forms
from shared.printing import to_csv, to_pdf
from shared.problems import Problem
from shared.questionnaires import Questionnaire
from shared.units import UnitRegistry

PAGES = Path(__file__).parent.parent / "pages"
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
MOST_PRINTED = 2000
"""Rows of a PDF file: setting a page takes time and memory for each."""
CHARTS: Mapping[str, tuple[str, Sequence[str]]] = {
    "online-share": ("unit_name", ("share", "target")),
    "on-time": ("unit_name", ("rate",)),
    "installs": ("unit_name", ("counted", "quota")),
}
"""Report -> the column of names, and the figures that are drawn on a second sheet."""

Titles = Mapping[tuple[str, str], str]
Document = Mapping[str, Any]
"""What `handlers.document` makes, fresh or frozen."""


class Files:
    """Makes files of documents.

    Args:
        forms: the official forms.
        registry: the register of units, for their names.
        questionnaires: how the items of surveys are asked.
        titles: tells how plans and what they order are called: (plan, obligation) to a title.
    """

    def __init__(
        self,
        forms: Forms,
        registry: UnitRegistry,
        questionnaires: Iterable[Questionnaire] = (),
        titles: Callable[[], Titles] = dict,
    ) -> None:
        self.forms, self.registry, self.titles = forms, registry, titles
        self.items = {language: texts_of(questionnaires, language) for language in LANGUAGES}

    def published(self, document: Document, form: str, title: str) -> bytes:
        """A published document as a file, in Vietnamese; its CSV file has keys for headings. On paper
        a long one ends after so many rows, and says so."""
        return self.make(document, form, None, title=title, cut=True)

    def make(
        self,
        document: Document,
        form: str,
        language: str | None,
        *,
        spoken: str = "vi",
        title: str = "",
        cut: bool = False,
    ) -> bytes:
        """A document as a file.

        A CSV file is for programs too: without a `language` its headings are keys. Excel and PDF
        are for people, and speak the language `spoken` unless another one is asked for. What has
        an official form has it in Vietnamese.

        Raises:
            Problem: 422 for a PDF file of too many rows, unless it may be `cut`.
        """
        spoken = language if language in LANGUAGES else spoken
        rows = document["rows"]
        if form == "pdf" and len(rows) > MOST_PRINTED and not cut:
            message = f"A PDF file holds at most {MOST_PRINTED} rows: ask for xlsx or csv."
            error = {"pointer": "/format", "code": "too_many_rows", "message": message}
            raise Problem(422, errors=[error])
        report, columns = document["report"], columns_of(document["report"], document["by"])
        if form == "csv":
            named = (lambda name: word(f"column.{name}", spoken)) if language in LANGUAGES else str
            return to_csv(rows, columns_told(report, document["by"], rows), named)
        by = document["by"] or ("unit" if "unit" in columns else columns[0])
        official = None
        if spoken == "vi":
            official = self.forms.find(report, by, date.fromisoformat(document["to"]))
        if official is not None:
            return self._official(document, form, official, by)
        columns = columns_for_people(report, document["by"], rows)
        return self._table(document, form, spoken, columns, title)

    def _official(self, document: Document, form: str, official: Form, by: str) -> bytes:
        rows = document["rows"]
        names = [row["unit_name"] if by == "unit" else row[by] for row in rows]
        lines = {
            "office": f"Đơn vị báo cáo: {self._office(document)}",
            "period": f"Kỳ báo cáo: {_period(document)}",
            "fresh": fresh(document, "vi"),
        }
        if form == "xlsx":
            return form_book(official, by, lines, names, rows)
        figures = [column.key for column in official.columns]
        lines["fresh"] += _cut_short(rows, "vi")
        totals = [sum(row[key] for row in rows) for key in figures]
        return to_pdf(
            PAGES / "form.typ",
            {
                **lines,
                "number": official.numbers[by],
                "regime": official.regime,
                "title": official.title,
                "measure": official.measure,
                "figures": len(figures),
                "heading_lines": HEADING_LINES,
                "headings": [
                    {**cell._asdict(), "note": cell.line == HEADING_LINES - 1}
                    for cell in official.headings(by)
                ],
                "rows": [
                    [str(number), name, *(shown(key, row[key]) for key in figures)]
                    for number, (name, row) in enumerate(
                        zip(names[:MOST_PRINTED], rows[:MOST_PRINTED], strict=True), 1
                    )
                ],
                "total": ["", official.total, *(shown("n", whole) for whole in totals)],
                "place_and_day": official.place_and_day,
                "signatures": [one.model_dump() for one in official.signatures],
            },
        )

    def _table(
        self, document: Document, form: str, spoken: str, columns: list[str], title: str
    ) -> bytes:
        report, rows = document["report"], document["rows"]
        name = title or word(report, spoken)
        unit = f"; {self._office(document)}" if document.get("unit") else ""
        head = [name, f"{span(document)}{unit}", fresh(document, spoken)]
        headings = [word(f"column.{column}", spoken) for column in columns]
        if form == "xlsx":
            chart = CHARTS.get(report)
            if chart and not {chart[0], *chart[1]} <= set(columns):
                chart = None
            return table_book(
                report,
                head,
                columns,
                headings,
                rows,
                lambda column, value: spoken_value(column, value, spoken),
                chart,
                word("page", spoken),
            )
        head[-1] += _cut_short(rows, spoken)
        # Sheets hold the codes that programs find in JSON, too; paper is for people alone.
        printed = called(rows[:MOST_PRINTED], self.titles(), self.items[spoken])
        return to_pdf(
            PAGES / "report.typ",
            {
                "title": head,
                "headings": headings,
                "numeric": [_is_numeric(rows, column) for column in columns],
                "rows": [[shown(one, row.get(one), spoken) for one in columns] for row in printed],
            },
        )

    def table(
        self,
        form: str,
        name: str,
        head: Sequence[str],
        columns: Sequence[str],
        rows: Sequence[Mapping[str, Any]],
    ) -> bytes:
        """Rows that are no report as a file, in Vietnamese."""
        headings = [word(f"column.{column}") for column in columns]
        if form == "csv":
            return to_csv(rows, columns, lambda column: word(f"column.{column}"))
        if form == "xlsx":
            return table_book(name, head, columns, headings, rows, spoken_value)
        return to_pdf(
            PAGES / "report.typ",
            {
                "title": head,
                "headings": headings,
                "numeric": [_is_numeric(rows, column) for column in columns],
                "rows": [[_printed(one, row.get(one)) for one in columns] for row in rows],
            },
        )

    def _office(self, document: Document) -> str:
        """The unit whose report it is, as it was called at the end of the period."""
        unit = document.get("unit")
        day = date.fromisoformat(document["to"])
        return self.registry.name(unit, day) if unit else "................................"


def called(
    rows: Sequence[Mapping[str, Any]], titles: Titles, items: Titles
) -> Sequence[Mapping[str, Any]]:
    """Rows with what plans, duties and items are called, where programs get their codes."""
    found = []
    for row in rows:
        plan, duty, item = (row.get(name) for name in ("plan", "obligation", "item"))
        called = {}
        if plan is not None:
            called["plan"] = titles.get((plan, ""), plan)
        if duty is not None:
            called["obligation"] = titles.get((str(plan), duty), duty)
        if item is not None:
            asked_in = str(row.get("questionnaire") or row.get("domain"))
            called["item"] = items.get((asked_in, item), item)
        found.append({**row, **called} if called else row)
    return found


def file_name(document: Document, form: str) -> str:
    """What a report's file is called."""
    return f"{document['report']}_{document['from'] or 'start'}_{document['to']}.{form}"


def span(document: Document) -> str:
    """A document's period as people read it."""
    first = document["from"]
    return f"{day_text(first) if first else '…'} - {day_text(document['to'])}"


def _period(document: Document) -> str:
    """A document's period as an official form says it."""
    first = document["from"]
    start = f"từ ngày {day_text(first)} " if first else ""
    return f"{start}đến ngày {day_text(document['to'])}"


def fresh(document: Document, language: str) -> str:
    """Until when events were applied, as people read it."""
    told = document["data_as_of"]
    return f"{word('data_as_of', language)}: {moment_text(told) if told else '–'}"


def day_text(day: str) -> str:
    """A day as people read it."""
    return date.fromisoformat(day).strftime("%d/%m/%Y")


def moment_text(instant: str | datetime) -> str:
    """An instant as people in Viet Nam read it."""
    moment = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    return moment.astimezone(VN).strftime("%d/%m/%Y %H:%M")


def _cut_short(rows: Sequence[Any], language: str) -> str:
    """That only the first rows are printed, where that is so."""
    if len(rows) <= MOST_PRINTED:
        return ""
    counts = (shown("n", MOST_PRINTED, language), shown("n", len(rows), language))
    return f". {word('cut_short', language).format(*counts)}"


def _printed(column: str, value: Any) -> str:
    """A value on paper; what is to be filled in by hand stays empty."""
    return "" if value is None else shown(column, value)


def _is_numeric(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    return any(isinstance(row.get(name), int | float) for row in rows[:50])
