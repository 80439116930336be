"""What every service's migrations share: how Alembic runs, and the tables that all have."""

from alembic import context, op

COMMON_V1 = """
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream text NOT NULL,
    subject text NOT NULL,
    message_id text NOT NULL,
    payload bytea NOT NULL,
    created_at timestamptz NOT NULL,
    published_at timestamptz,
    stream_seq bigint,
    issues integer NOT NULL DEFAULT 0
);
CREATE INDEX outbox_unpublished ON outbox (stream, id) WHERE published_at IS NULL;
CREATE INDEX outbox_stream_seq ON outbox (stream, stream_seq);
CREATE INDEX outbox_message_id ON outbox (message_id);
CREATE TABLE streams (
    name text PRIMARY KEY,
    created text NOT NULL
);
CREATE TABLE positions (
    consumer text PRIMARY KEY,
    created text NOT NULL,
    seq bigint NOT NULL
);
CREATE TABLE inbox (
    uid bytea PRIMARY KEY,
    seen_at timestamptz NOT NULL
);
CREATE TABLE keys (
    id text PRIMARY KEY,
    name text NOT NULL,
    hash text NOT NULL,
    scopes text[] NOT NULL,
    units text[] NOT NULL,
    sources text[] NOT NULL,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE TABLE dead_letters (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer text NOT NULL,
    subject text NOT NULL,
    stream_seq bigint NOT NULL,
    reason text NOT NULL,
    payload bytea NOT NULL,
    failed_at timestamptz NOT NULL,
    replayed_at timestamptz
);
CREATE UNIQUE INDEX dead_letters_once ON dead_letters (consumer, stream_seq, sha256(payload))
"""

DUE_RULES_V1 = """
CREATE TABLE due_rules (
    seq integer PRIMARY KEY,
    digest text NOT NULL,
    since date,
    body jsonb NOT NULL,
    state text NOT NULL,
    cursor text NOT NULL,
    done bigint NOT NULL,
    total bigint NOT NULL,
    proposed_at timestamptz NOT NULL,
    finished_at timestamptz
)
"""


def run() -> None:
    """Apply the pending revisions inside one transaction on the given connection."""
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        version_table_schema=context.config.attributes["schema"],
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


def execute_all(script: str) -> None:
    """Run the statements of a script, separated by semicolons."""
    for statement in script.split(";"):
        if statement.strip():
            op.execute(statement)
