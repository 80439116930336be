"""Overdue spells by their reach: how long after its due day one may be told of, in powers of two.

So the dossiers overdue on a day are found in their order, without a look at all that ever were. What
nobody can ask for goes: spells that were known only until they would have begun.
"""

from shared.migrations import execute_all

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_POWERS = ", ".join(str(2**n) for n in range(22))
CHANGES = f"""
DELETE FROM overdue_spells WHERE known_until <= since;
DROP INDEX overdue_spells_open;
DROP INDEX overdue_spells_past;
ALTER TABLE overdue_spells ADD COLUMN reach smallint NOT NULL GENERATED ALWAYS AS (
    CASE WHEN least(until, known_until) = DATE 'infinity' THEN 31
        ELSE width_bucket(least(until, known_until) - due_day, ARRAY[{_POWERS}]) END) STORED;
CREATE INDEX overdue_spells_reach ON overdue_spells (reach, due_day, code COLLATE "C");
CREATE INDEX overdue_spells_unit ON overdue_spells (unit, reach, due_day, code COLLATE "C");
ANALYZE overdue_spells
"""


def upgrade() -> None:
    execute_all(CHANGES)
