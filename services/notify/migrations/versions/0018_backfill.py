"""Which events were loaded afterwards."""

from shared.migrations import execute_all

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

STATEMENTS = """
ALTER TABLE events ADD COLUMN backfill boolean NOT NULL DEFAULT false
"""


def upgrade() -> None:
    execute_all(STATEMENTS)
