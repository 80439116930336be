"""Reasons given in surveys, the dossiers they are about, samples of dossiers to ask about."""

from shared.migrations import execute_all

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = """
ALTER TABLE surveys ADD COLUMN reasons jsonb NOT NULL DEFAULT '{}';
ALTER TABLE surveys ALTER COLUMN reasons DROP DEFAULT;
ALTER TABLE surveys ADD COLUMN dossier text;
CREATE INDEX surveys_dossier ON surveys (dossier) WHERE dossier IS NOT NULL;
CREATE INDEX submissions_unit ON submissions (unit, code);
CREATE TABLE reasons (
    unit text NOT NULL,
    domain text NOT NULL,
    mode text NOT NULL,
    item text NOT NULL,
    reason text NOT NULL,
    business_day date NOT NULL,
    recorded_day date NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (unit, domain, mode, item, reason, business_day, recorded_day)
);
CREATE TABLE samples (
    id text PRIMARY KEY,
    parameters jsonb NOT NULL,
    seed text NOT NULL,
    size integer NOT NULL,
    title text NOT NULL,
    units text[],
    created_at timestamptz NOT NULL,
    created_by text NOT NULL
);
CREATE TABLE sample_units (
    sample text NOT NULL,
    unit text NOT NULL,
    era date NOT NULL,
    eligible bigint NOT NULL,
    drawn bigint NOT NULL,
    PRIMARY KEY (sample, unit, era)
);
CREATE TABLE sample_dossiers (
    sample text NOT NULL,
    number integer NOT NULL,
    code text NOT NULL,
    unit text NOT NULL,
    era date NOT NULL,
    field text NOT NULL,
    returned date NOT NULL,
    PRIMARY KEY (sample, number)
)
"""


def upgrade() -> None:
    execute_all(TABLES)
