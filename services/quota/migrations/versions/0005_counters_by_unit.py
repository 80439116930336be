"""Counters are found by unit, too: what one unit is asked for must not read the whole plan."""

from shared.migrations import execute_all

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_all("CREATE INDEX counters_unit ON counters (plan, unit)")
