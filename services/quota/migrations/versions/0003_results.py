"""Which results of merits and penalties were announced."""

from shared.migrations import execute_all

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE results (
    plan text NOT NULL,
    indicator text NOT NULL,
    unit text NOT NULL,
    period text NOT NULL,
    state text NOT NULL,
    numerator bigint NOT NULL,
    denominator bigint,
    target double precision,
    changes integer NOT NULL,
    PRIMARY KEY (plan, indicator, unit, period)
)
"""


def upgrade() -> None:
    execute_all(TABLES)
