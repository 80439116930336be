"""What quota keeps: plans in every version, compact facts, counts, the ledger of stipends."""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shared import tables

metadata = sa.MetaData()
INSTANT = sa.DateTime(timezone=True)


class Table(SQLModel):
    metadata = metadata


class Outbox(tables.OutboxRow, Table, table=True):
    __tablename__ = "outbox"


class Stream(tables.StreamRow, Table, table=True):
    __tablename__ = "streams"


class Position(tables.PositionRow, Table, table=True):
    __tablename__ = "positions"


class Inbox(tables.InboxRow, Table, table=True):
    __tablename__ = "inbox"


class StoredKey(tables.KeyRow, Table, table=True):
    __tablename__ = "keys"


class DeadLetter(tables.DeadLetterRow, Table, table=True):
    __tablename__ = "dead_letters"


class DueRules(tables.DueRulesRow, Table, table=True):
    __tablename__ = "due_rules"


class PlanVersion(Table, table=True):
    """A plan as it was applied; it judges the days from ``effective_from`` on."""

    __tablename__ = "plans"
    plan: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    digest: str
    document: str
    applied_at: datetime = Field(sa_type=INSTANT)
    effective_from: date


class Tally(Table, table=True):
    """A name under which counts of a plan are kept, up to a version of it.

    ``counting`` and ``judging``: being made while older figures answer; ``booking``, ``telling`` and
    ``current``: it answers; ``empty``: it answers, and nothing is counted under it; ``old``: what
    it counts is being deleted. Without any, a plan's counts are kept under its own name.
    """

    __tablename__ = "tallies"
    name: str = Field(primary_key=True)
    plan: str
    version: int
    state: str
    last: bytes
    done: int = Field(sa_type=sa.BigInteger)
    total: int = Field(sa_type=sa.BigInteger)
    started_at: datetime = Field(sa_type=INSTANT)


class Recount(Table, table=True):
    """A plan whose facts have to be counted anew before anything else is."""

    __tablename__ = "recounts"
    plan: str = Field(primary_key=True)


class Fact(Table, table=True):
    """An event, cut down to what plans may count."""

    __tablename__ = "facts"
    uid: bytes = Field(primary_key=True)
    type: str
    code: str | None
    occurred_at: datetime = Field(sa_type=INSTANT)
    source: str
    event_id: str
    rday: date
    data: dict[str, Any] = Field(sa_type=JSONB)
    backfill: bool = False


class Void(Table, table=True):
    """An event that was withdrawn, known from ``rday`` on; it may come before its event."""

    __tablename__ = "voids"
    uid: bytes = Field(primary_key=True)
    rday: date


class Membership(Table, table=True):
    """Which facts share the key of a count, so that only one of them counts."""

    __tablename__ = "memberships"
    plan: str = Field(primary_key=True)
    indicator: str = Field(primary_key=True)
    part: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    uid: bytes = Field(primary_key=True)


class Counted(Table, table=True):
    """What one key adds to the counters; ``period`` is a month, or a day of a daily indicator."""

    __tablename__ = "counted"
    plan: str = Field(primary_key=True)
    indicator: str = Field(primary_key=True)
    part: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    unit: str = Field(primary_key=True)
    period: str = Field(primary_key=True)
    rday: date = Field(primary_key=True)
    n: int


class Counter(Table, table=True):
    """The sum of what all keys add, per unit, period and day of recording."""

    __tablename__ = "counters"
    plan: str = Field(primary_key=True)
    indicator: str = Field(primary_key=True)
    part: str = Field(primary_key=True)
    unit: str = Field(primary_key=True)
    period: str = Field(primary_key=True)
    rday: date = Field(primary_key=True)
    n: int


class Winner(Table, table=True):
    """The event of a key that earns its stipend: the earliest; ``beyond`` the quota or a cap."""

    __tablename__ = "winners"
    plan: str = Field(primary_key=True)
    indicator: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    unit: str
    installer: str | None
    occurred_at: datetime = Field(sa_type=INSTANT)
    source: str
    event_id: str
    state: str
    beyond: bool
    amount: int


class LedgerEntry(Table, table=True):
    """An append-only entry: a stipend booked, or reversed by a negative amount (VND)."""

    __tablename__ = "ledger"
    id: int | None = Field(default=None, primary_key=True)
    plan: str
    version: int
    indicator: str
    unit: str
    installer: str | None
    source: str
    event_id: str
    amount: int
    currency: str
    reason: str
    booked_at: datetime = Field(sa_type=INSTANT)
    occurred_at: datetime = Field(sa_type=INSTANT)


class Decision(Table, table=True):
    """What an official decided about a key whose event was held; the newest of a key holds."""

    __tablename__ = "decisions"
    id: int | None = Field(default=None, primary_key=True)
    plan: str
    indicator: str
    key: str
    decision: str
    document: str
    note: str | None
    decided_by: str
    decided_at: datetime = Field(sa_type=INSTANT)


class Run(Table, table=True):
    """A month of a plan that was closed for payment."""

    __tablename__ = "runs"
    id: int | None = Field(default=None, primary_key=True)
    plan: str
    month: str
    closed_by: str
    closed_at: datetime = Field(sa_type=INSTANT)


class RunEntry(Table, table=True):
    """In which run an entry of the ledger is paid: once, for ever."""

    __tablename__ = "run_entries"
    entry_id: int = Field(primary_key=True)
    run_id: int


class Person(Table, table=True):
    """An official or volunteer; never a citizen, never a phone number."""

    __tablename__ = "people"
    code: str = Field(primary_key=True)
    valid_from: date = Field(primary_key=True)
    valid_to: date | None
    name: str
    role: str
    unit: str


class PlannedSession(Table, table=True):
    """A half day on which somebody is planned to be on duty."""

    __tablename__ = "roster"
    unit: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    session: str = Field(primary_key=True)
    member: str = Field(primary_key=True)


class CheckedDay(Table, table=True):
    """A day on whose morning it was looked who has fallen behind."""

    __tablename__ = "checked_days"
    day: date = Field(primary_key=True)


class Milestone(Table, table=True):
    """A share of a target that was reached, told once."""

    __tablename__ = "milestones"
    plan: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    indicator: str = Field(primary_key=True)
    unit: str = Field(primary_key=True)
    period: str = Field(primary_key=True)
    percent: int = Field(primary_key=True)


class ResultDay(Table, table=True):
    """What was known of a result from a day of recording on, as it was announced last."""

    __tablename__ = "result_days"
    plan: str = Field(primary_key=True)
    indicator: str = Field(primary_key=True)
    unit: str = Field(primary_key=True)
    period: str = Field(primary_key=True)
    rday: date = Field(primary_key=True)
    numerator: int = Field(sa_type=sa.BigInteger)
    denominator: int | None = Field(sa_type=sa.BigInteger)


class ResultMark(Table, table=True):
    """By which counts a unit's days were announced: as long as it is the same, so are they."""

    __tablename__ = "result_marks"
    plan: str = Field(primary_key=True)
    indicator: str = Field(primary_key=True)
    unit: str = Field(primary_key=True)
    mark: str


class Result(Table, table=True):
    """A result that gives or costs points, as it was announced last."""

    __tablename__ = "results"
    plan: str = Field(primary_key=True)
    indicator: str = Field(primary_key=True)
    unit: str = Field(primary_key=True)
    period: str = Field(primary_key=True)
    state: str
    numerator: int = Field(sa_type=sa.BigInteger)
    denominator: int | None = Field(sa_type=sa.BigInteger)
    target: float | None
    changes: int
