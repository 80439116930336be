"""The language that people chose, which text they agreed to, and apologies that name a new date."""

from shared.migrations import execute_all

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STATEMENTS = """
ALTER TABLE consents ADD COLUMN language text, ADD COLUMN text_version text;
UPDATE notices SET kind = 'rescheduled' WHERE kind = 'late' AND version LIKE 'due:%:%'
"""


def upgrade() -> None:
    execute_all(STATEMENTS)
