"""The kinds of values that event data are made of. Strict: nothing is coerced.

Validators raise `PydanticCustomError` with a stable code; no message repeats a value.
"""

import math
import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from shared.redaction import looks_personal

EARLIEST, LATEST = 1990, 2100
MOST = 1_000_000_000
"""The greatest count that one event may state."""
LONGEST_ID = 512
"""Characters of a source or an id."""

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)?", re.ASCII
)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_CODE = r"^\w[\w.:/+\-]*$"
_CONTROL_BUT_LINES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def instant(value: object) -> datetime:
    """An aware datetime from RFC 3339 text; raises `PydanticCustomError` for anything else."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise PydanticCustomError("missing_zone", "Give the datetime a zone.")
        return value
    if not isinstance(value, str):
        raise PydanticCustomError(
            "wrong_type", "Give a string: an RFC 3339 date and time with its zone."
        )
    match = _RFC3339.fullmatch(value)
    if match is None:
        raise _not_rfc3339()
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    if zone is None:
        raise PydanticCustomError("missing_zone", "Add the zone, e.g. +07:00.")
    # A leap second is valid RFC 3339 that Python can't hold: it becomes the second after.
    leap = second == "60"
    micro = (fraction or "").ljust(6, "0")[:6]
    offset = "+00:00" if zone in "Zz" else zone
    try:
        moment = datetime.fromisoformat(
            f"{year}-{month}-{day}T{hour}:{minute}:{'59' if leap else second}.{micro}{offset}"
        )
        if leap:
            moment = moment.replace(microsecond=0) + timedelta(seconds=1)
        moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _not_rfc3339() from None
    if not EARLIEST <= moment.year <= LATEST:
        raise PydanticCustomError(
            "date_out_of_range", f"Give a date between {EARLIEST} and {LATEST}."
        )
    return moment


def _not_rfc3339() -> PydanticCustomError:
    """A new one each time: an exception that is raised again keeps every frame it went through."""
    return PydanticCustomError(
        "not_rfc3339",
        "Write an RFC 3339 date and time with its zone, e.g. 2019-08-20T09:15:00+07:00.",
    )


def whole(value: object) -> int:
    """A whole number of at least 0; 12.0 is 12, as JSON has one kind of number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("wrong_type", "Give a whole number.")
    if isinstance(value, float):
        if not math.isfinite(value) or not value.is_integer():
            raise PydanticCustomError("wrong_type", "Give a whole number.")
        value = int(value)
    if value < 0:
        raise PydanticCustomError("negative", "Give 0 or more.")
    if value > MOST:
        raise PydanticCustomError("too_large", f"Give at most {MOST}.")
    return value


def one_line(text: str) -> str:
    """A text without control characters, in NFC and without outer blanks."""
    return _clean(text, _CONTROL)


def lines(text: str) -> str:
    """Like `one_line`, but with line breaks and tabs allowed."""
    return _clean(text, _CONTROL_BUT_LINES)


def event_ref(text: str) -> str:
    """An event's source or id, left exactly as it is."""
    if _CONTROL.search(text):
        raise PydanticCustomError("control_character", "Remove the control characters.")
    return _not_blank(text)


def _clean(text: str, forbidden: re.Pattern[str]) -> str:
    if forbidden.search(text):
        raise PydanticCustomError("control_character", "Remove the control characters.")
    return unicodedata.normalize("NFC", text).strip()


def _not_blank(text: str) -> str:
    if not text:
        raise PydanticCustomError("empty", "Fill this in: it must not be empty.")
    return text


