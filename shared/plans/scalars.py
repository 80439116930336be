"""The small words of a plan file: codes, days, amounts, spans; and the base of its models."""

import calendar
import re
from datetime import date, timedelta
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from shared.plans.amounts import exact


def as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def as_day(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            return value
    return value


def listed(value: Any) -> Any:
    if isinstance(value, list):
        return [as_text(each) for each in value]
    return [as_text(value)] if isinstance(value, str | int) else value


def _exact(value: int | str) -> int | str:
    try:
        exact(value)
    except ValueError:
        raise PydanticCustomError(
            "amount", 'cần một số nguyên không âm hoặc tỷ lệ như "25%"'
        ) from None
    return value


def _span(value: str) -> str:
    if not _SPAN.fullmatch(value):
        raise PydanticCustomError("span", "viết như: 2 working days, 3 days, 4 hours")
    return value


def _term(value: str) -> str:
    if not _TERM.fullmatch(value):
        raise PydanticCustomError("term", "viết như: 12 months, 1 year, 90 days")
    return value


def after(day: date, term: str) -> date:
    """The day on which a term ends that begins on a day; a short month ends it earlier."""
    number, _, unit = term.partition(" ")
    if unit.startswith("day"):
        return day + timedelta(days=int(number))
    months = int(number) * (12 if unit.startswith("year") else 1) + day.month - 1
    year, month = day.year + months // 12, months % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


_TERM = re.compile(r"(\d{1,3}) (years?|months?|days?)")
_SPAN = re.compile(r"(\d{1,3}) (working days?|days?|hours?)")
NAME_SCHEMA = {"type": ["string", "integer"], "minLength": 1, "maxLength": 64}
CODE_SCHEMA = {"type": ["string", "integer"], "pattern": r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$"}

Day = Annotated[date, BeforeValidator(as_day), WithJsonSchema({"type": "string", "format": "date"})]
"""A day: YYYY-MM-DD."""
Slug = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$")]
"""An identifier that the plan gives: small letters, digits, hyphens."""
Text = Annotated[str, Field(min_length=1, max_length=2000)]
Code = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$"),
    BeforeValidator(as_text),
    WithJsonSchema(CODE_SCHEMA),
]
"""A unit's code; all digits may stand without quotes."""
Units = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=64)]],
    Field(min_length=1),
    BeforeValidator(listed),
    WithJsonSchema(
        {
            "anyOf": [NAME_SCHEMA, {"type": "array", "minItems": 1, "items": NAME_SCHEMA}],
            "title": "Units",
        }
    ),
]
"""One group or unit, by code, name or alias, or a list of them; read plans hold codes."""
Amount = Annotated[
    int | str,
    AfterValidator(_exact),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": r"^\d{1,6}([.,]\d{1,6})? ?%$"},
            ]
        }
    ),
]
"""A whole number, or a percentage as a text: "25%"."""
Span = Annotated[
    str,
    AfterValidator(_span),
    Field(json_schema_extra={"pattern": r"^\d{1,3} (working days?|days?|hours?)$"}),
]
"""A length of time: `2 working days`."""
Term = Annotated[
    str,
    AfterValidator(_term),
    Field(json_schema_extra={"pattern": r"^\d{1,3} (years?|months?|days?)$"}),
]
"""A length of time that ends on a day: `12 months`."""
Month = Annotated[str, Field(pattern=r"^\d{4}(-(0[1-9]|1[0-2]))?$")]
"""YYYY-MM, or YYYY for what is owed once a year."""
Period = Annotated[str, BeforeValidator(as_text), Field(pattern=r"^\d{4}[0-9Q-]{0,6}$|^once$")]
Time = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
"""A time of day in Viet Nam: HH:MM."""


class Model(BaseModel):
    """Base of everything in a plan: strict, unchanging."""

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
    )


def exactly_one(model: Any, *names: str) -> Any:
    given = [name for name in names if getattr(model, name)]
    if len(given) != 1:
        raise PydanticCustomError("measure", f"cần đúng một trong: {', '.join(names)}")
    return model
