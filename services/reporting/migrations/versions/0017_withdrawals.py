"""Who withdrew an event from here, and why."""

from shared.migrations import execute_all

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE withdrawals (
    void uuid PRIMARY KEY,
    target bytea NOT NULL,
    at timestamptz NOT NULL,
    by text NOT NULL,
    reason text NOT NULL,
    replaced_by text,
    sent boolean NOT NULL DEFAULT false
);
CREATE INDEX withdrawals_target ON withdrawals (target)
"""


def upgrade() -> None:
    execute_all(TABLES)
