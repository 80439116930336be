"""The phone numbers of the applicants of many dossiers, for those who may ask them."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

PURPOSES = ("survey", "all")
"""The purposes under which people are asked how they were served."""

FIND = sa.text(
    "SELECT r.code, c.token, c.name, c.phone, c.erased, w.channels, w.withdrawn, u.unit"
    " FROM unnest(CAST(:codes AS text[])) WITH ORDINALITY AS r(code, n)"
    " LEFT JOIN contacts c ON c.code = r.code"
    " LEFT JOIN LATERAL (SELECT channels, withdrawn FROM consents"
    " WHERE (code = c.code OR token = c.token) AND purpose = ANY(CAST(:purposes AS text[]))"
    " ORDER BY at DESC, id DESC LIMIT 1) AS w ON true"
    " LEFT JOIN LATERAL (SELECT unit FROM events WHERE subject = r.code"
    " ORDER BY type = 'motcua.dossier.submitted.v1' DESC, occurred_at DESC, source, event_id"
    " LIMIT 1) AS u ON true ORDER BY r.n"
)


async def find(session: AsyncSession, codes: Sequence[str]) -> Sequence[sa.Row]:
    """One row for each code, in their order: the contact where there is one, the newest decision
    about being asked, the dossier's unit."""
    given = {"codes": list(codes), "purposes": list(PURPOSES)}
    return (await session.execute(FIND, given)).all()
