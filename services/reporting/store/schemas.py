"""The store beside the one in use: made anew in a schema of its own, then put in its place."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import TURN

CURRENT, NEXT, LEFT = "reporting", "reporting_next", "reporting_left"
DERIVED = frozenset(
    {
        "activities",
        "difficulties",
        "dossier_sums",
        "fields",
        "filings",
        "freshness",
        "inbox",
        "installs",
        "interviews",
        "keys",
        "lateness",
        "notice_sums",
        "notices",
        "overdue_spells",
        "pending",
        "plans",
        "reasons",
        "refolds",
        "refusals",
        "result_days",
        "results",
        "score_sums",
        "statuses",
        "submissions",
        "surveys",
        "voids",
    }
)
"""What follows from the streams; everything else moves over as it is."""

_LOCK = sa.text("SELECT pg_try_advisory_lock(hashtext('motcua.rebuild.reporting'))")
_REVISIONS = sa.text(
    f"SELECT (SELECT version_num FROM {CURRENT}.alembic_version),"
    f" (SELECT version_num FROM {NEXT}.alembic_version)"
)
_MISSING = sa.text(
    f"SELECT count(*) FROM {CURRENT}.inbox o"
    f" WHERE NOT EXISTS (SELECT FROM {NEXT}.inbox n WHERE n.uid = o.uid)"
)
_RULES = sa.text(
    f"SELECT count(*) FROM (SELECT digest, since, state FROM {CURRENT}.due_rules"
    f" EXCEPT SELECT digest, since, state FROM {NEXT}.due_rules) d"
)
_TABLES = sa.text(
    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = :schema AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
    " AND c.relname <> 'alembic_version'"
)


async def claim(connection: AsyncConnection) -> bool:
    """Be the only one who rebuilds, until the connection ends."""
    return bool(await connection.scalar(_LOCK))


async def begin(connection: AsyncConnection) -> None:
    """An empty schema for the next store; what an earlier attempt left behind is dropped."""
    for schema in (NEXT, LEFT):
        await connection.execute(sa.schema.DropSchema(schema, cascade=True, if_exists=True))
    await connection.execute(sa.schema.CreateSchema(NEXT))
    await connection.commit()


async def take_rules(connection: AsyncConnection) -> None:
    """Give the next store the rules about due dates that the present one was derived by."""
    await connection.execute(
        sa.text(f"INSERT INTO {NEXT}.due_rules SELECT * FROM {CURRENT}.due_rules")
    )
    await connection.commit()


async def same_revision(connection: AsyncConnection) -> bool:
    """Whether both stores have the same tables."""
    present, coming = (await connection.execute(_REVISIONS)).one()
    await connection.commit()
    return bool(present == coming)


async def hold(connection: AsyncConnection) -> None:
    """Let nobody write into the present store until the transaction ends."""
    await connection.execute(sa.text(f"SET LOCAL search_path = {CURRENT}"))
    for name in ("store", "roll"):
        await connection.execute(TURN, {"name": name})


async def lacking(connection: AsyncConnection) -> tuple[int, int]:
    """How many messages the present store has seen and the next one has not, and how many rules
    have changed meanwhile."""
    missing, rules = await connection.scalar(_MISSING), await connection.scalar(_RULES)
    return missing or 0, rules or 0


async def put_in_place(connection: AsyncConnection) -> None:
    """The next store becomes the present one, with all that does not follow from the streams."""
    for name in await connection.scalars(_TABLES, {"schema": CURRENT}):
        if name not in DERIVED:
            await connection.execute(sa.text(f'DROP TABLE IF EXISTS {NEXT}."{name}" CASCADE'))
            await connection.execute(sa.text(f'ALTER TABLE {CURRENT}."{name}" SET SCHEMA {NEXT}'))
    await connection.execute(sa.text(f"ALTER SCHEMA {CURRENT} RENAME TO {LEFT}"))
    await connection.execute(sa.text(f"ALTER SCHEMA {NEXT} RENAME TO {CURRENT}"))
    await connection.execute(sa.text(f"UPDATE {CURRENT}.pulse SET n = n + 1"))  # for live pages


async def clean_up(connection: AsyncConnection) -> None:
    """Drop the store that was replaced."""
    await connection.execute(sa.schema.DropSchema(LEFT, cascade=True, if_exists=True))
    await connection.commit()
