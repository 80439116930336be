"""The pages of dossiers, and addresses that are not their applicants'.

The key of the tokens is drawn here, once: two random UUIDs hold 244 random bits.
"""

from shared.migrations import execute_all

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

STATEMENTS = """
CREATE TABLE secrets (
    name text PRIMARY KEY,
    value bytea NOT NULL
);
INSERT INTO secrets (name, value)
    VALUES ('links', uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
CREATE TABLE status_links (
    token text PRIMARY KEY,
    code text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE TABLE barred (
    address text NOT NULL,
    code text NOT NULL,
    channel text NOT NULL,
    everywhere boolean NOT NULL,
    at timestamptz NOT NULL,
    how text NOT NULL,
    lifted_at timestamptz,
    lifted_by text,
    PRIMARY KEY (address, code)
);
CREATE INDEX barred_code ON barred (code);
CREATE INDEX contacts_phone ON contacts (phone) WHERE phone IS NOT NULL;
CREATE INDEX contacts_email ON contacts (email) WHERE email IS NOT NULL
"""


def upgrade() -> None:
    execute_all(STATEMENTS)
