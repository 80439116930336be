"""People who look at the pages: who they are, their sessions, what they tried in vain, their filters."""

from shared.migrations import execute_all

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE users (
    name text PRIMARY KEY,
    display_name text NOT NULL,
    role text NOT NULL,
    units text[] NOT NULL,
    password text,
    issuer text,
    subject text,
    created_at timestamptz NOT NULL,
    disabled_at timestamptz
);
CREATE UNIQUE INDEX users_by_subject ON users (issuer, subject);
CREATE TABLE sessions (
    token bytea PRIMARY KEY,
    user_name text NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_name);
CREATE TABLE login_attempts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account bytea NOT NULL,
    address bytea NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX login_attempts_by_time ON login_attempts (at);
CREATE TABLE saved_filters (
    owner text NOT NULL,
    name text NOT NULL,
    address text NOT NULL,
    PRIMARY KEY (owner, name)
)
"""


def upgrade() -> None:
    execute_all(TABLES)
