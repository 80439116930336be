"""Many rows in one statement: columns travel as arrays."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

_SENT_AS = {"jsonb": "text"}


class Insert:
    """`INSERT ... SELECT FROM unnest(...)` into a table.

    Args:
        table: its name.
        columns: name -> PostgreSQL type, in the order of the rows' values; jsonb goes as text.
        on_conflict: what to do about rows that are there.
    """

    def __init__(
        self, table: str, columns: Mapping[str, str], on_conflict: str = "ON CONFLICT DO NOTHING"
    ) -> None:
        self.columns = list(columns)
        names = ", ".join(columns)
        taken = ", ".join(
            f"CAST({name} AS {kind})" if kind in _SENT_AS else name
            for name, kind in columns.items()
        )
        arrays = ", ".join(
            f"CAST(:{name} AS {_SENT_AS.get(kind, kind)}[])" for name, kind in columns.items()
        )
        self.statement = sa.text(
            f"INSERT INTO {table} ({names}) SELECT {taken} FROM unnest({arrays}) AS r({names})"
            f" {on_conflict}"
        )

    async def run(self, session: AsyncSession, rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows; nothing happens for none."""
        if rows:
            values = zip(*rows, strict=True)
            await session.execute(
                self.statement,
                {name: list(column) for name, column in zip(self.columns, values, strict=True)},
            )
