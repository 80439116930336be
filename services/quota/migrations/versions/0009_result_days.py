"""What was known of results on which day."""

from shared.migrations import execute_all

revision = "0009"
down_revision = "0008"
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
    PRIMARY KEY (plan, indicator, unit, period, rday)
);
CREATE TABLE result_marks (
    plan text NOT NULL,
    indicator text NOT NULL,
    unit text NOT NULL,
    mark text NOT NULL,
    PRIMARY KEY (plan, indicator, unit)
)
"""


def upgrade() -> None:
    execute_all(TABLES)
