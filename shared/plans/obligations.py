"""What a plan makes units hand in, and by when."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from shared.plans.filters import UNDECIDED, Filter
from shared.plans.scalars import (
    Day,
    Model,
    Period,
    Span,
    Term,
    Text,
    Time,
    Units,
    after,
    as_day,
    exactly_one,
)


class Months(Model):
    """First and last period owed, both included."""

    from_: Period | None = Field(default=None, alias="from")
    to: Period | None = None


class Due(Model):
    """By when. One day (`before` or `by` a date, or `within` a term `of` a date), or again and
    again (`every`).

    Every month: `day: N`, counted in `days` (calendar, or working: the N-th working day); every
    year: `day: MM-DD`; every day: only working days unless `days: calendar`. `before: false` makes
    the named day (or time) itself still in time. `day: undecided` is shown and never late.
    Nothing moves off a weekend unless `days` says so.
    """

    before: Annotated[
        date | bool | None,
        BeforeValidator(as_day),
        WithJsonSchema({"anyOf": [{"type": "string", "format": "date"}, {"type": "boolean"}]}),
    ] = None
    by: Day | None = None
    within: Term | None = None
    of: Day | None = None
    every: Literal["day", "month", "year"] | None = None
    day: Annotated[
        int | str | None,
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": "integer", "minimum": 1, "maximum": 31},
                    {"type": "string", "pattern": r"^(undecided|\d{2}-\d{2})$"},
                ]
            }
        ),
    ] = None
    time: Time | None = None
    for_: Literal["previous month", "this month", "previous year", "this year"] | None = Field(
        default=None, alias="for"
    )
    days: Literal["calendar", "working"] | None = None
    periods: Months | None = None

    @property
    def undecided(self) -> bool:
        """Whether the document leaves the day open."""
        return self.day == UNDECIDED

    @property
    def inclusive(self) -> bool:
        """Whether the named day, or minute, is still in time."""
        return self.by is not None or self.within is not None or self.before is False

    @property
    def named(self) -> date | None:
        """The day of a single duty."""
        if self.within and self.of:
            return after(self.of, self.within)
        return self.by or (self.before if isinstance(self.before, date) else None)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        fault = self._fault()
        if fault:
            raise PydanticCustomError("due", fault)
        return self

    def _fault(self) -> str | None:
        if (self.within is None) != (self.of is None):
            return "within (thời hạn) và of (tính từ ngày nào) đi cùng nhau"
        if self.every is None:
            if self.day is not None and not self.undecided:
                return "day cần every: month hoặc year"
            ways = [self.by, self.within, isinstance(self.before, date), self.undecided]
            if sum(map(bool, ways)) != 1:
                return "cần đúng một hạn: before, by một ngày, within ... of, hay day: undecided"
            if self.for_ or self.periods or self.days:
                return "for, days, periods chỉ đi cùng every"
            return None
        if self.named:
            return "hạn lặp lại (every) không ghi một ngày cố định"
        if self.every == "month":
            if not (self.undecided or (isinstance(self.day, int) and 1 <= self.day <= 31)):
                return "every: month cần day từ 1 đến 31, hoặc undecided"
            wanted = "month"
        elif self.every == "year":
            if not (self.undecided or _is_month_day(self.day)):
                return "every: year cần day dạng MM-DD, hoặc undecided"
            wanted = "year"
        else:
            if self.day is not None and not self.undecided:
                return "every: day không có day"
            if not self.undecided and self.time is None and self.before is True:
                return "every: day với before cần time"
            wanted = ""
        if self.for_ and (not wanted or not self.for_.endswith(wanted)):
            return f"for: {self.for_} không hợp với every: {self.every}"
        return None


def _is_month_day(value: int | str | None) -> bool:
    if not isinstance(value, str):
        return False
    try:
        date.fromisoformat(f"2024-{value}")
    except ValueError:
        return False
    return True


class Fulfilment(Model):
    """The event that fulfils an obligation; `require` tells a complete delivery from a partial one.

    A filed report must name this plan, and this obligation unless `where` says otherwise. `times`
    is how often within one period it has to happen; the last of them fulfils.
    """

    event: str
    where: Filter = Field(default={})
    require: Filter = Field(default={})
    times: Annotated[int, Field(ge=1, le=366)] = 1


class Makeup(Model):
    """A later day by which named units hand in what they missed; what was late stays late."""

    periods: Annotated[list[Period], Field(min_length=1)]
    units: Units
    before: Day
    document: Text | None = None
    note: Text | None = None


class Extension(Model):
    """A new day for named units and periods, by a document."""

    periods: Annotated[list[Period], Field(min_length=1)]
    units: Units
    before: Day | None = None
    by: Day | None = None
    document: Text

    @model_validator(mode="after")
    def _one_day(self) -> Self:
        return exactly_one(self, "before", "by")


class Waiver(Model):
    """Named units owe nothing for named periods, by a document."""

    periods: Annotated[list[Period], Field(min_length=1)]
    units: Units
    document: Text


class Remind(Model):
    """Somebody is told before the due day: `unit`, `parent`, `owed_to`, a level of the unit
    (`officer`, `head`, `district`, `province`), a group or a unit."""

    before_due: Span
    to: Units


class Escalate(Model):
    """Somebody is told once it is late: `unit`, `parent`, `owed_to`, a level of the unit
    (`officer`, `head`, `district`, `province`), a group or a unit."""

    after_due: Span
    to: Units


class Obligation(Model):
    """What units hand in, to whom, by when."""

    title: Text | None = None
    owed_by: Units
    owed_to: Units
    due: Due
    fulfilled_by: Fulfilment
    makeup: list[Makeup] = Field(default=[])
    extensions: list[Extension] = Field(default=[])
    waivers: list[Waiver] = Field(default=[])
    remind: list[Remind] = Field(default=[])
    escalate: list[Escalate] = Field(default=[])
    note: Text | None = None
