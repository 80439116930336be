"""Sums and spells say in whose time the code of a unit is meant: they are derived anew.

What was summed up does not say it, the facts do: the service folds all of them when it starts.
"""

from shared.migrations import execute_all

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

CHANGES = """
TRUNCATE daily, overdue_spells;
ALTER TABLE daily ADD COLUMN era date NOT NULL;
ALTER TABLE daily DROP CONSTRAINT daily_pkey;
ALTER TABLE daily ADD PRIMARY KEY
    (measure, unit, era, field, authority, channel, business_day, recorded_day);
ALTER TABLE overdue_spells ADD COLUMN era date NOT NULL;
CREATE TABLE refolds (
    code text PRIMARY KEY
);
INSERT INTO refolds SELECT DISTINCT code FROM submissions UNION SELECT DISTINCT code FROM statuses
"""


def upgrade() -> None:
    execute_all(CHANGES)
