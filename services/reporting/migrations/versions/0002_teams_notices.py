"""Activities, difficulties, what became of notices, how many events were refused."""

from shared.migrations import execute_all

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE activities (
    uid bytea PRIMARY KEY,
    time timestamptz NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    rday date NOT NULL,
    day date NOT NULL,
    unit text NOT NULL,
    team text NOT NULL,
    member text NOT NULL,
    kind text NOT NULL,
    people bigint NOT NULL
);
CREATE INDEX activities_day ON activities (day);
CREATE TABLE difficulties (
    uid bytea PRIMARY KEY,
    time timestamptz NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    rday date NOT NULL,
    day date NOT NULL,
    unit text NOT NULL,
    difficulty text NOT NULL,
    category text NOT NULL,
    text text NOT NULL,
    resolved boolean NOT NULL
);
CREATE INDEX difficulties_difficulty ON difficulties (difficulty);
CREATE TABLE notices (
    notice text PRIMARY KEY,
    unit text NOT NULL,
    channel text NOT NULL,
    template text NOT NULL,
    subject text NOT NULL,
    segments bigint NOT NULL,
    cost bigint,
    day date NOT NULL,
    state text NOT NULL,
    reason text
);
CREATE INDEX notices_day ON notices (day);
CREATE TABLE refusals (
    unit text NOT NULL,
    day date NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (unit, day)
)
"""


def upgrade() -> None:
    execute_all(TABLES)
