"""`/v1/letters`: the official reminder as a Word file, from a template that offices edit."""

import asyncio
import io
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from zipfile import BadZipFile

from docx.opc.exceptions import PackageNotFoundError
from docxtpl import DocxTemplate
from fastapi import APIRouter, Depends, Query, Request
from jinja2 import TemplateError
from jinja2.sandbox import SandboxedEnvironment
from starlette.responses import JSONResponse, Response

from services.reporting.api.access import reader
from services.reporting.api.filtering import Filters
from services.reporting.api.words import shown, word
from services.reporting.handlers import Answer, Letter, Reports, letter, titles
from services.reporting.rules import Short, days_late, owed
from shared import clock
from shared.keys import Key
from shared.plans import Plan
from shared.problems import Problem, documented
from shared.units import UnitRegistry

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
TEMPLATE = "nhac-tien-do.docx"
VARIABLES = frozenset(
    {
        "office", "day", "month", "year", "subject", "told", "grounds", "span", "short", "duties",
        "overdue", "new_date", "recipients",
    }
)  # fmt: skip
"""What a template may name; deploy/letters/README.md says what each holds."""

Word = Annotated[str | None, Query()]


class Letters:
    """Fills the template of reminders.

    Args:
        template: a Word file with marks such as ``{{ office }}``.
        registry: the register of units, for their names.

    Raises:
        ValueError: the file is no Word file, or names what there is not.
    """

    def __init__(self, template: Path, registry: UnitRegistry) -> None:
        self.template, self.registry = template, registry
        # Whoever edits a letter is no programmer of ours: marks reach values, nothing else.
        self.environment = SandboxedEnvironment(autoescape=True)
        try:
            named = DocxTemplate(template).get_undeclared_template_variables(self.environment)
        except (BadZipFile, PackageNotFoundError, TemplateError, KeyError, ValueError) as error:
            raise ValueError(f"{template.name} cannot be read as a letter: {error}") from None
        if unknown := sorted(named - VARIABLES):
            raise ValueError(
                f"{template.name} names what there is not: {', '.join(unknown)};"
                f" there are: {', '.join(sorted(VARIABLES))}"
            )

    def write(self, values: Mapping[str, Any]) -> bytes:
        """The letter as a Word file; texts stand in it as they are, never as marks."""
        made, file = DocxTemplate(self.template), io.BytesIO()
        made.render(dict(values), self.environment, autoescape=True)
        made.save(file)
        return file.getvalue()


def build_letters(reports: Reports, letters: Letters) -> APIRouter:
    """The routes of letters."""
    router = APIRouter(
        prefix="/v1/letters", tags=["reports"], responses=documented(401, 403, 404, 422)
    )

    @router.get("")
    async def draft(
        request: Request,
        key: Annotated[Key, Depends(reader)],
        plan: Word = None,
        about: Annotated[
            str | None, Query(description="targets, duties, overdue, with commas between")
        ] = None,
        from_: Annotated[str | None, Query(alias="from", description="YYYY-MM-DD")] = None,
        to: Annotated[str | None, Query(description="YYYY-MM-DD")] = None,
        unit: Annotated[str | None, Query(description="A unit and all below it")] = None,
        as_of: Word = None,
        new_date: Annotated[
            str | None, Query(description="By when to make up for it; five working days without")
        ] = None,
        form: Annotated[Literal["docx", "json"], Query(alias="format")] = "docx",
    ) -> Response:
        """Draft the dispatch to the units that are late or short: 404 where nobody is."""
        now = clock.now()
        made = await letter(reports, request.query_params, key, now)
        values = letter_values(made, letters.registry)
        if form == "json":
            return JSONResponse(values, headers={"Cache-Control": "no-store"})
        if made.empty:
            raise Problem(
                404, "Không có đơn vị nào chậm hoặc thiếu / No unit is late or short: no letter."
            )
        return Response(
            await asyncio.to_thread(letters.write, values),
            media_type=DOCX,
            headers={
                "Content-Disposition": f'attachment; filename="nhac-tien-do_{made.written}.docx"',
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
            },
        )

    return router


def letter_link(report: str, answer: Answer, filters: Filters, language: str) -> str | None:
    """Where a report's page leads to its letter; null where there is nothing to remind of."""
    if report == "timeliness" and owed(answer.rows):
        return filters.link("/v1/letters", language, about="duties")
    if report == "overdue" and answer.rows:
        return filters.link("/v1/letters", language, about="overdue")
    return None


