"""Table shapes that every service has: what to publish, what was seen, who may call, what failed.

They are mixins: each service makes them concrete in its own ``tables.py``, with its own metadata.
"""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class OutboxRow(SQLModel):
    """A message to publish; kept after publishing, so that a stream can be refilled.

    ``issues`` counts how often it was published anew: the broker must not take that for a repeat.
    """

    id: int | None = Field(default=None, primary_key=True, sa_type=sa.BigInteger)
    stream: str
    subject: str
    message_id: str
    payload: bytes
    created_at: datetime = Field(sa_type=sa.DateTime(timezone=True))
    published_at: datetime | None = Field(default=None, sa_type=sa.DateTime(timezone=True))
    stream_seq: int | None = Field(default=None, sa_type=sa.BigInteger)
    issues: int = 0


class StreamRow(SQLModel):
    """A stream that this service publishes to, and when it was made: another one is a new stream."""

    name: str = Field(primary_key=True)
    created: str


class PositionRow(SQLModel):
    """How far one of this service's consumers has come in its stream (see ``StreamRow``)."""

    consumer: str = Field(primary_key=True)
    created: str
    seq: int = Field(sa_type=sa.BigInteger)


class InboxRow(SQLModel):
    """A message whose effects are in the store (16-byte hash of source and id)."""

    uid: bytes = Field(primary_key=True)
    seen_at: datetime = Field(sa_type=sa.DateTime(timezone=True))


class KeyRow(SQLModel):
    """A caller's key: only its hash is kept."""

    id: str = Field(primary_key=True)
    name: str
    hash: str
    scopes: list[str] = Field(sa_type=sa.ARRAY(sa.Text))
    units: list[str] = Field(sa_type=sa.ARRAY(sa.Text))
    sources: list[str] = Field(sa_type=sa.ARRAY(sa.Text))
    created_at: datetime = Field(sa_type=sa.DateTime(timezone=True))
    revoked_at: datetime | None = Field(default=None, sa_type=sa.DateTime(timezone=True))


class DueRulesRow(SQLModel):
    """Rules about due dates: waiting for their turn, running, or held from a recorded day on."""

    seq: int = Field(primary_key=True)
    digest: str
    since: date | None
    body: dict[str, Any] = Field(sa_type=JSONB)
    state: str
    cursor: str
    done: int = Field(sa_type=sa.BigInteger)
    total: int = Field(sa_type=sa.BigInteger)
    proposed_at: datetime = Field(sa_type=sa.DateTime(timezone=True))
    finished_at: datetime | None = Field(sa_type=sa.DateTime(timezone=True))


class DeadLetterRow(SQLModel):
    """A message that failed for good, with the reason, until a person replays it."""

    id: int | None = Field(default=None, primary_key=True, sa_type=sa.BigInteger)
    consumer: str
    subject: str
    stream_seq: int = Field(sa_type=sa.BigInteger)
    reason: str
    payload: bytes
    failed_at: datetime = Field(sa_type=sa.DateTime(timezone=True))
    replayed_at: datetime | None = Field(default=None, sa_type=sa.DateTime(timezone=True))
