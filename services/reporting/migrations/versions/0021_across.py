"""Sums by ranges of days first: what is asked of many units is read at once.

The condition is true of every sum; it keeps the indexes from queries that look units up one by one,
for which the planner would take them, too.
"""

from shared.migrations import execute_all

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


_ACROSS = {
    "dossier_sums": "field, level, rday, block, authority",
    "score_sums": "level, rday, block",
    "notice_sums": "level, rday, block",
}


def upgrade() -> None:
    for table, columns in _ACROSS.items():
        execute_all(f"CREATE INDEX {table}_across ON {table} ({columns}) WHERE level > -9")
