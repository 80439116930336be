"""Several providers: what they call our messages, their pace, and what a message cost."""

from shared.migrations import execute_all

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE handovers (
    provider text NOT NULL,
    message_id text NOT NULL,
    notice uuid,
    number integer,
    parts integer NOT NULL DEFAULT 1,
    receipt text,
    detail text,
    at timestamptz NOT NULL,
    PRIMARY KEY (provider, message_id)
);
CREATE INDEX handovers_notice ON handovers (notice, number) WHERE notice IS NOT NULL;
CREATE INDEX handovers_at ON handovers (at);
CREATE TABLE paces (
    provider text PRIMARY KEY,
    tokens double precision NOT NULL,
    at timestamptz NOT NULL
);
ALTER TABLE notices ADD COLUMN cost bigint;
DROP INDEX notices_next;
CREATE INDEX notices_next ON notices (channel, next_at, seq)
    WHERE state IN ('ready', 'retrying') AND address IS NOT NULL
"""


def upgrade() -> None:
    execute_all(TABLES)
