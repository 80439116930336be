"""When officers are told of a due date, before it and after it was missed."""

from shared.migrations import execute_all

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE alerts (
    kind text NOT NULL,
    key text NOT NULL,
    version text NOT NULL,
    what text NOT NULL,
    at timestamptz NOT NULL,
    units text[] NOT NULL,
    done_at timestamptz,
    PRIMARY KEY (kind, key, version, what, at)
);
CREATE INDEX alerts_next ON alerts (at) WHERE done_at IS NULL;
ALTER TABLE deadlines ADD COLUMN approached_at timestamptz
"""


def upgrade() -> None:
    execute_all(TABLES)
