"""Questionnaires of surveys, as data: which items are asked, in which words, on which scale.

Scales: `points` from 1 to 10, `levels` of satisfaction from very_dissatisfied to very_satisfied,
`yes_no`. The answer to an item travels in `survey.completed` under the item's code.
"""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.settings import FolderFaults

Scale = Literal["points", "levels", "yes_no"]
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


class Item(_Part):
    """One question."""

    code: str = Field(pattern=_CODE)
    scale: Scale
    text: Words
    required: bool = True


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
