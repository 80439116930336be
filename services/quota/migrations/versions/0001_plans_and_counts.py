"""Plans, facts, counts, stipends."""

from shared.migrations import COMMON_V1, execute_all

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE plans (
    plan text NOT NULL,
    version integer NOT NULL,
    digest text NOT NULL,
    document text NOT NULL,
    applied_at timestamptz NOT NULL,
    PRIMARY KEY (plan, version)
);
CREATE TABLE facts (
    uid bytea PRIMARY KEY,
    type text NOT NULL,
    code text,
    occurred_at timestamptz NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    rday date NOT NULL,
    data jsonb NOT NULL
);
CREATE INDEX facts_code ON facts (code) WHERE code IS NOT NULL;
CREATE INDEX facts_type ON facts (type, uid);
CREATE TABLE voids (
    uid bytea PRIMARY KEY,
    rday date NOT NULL
);
CREATE TABLE memberships (
    plan text NOT NULL,
    indicator text NOT NULL,
    part text NOT NULL,
    key text NOT NULL,
    uid bytea NOT NULL,
    PRIMARY KEY (plan, indicator, part, key, uid)
);
CREATE INDEX memberships_uid ON memberships (uid);
CREATE TABLE counted (
    plan text NOT NULL,
    indicator text NOT NULL,
    part text NOT NULL,
    key text NOT NULL,
    unit text NOT NULL,
    period text NOT NULL,
    rday date NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (plan, indicator, part, key, unit, period, rday)
);
CREATE TABLE counters (
    plan text NOT NULL,
    indicator text NOT NULL,
    part text NOT NULL,
    unit text NOT NULL,
    period text NOT NULL,
    rday date NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (plan, indicator, part, unit, period, rday)
);
CREATE TABLE winners (
    plan text NOT NULL,
    indicator text NOT NULL,
    key text NOT NULL,
    unit text NOT NULL,
    installer text,
    occurred_at timestamptz NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    payable boolean NOT NULL DEFAULT false,
    PRIMARY KEY (plan, indicator, key)
);
CREATE INDEX winners_unit ON winners (plan, indicator, unit);
CREATE TABLE ledger (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan text NOT NULL,
    version integer NOT NULL,
    indicator text NOT NULL,
    unit text NOT NULL,
    installer text,
    source text NOT NULL,
    event_id text NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    reason text NOT NULL,
    booked_at timestamptz NOT NULL
);
CREATE INDEX ledger_plan ON ledger (plan, unit, id);
CREATE TABLE milestones (
    plan text NOT NULL,
    version integer NOT NULL,
    indicator text NOT NULL,
    unit text NOT NULL,
    period text NOT NULL,
    percent integer NOT NULL,
    PRIMARY KEY (plan, version, indicator, unit, period, percent)
)
"""


def upgrade() -> None:
    execute_all(COMMON_V1)
    execute_all(TABLES)
