"""What became of notices, and their sums by blocks of days."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.rules import NOTICE_FIGURES, RANK, Heard, NoticeCell, NoticeStory, Place
from services.reporting.store.blocks import Sums, period
from services.reporting.store.rows import Insert
from services.reporting.store.scope import PLACE, Scope
from shared import clock
from shared.events import Event
from shared.events.outcomes import Notice

STATES = {
    "motcua.notice.sent.v1": "sent",
    "motcua.notice.failed.v1": "failed",
    "motcua.notice.delivered.v1": "delivered",
}
"""The state that each outcome tells."""

WRONG = "wrong_number"
"""Why a message failed that reached somebody, who said that they are not the applicant: nothing
that the carrier reports replaces it."""

_PARTS = {"day": "date", "rday": "date", "segments": "bigint", "cost": "bigint"}
_HEARD = {f"{state}_{part}": kind for state in RANK for part, kind in _PARTS.items()}
_COLUMNS = {
    "notice": "text",
    "unit": "text",
    "channel": "text",
    "template": "text",
    "subject": "text",
    "segments": "bigint",
    "cost": "bigint",
    "audience": "text",
    "reason": "text",
    **_HEARD,
}
_KEEP = Insert(
    "notices",
    _COLUMNS,
    "ON CONFLICT (notice) DO UPDATE SET "
    + ", ".join(
        f"{name} = excluded.{name}" for name in ("segments", "cost", "audience", "reason", *_HEARD)
    ),
)
_LOAD = sa.text("SELECT * FROM notices WHERE notice = ANY(CAST(:notices AS text[]))")
_SUMS = Sums(
    "notice_sums", {"unit": "text", "channel": "text"}, dict.fromkeys(NOTICE_FIGURES, "bigint")
)
KNOWN_DAY = "least({})".format(
    ", ".join(f"CASE WHEN f.{state}_rday <= :known THEN f.{state}_day END" for state in RANK)
)
"""The day of a notice `f`, as far as it was known."""
KNOWN_STATE = "CASE {} END".format(
    " ".join(f"WHEN f.{state}_rday <= :known THEN '{state}'" for state in reversed(RANK))
)
"""The furthest state of a notice `f` that was known."""


def _known(figure: str) -> str:
    told = ", ".join(
        f"CASE WHEN f.{state}_rday <= :known THEN f.{state}_{figure} END" for state in RANK
    )
    return f"greatest(f.{figure}, {told})"


KNOWN_SEGMENTS, KNOWN_COST = _known("segments"), _known("cost")
"""Of a notice `f` what was told by then."""
UNSERVED = """f.channel = 'sms' AND f.audience IS DISTINCT FROM 'officer' AND (f.wrong_rday <= :known
            OR f.reason IN ('carrier', 'refused') AND f.failed_rday <= :known
                AND (f.delivered_rday IS NULL OR f.delivered_rday > :known))
        AND greatest(f.failed_day, f.wrong_day) >= :first
        AND (f.wrong_day IS NOT NULL OR f.reason IN ('carrier', 'refused'))"""
"""Whether a notice `f` tells that the carrier does not serve an applicant's number."""
_UNDELIVERABLE = f"""
SELECT {PLACE} AS place, s.borne, count(DISTINCT f.subject) AS n FROM (
    SELECT f.unit, f.subject, {KNOWN_DAY} AS day FROM notices f WHERE {UNSERVED}
) f {{within}}
WHERE f.day BETWEEN :first AND :last
GROUP BY 1, 2
"""


def stories(outcomes: Iterable[Event]) -> dict[str, NoticeStory]:
    """What outcomes tell of notices, by notice."""
    found: dict[str, NoticeStory] = {}
    for event in outcomes:
        told = event.data
        if event.type not in STATES or not isinstance(told, Notice):
            continue
        state = "wrong" if told.reason == WRONG else STATES[event.type]
        reason = told.reason if state == "failed" else None
        one = NoticeStory(
            told.notice,
            told.unit or "_",
            told.channel,
            told.template,
            told.subject,
            audience=told.audience,
            heard={
                state: Heard(
                    clock.local_day(told.at or event.time),
                    event.rday,
                    reason,
                    told.segments,
                    told.cost,
                )
            },
        )
        known = found.get(told.notice)
        found[told.notice] = one if known is None else known.joined(one)
    return found


async def load(session: AsyncSession, notices: Iterable[str]) -> dict[str, NoticeStory]:
    """What is kept of these notices."""
    asked = {"notices": sorted(notices)}
    return {
        row["notice"]: NoticeStory(
            *(row[name] for name in list(_COLUMNS)[:8]),
            {
                state: Heard(
                    row[f"{state}_day"],
                    row[f"{state}_rday"],
                    row["reason"] if state == "failed" else None,
                    row[f"{state}_segments"],
                    row[f"{state}_cost"],
                )
                for state in RANK
                if row[f"{state}_day"] is not None
            },
        )
        for row in (await session.execute(_LOAD, asked)).mappings()
    }


async def keep(session: AsyncSession, told: Mapping[str, NoticeStory]) -> None:
    """Keep stories in the place of those that were there."""
    rows = []
    for key in sorted(told):
        one = told[key]
        failed = one.heard.get("failed")
        heard: list[Any] = []
        for state in RANK:
            news = one.heard.get(state)
            heard += [news and getattr(news, part) for part in _PARTS]
        rows.append(
            (
                one.notice,
                one.unit,
                one.channel,
                one.template,
                one.subject,
                one.segments,
                one.cost,
                one.audience,
                failed and failed.reason,
                *heard,
            )
        )
    await _KEEP.run(session, rows)


async def add(
    session: AsyncSession,
    change: Mapping[NoticeCell, Sequence[int]],
    era: Callable[[date], date],
) -> None:
    """Add signed contributions to the sums."""
    await _SUMS.add(
        session,
        (
            ((cell.unit, cell.channel), cell.business_day, cell.recorded_day, figures)
            for cell, figures in change.items()
        ),
        era,
    )


async def counts(
    session: AsyncSession, scope: Scope
) -> list[tuple[tuple[Place, str], dict[str, int]]]:
    """Per unit and channel the sums of `NOTICE_FIGURES`."""
    groups = (PLACE, "s.borne", "f.channel")
    found = [
        ((Place(place, borne), channel), dict(zip(NOTICE_FIGURES, sums, strict=True)))
        for place, borne, channel, _, *sums in await _SUMS.read(
            session, groups, NOTICE_FIGURES, scope, period(scope)
        )
    ]
    found.sort(key=lambda one: (one[0][0].unit, one[0][0].since or date.min, one[0][1]))
    return [one for one in found if one[1]["notices"]]


async def undeliverable(session: AsyncSession, scope: Scope) -> dict[Place, int]:
    """Per unit the dossiers whose applicant's number the carrier does not serve."""
    query = sa.text(_UNDELIVERABLE.format(within=scope.within("day")))
    rows = await session.execute(query, scope.parameters("first", "last", "known"))
    return {Place(row.place, row.borne): row.n for row in rows}
