"""What is sent to reporting: the parts that several bodies share."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.redaction import scrub

PLAIN = r"^[^\p{Cc}]*[^\p{Cc}\s][^\p{Cc}]*$"
"""Some visible text without control characters."""
Code = Annotated[str, Field(min_length=1, max_length=200, pattern=PLAIN)]
Text = Annotated[str, Field(max_length=500, pattern=PLAIN), AfterValidator(scrub)]
"""What people write: phone numbers and the like are taken out of it."""


class Body(BaseModel):
    """Base of what is sent: strict, nothing beside what is known."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)


class Parameters(Body):
    """The parameters of a report, as its address takes them."""

    from_: Code | None = Field(default=None, alias="from")
    to: Code | None = None
    unit: Code | None = None
    level: Code | None = None
    by: Code | None = None
    field: Code | None = None
    domain: Code | None = None
    plan: Code | None = None
    obligation: Code | None = None
    as_of: Code | None = None

    def typed(self) -> dict[str, str]:
        """By the names that a report's address has."""
        given: Mapping[str, Any] = self.model_dump(by_alias=True, exclude_none=True)
        return dict(given)
