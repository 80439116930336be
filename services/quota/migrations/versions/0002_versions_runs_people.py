"""Versions by day, counts by month, decisions, runs, people, roster.

Counts are now kept by month and stand in need of being counted anew: the service does that at its
start, for the plans named in ``recounts``.
"""

from shared.migrations import execute_all

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CHANGES = """
ALTER TABLE plans ADD COLUMN effective_from date NOT NULL DEFAULT '0001-01-01';
ALTER TABLE plans ALTER COLUMN effective_from DROP DEFAULT;
UPDATE plans p SET effective_from = (p.document::jsonb ->> 'effective_from')::date
    WHERE p.document::jsonb ->> 'effective_from' IS NOT NULL AND p.version > 1;
CREATE TABLE recounts (
    plan text PRIMARY KEY
);
INSERT INTO recounts SELECT DISTINCT plan FROM plans;
TRUNCATE memberships, counted, counters, winners;
ALTER TABLE winners DROP COLUMN payable;
ALTER TABLE winners ADD COLUMN state text NOT NULL DEFAULT 'held';
ALTER TABLE winners ADD COLUMN beyond boolean NOT NULL DEFAULT false;
ALTER TABLE winners ADD COLUMN amount bigint NOT NULL DEFAULT 0;
ALTER TABLE ledger ADD COLUMN occurred_at timestamptz;
UPDATE ledger l SET occurred_at = f.occurred_at FROM facts f
    WHERE f.source = l.source AND f.event_id = l.event_id;
UPDATE ledger SET occurred_at = booked_at WHERE occurred_at IS NULL;
ALTER TABLE ledger ALTER COLUMN occurred_at SET NOT NULL;
CREATE TABLE decisions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan text NOT NULL,
    indicator text NOT NULL,
    key text NOT NULL,
    decision text NOT NULL,
    document text NOT NULL,
    note text,
    decided_by text NOT NULL,
    decided_at timestamptz NOT NULL
);
CREATE INDEX decisions_key ON decisions (plan, indicator, key, id);
CREATE TABLE runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan text NOT NULL,
    month text NOT NULL,
    closed_by text NOT NULL,
    closed_at timestamptz NOT NULL,
    UNIQUE (plan, month)
);
CREATE TABLE run_entries (
    entry_id bigint PRIMARY KEY REFERENCES ledger (id),
    run_id bigint NOT NULL REFERENCES runs (id)
);
CREATE INDEX run_entries_run ON run_entries (run_id);
CREATE TABLE people (
    code text NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    name text NOT NULL,
    role text NOT NULL,
    unit text NOT NULL,
    PRIMARY KEY (code, valid_from)
);
CREATE INDEX people_unit ON people (unit);
CREATE TABLE roster (
    unit text NOT NULL,
    day date NOT NULL,
    session text NOT NULL,
    member text NOT NULL,
    PRIMARY KEY (unit, day, session, member)
);
CREATE INDEX roster_day ON roster (day, unit);
CREATE TABLE checked_days (
    day date PRIMARY KEY
);
CREATE INDEX facts_duty ON facts ((data ->> 'unit'), occurred_at)
    WHERE type = 'motcua.activity.recorded.v1' AND data ->> 'kind' = 'duty';
CREATE INDEX facts_citizen ON facts ((data ->> 'citizen')) WHERE data ->> 'citizen' IS NOT NULL
"""


def upgrade() -> None:
    execute_all(CHANGES)
