"""Compact facts, running sums, overdue spells, plans."""

from shared.migrations import COMMON_V1, execute_all

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE submissions (
    uid bytea PRIMARY KEY,
    code text NOT NULL,
    time timestamptz NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    rday date NOT NULL,
    unit text NOT NULL,
    credited_unit text,
    field text NOT NULL,
    procedure text NOT NULL,
    authority text NOT NULL,
    channel text NOT NULL,
    submitted_at timestamptz NOT NULL,
    received_at timestamptz,
    due_at timestamptz,
    assisted_by text,
    quality jsonb NOT NULL
);
CREATE INDEX submissions_code ON submissions (code);
CREATE TABLE statuses (
    uid bytea PRIMARY KEY,
    code text NOT NULL,
    time timestamptz NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    rday date NOT NULL,
    unit text NOT NULL,
    status text NOT NULL,
    at timestamptz NOT NULL,
    due_at timestamptz,
    department text,
    returned_at timestamptz
);
CREATE INDEX statuses_code ON statuses (code);
CREATE TABLE installs (
    uid bytea PRIMARY KEY,
    time timestamptz NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    rday date NOT NULL,
    day date NOT NULL,
    unit text NOT NULL,
    app text NOT NULL,
    installer text NOT NULL,
    place text NOT NULL,
    succeeded boolean NOT NULL,
    device text,
    citizen text
);
CREATE INDEX installs_day ON installs (day);
CREATE TABLE surveys (
    uid bytea PRIMARY KEY,
    time timestamptz NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    rday date NOT NULL,
    day date NOT NULL,
    unit text NOT NULL,
    domain text NOT NULL,
    mode text NOT NULL,
    questionnaire text NOT NULL,
    scores jsonb NOT NULL
);
CREATE TABLE filings (
    uid bytea PRIMARY KEY,
    type text NOT NULL,
    time timestamptz NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    rday date NOT NULL,
    unit text NOT NULL,
    data jsonb NOT NULL
);
CREATE INDEX filings_unit ON filings (unit, time);
CREATE TABLE voids (
    target bytea PRIMARY KEY,
    rday date NOT NULL
);
CREATE TABLE daily (
    measure text NOT NULL,
    unit text NOT NULL,
    field text NOT NULL,
    authority text NOT NULL,
    channel text NOT NULL,
    business_day date NOT NULL,
    recorded_day date NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (measure, unit, field, authority, channel, business_day, recorded_day)
);
CREATE INDEX daily_business_day ON daily (business_day);
CREATE TABLE scores (
    unit text NOT NULL,
    domain text NOT NULL,
    mode text NOT NULL,
    item text NOT NULL,
    business_day date NOT NULL,
    recorded_day date NOT NULL,
    n bigint NOT NULL,
    scored bigint NOT NULL,
    total numeric NOT NULL,
    PRIMARY KEY (unit, domain, mode, item, business_day, recorded_day)
);
CREATE TABLE overdue_spells (
    code text NOT NULL,
    unit text NOT NULL,
    field text NOT NULL,
    department text,
    due_day date NOT NULL,
    since date NOT NULL,
    until date NOT NULL,
    known_from date NOT NULL,
    known_until date NOT NULL,
    PRIMARY KEY (code, since, known_from)
);
CREATE INDEX overdue_spells_days ON overdue_spells (known_until, until, due_day, code);
CREATE TABLE plans (
    plan text NOT NULL,
    version integer NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (plan, version)
);
CREATE TABLE freshness (
    id integer PRIMARY KEY CHECK (id = 1),
    received_at timestamptz NOT NULL
)
"""


def upgrade() -> None:
    execute_all(COMMON_V1)
    execute_all(TABLES)
