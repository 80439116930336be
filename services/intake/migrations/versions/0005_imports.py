"""Uploaded lists: their jobs, their files while needed, what is said about their rows."""

from shared.migrations import execute_all

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE imports (
    id text PRIMARY KEY,
    kind text NOT NULL,
    file_name text NOT NULL,
    bytes bigint NOT NULL,
    fingerprint bytea NOT NULL,
    key_id text NOT NULL,
    caller jsonb NOT NULL,
    given jsonb NOT NULL,
    state text NOT NULL,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    worker text,
    lease_until timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    done integer NOT NULL DEFAULT 0,
    total integer,
    rows integer NOT NULL DEFAULT 0,
    accepted integer NOT NULL DEFAULT 0,
    duplicate integer NOT NULL DEFAULT 0,
    refused integer NOT NULL DEFAULT 0,
    repaired integer NOT NULL DEFAULT 0,
    eligible integer,
    tally jsonb NOT NULL DEFAULT '{}',
    sheet jsonb NOT NULL DEFAULT '{}',
    errors jsonb NOT NULL DEFAULT '[]'
);
CREATE UNIQUE INDEX imports_unfinished ON imports (fingerprint)
    WHERE state IN ('queued', 'running');
CREATE INDEX imports_waiting ON imports (created_at) WHERE state IN ('queued', 'running');
CREATE INDEX imports_listed ON imports (created_at DESC, id DESC);
CREATE TABLE import_parts (
    import_id text NOT NULL REFERENCES imports ON DELETE CASCADE,
    n integer NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (import_id, n)
);
CREATE TABLE import_rows (
    import_id text NOT NULL REFERENCES imports ON DELETE CASCADE,
    "row" integer NOT NULL,
    status text NOT NULL,
    notes jsonb NOT NULL,
    PRIMARY KEY (import_id, "row")
)
"""


def upgrade() -> None:
    execute_all(TABLES)
