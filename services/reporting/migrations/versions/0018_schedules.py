"""Reports that are ordered for a time."""

from shared.migrations import execute_all

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE schedules (
    id text PRIMARY KEY,
    owner text NOT NULL,
    owner_name text NOT NULL,
    body jsonb NOT NULL,
    units text[],
    revision integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    paused_at timestamptz,
    next_at timestamptz,
    asked_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    not_before timestamptz,
    reason text
);
CREATE INDEX schedules_due ON schedules (next_at) WHERE paused_at IS NULL;
CREATE TABLE schedule_runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schedule text NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
    due_at timestamptz NOT NULL,
    asked boolean NOT NULL,
    state text NOT NULL,
    late boolean NOT NULL,
    missed integer NOT NULL,
    first date,
    last date,
    file text,
    bytes bigint NOT NULL,
    rows bigint NOT NULL,
    reason text,
    at timestamptz NOT NULL,
    UNIQUE (schedule, due_at)
);
CREATE INDEX schedule_runs_at ON schedule_runs (at);
CREATE TABLE schedule_files (
    run bigint NOT NULL REFERENCES schedule_runs (id) ON DELETE CASCADE,
    number integer NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (run, number)
)
"""


def upgrade() -> None:
    execute_all(TABLES)