def letter_values(made: Letter, registry: UnitRegistry) -> dict[str, Any]:
    """What a letter shows, as text in Vietnamese: days as dd/mm/yyyy, shares in percent."""
    known = titles(made.plans)
    first, last = made.asked.first, made.asked.last

    def name(unit: str) -> str:
        return registry.name(unit, last)

    return {
        "office": made.office or "……………………",
        "day": f"{made.written.day:02}",
        "month": f"{made.written.month:02}" if made.written.month < 3 else str(made.written.month),
        "year": str(made.written.year),
        "subject": _subject(made),
        "told": [name(unit) for unit in made.told],
        "grounds": [ground for plan in made.plans for ground in _grounds(plan)],
        "span": f"{f'từ ngày {_day(first)} ' if first else ''}đến hết ngày {_day(last)}",
        "short": [_short(one, name, known) for one in made.short],
        "duties": [_duty(row, known, made.asked.question.last) for row in made.duties],
        "overdue": [
            {
                "unit": name(one.unit),
                "dossiers": shown("n", one.dossiers),
                "since": _day(one.oldest),
            }
            for one in made.overdue
        ],
        "new_date": _day(made.new_date),
        "recipients": _recipients(made, registry),
    }


def _subject(made: Letter) -> str:
    parts = [
        text
        for found, text in (
            (made.short, "chỉ tiêu chưa đạt"),
            (made.duties, "danh sách, báo cáo còn thiếu hoặc chậm"),
            (made.overdue, "hồ sơ quá hạn"),
        )
        if found
    ]
    return f"đôn đốc {', '.join(parts)}" if parts else "tình hình thực hiện"


def _grounds(plan: Plan) -> list[str]:
    return [
        "".join(
            (
                f"văn bản số {one.number}",
                f" ngày {_day(one.date)}" if one.date else "",
                f" của {one.by}" if one.by else "",
                f" ({plan.title})",
            )
        )
        for one in plan.issued
    ]


def _short(one: Short, name: Any, known: Mapping[tuple[str, str], str]) -> dict[str, str]:
    share = one.denominator is not None
    actual = one.numerator / one.denominator if one.denominator else None
    sign = "trên" if one.bound.comparison == ">" else "từ"
    goal = float(one.bound.value) if share or one.bound.value.denominator > 1 else None
    told = shown("share" if share else "n", int(one.bound.value) if goal is None else goal)
    return {
        "unit": name(one.unit),
        "title": one.title,
        "plan": known.get((one.plan, ""), one.plan),
        "period": word("whole") if one.period == "whole" else one.period,
        "actual": shown("share", actual) if share else shown("n", one.numerator),
        "counted": f"{one.numerator}/{one.denominator}" if share else "",
        "target": f"{sign} {told}",
        "missing": shown("n", one.missing),
        "state": word(f"value.{one.state}"),
    }


def _duty(
    row: Mapping[str, Any], known: Mapping[tuple[str, str], str], today: date
) -> dict[str, str]:
    due = date.fromisoformat(row["due"])
    came = row["fulfilled_at"] and datetime.fromisoformat(row["fulfilled_at"]).date()
    return {
        "unit": row["unit_name"],
        "title": known.get((row["plan"], row["obligation"]), row["obligation"]),
        "period": word("whole") if row["period"] == "whole" else row["period"],
        "due": _day(due),
        "came": _day(came) if came else "chưa nộp",
        "days": str(days_late(due, came or None, today)),
        "state": word(f"value.{row['state']}"),
    }


def _recipients(made: Letter, registry: UnitRegistry) -> list[str]:
    """The units addressed, whom the late lists and reports are for, who helps with the plan."""
    found = ["Như trên"]
    for plan in made.plans:
        late = {row["obligation"] for row in made.duties if row["plan"] == plan.plan}
        owed = {
            unit
            for one in late & plan.obligations.keys()
            for unit in plan.members(plan.obligations[one].owed_to)
        }
        found += [registry.name(unit, made.asked.last) for unit in sorted(owed)]
        if plan.contact:
            found.append(plan.contact.office)
    return [*dict.fromkeys(found), "Lưu: VT"]


def _day(day: date) -> str:
    return f"{day:%d/%m/%Y}"
