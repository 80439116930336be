"""Scores by questionnaire, and how many answers lie outside the scale of their item."""

from shared.migrations import execute_all

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

CHANGES = """
DROP TABLE scores;
CREATE TABLE scores (
    unit text NOT NULL,
    domain text NOT NULL,
    mode text NOT NULL,
    questionnaire text NOT NULL,
    item text NOT NULL,
    business_day date NOT NULL,
    recorded_day date NOT NULL,
    n bigint NOT NULL,
    scored bigint NOT NULL,
    total numeric NOT NULL,
    outside bigint NOT NULL,
    PRIMARY KEY (unit, domain, mode, questionnaire, item, business_day, recorded_day)
);
INSERT INTO scores
SELECT unit, domain, mode, questionnaire, a.item, day, c.rday, sum(c.sign),
    coalesce(sum(c.sign) FILTER (WHERE a.score IS NOT NULL), 0), coalesce(sum(c.sign * a.score), 0), 0
FROM surveys f LEFT JOIN voids v ON v.target = f.uid
CROSS JOIN LATERAL (
    SELECT key AS item, CAST(value AS numeric) AS score FROM jsonb_each_text(f.scores)) a
CROSS JOIN LATERAL (VALUES (1, f.rday), (-1, v.rday)) AS c(sign, rday)
WHERE c.rday IS NOT NULL AND (v.rday IS NULL OR v.rday > f.rday)
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""


def upgrade() -> None:
    execute_all(CHANGES)
