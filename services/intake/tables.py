"""What intake keeps: every event's identity for ever, tokens of contacts, what was refused."""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shared import tables

metadata = sa.MetaData()


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


class LoggedEventRow(SQLModel):
    """An accepted event's identity; its body without personal data lies in the outbox."""

    uid: bytes = Field(primary_key=True)
    message_id: str
    source: str
    event_id: str
    type: str
    unit: str | None
    occurred_at: datetime = Field(sa_type=sa.DateTime(timezone=True))
    received_at: datetime = Field(sa_type=sa.DateTime(timezone=True))
    digest: bytes
    key_id: str


class LoggedEvent(LoggedEventRow, Table, table=True):
    __tablename__ = "events"


class SandboxEvent(LoggedEventRow, Table, table=True):
    """What a key of the sandbox sent: an identity of its own, and no body anywhere."""

    __tablename__ = "sandbox_events"


class ContactToken(Table, table=True):
    """The random token under which a dossier's contact travels."""

    __tablename__ = "contact_tokens"
    code: str = Field(primary_key=True)
    token: str
    erased_at: datetime | None = Field(default=None, sa_type=sa.DateTime(timezone=True))
    purge_due: bool = False


class Quarantined(Table, table=True):
    """A refused or conflicting event: who, what, why; its contents sealed."""

    __tablename__ = "quarantine"
    id: int | None = Field(default=None, primary_key=True, sa_type=sa.BigInteger)
    received_at: datetime = Field(sa_type=sa.DateTime(timezone=True))
    key_id: str
    kind: str
    source: str | None
    event_id: str | None
    type: str | None
    unit: str | None
    errors: list[dict[str, Any]] = Field(sa_type=JSONB)
    codes: list[str] = Field(sa_type=sa.ARRAY(sa.Text))
    dossier: str | None
    uid: bytes | None
    fingerprint: bytes | None
    day: date
    state: str
    corrected_at: datetime | None = Field(default=None, sa_type=sa.DateTime(timezone=True))
    times: int
    last_at: datetime = Field(sa_type=sa.DateTime(timezone=True))
    sealed: bytes | None


class Import(Table, table=True):
    """An uploaded list and how far its reading is; no value of a cell is in it."""

    __tablename__ = "imports"
    id: str = Field(primary_key=True)
    kind: str
    file_name: str
    bytes: int = Field(sa_type=sa.BigInteger)
    fingerprint: bytes
    key_id: str
    caller: dict[str, Any] = Field(sa_type=JSONB)
    given: dict[str, Any] = Field(sa_type=JSONB)
    state: str
    created_at: datetime = Field(sa_type=sa.DateTime(timezone=True))
    started_at: datetime | None = Field(sa_type=sa.DateTime(timezone=True))
    finished_at: datetime | None = Field(sa_type=sa.DateTime(timezone=True))
    worker: str | None
    lease_until: datetime | None = Field(sa_type=sa.DateTime(timezone=True))
    attempts: int
    done: int
    total: int | None
    rows: int
    accepted: int
    duplicate: int
    refused: int
    repaired: int
    eligible: int | None
    tally: dict[str, Any] = Field(sa_type=JSONB)
    sheet: dict[str, Any] = Field(sa_type=JSONB)
    errors: list[dict[str, Any]] = Field(sa_type=JSONB)


class ImportPart(Table, table=True):
    """A piece of an uploaded file, sealed: it holds personal data, and goes after a few days."""

    __tablename__ = "import_parts"
    import_id: str = Field(primary_key=True)
    n: int = Field(primary_key=True)
    content: bytes


class ImportRow(Table, table=True):
    """What is said about one row of a list: columns and codes, never a value."""

    __tablename__ = "import_rows"
    import_id: str = Field(primary_key=True)
    row: int = Field(primary_key=True)
    status: str
    notes: dict[str, Any] = Field(sa_type=JSONB)


