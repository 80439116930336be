"""Sources and their secrets, arrivals by day, quarantine that is worked off, sandbox, erasure."""

from alembic import op

from shared.migrations import execute_all

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE sources (
    source text PRIMARY KEY,
    name text UNIQUE,
    units text[] NOT NULL DEFAULT '{}',
    signing text NOT NULL DEFAULT 'optional',
    events_per_minute integer,
    created_at timestamptz NOT NULL
);
CREATE TABLE source_secrets (
    id text PRIMARY KEY,
    source text NOT NULL,
    sealed bytea NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX source_secrets_source ON source_secrets (source, created_at);
CREATE TABLE arrivals (
    source text NOT NULL,
    day date NOT NULL,
    accepted bigint NOT NULL,
    duplicate bigint NOT NULL,
    conflict bigint NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (source, day)
);
INSERT INTO arrivals (source, day, accepted, duplicate, conflict, last_at)
    SELECT source, (received_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date, count(*), 0, 0,
    max(received_at) FROM events GROUP BY 1, 2;
CREATE TABLE silences (
    source text NOT NULL,
    state text NOT NULL,
    since date NOT NULL,
    noticed_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE UNIQUE INDEX silences_open ON silences (source) WHERE ended_at IS NULL;
CREATE TABLE allowances (
    bucket text PRIMARY KEY,
    tokens double precision NOT NULL,
    filled_at timestamptz NOT NULL
);
CREATE TABLE answers (
    caller text NOT NULL,
    key text NOT NULL,
    digest bytea NOT NULL,
    status integer NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (caller, key)
);
CREATE INDEX answers_created ON answers (created_at);
CREATE TABLE sandbox_events (LIKE events INCLUDING ALL);
ALTER TABLE contact_tokens ADD erased_at timestamptz;
ALTER TABLE contact_tokens ADD purge_due boolean NOT NULL DEFAULT false;
CREATE INDEX contact_tokens_purge ON contact_tokens (code) WHERE purge_due;
CREATE TABLE access_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    key_id text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    reason text
);
ALTER TABLE quarantine ADD uid bytea;
ALTER TABLE quarantine ADD fingerprint bytea;
ALTER TABLE quarantine ADD day date;
ALTER TABLE quarantine ADD codes text[] NOT NULL DEFAULT '{}';
ALTER TABLE quarantine ADD dossier text;
ALTER TABLE quarantine ADD state text NOT NULL DEFAULT 'open';
ALTER TABLE quarantine ADD corrected_at timestamptz;
ALTER TABLE quarantine ADD times integer NOT NULL DEFAULT 1;
ALTER TABLE quarantine ADD last_at timestamptz;
ALTER TABLE quarantine ADD sealed bytea;
UPDATE quarantine SET day = (received_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date,
    last_at = received_at, codes = ARRAY(SELECT DISTINCT e ->> 'code' FROM
    jsonb_array_elements(errors) AS e);
ALTER TABLE quarantine ALTER day SET NOT NULL;
ALTER TABLE quarantine ALTER last_at SET NOT NULL;
CREATE UNIQUE INDEX quarantine_once ON quarantine (fingerprint);
CREATE INDEX quarantine_uid ON quarantine (uid) WHERE uid IS NOT NULL;
CREATE INDEX quarantine_day ON quarantine (day, id);
CREATE INDEX quarantine_dossier ON quarantine (dossier) WHERE sealed IS NOT NULL
"""


def upgrade() -> None:
    execute_all(TABLES)
    op.execute(
        "UPDATE quarantine SET uid = substring(sha256("
        "convert_to(source, 'UTF8') || '\\x00'::bytea || convert_to(event_id, 'UTF8')) for 16)"
        " WHERE source IS NOT NULL AND event_id IS NOT NULL"
    )
