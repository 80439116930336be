"""The rules that due dates were computed by, and the dossiers that state none."""

from shared.migrations import DUE_RULES_V1, execute_all

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INDEX = """
CREATE INDEX submissions_undated ON submissions (code COLLATE "C", procedure) WHERE due_at IS NULL
"""


def upgrade() -> None:
    execute_all(DUE_RULES_V1)
    execute_all(INDEX)
