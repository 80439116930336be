"""What was known of results on which day."""

from shared.migrations import execute_all

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE result_days (
    plan text NOT NULL,
    indicator text NOT NULL,
    unit text NOT NULL,
    period text NOT NULL,
    rday date NOT NULL,
    numerator bigint NOT NULL,
    denominator bigint,
    told_at timestamptz NOT NULL,
    PRIMARY KEY (plan, indicator, unit, period, rday)
)
"""


def upgrade() -> None:
    execute_all(TABLES)
