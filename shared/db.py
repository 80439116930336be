"""One PostgreSQL schema per service: engine, transactions, migrations."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

STUCK_TRANSACTION_MS = 30_000
COMMAND_SECONDS = 20
"""How long a statement may take: a database that hangs must not hang its callers."""
LONG_COMMAND_SECONDS = 900
TURN = sa.text(  # locks are per database, and the services may share one: the schema is part of it
    "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.' || :name, 0))"
)


class Database:
    """A service's own schema in a PostgreSQL database, reached through asyncpg.

    Args:
        url: ``postgresql://user:password@host:port/database``.
        schema: the service's schema; every statement runs with it as ``search_path``.
        pool: connections kept.
    """

    def __init__(self, url: str, schema: str, pool: int = 8) -> None:
        self.schema = schema
        self.url = make_url(url).set(drivername="postgresql+asyncpg")
        self.engine = self._engine(
            COMMAND_SECONDS, pool_size=pool, max_overflow=pool, pool_pre_ping=True
        )

    def _engine(self, seconds: float | None, **pool: Any) -> AsyncEngine:
        return create_async_engine(
            self.url,
            hide_parameters=True,
            json_deserializer=orjson.loads,
            connect_args={
                "timeout": 10,
                "command_timeout": seconds,
                "server_settings": {
                    "search_path": self.schema,
                    "timezone": "UTC",
                    "application_name": f"motcua-{self.schema}",
                    "idle_in_transaction_session_timeout": str(STUCK_TRANSACTION_MS),
                },
            },
            **pool,
        )

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session whose work is committed at the end of the block, or undone on an error."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextlib.asynccontextmanager
    async def long_transaction(self) -> AsyncIterator[AsyncSession]:
        """The same on a connection of its own, whose statements may take long: for what runs aside
        while nobody waits."""
        engine = self._engine(LONG_COMMAND_SECONDS, poolclass=sa.NullPool)
        try:
            async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
                yield session
        finally:
            await engine.dispose()

    async def ping(self) -> None:
        """Raise unless the database answers."""
        async with self.engine.connect() as connection:
            await connection.execute(sa.text("SELECT 1"))

    async def migrate(self, scripts: Path) -> None:
        """Create the schema where missing and bring it to the newest revision in ``scripts``.

        Replicas that start together take turns on an advisory lock. A migration may take long.
        """
        engine = self._engine(None, poolclass=sa.NullPool)
        try:
            async with engine.connect() as connection:
                await connection.run_sync(_upgrade, self.schema, scripts)
        finally:
            await engine.dispose()

    async def close(self) -> None:
        await self.engine.dispose()


def _upgrade(connection: sa.Connection, schema: str, scripts: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(scripts))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["schema"] = schema
    lock = {"name": f"motcua.migrate.{schema}"}
    connection.execute(sa.text("SELECT pg_advisory_lock(hashtext(:name))"), lock)
    try:
        exists = sa.text("SELECT 1 FROM pg_namespace WHERE nspname = :schema")
        if connection.scalar(exists, {"schema": schema}) is None:
            connection.execute(sa.schema.CreateSchema(schema, if_not_exists=True))
        connection.commit()
        command.upgrade(config, "head")
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    finally:
        connection.execute(sa.text("SELECT pg_advisory_unlock(hashtext(:name))"), lock)
        connection.commit()


async def take_turn(session: AsyncSession, name: str) -> None:
    """Wait until no other transaction writes the store ``name``, and keep it until commit.

    Batches of one store are applied one after another, whichever replica runs them: the work
    inside is set-based and short, and taking turns is what makes its result exact.
    """
    await session.execute(TURN, {"name": name})
