"""Files that go with notices."""

from shared.migrations import execute_all

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

STATEMENTS = """
CREATE TABLE attachments (
    event_uid bytea PRIMARY KEY,
    name text NOT NULL,
    content bytea NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX attachments_at ON attachments (at);
CREATE INDEX notices_with_files ON notices (event_uid) WHERE kind = 'report_scheduled'
"""


def upgrade() -> None:
    execute_all(STATEMENTS)
