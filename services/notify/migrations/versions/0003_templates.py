"""Texts that were changed, in every version."""

from shared.migrations import execute_all

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE templates (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    version integer NOT NULL,
    source text,
    stored_at timestamptz NOT NULL,
    key_id text NOT NULL,
    key_name text NOT NULL,
    UNIQUE (name, version)
)
"""


def upgrade() -> None:
    execute_all(TABLES)
