"""Cancelled due dates are kept, with the reason; levels of officers and stand-ins; the clock."""

from shared.migrations import execute_all

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE deadlines ADD COLUMN reason text;
CREATE INDEX deadlines_state ON deadlines (state, due_day, kind, key, version);
ALTER TABLE officers ADD COLUMN level text, ADD COLUMN replaces text;
CREATE TABLE clock_mark (
    one boolean PRIMARY KEY CHECK (one),
    latest timestamptz NOT NULL
);
INSERT INTO clock_mark SELECT true, max(received_at) FROM events HAVING max(received_at) IS NOT NULL
"""


def upgrade() -> None:
    execute_all(TABLES)
