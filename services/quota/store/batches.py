"""Batches go in as one statement each, whatever their size."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession


async def insert(
    session: AsyncSession,
    table: str,
    types: Mapping[str, str],
    rows: Sequence[Sequence[Any]],
    after: str = "",
) -> list[Any]:
    """Insert rows by one ``INSERT ... SELECT FROM unnest``; ``after`` may return something."""
    if not rows:
        return []
    columns = dict(zip(types, zip(*rows, strict=True), strict=True))
    casts = ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in types.items())
    statement = f"INSERT INTO {table} ({', '.join(types)}) SELECT * FROM unnest({casts}) {after}"
    result = await session.execute(
        sa.text(statement), {name: list(column) for name, column in columns.items()}
    )
    return list(result.all()) if result.returns_rows else []
