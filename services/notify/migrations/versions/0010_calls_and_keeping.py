"""Who has to be called, and what has been kept long enough, found without looking at all rows."""

from shared.migrations import execute_all

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

STATEMENTS = """
CREATE INDEX notices_unreached ON notices (changed_at) WHERE audience = 'citizen'
    AND (state IN ('unreachable', 'failed') OR (state = 'withheld' AND reason = 'wrong_number'));
CREATE INDEX notices_written ON notices (created_at) WHERE body <> '';
CREATE INDEX contacts_kept ON contacts (received_at) WHERE NOT erased;
CREATE INDEX contact_access_at ON contact_access (at);
CREATE INDEX consents_recorded ON consents (recorded_at)
"""


def upgrade() -> None:
    execute_all(STATEMENTS)
