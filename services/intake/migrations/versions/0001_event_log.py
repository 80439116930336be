"""Event log, contact tokens, quarantine."""

from shared.migrations import COMMON_V1, execute_all

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE events (
    uid bytea PRIMARY KEY,
    message_id text NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    type text NOT NULL,
    unit text,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    digest bytea NOT NULL,
    key_id text NOT NULL
);
CREATE INDEX events_received ON events (received_at);
CREATE TABLE contact_tokens (
    code text PRIMARY KEY,
    token text NOT NULL UNIQUE
);
CREATE TABLE quarantine (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at timestamptz NOT NULL,
    key_id text NOT NULL,
    kind text NOT NULL,
    source text,
    event_id text,
    type text,
    unit text,
    errors jsonb NOT NULL
);
CREATE TABLE fingerprints (
    name text PRIMARY KEY,
    value text NOT NULL
)
"""


def upgrade() -> None:
    execute_all(COMMON_V1)
    execute_all(TABLES)
