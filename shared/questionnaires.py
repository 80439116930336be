"""Questionnaires of surveys, as data: which items are asked, in which words, on which scale.

Scales: `points` from 1 to 10, `levels` of satisfaction from very_dissatisfied to very_satisfied,
`yes_no`, and `reason`: one of the coded choices that the item lists. The answer to an item travels
in `survey.completed` under the item's code.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.settings import FolderFaults, deploy_dir

Scale = Literal["points", "levels", "yes_no", "reason"]
POINTS = tuple(range(1, 11))
LEVELS = ("very_dissatisfied", "dissatisfied", "neutral", "satisfied", "very_satisfied")
_CODE = r"^\w[\w.:\-]{0,63}$"


class QuestionnaireFaults(FolderFaults):
    """Questionnaire files that cannot be used: one line for each, saying where in it."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(_Part):
    """A text in both languages."""

    vi: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Choice(_Part):
    """A reason that can be chosen, by its code."""

    code: str = Field(pattern=_CODE)
    text: Words


class Item(_Part):
    """One question; `choices` are those of the scale `reason`."""

    code: str = Field(pattern=_CODE)
    scale: Scale
    text: Words
    required: bool = True
    choices: Annotated[list[Choice], Field(max_length=60)] = []

    @model_validator(mode="after")
    def _reasons_have_choices(self) -> "Item":
        if (self.scale == "reason") != bool(self.choices):
            raise ValueError("the scale reason, and no other, lists choices")
        if len({choice.code for choice in self.choices}) != len(self.choices):
            raise ValueError("two choices have the same code")
        return self

    def holds(self, answer: object) -> bool:
        """Whether an answer lies on the item's scale; a level may be given by its number, 1 to 5."""
        number = isinstance(answer, int | float) and not isinstance(answer, bool)
        match self.scale:
            case "points":
                return number and POINTS[0] <= answer <= POINTS[-1]  # type: ignore[operator]
            case "levels":
                return answer in LEVELS or (number and answer in range(1, len(LEVELS) + 1))
            case "reason":
                return answer in {choice.code for choice in self.choices}
            case _:
                return isinstance(answer, bool) or answer in ("yes", "no")


class Questionnaire(_Part):
    """What is asked of the users of one domain's services."""

    questionnaire: str = Field(pattern=_CODE)
    domain: Literal["public_administration", "health"]
    title: Words
    items: Annotated[list[Item], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _codes_differ(self) -> "Questionnaire":
        if len({item.code for item in self.items}) != len(self.items):
            raise ValueError("two items have the same code")
        return self


def load_questionnaires(folder: Path) -> list[Questionnaire]:
    """Every questionnaire of a folder's YAML files, by code; none where there is no folder.

    Raises:
        QuestionnaireFaults: naming every fault of every file at once.
    """
    found: dict[str, Questionnaire] = {}
    faults: list[str] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            made = Questionnaire.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as fault:
            faults.append(f"{path}: cannot be read ({type(fault).__name__})")
            continue
        except ValidationError as fault:
            for error in fault.errors(include_url=False, include_input=False):
                where = ".".join(map(str, error["loc"])) or "the file"
                faults.append(f"{path}: {where}: {error['msg']}")
            continue
        if found.setdefault(made.questionnaire, made) is not made:
            faults.append(f"{path}: {made.questionnaire} is in another file too")
    if faults:
        raise QuestionnaireFaults("\n".join(faults))
    return [found[code] for code in sorted(found)]


Reasons = Mapping[tuple[str, str], frozenset[str]]
"""(questionnaire, item) -> the codes of its choices."""


def reasons(questionnaires: Iterable[Questionnaire]) -> Reasons:
    """The items whose answers are coded reasons, with the codes that they may bear."""
    return {
        (each.questionnaire, item.code): frozenset(choice.code for choice in item.choices)
        for each in questionnaires
        for item in each.items
        if item.choices
    }


@lru_cache(maxsize=1)
def known_questionnaires() -> tuple[Questionnaire, ...]:
    """The questionnaires of this installation (`deploy/questionnaires`)."""
    return tuple(load_questionnaires(deploy_dir() / "questionnaires"))


class Scales:
    """Tells which answers lie outside the scale of their item.

    Of an item or a questionnaire that no file describes nothing is known: none of its answers do.
    """

    def __init__(self, questionnaires: Iterable[Questionnaire] = ()) -> None:
        self._items = {
            (made.questionnaire, item.code): item for made in questionnaires for item in made.items
        }

    def outside(self, questionnaire: str, answers: Mapping[str, object]) -> frozenset[str]:
        """The items whose answer lies outside their scale; what was not answered does not."""
        return frozenset(
            code
            for code, answer in answers.items()
            if answer is not None
            and (item := self._items.get((questionnaire, code))) is not None
            and not item.holds(answer)
        )
