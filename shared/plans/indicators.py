"""What a plan counts, for whom, against which target, and what that pays."""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from shared.plans.amounts import Comparison
from shared.plans.filters import Filter, matches
from shared.plans.scalars import Amount, Code, Model, Text, Units, exactly_one
from shared.plans.vocabulary import fact_name


class FieldOf(Model):
    """One field of one kind of event."""

    of: Annotated[str, Field(pattern=r"^[a-z_]+(\.[a-z_0-9]+)?$")]
    in_: str = Field(alias="in")


class Measure(Model):
    """What is counted: events, the sum or the distinct values of a field, or reported figures."""

    count: str | None = None
    sum: FieldOf | None = None
    distinct: FieldOf | None = None
    figures: bool | None = None
    where: Filter = Field(default={})
    once_per: Annotated[list[str], Field(min_length=1)] | None = None

    @property
    def fact(self) -> str | None:
        """The kind of event it reads; None where figures are only reported."""
        source = self.sum or self.distinct
        return self.count or (source.in_ if source else None)

    def counts(
        self, event_type: str, data: Mapping[str, Any], lists: Mapping[str, Any] | None = None
    ) -> bool:
        """Whether an event belongs to it."""
        return fact_name(event_type) == self.fact and matches(self.where, data, lists)

    def key(self, data: Mapping[str, Any]) -> str | None:
        """The value that counts once: of the first `once_per` field that the event has, else None.

        Prefixed by the field's name, so that a device is never taken for a citizen.
        """
        names = [self.distinct.of] if self.distinct else self.once_per or ()
        for name in names:
            value = data.get(name)
            if value is not None:
                return f"{name}:{value}"
        return None

    def amount(self, data: Mapping[str, Any]) -> int:
        """How much one event adds: 1, or the summed field."""
        if self.sum is None:
            return 1
        value = data.get(self.sum.of)
        return value if isinstance(value, int) else 0

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        return exactly_one(self, "count", "sum", "distinct", "figures")


class Ratio(Model):
    """Numerator and denominator."""

    of: Measure
    over: Measure


class YearlyStep(Model):
    """By how much a target rises in each later year: added points, or relative to the year before.

    `undecided` keeps the first year's target, because the document does not say which is meant.
    """

    by: Amount
    as_: Literal["points", "relative", "undecided"] = Field(alias="as")


class Target(Model):
    """Who must reach how much. Without an amount the units are only counted.

    `total` is the sum that the document names; a check warns where the targets add up to another.
    """

    for_: Units = Field(alias="for")
    at_least: Amount | None = None
    more_than: Amount | None = None
    except_: dict[Code, Amount] = Field(default={}, alias="except")
    together: bool = False
    total: Annotated[int, Field(ge=0)] | None = None
    yearly_step: YearlyStep | None = None
    note: Text | None = None

    @property
    def comparison(self) -> Comparison:
        """`>` for more_than, else `>=`."""
        return ">" if self.more_than is not None else ">="

    @property
    def amount(self) -> int | str | None:
        """The amount as written; None where units are only counted."""
        return self.at_least if self.at_least is not None else self.more_than

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if self.at_least is not None and self.more_than is not None:
            raise PydanticCustomError("target", "chỉ ghi at_least hoặc more_than")
        if self.amount is None and (self.except_ or self.yearly_step):
            raise PydanticCustomError("target", "except và yearly_step cần at_least hoặc more_than")
        if self.total is not None and (self.together or not isinstance(self.amount, int)):
            raise PydanticCustomError("target", "total là tổng của các chỉ tiêu đếm từng đơn vị")
        if self.together and self.except_:
            raise PydanticCustomError("target", "chỉ tiêu chung (together) không có except")
        return self


class Stipend(Model):
    """What one counted event pays; `amount` in whole units of `currency`.

    `cap` is how many of them one installer is paid for in one unit; what is more is held.
    """

    amount: Annotated[int, Field(gt=0)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    to: Literal["unit", "installer"]
    beyond_target: Literal["hold", "pay"] = "hold"
    cap: Annotated[int, Field(gt=0)] | None = None


class Indicator(Model):
    """One figure that the plan follows, per unit and period."""

    title: Text | None = None
    count: str | None = None
    sum: FieldOf | None = None
    distinct: FieldOf | None = None
    figures: bool | None = None
    ratio: Ratio | None = None
    where: Filter = Field(default={})
    once_per: Annotated[list[str], Field(min_length=1)] | None = None
    by: Literal["unit", "credited_unit"] = "unit"
    period: Literal["whole", "year", "quarter", "month", "day"] = "whole"
    target: Target
    stipend: Stipend | None = None
    note: Text | None = None

    @cached_property
    def measure(self) -> Measure:
        """The numerator: what is counted, of a ratio its `of`."""
        if self.ratio:
            return self.ratio.of
        return Measure.model_construct(
            count=self.count,
            sum=self.sum,
            distinct=self.distinct,
            figures=self.figures,
            where=self.where,
            once_per=self.once_per,
        )

    @property
    def denominator(self) -> Measure | None:
        """What a ratio is over; None for a count."""
        return self.ratio.over if self.ratio else None

    def unit_of(self, data: Mapping[str, Any]) -> str | None:
        """The unit that an event names for this indicator.

        By credited unit, an event that credits nobody else counts for its own unit.
        """
        if self.by == "credited_unit" and data.get("credited_unit"):
            return str(data["credited_unit"])
        unit = data.get("unit")
        return None if unit is None else str(unit)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        exactly_one(self, "count", "sum", "distinct", "figures", "ratio")
        if self.ratio and (self.where or self.once_per):
            raise PydanticCustomError("indicator", "where và once_per viết trong of và over")
        target = self.target
        amounts: list[tuple[tuple[str, ...], int | str | None]] = [
            (("at_least",), target.at_least),
            (("more_than",), target.more_than),
            *((("except", code), amount) for code, amount in target.except_.items()),
            (("yearly_step", "by"), target.yearly_step.by if target.yearly_step else None),
        ]
        for path, amount in amounts:
            if amount is not None and isinstance(amount, str) != bool(self.ratio):
                message = (
                    'chỉ tiêu của một tỷ lệ viết dạng "25%"'
                    if self.ratio
                    else "chỉ tiêu của một số đếm là số nguyên"
                )
                raise PydanticCustomError("target", message, {"path": ("target", *path)})
        if self.stipend and (self.ratio or self.sum or self.figures):
            raise PydanticCustomError("stipend", "chỉ chi trả theo lượt đếm (count, distinct)")
        return self
