"""What a month's messages cost, without reading those of other months."""

from shared.migrations import execute_all

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

STATEMENTS = """
CREATE INDEX notices_created ON notices USING brin (created_at)
"""


def upgrade() -> None:
    execute_all(STATEMENTS)
