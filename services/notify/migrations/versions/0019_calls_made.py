"""The calls that were made to those whom no message reached."""

from shared.migrations import execute_all

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

STATEMENTS = """
CREATE TABLE calls_made (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ref text UNIQUE,
    code text NOT NULL,
    unit text NOT NULL,
    at timestamptz NOT NULL,
    day date NOT NULL,
    covers timestamptz NOT NULL,
    result text NOT NULL,
    note text,
    key_id text NOT NULL,
    key_name text NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX calls_made_code ON calls_made (code, covers);
CREATE INDEX calls_made_day ON calls_made (day, id);
CREATE INDEX calls_made_recorded ON calls_made (recorded_at)
"""


def upgrade() -> None:
    execute_all(STATEMENTS)
