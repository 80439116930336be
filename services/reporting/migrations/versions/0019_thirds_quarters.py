"""Sums of thirds of months and of quarters, and of all authorities of a unit together.

They are added up from the days and months that are there.
"""

from shared.migrations import execute_all

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_DOSSIERS = (
    "received_online",
    "received_counter_post",
    "resolved_early",
    "resolved_on_time",
    "resolved_late",
    "overdue",
    "missing_phone",
    "invalid_phone",
    "missing_name",
    "missing_returned_at",
    "eligible",
    "no_submission",
)
_SCORES = ("n", "scored", "total", "outside")
_NOTICES = ("notices", "sent", "delivered", "failed", "segments", "cost", "priced")
_DAY = "(DATE '0001-01-01' + block)"
_THIRD = f"""CAST((extract(year FROM {_DAY}) * 12 + extract(month FROM {_DAY}) - 1) * 3
    + least(CAST(extract(day FROM {_DAY}) - 1 AS integer) / 10, 2) AS integer)"""


def _sum(table: str, keys: tuple[str, ...], figures: tuple[str, ...], level: int) -> str:
    """What adds the blocks of a level up from the smaller ones."""
    block, smaller = (_THIRD, 0) if level == -1 else ("block / 3", 1)
    named = ", ".join(keys)
    return f"""
INSERT INTO {table} ({named}, era, level, block, rday, {", ".join(figures)})
SELECT {named}, era, {level}, {block}, rday, {", ".join(f"sum({name})" for name in figures)}
FROM {table} WHERE level = {smaller} GROUP BY {named}, era, {block}, rday
"""


_TOGETHER = f"""
INSERT INTO dossier_sums (unit, field, authority, era, level, block, rday, {", ".join(_DOSSIERS)})
SELECT unit, field, '*', era, level, block, rday, {", ".join(f"sum({name})" for name in _DOSSIERS)}
FROM dossier_sums WHERE field = '' GROUP BY unit, field, era, level, block, rday
"""
_TABLES = (
    ("dossier_sums", ("unit", "field", "authority"), _DOSSIERS),
    ("score_sums", ("unit", "domain", "mode", "questionnaire", "item"), _SCORES),
    ("notice_sums", ("unit", "channel"), _NOTICES),
)
_LATENESS = """
CREATE TABLE lateness (
    sums text NOT NULL,
    level smallint NOT NULL,
    PRIMARY KEY (sums, level)
)
"""


def upgrade() -> None:
    execute_all(_LATENESS)
    execute_all(_TOGETHER)
    for table, keys, figures in _TABLES:
        late = f"SELECT DISTINCT '{table}', level FROM {table} WHERE level >= 2"
        execute_all(f"INSERT INTO lateness {late}")
        for level in (-1, -2):
            execute_all(_sum(table, keys, figures, level))
