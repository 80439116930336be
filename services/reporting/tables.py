"""What reporting keeps: compact facts without personal data, and the sums made of them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shared import tables

metadata = sa.MetaData()
_INSTANT = sa.DateTime(timezone=True)


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


class Numbered(SQLModel):
    """`seq` is the place of a row among all of its table in the order in which they were kept; one
    that is changed gets a new place."""

    seq: int = Field(sa_type=sa.BigInteger, index=True)


class Fact(SQLModel):
    """What every kept event has: its place among all events, and when we learnt of it."""

    uid: bytes = Field(primary_key=True)
    time: datetime = Field(sa_type=_INSTANT)
    source: str
    event_id: str
    rday: date
    unit: str


class SubmissionFact(Fact, Table, table=True):
    """A dossier was filed; `quality` says how good the contact data were, not what they are."""

    __tablename__ = "submissions"
    code: str = Field(index=True)
    credited_unit: str | None
    field: str
    procedure: str
    authority: str
    channel: str
    submitted_at: datetime = Field(sa_type=_INSTANT)
    received_at: datetime | None = Field(sa_type=_INSTANT)
    due_at: datetime | None = Field(sa_type=_INSTANT)
    assisted_by: str | None
    quality: dict[str, str] = Field(sa_type=JSONB)


class StatusFact(Fact, Table, table=True):
    """A dossier reached a status."""

    __tablename__ = "statuses"
    code: str = Field(index=True)
    status: str
    at: datetime = Field(sa_type=_INSTANT)
    due_at: datetime | None = Field(sa_type=_INSTANT)
    department: str | None
    returned_at: datetime | None = Field(sa_type=_INSTANT)


class InstallFact(Fact, Numbered, Table, table=True):
    """An attempt to install; device and citizen are keyed hashes."""

    __tablename__ = "installs"
    day: date = Field(index=True)
    app: str
    installer: str
    place: str
    succeeded: bool
    device: str | None
    citizen: str | None


class SurveyFact(Fact, Table, table=True):
    """A survey's scores per item (decimal text, null for words, "outside" for what lies outside the
    item's scale), and the coded reasons among its answers: never the words themselves."""

    __tablename__ = "surveys"
    day: date
    domain: str
    mode: str
    questionnaire: str
    scores: dict[str, str | None] = Field(sa_type=JSONB)
    reasons: dict[str, str] = Field(sa_type=JSONB)
    dossier: str | None = Field(index=True)


class Filing(Fact, Numbered, Table, table=True):
    """What may fulfil an obligation: a list delivered, a report filed; `data` as published."""

    __tablename__ = "filings"
    type: str
    data: dict[str, Any] = Field(sa_type=JSONB)


class ActivityFact(Fact, Table, table=True):
    """What a team did on a day; `people` are visits."""

    __tablename__ = "activities"
    day: date = Field(index=True)
    team: str
    member: str
    kind: str
    people: int = Field(sa_type=sa.BigInteger)


class DifficultyFact(Fact, Table, table=True):
    """A difficulty was raised, or resolved."""

    __tablename__ = "difficulties"
    day: date
    difficulty: str = Field(index=True)
    category: str
    text: str
    resolved: bool


class NoticeFact(Table, table=True):
    """What was heard of a notice: the day of each state, since when we know, and what was told with
    it of segments and cost; never to whom. `segments` and `cost` were told to an older version."""

    __tablename__ = "notices"
    notice: str = Field(primary_key=True)
    unit: str
    channel: str
    template: str
    subject: str
    segments: int = Field(sa_type=sa.BigInteger)
    cost: int | None = Field(sa_type=sa.BigInteger)
    audience: str | None
    reason: str | None
    sent_day: date | None
    sent_rday: date | None
    sent_segments: int | None = Field(sa_type=sa.BigInteger)
    sent_cost: int | None = Field(sa_type=sa.BigInteger)
    failed_day: date | None
    failed_rday: date | None
    failed_segments: int | None = Field(sa_type=sa.BigInteger)
    failed_cost: int | None = Field(sa_type=sa.BigInteger)
    delivered_day: date | None
    delivered_rday: date | None
    delivered_segments: int | None = Field(sa_type=sa.BigInteger)
    delivered_cost: int | None = Field(sa_type=sa.BigInteger)
    wrong_day: date | None
    wrong_rday: date | None
    wrong_segments: int | None = Field(sa_type=sa.BigInteger)
    wrong_cost: int | None = Field(sa_type=sa.BigInteger)


class Refusal(Table, table=True):
    """How many events that named a unit (or `_`) intake refused on a day."""

    __tablename__ = "refusals"
    unit: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    n: int = Field(sa_type=sa.BigInteger)


