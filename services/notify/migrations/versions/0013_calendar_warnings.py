"""Of which years' missing calendars was told."""

from shared.migrations import execute_all

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

STATEMENTS = """
CREATE TABLE calendar_warnings (
    year integer PRIMARY KEY,
    told_at timestamptz NOT NULL
)
"""


def upgrade() -> None:
    execute_all(STATEMENTS)