def _absent_if_blank(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _code(text: str) -> str:
    if _CONTROL.search(text):
        raise PydanticCustomError("control_character", "Remove the control characters.")
    if not text:
        raise PydanticCustomError("empty", "Fill this in: it must not be empty.")
    text = unicodedata.normalize("NFC", text)
    if not re.fullmatch(_CODE, text):
        raise PydanticCustomError(
            "invalid_code", "Use letters, digits and . _ - : / + only, without blanks."
        )
    return text


def _opaque(text: str) -> str:
    if _CONTROL.search(text):
        raise PydanticCustomError("control_character", "Remove the control characters.")
    if not text:
        raise PydanticCustomError("empty", "Fill this in: it must not be empty.")
    if re.search(r"\s", text):
        raise PydanticCustomError("invalid_code", "Remove the blanks from the code.")
    return unicodedata.normalize("NFC", text)


def _person(text: str) -> str:
    if looks_personal(text):
        raise PydanticCustomError(
            "personal_data",
            "Give the code of the people register, not a phone number, e-mail or identity number.",
        )
    return _code(text)


def _month(text: str) -> str:
    match = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", text, re.ASCII)
    if match is None:
        raise PydanticCustomError("invalid_period", "Write the month as YYYY-MM.")
    return _year_checked(text, int(match[1]))


_PERIOD = re.compile(
    r"(\d{4})(?:-Q[1-4]|-H[12]|-W(?:0[1-9]|[1-4]\d|5[0-3])"
    r"|-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01])(?:-(?:am|pm))?)?)?",
    re.ASCII,
)


def _period(text: str) -> str:
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", text):
        return text
    match = _PERIOD.fullmatch(text)
    if match is None:
        raise PydanticCustomError(
            "invalid_period", "Write YYYY, YYYY-MM, YYYY-MM-DD, YYYY-Qn or a name such as once."
        )
    if match[3]:
        try:
            date(int(match[1]), int(match[2]), int(match[3]))
        except ValueError:
            raise PydanticCustomError("invalid_period", "This day does not exist.") from None
    return _year_checked(text, int(match[1]))


def _year_checked(text: str, year: int) -> str:
    if not EARLIEST <= year <= LATEST:
        raise PydanticCustomError(
            "date_out_of_range", f"Give a period between {EARLIEST} and {LATEST}."
        )
    return text


def _answers(value: object) -> object:
    if not isinstance(value, dict):
        raise PydanticCustomError("wrong_type", "Give an object: item code to answer.")
    if not value:
        raise PydanticCustomError("empty", "Give at least one answer.")
    if len(value) > 500:
        raise PydanticCustomError("too_long", "Give at most 500 answers.")
    clean: dict[str, object] = {}
    for item, answer in value.items():
        if (
            not isinstance(item, str)
            or not re.fullmatch(r"\w[\w.:\-]{0,63}", item)
            or looks_personal(item)
        ):
            raise PydanticCustomError(
                "invalid_code", "Name each answer by its item code: letters, digits and . _ - :."
            )
        if answer is None or isinstance(answer, bool):
            clean[item] = answer
        elif isinstance(answer, str):
            if len(answer) > 2000:
                raise PydanticCustomError("too_long", "Shorten the answers to 2000 characters.")
            _encodable(answer)
            clean[item] = lines(answer)
        elif isinstance(answer, int | float) and abs(answer) <= MOST:  # neither NaN nor infinite
            clean[item] = int(answer) if float(answer).is_integer() else answer
        else:
            raise PydanticCustomError(
                "wrong_type", "Give each answer as a string, a number or a boolean."
            )
    return clean


def _encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise PydanticCustomError(
            "invalid_unicode", "Remove what is not a Unicode character (lone surrogates)."
        ) from None


def _schema(**extra: Any) -> WithJsonSchema:
    return WithJsonSchema(extra)


def _text_schema(longest: int, **extra: Any) -> WithJsonSchema:
    return _schema(type="string", minLength=1, maxLength=longest, **extra)


def _string(longest: int) -> StringConstraints:
    return StringConstraints(strict=True, max_length=longest)


def _still(longest: int) -> AfterValidator:
    """Composing to NFC can lengthen a text; what is published must pass this check again."""

    def at_most(text: str) -> str:
        if len(text) > longest:
            raise PydanticCustomError("too_long", f"Shorten this to at most {longest} characters.")
        return text

    return AfterValidator(at_most)


Instant = Annotated[datetime, BeforeValidator(instant), _schema(type="string", format="date-time")]
"""RFC 3339 with a zone, from 1990 to 2100."""
Whole = Annotated[int, BeforeValidator(whole), _schema(type="integer", minimum=0, maximum=MOST)]
Code = Annotated[
    str, _string(64), AfterValidator(_code), _still(64), _text_schema(64, pattern=_CODE)
]
"""A code that somebody configured: unit, plan, indicator, procedure."""
PersonCode = Annotated[
    str, _string(64), AfterValidator(_person), _still(64), _text_schema(64, pattern=_CODE)
]
"""A code of the people register, or of a team: never a phone number or an address."""
Opaque = Annotated[
    str, _string(128), AfterValidator(_opaque), _still(128), _text_schema(128, pattern=r"^\S+$")
]
"""A dossier's code: any text without blanks."""
Name = Annotated[
    str,
    _string(200),
    AfterValidator(one_line),
    AfterValidator(_not_blank),
    _still(200),
    _text_schema(200),
]
ShortName = Annotated[
    str,
    _string(64),
    AfterValidator(one_line),
    AfterValidator(_not_blank),
    _still(64),
    _text_schema(64),
]
Text = Annotated[
    str,
    _string(4000),
    AfterValidator(lines),
    AfterValidator(_not_blank),
    _still(4000),
    _text_schema(4000),
]
Month = Annotated[
    str, _string(32), AfterValidator(_month), _text_schema(7, pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")
]
Period = Annotated[
    str,
    _string(32),
    AfterValidator(_period),
    _text_schema(32, description="YYYY, YYYY-MM, YYYY-MM-DD, YYYY-Qn, YYYY-Wnn or a name."),
]
Answers = Annotated[
    dict[str, Any],
    BeforeValidator(_answers),
    _schema(
        type="object",
        minProperties=1,
        additionalProperties={"type": ["string", "number", "boolean", "null"]},
    ),
]
Reference = Annotated[
    str, _string(256), AfterValidator(lines), _still(256), _schema(type="string", maxLength=256)
]
"""A device, a citizen or an applicant as the source knows them."""
EventRef = Annotated[str, _string(LONGEST_ID), AfterValidator(event_ref), _text_schema(LONGEST_ID)]
"""Another event's source or id, letter for letter."""
Hash = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")]
"""A keyed hash, in hex."""
AbsentIfBlank = BeforeValidator(_absent_if_blank)
"""For optional strings: what is sent as an empty string was not given."""
