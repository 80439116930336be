"""What notify keeps. Only here do applicants' names, phones and addresses lie, and the texts."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shared import tables

metadata = sa.MetaData()
Instant = sa.DateTime(timezone=True)


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


class StoredEvent(Table, table=True):
    """An event about a dossier (``subject`` is its code) or one that fulfils a duty."""

    __tablename__ = "events"
    uid: bytes = Field(primary_key=True)
    subject: str
    type: str
    unit: str
    source: str
    event_id: str
    occurred_at: datetime = Field(sa_type=Instant)
    received_at: datetime = Field(sa_type=Instant)
    data: dict[str, Any] = Field(sa_type=JSONB)
    backfill: bool = False


class Void(Table, table=True):
    """A withdrawn event, known or still to come."""

    __tablename__ = "voids"
    uid: bytes = Field(primary_key=True)
    received_at: datetime = Field(sa_type=Instant)


class StoredContact(Table, table=True):
    """How the applicant of a dossier is to be reached."""

    __tablename__ = "contacts"
    code: str = Field(primary_key=True)
    token: str
    name: str | None
    phone: str | None
    email: str | None
    notify: list[str] | None = Field(sa_type=sa.ARRAY(sa.Text))
    source: str
    event_id: str
    occurred_at: datetime = Field(sa_type=Instant)
    received_at: datetime = Field(sa_type=Instant)
    erased: bool = False


class StoredConsent(Table, table=True):
    """A decision of a person about being told; the newest holds."""

    __tablename__ = "consents"
    id: int | None = Field(default=None, primary_key=True, sa_type=sa.BigInteger)
    token: str | None
    code: str | None
    purpose: str
    channels: list[str] | None = Field(sa_type=sa.ARRAY(sa.Text))
    withdrawn: bool
    at: datetime = Field(sa_type=Instant)
    how: str
    note: str | None
    key_id: str
    key_name: str
    recorded_at: datetime = Field(sa_type=Instant)
    language: str | None = None
    text_version: str | None = None


class StoredErasure(Table, table=True):
    """The tombstone of a contact."""

    __tablename__ = "erasures"
    token: str = Field(primary_key=True)
    erased_at: datetime = Field(sa_type=Instant)
    key_id: str
    key_name: str
    why: str | None
    purged_at: datetime | None = Field(sa_type=Instant)


class ContactAccess(Table, table=True):
    """Somebody saw, or erased, the contact data behind a token."""

    __tablename__ = "contact_access"
    id: int | None = Field(default=None, primary_key=True, sa_type=sa.BigInteger)
    token: str
    at: datetime = Field(sa_type=Instant)
    key_id: str
    key_name: str
    action: str
    why: str | None


class CallMade(Table, table=True):
    """Somebody called the applicant of a dossier. What could not be told before ``covers`` was
    spoken of, or cannot be; ``ref`` is what the caller names the call, so that it counts once."""

    __tablename__ = "calls_made"
    id: int | None = Field(default=None, primary_key=True, sa_type=sa.BigInteger)
    ref: str | None = Field(default=None, unique=True)
    code: str
    unit: str
    at: datetime = Field(sa_type=Instant)
    day: date
    covers: datetime = Field(sa_type=Instant)
    result: str
    note: str | None
    key_id: str
    key_name: str
    recorded_at: datetime = Field(sa_type=Instant)


class Secret(Table, table=True):
    """A key that the store was begun with."""

    __tablename__ = "secrets"
    name: str = Field(primary_key=True)
    value: bytes


class StatusLink(Table, table=True):
    """The page of a dossier; it is no more once ``revoked_at``."""

    __tablename__ = "status_links"
    token: str = Field(primary_key=True)
    code: str
    created_at: datetime = Field(sa_type=Instant)
    revoked_at: datetime | None = Field(sa_type=Instant)


class Barred(Table, table=True):
    """An address that somebody else has: nothing is written to it about a dossier, or at all."""

    __tablename__ = "barred"
    address: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    channel: str
    everywhere: bool
    at: datetime = Field(sa_type=Instant)
    how: str
    lifted_at: datetime | None = Field(sa_type=Instant)
    lifted_by: str | None


class StoredTemplate(Table, table=True):
    """A version of a text; null ``source`` means that of the file."""

    __tablename__ = "templates"
    id: int | None = Field(default=None, primary_key=True, sa_type=sa.BigInteger)
    name: str
    version: int
    source: str | None
    stored_at: datetime = Field(sa_type=Instant)
    key_id: str
    key_name: str


class StoredPlan(Table, table=True):
    """A plan in one version; it judges the days from ``since`` on."""

    __tablename__ = "plans"
    plan: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    since: date
    applied_at: datetime = Field(sa_type=Instant)
    body: dict[str, Any] = Field(sa_type=JSONB)


class Deadline(Table, table=True):
    """One due date of a dossier or of a duty; ``next_at`` is when the scan has to look at it."""

    __tablename__ = "deadlines"
    kind: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    version: str = Field(primary_key=True)
    number: int
    subject: str
    unit: str
    due_at: datetime | None = Field(sa_type=Instant)
    due_day: date | None
    state: str
    slips_at: datetime | None = Field(sa_type=Instant)
    next_at: datetime | None = Field(sa_type=Instant)
    announced_at: datetime | None = Field(sa_type=Instant)
    fulfilled_at: datetime | None = Field(sa_type=Instant)
    moved: bool = False
    origin: bytes
    source: str
    origin_time: datetime = Field(sa_type=Instant)
    plan: str | None
    obligation: str | None
    period: str | None
    facts: dict[str, Any] = Field(sa_type=JSONB)
    approached_at: datetime | None = Field(default=None, sa_type=Instant)
    reason: str | None


class StoredAlert(Table, table=True):
    """An instant at which the officers of some units are told of a due date; ``units`` are
    targets: an office, or a level of one."""

    __tablename__ = "alerts"
    kind: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    version: str = Field(primary_key=True)
    what: str = Field(primary_key=True)
    at: datetime = Field(primary_key=True, sa_type=Instant)
    units: list[str] = Field(sa_type=sa.ARRAY(sa.Text))
    done_at: datetime | None = Field(sa_type=Instant)


class ClockMark(Table, table=True):
    """The newest instant at which an event of this store was received: one row."""

    __tablename__ = "clock_mark"
    one: bool = Field(default=True, primary_key=True)
    latest: datetime = Field(sa_type=Instant)


class StoredOfficer(Table, table=True):
    """Somebody responsible for a unit, or the stand-in of somebody."""

    __tablename__ = "officers"
    id: str = Field(primary_key=True)
    unit: str
    name: str | None
    role: str | None
    phone: str | None
    email: str | None
    valid_from: date | None
    valid_to: date | None
    level: str | None
    replaces: str | None


class Notice(Table, table=True):
    """One message to one recipient through one channel about one fact."""

    __tablename__ = "notices"
    id: UUID = Field(primary_key=True)
    seq: int | None = Field(default=None, sa_type=sa.BigInteger)
    subject: str
    kind: str
    version: str
    audience: str
    recipient: str
    channel: str | None
    address: str | None
    unit: str
    state: str
    reason: str | None
    at: datetime = Field(sa_type=Instant)
    event_uid: bytes
    event_source: str
    event_time: datetime = Field(sa_type=Instant)
    stale_at: datetime | None = Field(sa_type=Instant)
    next_at: datetime | None = Field(sa_type=Instant)
    attempts: int = 0
    receipt_failed: bool = False
    claimed_by: str | None
    claimed_at: datetime | None = Field(sa_type=Instant)
    provider: str | None
    left_on: date | None = None
    digest: UUID | None = None
    facts: dict[str, Any] = Field(sa_type=JSONB)
    title: str | None
    body: str
    segments: int
    cost: int | None = Field(default=None, sa_type=sa.BigInteger)
    created_at: datetime = Field(sa_type=Instant)
    changed_at: datetime = Field(sa_type=Instant)


class Attachment(Table, table=True):
    """A file that goes with the notices about an event."""

    __tablename__ = "attachments"
    event_uid: bytes = Field(primary_key=True)
    name: str
    content: bytes
    at: datetime = Field(sa_type=Instant)


class HistoryEntry(Table, table=True):
    """A state that a notice took on."""

    __tablename__ = "notice_history"
    id: int | None = Field(default=None, primary_key=True, sa_type=sa.BigInteger)
    notice: UUID
    at: datetime = Field(sa_type=Instant)
    state: str
    reason: str | None
    detail: str | None


class Attempt(Table, table=True):
    """One handing over of a notice to a provider; ``price`` is VND where it is taken."""

    __tablename__ = "attempts"
    notice: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True)
    provider: str
    reference: str
    instance: str
    started_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(sa_type=Instant)
    verdict: str | None
    detail: str | None
    price: int | None = Field(default=None, sa_type=sa.BigInteger)
    segments: int | None = None
    reserved: int | None = Field(default=None, sa_type=sa.BigInteger)
    budget: str | None = None
    budgets_above: list[str] | None = Field(default=None, sa_type=sa.ARRAY(sa.Text))
    budget_month: str | None = None


class Budget(Table, table=True):
    """VND that a unit may spend in a month; an empty ``month`` means every month."""

    __tablename__ = "budgets"
    unit: str = Field(primary_key=True)
    month: str = Field(primary_key=True)
    amount: int = Field(sa_type=sa.BigInteger)
    key_name: str
    changed_at: datetime = Field(sa_type=Instant)


class BudgetMonth(Table, table=True):
    """What is spent or set aside of a unit's budget in a month."""

    __tablename__ = "budget_months"
    unit: str = Field(primary_key=True)
    month: str = Field(primary_key=True)
    used: int = Field(default=0, sa_type=sa.BigInteger)
    warned_at: datetime | None = Field(sa_type=Instant)


class Handover(Table, table=True):
    """What a provider calls a message or a part of it; without ``notice`` a receipt that came
    before the answer that says whose it is."""

    __tablename__ = "handovers"
    provider: str = Field(primary_key=True)
    message_id: str = Field(primary_key=True)
    notice: UUID | None
    number: int | None
    parts: int = 1
    receipt: str | None
    detail: str | None
    at: datetime = Field(sa_type=Instant)


class Pace(Table, table=True):
    """What is left in the bucket of a provider with a rate limit."""

    __tablename__ = "paces"
    provider: str = Field(primary_key=True)
    tokens: float
    at: datetime = Field(sa_type=Instant)


class CalendarWarning(Table, table=True):
    """A year of whose missing calendar was told."""

    __tablename__ = "calendar_warnings"
    year: int = Field(primary_key=True)
    told_at: datetime = Field(sa_type=Instant)