class Void(Numbered, Table, table=True):
    """An event that is withdrawn, and since when we know; it may not have come yet."""

    __tablename__ = "voids"
    target: bytes = Field(primary_key=True)
    rday: date


class DossierFigures(SQLModel):
    """How much what happened adds to the figures about dossiers; negative where it is taken back."""

    received_online: int
    received_counter_post: int
    resolved_early: int
    resolved_on_time: int
    resolved_late: int
    overdue: int
    missing_phone: int
    invalid_phone: int
    missing_name: int
    missing_returned_at: int
    eligible: int
    no_submission: int


class Pending(DossierFigures, Table, table=True):
    """Contributions to the figures about dossiers that are yet to be rolled up; `era` says in whose
    time the code of the unit is meant."""

    __tablename__ = "pending"
    id: int = Field(sa_type=sa.BigInteger, primary_key=True)
    unit: str
    era: date
    field: str
    authority: str
    business_day: date
    recorded_day: date


class Block(SQLModel):
    """A day (level 0), a month (level 1), a third of one (-1) or a quarter (-2), as known now (rday:
    infinity); from level 2 on a day of what was learnt late, on its rday (see `rules.blocks`)."""

    level: int = Field(sa_type=sa.SmallInteger, primary_key=True)
    block: int = Field(primary_key=True)
    rday: date = Field(primary_key=True)
    era: date = Field(primary_key=True)


class DossierSum(Block, DossierFigures, Table, table=True):
    """Figures about dossiers: without a field of the unit itself, of each authority and of all
    together (`*`); with a field of all below too."""

    __tablename__ = "dossier_sums"
    unit: str = Field(primary_key=True)
    field: str = Field(primary_key=True)
    authority: str = Field(primary_key=True)


class Lateness(Table, table=True):
    """A level of what was learnt late that some sums have."""

    __tablename__ = "lateness"
    sums: str = Field(primary_key=True)
    level: int = Field(sa_type=sa.SmallInteger, primary_key=True)


class FieldName(Table, table=True):
    """A field that dossiers were of."""

    __tablename__ = "fields"
    field: str = Field(primary_key=True)


class ScoreSum(Block, Table, table=True):
    """Answers to surveys: how many, how many with a score, the sum of the scores, and how many lie
    outside the scale of their item."""

    __tablename__ = "score_sums"
    unit: str = Field(primary_key=True)
    domain: str = Field(primary_key=True)
    mode: str = Field(primary_key=True)
    questionnaire: str = Field(primary_key=True)
    item: str = Field(primary_key=True)
    n: int = Field(sa_type=sa.BigInteger)
    scored: int = Field(sa_type=sa.BigInteger)
    total: Decimal = Field(sa_type=sa.Numeric)
    outside: int = Field(sa_type=sa.BigInteger)


class ReasonCount(Table, table=True):
    """How often a coded reason was chosen."""

    __tablename__ = "reasons"
    unit: str = Field(primary_key=True)
    domain: str = Field(primary_key=True)
    mode: str = Field(primary_key=True)
    item: str = Field(primary_key=True)
    reason: str = Field(primary_key=True)
    business_day: date = Field(primary_key=True)
    recorded_day: date = Field(primary_key=True)
    n: int = Field(sa_type=sa.BigInteger)


class NoticeSum(Block, Table, table=True):
    """Notices by what became of them; `priced` are those whose cost is known."""

    __tablename__ = "notice_sums"
    unit: str = Field(primary_key=True)
    channel: str = Field(primary_key=True)
    notices: int = Field(sa_type=sa.BigInteger)
    sent: int = Field(sa_type=sa.BigInteger)
    delivered: int = Field(sa_type=sa.BigInteger)
    failed: int = Field(sa_type=sa.BigInteger)
    segments: int = Field(sa_type=sa.BigInteger)
    cost: int = Field(sa_type=sa.BigInteger)
    priced: int = Field(sa_type=sa.BigInteger)


class OverdueSpell(Table, table=True):
    """Days on which a dossier was overdue, and while we knew so; both ends excluded.

    `reach` is how many binary digits the days have from the due day to the earlier of both ends, 31
    where neither is known: the store works it out.
    """

    __tablename__ = "overdue_spells"
    code: str = Field(primary_key=True)
    unit: str
    era: date
    field: str
    department: str | None
    due_day: date
    since: date = Field(primary_key=True)
    until: date
    known_from: date = Field(primary_key=True)
    known_until: date
    reach: int = Field(sa_type=sa.SmallInteger)


class Interview(Table, table=True):
    """A dossier whose applicant can be asked, as known from `known_from` until before
    `known_until`; made of its events as sums are."""

    __tablename__ = "interviews"
    code: str = Field(primary_key=True)
    unit: str
    era: date
    field: str
    returned: date
    known_from: date = Field(primary_key=True)
    known_until: date


