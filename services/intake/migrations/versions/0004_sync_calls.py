"""National sync calls: sessions, dossiers' digests, names of units, what is held for them."""

from shared.migrations import execute_all

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE lgsp_sessions (
    digest bytea PRIMARY KEY,
    key_id text NOT NULL,
    key_hash text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX lgsp_sessions_expiry ON lgsp_sessions (expires_at);
CREATE TABLE lgsp_dossiers (
    source text NOT NULL,
    code text NOT NULL,
    told jsonb NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (source, code)
);
CREATE TABLE unit_mappings (
    source text NOT NULL,
    theirs_key text NOT NULL,
    theirs text NOT NULL,
    unit text NOT NULL,
    key_id text NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (source, theirs_key)
);
CREATE TABLE held_items (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL,
    theirs_key text NOT NULL,
    theirs text NOT NULL,
    code text NOT NULL,
    items integer NOT NULL,
    digest bytea NOT NULL,
    received_at timestamptz NOT NULL,
    held_at timestamptz NOT NULL,
    key_id text NOT NULL,
    sealed bytea NOT NULL
);
CREATE INDEX held_items_waiting ON held_items (source, theirs_key, id);
CREATE INDEX held_items_dossier ON held_items (source, code, id)
"""


def upgrade() -> None:
    execute_all(TABLES)
