"""From which day on each version of a plan judges; quota tells of all of them anew."""

from shared.migrations import execute_all

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_all("ALTER TABLE plans ADD COLUMN since date NOT NULL DEFAULT '0001-01-01'")
