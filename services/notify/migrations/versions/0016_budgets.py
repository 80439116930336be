"""What units may spend on messages in a month, and what is spent or set aside of it."""

from shared.migrations import execute_all

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

STATEMENTS = """
CREATE TABLE budgets (
    unit text NOT NULL,
    month text NOT NULL,
    amount bigint NOT NULL,
    key_name text NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (unit, month)
);
CREATE TABLE budget_months (
    unit text NOT NULL,
    month text NOT NULL,
    used bigint NOT NULL DEFAULT 0,
    warned_at timestamptz,
    PRIMARY KEY (unit, month)
);
ALTER TABLE attempts ADD COLUMN reserved bigint;
ALTER TABLE attempts ADD COLUMN budget text;
ALTER TABLE attempts ADD COLUMN budget_month text;
CREATE INDEX notices_held_by_budget ON notices (unit)
    WHERE reason = 'budget' AND state IN ('ready', 'retrying')
"""


def upgrade() -> None:
    execute_all(STATEMENTS)
