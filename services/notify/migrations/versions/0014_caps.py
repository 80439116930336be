"""How many notices an address was sent on a day, counted without looking at others."""

from shared.migrations import execute_all

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

STATEMENTS = """
ALTER TABLE notices ADD COLUMN left_on date;
CREATE INDEX notices_left ON notices (address, channel, left_on)
    WHERE left_on IS NOT NULL AND address IS NOT NULL
"""


def upgrade() -> None:
    execute_all(STATEMENTS)
