"""Sums of dossiers apart by how they are read: of whole units, of their authorities, of fields.

What is asked of many units for some days lies together then, instead of among twenty times as much
about fields.
"""

from shared.migrations import execute_all

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

CHANGES = """
ALTER TABLE dossier_sums RENAME TO dossier_sums_before;
CREATE TABLE dossier_sums (LIKE dossier_sums_before INCLUDING DEFAULTS) PARTITION BY LIST (field);
CREATE TABLE dossier_sums_units PARTITION OF dossier_sums FOR VALUES IN ('')
    PARTITION BY LIST (authority);
CREATE TABLE dossier_sums_whole PARTITION OF dossier_sums_units FOR VALUES IN ('*');
CREATE TABLE dossier_sums_authorities PARTITION OF dossier_sums_units DEFAULT;
CREATE TABLE dossier_sums_fields PARTITION OF dossier_sums DEFAULT;
INSERT INTO dossier_sums SELECT * FROM dossier_sums_before
    ORDER BY field, authority, level, rday, block, unit;
DROP TABLE dossier_sums_before;
ALTER TABLE dossier_sums ADD PRIMARY KEY (unit, field, level, rday, block, era, authority);
CREATE INDEX dossier_sums_across ON dossier_sums (field, level, rday, block, authority)
    WHERE level > -9;
ANALYZE dossier_sums
"""


def upgrade() -> None:
    execute_all(CHANGES)
