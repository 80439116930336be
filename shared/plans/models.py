"""What a plan file may say. The models are strict: an unknown key is a fault, never a guess."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from fractions import Fraction
from hashlib import sha256
from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import BeforeValidator, Field, PrivateAttr, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from shared.plans.amounts import Bound, exact
from shared.plans.indicators import Indicator
from shared.plans.obligations import Obligation
from shared.plans.periods import period_key
from shared.plans.scalars import (
    NAME_SCHEMA,
    Code,
    Day,
    Model,
    Slug,
    Text,
    Units,
    exactly_one,
    listed,
)
from shared.units import UnitRegistry, day_of


class Issue(Model):
    """A document that orders the plan; `date` is left out where the document itself has none."""

    number: Text
    date: Day | None = None
    by: Text | None = None
    title: Text | None = None


class Dates(Model):
    """First and last day, both included."""

    from_: Day = Field(alias="from")
    to: Day

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.to < self.from_:
            raise PydanticCustomError("range", "ngày cuối (to) phải không trước ngày đầu (from)")
        return self


class Contact(Model):
    """The help desk that pages and reminders name: an office, never a person's own number."""

    office: Text
    unit: Code | None = None
    note: Text | None = None


class Group(Model):
    """A set of units: listed, or chosen by kind, by the territory they serve, or by what is above.

    Chosen units are those valid on the plan's first day.
    """

    units: Units | None = None
    kind: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")] | None = None
    seat: Units | None = None
    parent: Units | None = None
    within: Units | None = None
    without: Units | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        chosen = self.kind or self.seat or self.parent or self.within
        if not self.units and not chosen:
            raise PydanticCustomError("group", "nhóm cần units, hoặc kind, seat, parent, within")
        if self.units and chosen:
            raise PydanticCustomError("group", "nhóm liệt kê units thì không chọn thêm cách khác")
        return self


def _group(value: Any) -> Any:
    return {"units": value} if isinstance(value, list | str | int) else value


class Condition(Model):
    """What an indicator or an obligation has come to."""

    indicator: Slug | None = None
    obligation: Slug | None = None
    state: Literal["met", "missed", "behind", "late", "missing", "incomplete"]

    @model_validator(mode="after")
    def _one(self) -> Self:
        return exactly_one(self, "indicator", "obligation")


class Points(Model):
    """Emulation points for what a unit has come to; `undecided` where the document names no amount."""

    when: Condition
    points: Annotated[int, Field(gt=0)] | Literal["undecided"]
    once_per: Literal["period", "plan"] = "period"
    note: Text | None = None


class Notice(Model):
    """Who is told of what, by which text. `citizen` is whom a dossier belongs to."""

    when: Literal[
        "quota.reached",
        "quota.fell_behind",
        "stipend.earned",
        "deadline.approaching",
        "deadline.slipped",
        "deadline.met",
        "dossier.received",
        "dossier.in_process",
        "dossier.supplement_requested",
        "dossier.refused",
        "dossier.result_ready",
        "dossier.returned",
        "dossier.late",
    ]
    to: Units
    indicator: Slug | None = None
    obligation: Slug | None = None
    channel: Literal["sms", "email"] | None = None
    template: Annotated[str, Field(pattern=r"^[a-z0-9._-]+$")] | None = None
    note: Text | None = None


class Publication(Model):
    """Reports shown to everybody from a day on, frozen, on the web."""

    from_: Day = Field(alias="from")
    reports: Annotated[list[Slug], Field(min_length=1)]
    domains: list[Literal["public_administration", "health"]] = Field(default=[])
    note: Text | None = None


class FileList(Model):
    """A list of procedures kept as `deploy/procedures/NAME.csv`; its codes go into the version."""

    from_: Slug = Field(alias="from")


Groups = dict[
    Slug,
    Annotated[
        Group,
        BeforeValidator(
            _group,
            json_schema_input_type=Group
            | Annotated[
                list[Any],
                WithJsonSchema({"type": "array", "minItems": 1, "items": NAME_SCHEMA}),
            ],
        ),
    ],
]


