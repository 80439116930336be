"""Published events as consumers read them, and outcomes as services write them."""

from datetime import date, datetime
from functools import cached_property, reduce
from operator import or_
from typing import Annotated, Any, Literal

import orjson
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    TypeAdapter,
    ValidationError,
    create_model,
)

from shared import clock
from shared.events import identity
from shared.events.catalogue import TYPES
from shared.events.data import Data
from shared.events.faults import described
from shared.events.scalars import EventRef, Instant


class Event(BaseModel):
    """A published event; `data` is the model of its type.

    Of a `backfill`, what was loaded afterwards or follows from that, nobody is told.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)

    specversion: Literal["1.0"]
    id: EventRef
    source: EventRef
    type: str
    time: Instant
    receivedat: Instant | None = None
    subject: EventRef | None = None
    backfill: bool = False
    data: SerializeAsAny[Data]

    @cached_property
    def uid(self) -> bytes:
        """16 bytes that stand for (source, id)."""
        return identity.uid(self.source, self.id)

    @property
    def order(self) -> tuple[datetime, str, str]:
        """The order of events everywhere: time, then source, then id."""
        return (self.time, self.source, self.id)

    @property
    def rday(self) -> date:
        """The local day on which it became known; of an outcome, the day of its time."""
        return clock.local_day(self.receivedat or self.time)

    @property
    def unit(self) -> str | None:
        """The unit's code; None for voids."""
        return getattr(self.data, "unit", None)


_MODELS: list[Any] = [
    create_model(
        models.published.__name__ + "Event",
        __base__=Event,
        type=(Literal[name], ...),
        data=(models.published, ...),
    )
    for name, models in TYPES.items()
]
_ADAPTER: TypeAdapter[Event] = TypeAdapter(
    Annotated[reduce(or_, _MODELS), Field(discriminator="type")]
)


def parse(message: bytes) -> Event:
    """The event in a message of EVENTS or OUTCOMES; raises ValueError, without the input in it."""
    try:
        return _ADAPTER.validate_json(message)
    except ValidationError as error:
        raise ValueError(described(error)) from None


def outcome(
    type: str,
    data: Data,
    *,
    source: str,
    id: str,
    time: datetime,
    subject: str | None = None,
    backfill: bool = False,
) -> bytes:
    """The message of an outcome. `id` must follow from what it reports: a repeat has the same.

    `backfill`: it follows from what was loaded afterwards.
    """
    models = TYPES[type]
    if models.given is not None or not isinstance(data, models.published):
        raise ValueError(f"{type} is no outcome with {data.__class__.__name__}")
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": type,
        "time": time.isoformat(),
        "receivedat": time.isoformat(),
        "datacontenttype": "application/json",
        "data": data.model_dump(mode="json", exclude_none=True),
    }
    if subject is not None:
        event["subject"] = subject
    if backfill:
        event["backfill"] = True
    return orjson.dumps(event)
