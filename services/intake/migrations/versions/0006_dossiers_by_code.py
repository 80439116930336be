"""Dossiers of sync calls, and what is held of them, by their code: for erasure."""

from shared.migrations import execute_all

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INDEXES = """
CREATE INDEX lgsp_dossiers_code ON lgsp_dossiers (code);
CREATE INDEX held_items_code ON held_items (code)
"""


def upgrade() -> None:
    execute_all(INDEXES)
