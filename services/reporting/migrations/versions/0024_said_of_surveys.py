"""What units say of one domain's scores, and of single surveys."""

from shared.migrations import execute_all

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_all(
        "ALTER TABLE confirmations ADD COLUMN IF NOT EXISTS domain text,"
        " ADD COLUMN IF NOT EXISTS source text, ADD COLUMN IF NOT EXISTS event_id text"
    )
