"""How often figures have changed: what live pages watch."""

from shared.migrations import execute_all

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE pulse (
    id integer PRIMARY KEY,
    n bigint NOT NULL
);
INSERT INTO pulse VALUES (1, 0)
"""


def upgrade() -> None:
    execute_all(TABLES)
