"""What units say of their figures before a month is locked."""

from shared.migrations import execute_all

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE confirmations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    report text NOT NULL,
    month text NOT NULL,
    unit text NOT NULL,
    state text NOT NULL,
    dossier text,
    remark text,
    at timestamptz NOT NULL,
    by text NOT NULL,
    figures jsonb NOT NULL
);
CREATE INDEX confirmations_month ON confirmations (month, report, unit)
"""


def upgrade() -> None:
    execute_all(TABLES)
