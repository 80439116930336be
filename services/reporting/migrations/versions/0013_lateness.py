"""Sums keep what came late by how late it was, and are looked up by the day it was learnt.

They are derived anew from the facts: the service does that when it starts.
"""

from shared.migrations import execute_all

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

CHANGES = """
TRUNCATE pending, dossier_sums, score_sums, notice_sums, overdue_spells;
ALTER TABLE dossier_sums DROP CONSTRAINT dossier_sums_pkey;
ALTER TABLE dossier_sums ADD PRIMARY KEY (unit, field, level, rday, block, era, authority);
ALTER TABLE score_sums DROP CONSTRAINT score_sums_pkey;
ALTER TABLE score_sums
    ADD PRIMARY KEY (unit, level, rday, block, era, domain, mode, questionnaire, item);
ALTER TABLE notice_sums DROP CONSTRAINT notice_sums_pkey;
ALTER TABLE notice_sums ADD PRIMARY KEY (unit, level, rday, block, era, channel);
INSERT INTO refolds SELECT DISTINCT 'dossier', code FROM submissions
    UNION SELECT DISTINCT 'dossier', code FROM statuses
    UNION SELECT 'survey', encode(uid, 'hex') FROM surveys
    UNION SELECT 'notice', notice FROM notices
    ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    execute_all(CHANGES)
