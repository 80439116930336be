"""Files of whole reports that are written aside, however long they are."""

from shared.migrations import execute_all

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE exports (
    id text PRIMARY KEY,
    report text NOT NULL,
    parameters jsonb NOT NULL,
    format text NOT NULL,
    key_name text NOT NULL,
    state text NOT NULL,
    rows bigint NOT NULL,
    total bigint NOT NULL,
    created_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL
);
CREATE TABLE export_parts (
    export text NOT NULL REFERENCES exports (id) ON DELETE CASCADE,
    number integer NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (export, number)
)
"""


def upgrade() -> None:
    execute_all(TABLES)
