"""The rules that due dates were computed by, and the dossiers that state none."""

from shared.migrations import DUE_RULES_V1, execute_all

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

INDEX = """
CREATE INDEX facts_undated ON facts (code COLLATE "C", (data->>'procedure'))
    WHERE type = 'motcua.dossier.submitted.v1' AND data->>'due_at' IS NULL
"""


def upgrade() -> None:
    execute_all(DUE_RULES_V1)
    execute_all(INDEX)