class Plan(Model):
    """A government plan: units, figures to reach, things to hand in, payments, who is told."""

    plan: Slug
    title: Text
    issued: Annotated[
        list[Issue],
        Field(min_length=1),
        BeforeValidator(
            lambda value: [value] if isinstance(value, dict) else value,
            json_schema_input_type=Issue | list[Issue],
        ),
    ]
    runs: Dates
    effective_from: Day | None = None
    contact: Contact | None = None
    groups: Groups = Field(default={})
    lists: dict[
        Slug,
        Annotated[
            list[str] | Literal["undecided"],
            BeforeValidator(
                lambda v: listed(v) if isinstance(v, list) else v,
                json_schema_input_type=list[str] | Literal["undecided"] | FileList,
            ),
        ],
    ] = Field(default={})
    indicators: dict[Slug, Indicator] = Field(default={})
    obligations: dict[Slug, Obligation] = Field(default={})
    penalties: list[Points] = Field(default=[])
    merits: list[Points] = Field(default=[])
    notices: list[Notice] = Field(default=[])
    publication: Publication | None = None
    notes: list[Text] = Field(default=[])

    _members: dict[str, tuple[str, ...]] = PrivateAttr(default_factory=dict)
    _targets: dict[str, tuple[str, ...]] = PrivateAttr(default_factory=dict)
    _target_sets: dict[str, frozenset[str]] = PrivateAttr(default_factory=dict)
    _registry: UnitRegistry | None = PrivateAttr(default=None)

    def canonical(self) -> bytes:
        """The plan as JSON with sorted keys and nothing that is only a default: loads again."""
        data = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return orjson.dumps(data, option=orjson.OPT_SORT_KEYS)

    def digest(self) -> str:
        """SHA-256 of `canonical()`, in hex: equal for equal plans, however they are written."""
        return sha256(self.canonical()).hexdigest()

    def bind(self, registry: UnitRegistry) -> Self:
        """Reads the groups off a register, as of the plan's first day; returns the plan itself."""
        self._registry = registry
        self._members = {}
        self._targets = {}
        self._target_sets = {}
        for name in self.groups:
            self._members[name] = self._choose(name, registry, ())
        return self

    @property
    def registry(self) -> UnitRegistry | None:
        """The register that the plan is bound to."""
        return self._registry

    def _choose(self, name: str, registry: UnitRegistry, above: tuple[str, ...]) -> tuple[str, ...]:
        if name in self._members:
            return self._members[name]
        if name in above:
            return ()
        group, at = self.groups[name], self.runs.from_

        def codes(names: Sequence[str] | None) -> tuple[str, ...]:
            found: dict[str, None] = {}
            for each in names or ():
                inner = (
                    self._choose(each, registry, (*above, name)) if each in self.groups else (each,)
                )
                found.update(dict.fromkeys(inner))
            return tuple(found)

        left_out = set(codes(group.without))
        if group.units:
            return tuple(code for code in codes(group.units) if code not in left_out)
        seats, parents, roots = codes(group.seat), codes(group.parent), codes(group.within)
        return tuple(
            unit.code
            for unit in registry.all(at)
            if (group.kind is None or unit.kind == group.kind)
            and (group.seat is None or unit.seat in seats)
            and (group.parent is None or unit.parent in parents)
            and (group.within is None or registry.within(unit.code, roots, at))
            and unit.code not in left_out
        )

    def members(self, names: Sequence[str]) -> tuple[str, ...]:
        """The codes that names of groups and codes stand for, each once, in order."""
        found: dict[str, None] = {}
        for each in names:
            found.update(dict.fromkeys(self._members.get(each, (each,))))
        return tuple(found)

    def target_units(self, indicator: str) -> tuple[str, ...]:
        """The units for which an indicator is counted, each once."""
        if indicator not in self._targets:
            self._targets[indicator] = self.members(self.indicators[indicator].target.for_)
        return self._targets[indicator]

    def _target_set(self, indicator: str) -> frozenset[str]:
        if indicator not in self._target_sets:
            self._target_sets[indicator] = frozenset(self.target_units(indicator))
        return self._target_sets[indicator]

    def result_units(self, indicator: str) -> tuple[str, ...]:
        """The units that have a result: the target units, or the one above a common target."""
        if not self.indicators[indicator].target.together:
            return self.target_units(indicator)
        total = self.total_unit(indicator)
        return () if total is None else (total,)

    def total_unit(self, indicator: str) -> str | None:
        """The unit under which a target for all together is shown: the nearest above them all."""
        units = self.target_units(indicator)
        if self._registry is None or not units:
            return None
        chains = [self._registry.ancestors(unit, self.runs.from_) for unit in units]
        return next((c for c in chains[0] if all(c in chain for chain in chains)), None)

    def target_for(self, indicator: str, unit: str, at: date | datetime) -> Bound | None:
        """What a unit must reach in the period that holds a day; None where nothing is set."""
        target = self.indicators[indicator].target
        if target.amount is None:
            return None
        if target.together:
            if unit != self.total_unit(indicator):
                return None
        elif unit not in self._target_set(indicator):
            return None
        value = exact(target.except_.get(unit, target.amount))
        step, years = target.yearly_step, day_of(at).year - self.runs.from_.year
        if step and years > 0:
            if step.as_ == "points":
                value += exact(step.by) * years
            elif step.as_ == "relative":
                value *= (1 + exact(step.by)) ** years
            if self.indicators[indicator].ratio:
                value = min(value, Fraction(1))
        return Bound(target.comparison, value)

    def period_of(self, indicator: str, at: date | datetime) -> str | None:
        """The period of an indicator in which a day falls; None outside the plan's dates."""
        day = day_of(at)
        if not self.runs.from_ <= day <= self.runs.to:
            return None
        return period_key(self.indicators[indicator].period, day)

    def attribute(self, indicator: str, unit: str, at: date | datetime) -> str | None:
        """The unit to whose result a unit's event adds, or None.

        That is the target unit itself or the nearest above it; under a common target, the one unit
        above all.
        """
        if self._registry is None:
            raise RuntimeError("the plan is not bound to a register of units")
        found = attribute(unit, self._target_set(indicator), self._registry, at, self.runs.from_)
        together = self.indicators[indicator].target.together
        return self.total_unit(indicator) if found and together else found


def attribute(
    unit: str,
    target_units: Collection[str],
    registry: UnitRegistry,
    at: date | datetime,
    since: date | None = None,
) -> str | None:
    """The target unit for which a unit counts on a day: itself, else the nearest above; or None.

    `since` is the day on which the target units are meant: codes that were given to other units
    afterwards do not count for them.
    """
    chain = registry.ancestors(unit, at) or (unit,)
    return next(
        (
            code
            for code in chain
            if code in target_units and (since is None or registry.same(code, since, at))
        ),
        None,
    )
