"""Dossiers of which no due date was stated when they were submitted, wherever a service keeps them."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession


class Undated:
    """Finds them in a service's store.

    Args:
        submissions: what stands after FROM: the table, and when a row of it is a submission that
            states no due date.
        code: the SQL of a submission's dossier.
        procedure: the SQL of its procedure.
    """

    def __init__(self, submissions: str, code: str, procedure: str) -> None:
        found = f" FROM {submissions} AND {procedure} = ANY(CAST(:procedures AS text[]))"
        code = f'{code} COLLATE "C"'  # by code points, as Python orders texts; the index is as well
        self._count = sa.text(f"SELECT count(DISTINCT {code}){found}")
        self._after = sa.text(
            f"SELECT DISTINCT {code} AS code{found} AND {code} > :code ORDER BY 1 LIMIT :limit"
        )

    async def count(self, session: AsyncSession, procedures: Collection[str]) -> int:
        """How many there are of some procedures."""
        return await session.scalar(self._count, {"procedures": sorted(procedures)}) or 0

    async def after(
        self, session: AsyncSession, procedures: Collection[str], code: str, limit: int
    ) -> Sequence[str]:
        """The next codes of some procedures, each once, in the order of code points."""
        given = {"procedures": sorted(procedures), "code": code, "limit": limit}
        return (await session.scalars(self._after, given)).all()
