"""The dossiers whose applicants can be asked, found without folding each anew.

They are derived from the facts: the service does that when it starts.
"""

from shared.migrations import execute_all

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

CHANGES = """
CREATE TABLE IF NOT EXISTS interviews (
    code text COLLATE "C" NOT NULL,
    unit text NOT NULL,
    era date NOT NULL,
    field text NOT NULL,
    returned date NOT NULL,
    known_from date NOT NULL,
    known_until date NOT NULL
);
CREATE INDEX IF NOT EXISTS interviews_code ON interviews (code);
CREATE INDEX IF NOT EXISTS interviews_days ON interviews (returned, code);
CREATE INDEX IF NOT EXISTS interviews_unit ON interviews (unit, returned, code);
INSERT INTO refolds SELECT DISTINCT 'interview', code FROM statuses WHERE status = 'returned'
    ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    execute_all(CHANGES)
