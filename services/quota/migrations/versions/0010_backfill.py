"""Which facts were loaded afterwards."""

from shared.migrations import execute_all

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

STATEMENTS = """
ALTER TABLE facts ADD COLUMN backfill boolean NOT NULL DEFAULT false
"""


def upgrade() -> None:
    execute_all(STATEMENTS)