class Export(Table, table=True):
    """A whole report that is written to a file aside; `seen_at` tells whether somebody still does."""

    __tablename__ = "exports"
    id: str = Field(primary_key=True)
    report: str
    parameters: dict[str, Any] = Field(sa_type=JSONB)
    format: str
    key_name: str
    state: str
    rows: int = Field(sa_type=sa.BigInteger)
    total: int = Field(sa_type=sa.BigInteger)
    created_at: datetime = Field(sa_type=_INSTANT)
    seen_at: datetime = Field(sa_type=_INSTANT)


class ExportPart(Table, table=True):
    """A piece of an export's file."""

    __tablename__ = "export_parts"
    export: str = Field(primary_key=True, foreign_key="exports.id", ondelete="CASCADE")
    number: int = Field(primary_key=True)
    content: bytes


class Schedule(Table, table=True):
    """A report that somebody ordered for a time; `body` says what, when and to whom."""

    __tablename__ = "schedules"
    id: str = Field(primary_key=True)
    owner: str
    owner_name: str
    body: dict[str, Any] = Field(sa_type=JSONB)
    units: list[str] | None = Field(sa_type=sa.ARRAY(sa.Text))
    revision: int = Field(default=1)
    created_at: datetime = Field(sa_type=_INSTANT)
    changed_at: datetime = Field(sa_type=_INSTANT)
    paused_at: datetime | None = Field(sa_type=_INSTANT)
    next_at: datetime | None = Field(sa_type=_INSTANT)
    asked_at: datetime | None = Field(sa_type=_INSTANT)
    attempts: int = Field(default=0)
    not_before: datetime | None = Field(sa_type=_INSTANT)
    reason: str | None


