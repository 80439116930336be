"""A report's document as a file: CSV, Excel, PDF."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from services.reporting.api.words import LANGUAGES, columns_for_people, columns_of, shown, word
from shared.clock import VN
from shared.printing import to_csv, to_pdf, to_xlsx

TEMPLATE = Path(__file__).parent.parent / "pages" / "report.typ"
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}

Document = Mapping[str, Any]
"""What `handlers.document` makes, fresh or frozen."""


def published_file(document: Document, form: str, title: str) -> bytes:
    """A published document as a file, in Vietnamese."""
    return report_file(document, form, "vi", title=title)


def report_file(
    document: Document, form: str, language: str | None, *, spoken: str = "vi", title: str = ""
) -> bytes:
    """A document as a file.

    A CSV file is for programs too: without a `language` its headings are keys. Excel and PDF are
    for people, and speak the language `spoken` unless another one is asked for.
    """
    report, rows = document["report"], document["rows"]
    columns = columns_of(report, document["by"])
    if form != "csv":
        columns = columns_for_people(report, document["by"], rows)
    spoken = language if language in LANGUAGES else spoken

    def heading(name: str) -> str:
        return word(f"column.{name}", spoken)

    if form == "csv":
        named = heading if language in LANGUAGES else str
        return to_csv(rows, columns, named)
    head = [title or word(report, spoken), span(document), fresh(document, spoken)]
    headings = [heading(name) for name in columns]
    if form == "xlsx":
        return to_xlsx(head, headings, [[row.get(name) for name in columns] for row in rows])
    return to_pdf(
        TEMPLATE,
        {
            "title": head,
            "headings": headings,
            "numeric": [_is_numeric(rows, name) for name in columns],
            "rows": [[shown(name, row.get(name), spoken) for name in columns] for row in rows],
        },
    )


def file_name(document: Document, form: str) -> str:
    """What a report's file is called."""
    return f"{document['report']}_{document['from'] or 'start'}_{document['to']}.{form}"


def span(document: Document) -> str:
    """A document's period as people read it."""
    first = document["from"]
    return f"{day_text(first) if first else '…'} - {day_text(document['to'])}"


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


def _is_numeric(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    return any(isinstance(row.get(name), int | float) for row in rows[:50])
