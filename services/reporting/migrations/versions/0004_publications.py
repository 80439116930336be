"""Published reports, frozen in all their revisions."""

from shared.migrations import execute_all

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE publications (
    slug text PRIMARY KEY,
    report text NOT NULL,
    parameters jsonb NOT NULL,
    title text NOT NULL,
    plan text,
    units text[],
    told text[] NOT NULL,
    month text,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    withdrawn_at timestamptz,
    withdrawn_by text,
    withdrawn_reason text
);
CREATE INDEX publications_newest ON publications (created_at, slug);
CREATE INDEX publications_month ON publications (month, report) WHERE month IS NOT NULL;
CREATE TABLE publication_revisions (
    slug text NOT NULL,
    number integer NOT NULL,
    at timestamptz NOT NULL,
    by text NOT NULL,
    reason text,
    document bytea NOT NULL,
    differences bytea NOT NULL,
    confirmations bytea NOT NULL,
    PRIMARY KEY (slug, number)
);
CREATE TABLE publication_files (
    slug text NOT NULL,
    number integer NOT NULL,
    format text NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (slug, number, format)
)
"""


def upgrade() -> None:
    execute_all(TABLES)