class ScheduleRun(Table, table=True):
    """What came of an order at one of its times."""

    __tablename__ = "schedule_runs"
    __table_args__ = (sa.UniqueConstraint("schedule", "due_at"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=sa.BigInteger)
    schedule: str = Field(foreign_key="schedules.id", ondelete="CASCADE")
    due_at: datetime = Field(sa_type=_INSTANT)
    asked: bool
    state: str
    late: bool
    missed: int
    first: date | None
    last: date | None
    file: str | None
    bytes: int = Field(sa_type=sa.BigInteger)
    rows: int = Field(sa_type=sa.BigInteger)
    reason: str | None
    at: datetime = Field(sa_type=_INSTANT)


class ScheduleFile(Table, table=True):
    """A piece of the file that was built."""

    __tablename__ = "schedule_files"
    run: int = Field(
        primary_key=True, foreign_key="schedule_runs.id", ondelete="CASCADE", sa_type=sa.BigInteger
    )
    number: int = Field(primary_key=True)
    content: bytes


class Refold(Table, table=True):
    """Something whose sums have to be derived anew before anything else is: a dossier by its code,
    a survey by its uid in hexadecimal, a notice."""

    __tablename__ = "refolds"
    kind: str = Field(primary_key=True)
    code: str = Field(primary_key=True)


class Plan(Table, table=True):
    """A plan in one of its versions; it judges the days from ``since`` on."""

    __tablename__ = "plans"
    plan: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    since: date
    body: dict[str, Any] = Field(sa_type=JSONB)


class Freshness(Table, table=True):
    """Until when events were applied; one row."""

    __tablename__ = "freshness"
    id: int = Field(default=1, primary_key=True)
    received_at: datetime = Field(sa_type=_INSTANT)


class Result(Numbered, Table, table=True):
    """How a unit stands by an indicator that gives or costs points, as quota told it last."""

    __tablename__ = "results"
    plan: str = Field(primary_key=True)
    indicator: str = Field(primary_key=True)
    unit: str = Field(primary_key=True)
    period: str = Field(primary_key=True)
    state: str
    numerator: int = Field(sa_type=sa.BigInteger)
    denominator: int | None = Field(sa_type=sa.BigInteger)
    target: float | None
    told_at: datetime = Field(sa_type=_INSTANT)


class ResultDay(Numbered, Table, table=True):
    """What was known of a result from a day of recording on, as quota told it last."""

    __tablename__ = "result_days"
    plan: str = Field(primary_key=True)
    indicator: str = Field(primary_key=True)
    unit: str = Field(primary_key=True)
    period: str = Field(primary_key=True)
    rday: date = Field(primary_key=True)
    numerator: int = Field(sa_type=sa.BigInteger)
    denominator: int | None = Field(sa_type=sa.BigInteger)
    told_at: datetime = Field(sa_type=_INSTANT)


class StoredPublication(Table, table=True):
    """A report shown to everybody; `units` null stands for all, `told` are those that are told of
    it, `month` is the month that it locks."""

    __tablename__ = "publications"
    slug: str = Field(primary_key=True)
    report: str
    parameters: dict[str, Any] = Field(sa_type=JSONB)
    title: str
    plan: str | None
    units: list[str] | None = Field(sa_type=sa.ARRAY(sa.Text))
    told: list[str] = Field(sa_type=sa.ARRAY(sa.Text))
    month: str | None
    created_at: datetime = Field(sa_type=_INSTANT)
    created_by: str
    withdrawn_at: datetime | None = Field(sa_type=_INSTANT)
    withdrawn_by: str | None
    withdrawn_reason: str | None


class PublicationRevision(Table, table=True):
    """A published answer as it was frozen, what it changed, and what the units had said of it."""

    __tablename__ = "publication_revisions"
    slug: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    at: datetime = Field(sa_type=_INSTANT)
    by: str
    reason: str | None
    document: bytes
    differences: bytes
    confirmations: bytes


class PublicationFile(Table, table=True):
    """A file of a revision, as it was made."""

    __tablename__ = "publication_files"
    slug: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    format: str = Field(primary_key=True)
    content: bytes


class Sample(Table, table=True):
    """Dossiers drawn at random to ask about; the seed draws the same ones again."""

    __tablename__ = "samples"
    id: str = Field(primary_key=True)
    parameters: dict[str, Any] = Field(sa_type=JSONB)
    seed: str
    size: int
    title: str
    units: list[str] | None = Field(sa_type=sa.ARRAY(sa.Text))
    created_at: datetime = Field(sa_type=_INSTANT)
    created_by: str


class SampleUnit(Table, table=True):
    """How many dossiers of a unit qualified, and how many were drawn."""

    __tablename__ = "sample_units"
    sample: str = Field(primary_key=True)
    unit: str = Field(primary_key=True)
    era: date = Field(primary_key=True)
    eligible: int = Field(sa_type=sa.BigInteger)
    drawn: int = Field(sa_type=sa.BigInteger)


class SampleDossier(Table, table=True):
    """A dossier of a sample: a code, never whose it is."""

    __tablename__ = "sample_dossiers"
    sample: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    code: str
    unit: str
    era: date
    field: str
    returned: date


class Pulse(Table, table=True):
    """How many batches have changed what reports show; one row."""

    __tablename__ = "pulse"
    id: int = Field(default=1, primary_key=True)
    n: int = Field(sa_type=sa.BigInteger)


class User(Table, table=True):
    """Somebody who logs in: `password` is an argon2 hash, null where an OIDC provider knows them
    as `subject`; without units they see all."""

    __tablename__ = "users"
    name: str = Field(primary_key=True)
    display_name: str
    role: str
    units: list[str] = Field(sa_type=sa.ARRAY(sa.Text))
    password: str | None
    issuer: str | None
    subject: str | None
    created_at: datetime = Field(sa_type=_INSTANT)
    disabled_at: datetime | None = Field(sa_type=_INSTANT)


class Session(Table, table=True):
    """A log-in that lasts; `token` is the SHA-256 of what the browser keeps."""

    __tablename__ = "sessions"
    token: bytes = Field(primary_key=True)
    user_name: str = Field(foreign_key="users.name", ondelete="CASCADE")
    expires_at: datetime = Field(sa_type=_INSTANT)


class LoginAttempt(Table, table=True):
    """A log-in that was tried and has not succeeded: hashes of the name typed and of where from."""

    __tablename__ = "login_attempts"
    id: int | None = Field(default=None, primary_key=True, sa_type=sa.BigInteger)
    account: bytes
    address: bytes
    at: datetime = Field(sa_type=_INSTANT)


class SavedFilter(Table, table=True):
    """A page with its filters that somebody gave a name."""

    __tablename__ = "saved_filters"
    owner: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    address: str


class Confirmation(Table, table=True):
    """Something a unit said of its figures of a month, with these figures; nothing is taken back.
    `source` and `event_id` name a single survey that it was said of."""

    __tablename__ = "confirmations"
    id: int | None = Field(default=None, primary_key=True, sa_type=sa.BigInteger)
    report: str
    month: str
    unit: str
    state: str
    dossier: str | None
    remark: str | None
    domain: str | None
    source: str | None
    event_id: str | None
    at: datetime = Field(sa_type=_INSTANT)
    by: str
    figures: dict[str, Any] = Field(sa_type=JSONB)


class Withdrawal(Table, table=True):
    """A withdrawal of an event that somebody sent from here, kept before it is sent: who, why, and
    the id of the event that stands in for it; `sent` once intake has taken it."""

    __tablename__ = "withdrawals"
    void: UUID = Field(primary_key=True)
    target: bytes = Field(index=True)
    at: datetime = Field(sa_type=_INSTANT)
    by: str
    reason: str
    replaced_by: str | None
    sent: bool = False
