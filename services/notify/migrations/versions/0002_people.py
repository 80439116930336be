"""What people decided about being told, what was erased, and who read contact data."""

from shared.migrations import execute_all

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE consents (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token text,
    code text,
    purpose text NOT NULL,
    channels text[],
    withdrawn boolean NOT NULL,
    at timestamptz NOT NULL,
    how text NOT NULL,
    note text,
    key_id text NOT NULL,
    key_name text NOT NULL,
    recorded_at timestamptz NOT NULL,
    CHECK (num_nonnulls(token, code) = 1)
);
CREATE INDEX consents_code ON consents (code, at, id) WHERE code IS NOT NULL;
CREATE INDEX consents_token ON consents (token, at, id) WHERE token IS NOT NULL;
CREATE TABLE erasures (
    token text PRIMARY KEY,
    erased_at timestamptz NOT NULL,
    key_id text NOT NULL,
    key_name text NOT NULL,
    why text,
    purged_at timestamptz
);
CREATE INDEX erasures_unpurged ON erasures (erased_at) WHERE purged_at IS NULL;
CREATE TABLE contact_access (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token text NOT NULL,
    at timestamptz NOT NULL,
    key_id text NOT NULL,
    key_name text NOT NULL,
    action text NOT NULL,
    why text
);
CREATE INDEX contact_access_token ON contact_access (token, id);
ALTER TABLE contacts ADD COLUMN erased boolean NOT NULL DEFAULT false
"""


def upgrade() -> None:
    execute_all(TABLES)
