"""What the services themselves announce. None of it holds an address, a name or a phone number."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from shared.events.data import Data, OptionalInstant
from shared.events.scalars import Code, EventRef, Instant, Opaque, PersonCode, Text, Whole

Percent = Annotated[float, Field(ge=0)]


class KnownFrom(Data):
    """The figures as they were known from a day of recording on; the days on which something was
    received, in Viet Nam."""

    day: date
    numerator: Whole
    denominator: Whole | None = None


class Progress(Data):
    """Where an indicator stands for one unit and period, after a change.

    `percent` is of the target (100 = reached); `target` and `denominator` as the plan counts them.
    A ratio's target is a share of 1. `state`, where it is given, says how the unit stands: it is
    told of every result that gives or costs points, whenever it changes. `recorded` tells of such
    a result what was known since when, of the days of which that has changed.
    """

    plan: Code
    indicator: Code
    unit: Code
    period: Opaque
    numerator: Whole
    denominator: Whole | None = None
    target: Annotated[float, Field(ge=0)] | None = None
    percent: Percent | None = None
    state: Literal["met", "on_track", "behind", "missed", "not_applicable"] | None = None
    recorded: Annotated[tuple[KnownFrom, ...], Field(max_length=1000)] | None = None


class StipendEntry(Data):
    """One entry of the ledger; `amount` in units of `currency`, negative when it reverses one."""

    plan: Code
    indicator: Code | None = None
    unit: Code
    installer: PersonCode | None = None
    amount: int
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    of_source: EventRef
    of_id: EventRef
    state: Literal["payable", "held", "reversed"] = "payable"


class Deadline(Data):
    """A dated duty: a dossier's due date, or one instance of a plan's obligation.

    `subject` is the dossier's code, or `plan/obligation/period`. `version` grows with each new
    due date, so that an announcement is made once for each.
    """

    kind: Literal["dossier", "obligation"]
    subject: Opaque
    unit: Code
    due_at: Instant
    version: Annotated[int, Field(ge=1)] = 1
    at: Instant
    plan: Code | None = None
    obligation: Code | None = None
    period: Opaque | None = None


class Notice(Data):
    """What became of a message to somebody, without saying to whom; `audience` is whether it went
    to an applicant or to an official, null where it was told by an older version."""

    notice: Opaque
    template: Code
    channel: Literal["sms", "email", "zns", "outbox"]
    unit: Code | None = None
    subject: Opaque
    segments: Whole | None = None
    cost: Whole | None = None
    at: OptionalInstant = None
    provider: Code | None = None
    reason: Text | None = None
    audience: Literal["citizen", "officer"] | None = None


class Refusals(Data):
    """How many events that name a unit were refused at one time, without saying which."""

    unit: Code | None = None
    count: Annotated[int, Field(ge=1)]
    at: Instant


class MissingCalendar(Data):
    """The calendar of a year, its swaps and days off in lieu, should be known by now and no file
    says it: due dates that reach into that year may be wrong. Told once for each year."""

    year: Annotated[int, Field(ge=1990, le=2110)]
    at: Instant


class Recipient(Data):
    """Those of a unit whom the list of officers names, at a level of it."""

    unit: Code
    level: Literal["officer", "head", "district", "province"] | None = None


class BuiltReport(Data):
    """A report that was ordered for a time was built: told once, for all who are to have it.

    `content` is the file in base64, where it is small enough to travel in a message; `address` is
    where it is read behind a log-in. `due_at` is when it had to be ready, `late` whether it was
    built after that.
    """

    schedule: Opaque
    run: Opaque
    report: Code
    title: Text
    to: Annotated[list[Recipient], Field(min_length=1, max_length=100)]
    file: Text
    size: Whole
    content: Annotated[str, Field(max_length=262_144, pattern=r"^[A-Za-z0-9+/]*={0,2}$")] | None = (
        None
    )
    address: Text
    due_at: Instant
    late: bool = False
    at: Instant


class Publication(Data):
    """A report was published, revised or withdrawn: told once for each unit that it is about.

    `address` is where everybody reads it, with the host where that is known; `reason` says why it
    was revised or withdrawn.
    """

    publication: Code
    revision: Annotated[int, Field(ge=1)]
    report: Code
    title: Text
    unit: Code
    address: Text
    reason: Text | None = None
    at: Instant
