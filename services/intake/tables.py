"""What intake keeps: every event's identity for ever, tokens of contacts, what was refused."""

from datetime import datetime
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


class LoggedEvent(Table, table=True):
    """An accepted event's identity; its body without personal data lies in the outbox."""

    __tablename__ = "events"
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


class ContactToken(Table, table=True):
    """The random token under which a dossier's contact travels."""

    __tablename__ = "contact_tokens"
    code: str = Field(primary_key=True)
    token: str


class Quarantined(Table, table=True):
    """A refused or conflicting event: who, what, why; never its contents."""

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


class Fingerprint(Table, table=True):
    """What a secret's hash must be, so that another secret is noticed at start."""

    __tablename__ = "fingerprints"
    name: str = Field(primary_key=True)
    value: str
