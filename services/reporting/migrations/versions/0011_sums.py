"""Sums by day and by month instead of one row for every day and recorded day.

They are derived anew from the facts: the service does that when it starts.
"""

from shared.migrations import execute_all

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

CHANGES = """
DROP TABLE daily, scores, refolds;
CREATE TABLE pending (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    unit text NOT NULL,
    era date NOT NULL,
    field text NOT NULL,
    authority text NOT NULL,
    business_day date NOT NULL,
    recorded_day date NOT NULL,
    received_online integer NOT NULL,
    received_counter_post integer NOT NULL,
    resolved_early integer NOT NULL,
    resolved_on_time integer NOT NULL,
    resolved_late integer NOT NULL,
    overdue integer NOT NULL,
    missing_phone integer NOT NULL,
    invalid_phone integer NOT NULL,
    missing_name integer NOT NULL,
    missing_returned_at integer NOT NULL,
    eligible integer NOT NULL,
    no_submission integer NOT NULL
);
CREATE TABLE dossier_sums (
    unit text NOT NULL,
    field text NOT NULL,
    authority text NOT NULL,
    era date NOT NULL,
    level smallint NOT NULL,
    block integer NOT NULL,
    rday date NOT NULL,
    received_online integer NOT NULL,
    received_counter_post integer NOT NULL,
    resolved_early integer NOT NULL,
    resolved_on_time integer NOT NULL,
    resolved_late integer NOT NULL,
    overdue integer NOT NULL,
    missing_phone integer NOT NULL,
    invalid_phone integer NOT NULL,
    missing_name integer NOT NULL,
    missing_returned_at integer NOT NULL,
    eligible integer NOT NULL,
    no_submission integer NOT NULL,
    PRIMARY KEY (unit, field, level, block, rday, era, authority)
);
CREATE TABLE fields (
    field text PRIMARY KEY
);
CREATE TABLE score_sums (
    unit text NOT NULL,
    domain text NOT NULL,
    mode text NOT NULL,
    questionnaire text NOT NULL,
    item text NOT NULL,
    era date NOT NULL,
    level smallint NOT NULL,
    block integer NOT NULL,
    rday date NOT NULL,
    n bigint NOT NULL,
    scored bigint NOT NULL,
    total numeric NOT NULL,
    outside bigint NOT NULL,
    PRIMARY KEY (unit, level, block, rday, era, domain, mode, questionnaire, item)
);
CREATE TABLE notice_sums (
    unit text NOT NULL,
    channel text NOT NULL,
    era date NOT NULL,
    level smallint NOT NULL,
    block integer NOT NULL,
    rday date NOT NULL,
    notices bigint NOT NULL,
    sent bigint NOT NULL,
    delivered bigint NOT NULL,
    failed bigint NOT NULL,
    segments bigint NOT NULL,
    cost bigint NOT NULL,
    priced bigint NOT NULL,
    PRIMARY KEY (unit, level, block, rday, era, channel)
);
ALTER TABLE notices ADD COLUMN sent_day date, ADD COLUMN sent_rday date,
    ADD COLUMN failed_day date, ADD COLUMN failed_rday date,
    ADD COLUMN delivered_day date, ADD COLUMN delivered_rday date,
    ADD COLUMN wrong_day date, ADD COLUMN wrong_rday date;
UPDATE notices SET wrong_day = day, wrong_rday = day WHERE reason = 'wrong_number';
UPDATE notices SET sent_day = day, sent_rday = day WHERE state = 'sent';
UPDATE notices SET failed_day = day, failed_rday = day WHERE state = 'failed'
    AND reason IS DISTINCT FROM 'wrong_number';
UPDATE notices SET delivered_day = day, delivered_rday = day WHERE state = 'delivered';
DROP INDEX notices_day;
ALTER TABLE notices DROP COLUMN day, DROP COLUMN state;
CREATE INDEX notices_undeliverable ON notices (greatest(failed_day, wrong_day))
    WHERE channel = 'sms' AND (wrong_day IS NOT NULL OR reason IN ('carrier', 'refused'));
TRUNCATE overdue_spells;
DROP INDEX overdue_spells_days;
CREATE INDEX overdue_spells_open ON overdue_spells (unit, due_day, code COLLATE "C")
    WHERE until = DATE 'infinity' AND known_until = DATE 'infinity';
CREATE INDEX overdue_spells_past ON overdue_spells
    USING gist (daterange(since, until), daterange(known_from, known_until))
    WHERE NOT (until = DATE 'infinity' AND known_until = DATE 'infinity');
CREATE TABLE refolds (
    kind text NOT NULL,
    code text NOT NULL,
    PRIMARY KEY (kind, code)
);
INSERT INTO refolds SELECT DISTINCT 'dossier', code FROM submissions
    UNION SELECT DISTINCT 'dossier', code FROM statuses
    UNION SELECT 'survey', encode(uid, 'hex') FROM surveys
    UNION SELECT 'notice', notice FROM notices
"""


def upgrade() -> None:
    execute_all(CHANGES)
