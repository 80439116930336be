"""Under which name the counts of a plan are kept, and how far counting it anew has come."""

from shared.migrations import execute_all

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE tallies (
    name text PRIMARY KEY,
    plan text NOT NULL,
    version integer NOT NULL,
    state text NOT NULL,
    last bytea NOT NULL,
    done bigint NOT NULL,
    total bigint NOT NULL,
    started_at timestamptz NOT NULL
)
"""


def upgrade() -> None:
    execute_all(TABLE)
