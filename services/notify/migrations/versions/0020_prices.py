"""What an attempt costs where it is taken, and which budgets above a unit's own it draws on."""

from shared.migrations import execute_all

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

STATEMENTS = """
ALTER TABLE attempts ADD COLUMN budgets_above text[];
ALTER TABLE attempts ADD COLUMN price bigint;
ALTER TABLE attempts ADD COLUMN segments integer
"""


def upgrade() -> None:
    execute_all(STATEMENTS)
