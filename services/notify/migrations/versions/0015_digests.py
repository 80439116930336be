"""Which list a notice was told in."""

from shared.migrations import execute_all

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

STATEMENTS = """
ALTER TABLE notices ADD COLUMN digest uuid;
CREATE INDEX notices_digest ON notices (digest) WHERE digest IS NOT NULL;
CREATE INDEX notices_to_officers ON notices (recipient, channel, next_at)
    WHERE audience = 'officer' AND state = 'ready'
"""


def upgrade() -> None:
    execute_all(STATEMENTS)
