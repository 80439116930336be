"""A report as a document: what the JSON answer holds, and what is frozen when it is published."""

from datetime import date
from typing import Any

from services.reporting.handlers.asking import Asked
from services.reporting.handlers.reports import Answer
from shared import clock


def document(asked: Asked, answer: Answer) -> dict[str, Any]:
    """The answer to a question with what was asked; days as YYYY-MM-DD, instants with their zone."""
    return {
        "report": asked.question.report,
        "from": asked.first.isoformat() if asked.first else None,
        "to": asked.last.isoformat(),
        "unit": asked.unit,
        "by": asked.question.by,
        "judged_on": asked.question.last.isoformat(),
        "as_of": asked.as_of.isoformat(),
        "data_as_of": (
            answer.data_as_of.astimezone(clock.VN).isoformat() if answer.data_as_of else None
        ),
        "level": asked.question.level or "unit",
        "field": asked.question.field,
        "not_applied": list(asked.not_applied),
        "warnings": list(asked.warnings),
        "rows": answer.rows,
        "total": answer.total,
        **answer.extra,
    }


def day_of(text: str | None) -> date | None:
    """A day of a document."""
    return None if text is None else date.fromisoformat(text)
