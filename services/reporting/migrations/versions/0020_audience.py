"""Whether a notice went to an applicant or to an official; unknown of those told before."""

from shared.migrations import execute_all

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_all("ALTER TABLE notices ADD COLUMN audience text")
