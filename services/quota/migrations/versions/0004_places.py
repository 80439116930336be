"""Winners are found by their key or by their unit, never by their plan alone.

An index that began with the plan was taken for look-ups by key, and read all keys of the plan.
"""

from shared.migrations import execute_all

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

CHANGES = """
DROP INDEX winners_unit;
CREATE INDEX winners_place ON winners (unit, indicator, plan);
ALTER TABLE winners ALTER COLUMN state SET DEFAULT 'new';
DROP INDEX ledger_plan;
CREATE INDEX ledger_place ON ledger (unit, plan, indicator)
"""


def upgrade() -> None:
    execute_all(CHANGES)