class Fingerprint(Table, table=True):
    """What a secret's hash must be, so that another secret is noticed at start."""

    __tablename__ = "fingerprints"
    name: str = Field(primary_key=True)
    value: str


class Source(Table, table=True):
    """What is agreed with a source."""

    __tablename__ = "sources"
    source: str = Field(primary_key=True)
    name: str | None
    units: list[str] = Field(sa_type=sa.ARRAY(sa.Text))
    signing: str
    events_per_minute: int | None
    created_at: datetime = Field(sa_type=sa.DateTime(timezone=True))


class SourceSecret(Table, table=True):
    """What a source signs with, sealed."""

    __tablename__ = "source_secrets"
    id: str = Field(primary_key=True)
    source: str
    sealed: bytes
    created_at: datetime = Field(sa_type=sa.DateTime(timezone=True))


class Arrivals(Table, table=True):
    """Events that arrived from a source on a day in Viet Nam."""

    __tablename__ = "arrivals"
    source: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    accepted: int = Field(sa_type=sa.BigInteger)
    duplicate: int = Field(sa_type=sa.BigInteger)
    conflict: int = Field(sa_type=sa.BigInteger)
    last_at: datetime = Field(sa_type=sa.DateTime(timezone=True))


class SourceSilence(Table, table=True):
    """An alert about a source: at most one is open."""

    __tablename__ = "silences"
    source: str = Field(primary_key=True)
    state: str
    since: date
    noticed_at: datetime = Field(primary_key=True, sa_type=sa.DateTime(timezone=True))
    ended_at: datetime | None = Field(default=None, sa_type=sa.DateTime(timezone=True))


class Allowance(Table, table=True):
    """What a limited source may still send, as of an instant; below 0 where it owes."""

    __tablename__ = "allowances"
    bucket: str = Field(primary_key=True)
    tokens: float
    filled_at: datetime = Field(sa_type=sa.DateTime(timezone=True))


class GivenAnswer(Table, table=True):
    """An answer that a repeat of its request is given again."""

    __tablename__ = "answers"
    caller: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    digest: bytes
    status: int
    body: bytes
    created_at: datetime = Field(sa_type=sa.DateTime(timezone=True))


class Access(Table, table=True):
    """Who did what with whose data, and why."""

    __tablename__ = "access_log"
    id: int | None = Field(default=None, primary_key=True, sa_type=sa.BigInteger)
    at: datetime = Field(sa_type=sa.DateTime(timezone=True))
    key_id: str
    action: str
    subject: str
    reason: str | None


class SyncSession(Table, table=True):
    """A log-in of a national sync client: a hash of its token, bound to one key."""

    __tablename__ = "lgsp_sessions"
    digest: bytes = Field(primary_key=True)
    key_id: str
    key_hash: str
    created_at: datetime = Field(sa_type=sa.DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=sa.DateTime(timezone=True))


class SyncedDossier(Table, table=True):
    """What sync calls have told of a dossier: digests, dates and codes, no personal data."""

    __tablename__ = "lgsp_dossiers"
    source: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    told: dict[str, Any] = Field(sa_type=JSONB)
    updated_at: datetime = Field(sa_type=sa.DateTime(timezone=True))


class UnitMapping(Table, table=True):
    """The unit that a source means by a name or code of its own."""

    __tablename__ = "unit_mappings"
    source: str = Field(primary_key=True)
    theirs_key: str = Field(primary_key=True)
    theirs: str
    unit: str
    key_id: str
    updated_at: datetime = Field(sa_type=sa.DateTime(timezone=True))


class HeldItem(Table, table=True):
    """What waits for the mapping of a unit's name, sealed."""

    __tablename__ = "held_items"
    id: int | None = Field(default=None, primary_key=True, sa_type=sa.BigInteger)
    source: str
    theirs_key: str
    theirs: str
    code: str
    items: int
    digest: bytes
    received_at: datetime = Field(sa_type=sa.DateTime(timezone=True))
    held_at: datetime = Field(sa_type=sa.DateTime(timezone=True))
    key_id: str
    sealed: bytes
