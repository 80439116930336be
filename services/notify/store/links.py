"""The pages of dossiers: which token stands for which, and the numbers that were not theirs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

KEY = sa.text("SELECT value FROM secrets WHERE name = 'links'")
PUT = sa.text(
    "INSERT INTO status_links (token, code, created_at)"
    " SELECT t, c, CAST(:now AS timestamptz) FROM unnest(CAST(:tokens AS text[]),"
    " CAST(:codes AS text[])) AS r(t, c) ORDER BY c ON CONFLICT DO NOTHING"
)
FIND = sa.text(
    "SELECT l.code FROM status_links l WHERE l.token = :token AND l.revoked_at IS NULL"
    " AND NOT EXISTS (SELECT 1 FROM contacts c WHERE c.code = l.code AND c.erased)"
)
REVOKE = sa.text(
    "UPDATE status_links SET revoked_at = :now"
    " WHERE code = ANY(CAST(:codes AS text[])) AND revoked_at IS NULL"
)
BAR = sa.text(
    "INSERT INTO barred (address, code, channel, everywhere, at, how)"
    " VALUES (:address, :code, :channel, :everywhere, :now, :how)"
    " ON CONFLICT (address, code) DO UPDATE SET everywhere = barred.everywhere OR"
    " excluded.everywhere, at = excluded.at, how = excluded.how, lifted_at = NULL,"
    " lifted_by = NULL WHERE barred.lifted_at IS NOT NULL"
    " OR barred.everywhere <> (barred.everywhere OR excluded.everywhere) RETURNING code"
)
# What was said before the person decided, about the dossier or about all.
BARRING = (
    " FROM contacts c WHERE c.code = :code AND b.address IN (c.phone, c.email)"
    " AND b.channel = ANY(CAST(:channels AS text[])) AND (b.code = c.code OR b.everywhere)"
    " AND b.lifted_at IS NULL AND b.at <= :at"
)
BARS = sa.text(f"SELECT EXISTS (SELECT 1 FROM barred b WHERE EXISTS (SELECT 1{BARRING}))")
# That an address is right for one dossier does not say that it is for the one it was wrong for.
LIFT = sa.text(
    "UPDATE barred b SET everywhere = b.everywhere AND b.code = :code,"
    " lifted_at = CASE WHEN b.code = :code THEN CAST(:now AS timestamptz) END,"
    " lifted_by = CASE WHEN b.code = :code THEN CAST(:who AS text) END"
    f"{BARRING}"
)
REACHED = sa.text(
    "SELECT code FROM contacts WHERE phone = :address OR email = :address ORDER BY code LIMIT 1000"
)
FORGET = sa.text("DELETE FROM barred WHERE code = ANY(CAST(:codes AS text[]))")
LAST_SENT = sa.text(
    "SELECT id, kind, audience, channel, unit, subject, segments, cost, attempts AS number,"
    " provider, state"
    " FROM notices WHERE subject = :code AND audience = 'citizen' AND channel = :channel"
    " AND state IN ('sent', 'delivered', 'unknown') ORDER BY seq DESC LIMIT 1 FOR UPDATE"
)


async def load_key(session: AsyncSession) -> bytes | None:
    """The key of all tokens, which the store was begun with."""
    value = await session.scalar(KEY)
    return None if value is None else bytes(value)


async def put(session: AsyncSession, tokens: Mapping[str, str], now: datetime) -> None:
    """Let some tokens, by dossier, stand for their dossiers; a revoked one stays so."""
    if tokens:
        given = {"codes": list(tokens), "tokens": list(tokens.values()), "now": now}
        await session.execute(PUT, given)


async def find(session: AsyncSession, token: str) -> str | None:
    """The dossier that a token stands for."""
    return await session.scalar(FIND, {"token": token})


async def revoke(session: AsyncSession, codes: Collection[str], now: datetime) -> None:
    """Have the pages of some dossiers be no more, and forget whose numbers were not theirs."""
    if codes:
        await session.execute(REVOKE, {"codes": sorted(codes), "now": now})
        await session.execute(FORGET, {"codes": sorted(codes)})


async def bar(
    session: AsyncSession,
    address: str,
    code: str,
    channel: str,
    everywhere: bool,
    how: str,
    now: datetime,
) -> bool:
    """Write nothing more to an address, about a dossier or at all; whether that is new."""
    given = {"address": address, "code": code, "channel": channel, "everywhere": everywhere}
    return await session.scalar(BAR, given | {"how": how, "now": now}) is not None


@dataclass(frozen=True, slots=True)
class Lifted:
    """That a dossier's applicant has agreed at an instant to be told through some channels."""

    code: str
    channels: Sequence[str]
    at: datetime


async def bars(session: AsyncSession, lifted: Lifted) -> bool:
    """Whether an address of the dossier was said before to be somebody else's."""
    return bool(await session.scalar(BARS, _given(lifted)))


async def lift(session: AsyncSession, lifted: Lifted, who: str, now: datetime) -> None:
    """Write again to the addresses of a dossier, whose applicant has shown that they are theirs."""
    await session.execute(LIFT, _given(lifted) | {"who": who, "now": now})


def _given(lifted: Lifted) -> dict[str, Any]:
    return {"code": lifted.code, "channels": sorted(lifted.channels), "at": lifted.at}


async def codes_of(session: AsyncSession, address: str) -> Sequence[str]:
    """The dossiers that state an address: a thousand at most."""
    return (await session.scalars(REACHED, {"address": address})).all()


async def last_sent(session: AsyncSession, code: str, channel: str) -> sa.Row | None:
    """The newest notice that left for a dossier's applicant through a channel, locked."""
    return (await session.execute(LAST_SENT, {"code": code, "channel": channel})).first()
