"""The message that takes an applicant's personal data to notify, and nowhere else."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from shared.events.faults import described
from shared.events.scalars import EventRef, Instant, Opaque


class Contact(BaseModel):
    """How an applicant is to be told. `phone` is a mobile number in E.164.

    `notify` None means: by SMS, else by e-mail; an empty list means not at all. One that is `erased`
    holds nothing: what is known of its token is to be forgotten for good.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)

    token: EventRef
    code: Opaque
    name: str | None = None
    phone: str | None = None
    email: str | None = None
    kind: Literal["person", "organization"] | None = None
    notify: list[Literal["sms", "email"]] | None = None
    erased: bool = False
    source: EventRef
    id: EventRef
    time: Instant
    receivedat: Instant

    def __repr__(self) -> str:
        return f"Contact({self.token})"

    __str__ = __repr__


def parse_contact(message: bytes) -> Contact:
    """The contact in a message of CONTACTS; raises ValueError, without the input in it."""
    try:
        return Contact.model_validate_json(message)
    except ValidationError as error:
        raise ValueError(described(error)) from None
