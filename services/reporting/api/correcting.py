"""The form that corrects an event: the fields of its type's own model, filled with what it says."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args, get_origin

from services.reporting.api.words import question, word
from shared.clock import VN
from shared.events import TYPES

PREFIX = "f."
UNSEEN = frozenset(
    {"contact", "citizen", "device", "applicant", "applicant_kind", "quality", "assumed"}
    | {"code", "mark"}
)
"""What nobody corrects here: a citizen's data, and the code that ties them to the dossier."""
LONG = frozenset({"text", "reason"})
SECONDS = "%Y-%m-%dT%H:%M:%S"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the form: `kind` is choice, instant, number, unit, long or text."""

    name: str
    label: str
    kind: str
    value: str
    required: bool
    choices: tuple[tuple[str, str], ...] = ()
    numeric: bool = False
    """Whether what stands there is a number now: then it stays one."""


def correctable(type: str) -> bool:
    """Whether events of a type can be corrected."""
    models = TYPES.get(type)
    return models is not None and models.given is not None and "of_id" not in _fields(type)


def form_of(type: str, time: datetime, data: Mapping[str, Any], language: str) -> list[Field]:
    """The fields of an event's type, with what the event says."""
    found = [
        Field("time", word("column.time", language), "instant", _text(time.isoformat(), True), True)
    ]
    for name, one in _fields(type).items():
        if name in UNSEEN:
            continue
        label = _label(name, language)
        if name == "answers":
            found += [
                Field(
                    f"answers.{item}",
                    f"{label}: {question(data.get('questionnaire'), item, language)}",
                    "text",
                    str(answer),
                    False,
                    numeric=not isinstance(answer, str),
                )
                for item, answer in (data.get("answers") or {}).items()
            ]
            continue
        options = [each for each in _parts(one.annotation) if isinstance(each, str)]
        kinds = set(_parts(one.annotation))
        kind = (
            "choice"
            if options
            else "instant"
            if datetime in kinds
            else "number"
            if int in kinds
            else "unit"
            if name in ("unit", "credited_unit")
            else "long"
            if name in LONG
            else "text"
        )
        found.append(
            Field(
                name,
                label,
                kind,
                _text(data.get(name), kind == "instant"),
                one.is_required(),
                tuple((each, _spoken(name, each, language)) for each in options),
            )
        )
    return found


def changes_of(
    fields: list[Field],
    form: Mapping[str, str],
    data: Mapping[str, Any],
    unit_code: Callable[[str], str],
) -> tuple[dict[str, Any], str | None, list[str]]:
    """(what changes in the data, the new time, names of fields that cannot be read)."""
    changed: dict[str, Any] = {}
    answers = dict(data.get("answers") or {})
    time, faults = None, []
    for one in fields:
        text = form.get(PREFIX + one.name, one.value).replace("\r\n", "\n").strip()
        if _same(one, text):
            continue
        try:
            value = _value(one, text)
        except ValueError:
            faults.append(one.name)
            continue
        if one.name == "time":
            time = value
            if value is None:
                faults.append(one.name)
        elif one.name.startswith("answers."):
            answers[one.name.removeprefix("answers.")] = value
            changed["answers"] = {item: each for item, each in answers.items() if each is not None}
        else:
            changed[one.name] = unit_code(text) if one.kind == "unit" and text else value
    return changed, time, faults


def _label(name: str, language: str) -> str:
    said = word(f"field.{name}", language)
    return word(f"column.{name}", language) if said == name else said


def _same(one: Field, text: str) -> bool:
    """Whether a field says what it said: browsers leave out seconds that are none."""
    before = one.value.strip()
    if one.kind != "instant" or not text or not before:
        return text == before
    try:
        return datetime.fromisoformat(text) == datetime.fromisoformat(before)
    except (ValueError, TypeError):
        return False


def _value(one: Field, text: str) -> Any:
    if not text:
        return None
    if one.kind == "instant":
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=VN)).isoformat()
    if one.kind == "number":
        return int(text)
    if one.numeric:
        number = float(text.replace(",", "."))
        return int(number) if number.is_integer() else number
    return text


def _fields(type: str) -> Mapping[str, Any]:
    given = TYPES[type].given
    assert given is not None
    return given.model_fields


def _parts(annotation: Any) -> Iterator[Any]:
    """The types and the literal values that an annotation is made of."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
        return
    args = get_args(annotation)
    if not args:
        yield annotation
    for each in args:
        if isinstance(each, type) or get_origin(each) is not None:
            yield from _parts(each)


def _text(value: Any, instant: bool) -> str:
    if value is None:
        return ""
    if instant:
        return datetime.fromisoformat(str(value)).astimezone(VN).strftime(SECONDS)
    return str(value)


def _spoken(name: str, value: str, language: str) -> str:
    known = f"{name}.{value}" if name in ("status", "result") else f"value.{value}"
    return word(known, language)
