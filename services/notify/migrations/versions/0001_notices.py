"""Events of dossiers and duties, contacts, deadlines, officers, notices and their attempts."""

from shared.migrations import COMMON_V1, execute_all

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE events (
    uid bytea PRIMARY KEY,
    subject text NOT NULL,
    type text NOT NULL,
    unit text NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    data jsonb NOT NULL
);
CREATE INDEX events_subject ON events (subject);
CREATE INDEX events_handed_in ON events (unit)
    WHERE type IN ('motcua.list.delivered.v1', 'motcua.report.filed.v1');
CREATE TABLE voids (
    uid bytea PRIMARY KEY,
    received_at timestamptz NOT NULL
);
CREATE TABLE contacts (
    code text PRIMARY KEY,
    token text NOT NULL,
    name text,
    phone text,
    email text,
    notify text[],
    source text NOT NULL,
    event_id text NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL
);
CREATE INDEX contacts_token ON contacts (token);
CREATE TABLE plans (
    plan text NOT NULL,
    version integer NOT NULL,
    applied_at timestamptz NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (plan, version)
);
CREATE TABLE deadlines (
    kind text NOT NULL,
    key text NOT NULL,
    version text NOT NULL,
    number integer NOT NULL,
    subject text NOT NULL,
    unit text NOT NULL,
    due_at timestamptz,
    due_day date,
    state text NOT NULL,
    slips_at timestamptz,
    next_at timestamptz,
    announced_at timestamptz,
    fulfilled_at timestamptz,
    moved boolean NOT NULL DEFAULT false,
    origin bytea NOT NULL,
    source text NOT NULL,
    origin_time timestamptz NOT NULL,
    plan text,
    obligation text,
    period text,
    facts jsonb NOT NULL,
    PRIMARY KEY (kind, key, version)
);
CREATE INDEX deadlines_next ON deadlines (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX deadlines_list ON deadlines (due_day, kind, key, version);
CREATE INDEX deadlines_unit ON deadlines (unit, due_day);
CREATE INDEX deadlines_plan ON deadlines (plan) WHERE plan IS NOT NULL;
CREATE TABLE officers (
    id text PRIMARY KEY,
    unit text NOT NULL,
    name text,
    role text,
    phone text,
    email text,
    valid_from date,
    valid_to date
);
CREATE INDEX officers_unit ON officers (unit);
CREATE TABLE notices (
    seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    id uuid PRIMARY KEY,
    subject text NOT NULL,
    kind text NOT NULL,
    version text NOT NULL,
    audience text NOT NULL,
    recipient text NOT NULL,
    channel text,
    address text,
    unit text NOT NULL,
    state text NOT NULL,
    reason text,
    at timestamptz NOT NULL,
    event_uid bytea NOT NULL,
    event_source text NOT NULL,
    event_time timestamptz NOT NULL,
    stale_at timestamptz,
    next_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    receipt_failed boolean NOT NULL DEFAULT false,
    claimed_by text,
    claimed_at timestamptz,
    provider text,
    facts jsonb NOT NULL,
    title text,
    body text NOT NULL,
    segments integer NOT NULL,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX notices_identity
    ON notices (subject, kind, version, audience, recipient, coalesce(channel, ''))
    WHERE state <> 'cancelled';
CREATE INDEX notices_event ON notices (event_uid);
CREATE INDEX notices_next ON notices (next_at, seq) WHERE state IN ('ready', 'retrying');
CREATE INDEX notices_stale ON notices (stale_at)
    WHERE state IN ('waiting_contact', 'ready', 'retrying');
CREATE INDEX notices_sending ON notices (claimed_at) WHERE state = 'sending';
CREATE INDEX notices_unit ON notices (unit, seq);
CREATE INDEX notices_state ON notices (state, seq);
CREATE TABLE notice_history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notice uuid NOT NULL,
    at timestamptz NOT NULL,
    state text NOT NULL,
    reason text,
    detail text
);
CREATE INDEX notice_history_notice ON notice_history (notice, id);
CREATE TABLE attempts (
    notice uuid NOT NULL,
    number integer NOT NULL,
    provider text NOT NULL,
    reference text NOT NULL UNIQUE,
    instance text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    verdict text,
    detail text,
    PRIMARY KEY (notice, number)
)
"""


def upgrade() -> None:
    execute_all(COMMON_V1)
    execute_all(TABLES)
