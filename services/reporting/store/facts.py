"""Compact facts: read by key, written in batches. Nothing here is ever changed, only voided."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.rules import Install, Survey
from services.reporting.store.rows import Insert
from shared import clock
from shared.dossiers import StatusChange, Submission
from shared.events import Event, data

DossierFacts = tuple[list[Submission], list[StatusChange]]

_FACT = {
    "uid": "bytea",
    "time": "timestamptz",
    "source": "text",
    "event_id": "text",
    "rday": "date",
    "unit": "text",
}
_SUBMISSIONS = Insert(
    "submissions",
    _FACT
    | {
        "code": "text",
        "credited_unit": "text",
        "field": "text",
        "procedure": "text",
        "authority": "text",
        "channel": "text",
        "submitted_at": "timestamptz",
        "received_at": "timestamptz",
        "due_at": "timestamptz",
        "assisted_by": "text",
        "quality": "jsonb",
    },
)
_STATUSES = Insert(
    "statuses",
    _FACT
    | {
        "code": "text",
        "status": "text",
        "at": "timestamptz",
        "due_at": "timestamptz",
        "department": "text",
        "returned_at": "timestamptz",
    },
)
_INSTALLS = Insert(
    "installs",
    _FACT
    | {
        "day": "date",
        "app": "text",
        "installer": "text",
        "place": "text",
        "succeeded": "boolean",
        "device": "text",
        "citizen": "text",
    },
)
_SURVEYS = Insert(
    "surveys",
    _FACT
    | {
        "day": "date",
        "domain": "text",
        "mode": "text",
        "questionnaire": "text",
        "scores": "jsonb",
        "reasons": "jsonb",
        "dossier": "text",
    },
)
_FILINGS = Insert("filings", _FACT | {"type": "text", "data": "jsonb"})
_ACTIVITIES = Insert(
    "activities",
    _FACT | {"day": "date", "team": "text", "member": "text", "kind": "text", "people": "bigint"},
)
_DIFFICULTIES = Insert(
    "difficulties",
    _FACT
    | {
        "day": "date",
        "difficulty": "text",
        "category": "text",
        "text": "text",
        "resolved": "boolean",
    },
)
_VOIDS = Insert(
    "voids",
    {"target": "bytea", "rday": "date"},
    "ON CONFLICT (target) DO UPDATE SET rday = least(voids.rday, excluded.rday), seq = excluded.seq",
)
_CODES = sa.text(
    "SELECT code FROM submissions WHERE uid = ANY(CAST(:uids AS bytea[]))"
    " UNION SELECT code FROM statuses WHERE uid = ANY(CAST(:uids AS bytea[]))"
)
_LOAD_SUBMISSIONS = sa.text(
    "SELECT f.*, v.rday AS voided_rday FROM submissions f LEFT JOIN voids v ON v.target = f.uid"
    " WHERE f.code = ANY(CAST(:codes AS text[]))"
)
_LOAD_STATUSES = sa.text(
    "SELECT f.*, v.rday AS voided_rday FROM statuses f LEFT JOIN voids v ON v.target = f.uid"
    " WHERE f.code = ANY(CAST(:codes AS text[]))"
)
OUTSIDE = "outside"
"""Stands for an answer outside the scale of its item."""
_LOAD_SURVEYS = sa.text(
    "SELECT f.*, v.rday AS voided_rday FROM surveys f LEFT JOIN voids v ON v.target = f.uid"
    " WHERE f.uid = ANY(CAST(:uids AS bytea[]))"
)
_SURVEYS_ABOUT = sa.text(
    "SELECT f.source, f.event_id, f.time, f.mode, v.rday AS voided FROM surveys f"
    " LEFT JOIN voids v ON v.target = f.uid WHERE f.dossier = :code"
    ' ORDER BY f.time, f.source COLLATE "C", f.event_id COLLATE "C"'
)
_LOAD_VOIDS = sa.text("SELECT target, rday FROM voids WHERE target = ANY(CAST(:uids AS bytea[]))")
_FRESHEN = sa.text(
    "INSERT INTO freshness (id, received_at) VALUES (1, :received_at) ON CONFLICT (id)"
    " DO UPDATE SET received_at = greatest(freshness.received_at, excluded.received_at)"
)


async def codes_of(session: AsyncSession, uids: Collection[bytes]) -> set[str]:
    """The dossier codes of the events with these uids."""
    if not uids:
        return set()
    return set((await session.scalars(_CODES, {"uids": sorted(uids)})).all())


async def load_dossiers(session: AsyncSession, codes: Collection[str]) -> dict[str, DossierFacts]:
    """The facts kept of these codes; every code asked for is in the answer."""
    found: dict[str, DossierFacts] = {code: ([], []) for code in codes}
    if not found:
        return found
    asked = {"codes": sorted(codes)}
    for row in await session.execute(_LOAD_SUBMISSIONS, asked):
        found[row.code][0].append(
            Submission(
                order=(row.time, row.source, row.event_id),
                unit=row.unit,
                field=row.field,
                procedure=row.procedure,
                authority=row.authority,
                channel=row.channel,
                submitted_at=row.submitted_at,
                rday=row.rday,
                uid=row.uid,
                credited_unit=row.credited_unit,
                received_at=row.received_at,
                due_at=row.due_at,
                assisted_by=row.assisted_by,
                quality=_decoded(row.quality),
                voided_rday=row.voided_rday,
            )
        )
    for row in await session.execute(_LOAD_STATUSES, asked):
        found[row.code][1].append(
            StatusChange(
                order=(row.time, row.source, row.event_id),
                unit=row.unit,
                status=row.status,
                at=row.at,
                rday=row.rday,
                uid=row.uid,
                due_at=row.due_at,
                department=row.department,
                returned_at=row.returned_at,
                voided_rday=row.voided_rday,
            )
        )
    return found


async def load_surveys(session: AsyncSession, uids: Collection[bytes]) -> dict[bytes, Survey]:
    """The surveys kept among the events with these uids."""
    if not uids:
        return {}
    rows = await session.execute(_LOAD_SURVEYS, {"uids": sorted(uids)})
    return {
        row.uid: Survey(
            uid=row.uid,
            unit=row.unit,
            domain=row.domain,
            mode=row.mode,
            questionnaire=row.questionnaire,
            scores={
                item: None if score in (None, OUTSIDE) else Decimal(score)
                for item, score in _decoded(row.scores).items()
            },
            day=row.day,
            rday=row.rday,
            voided_rday=row.voided_rday,
            reasons=_decoded(row.reasons),  # type: ignore[arg-type]
            dossier=row.dossier,
            outside=frozenset(
                item for item, score in _decoded(row.scores).items() if score == OUTSIDE
            ),
        )
        for row in rows
    }


async def surveys_about(session: AsyncSession, code: str) -> Sequence[sa.Row]:
    """(source, event_id, time, mode, voided) of the surveys that name a dossier."""
    return (await session.execute(_SURVEYS_ABOUT, {"code": code})).all()


async def load_voids(session: AsyncSession, uids: Collection[bytes]) -> dict[bytes, date]:
    """Which of these events are withdrawn, and since when we know."""
    if not uids:
        return {}
    rows = await session.execute(_LOAD_VOIDS, {"uids": sorted(uids)})
    return {row.target: row.rday for row in rows}


async def add_submissions(session: AsyncSession, facts: Sequence[tuple[str, Submission]]) -> None:
    """Keep submissions, as (code, fact)."""
    await _SUBMISSIONS.run(
        session,
        [
            (
                fact.uid,
                *fact.order,
                fact.rday,
                fact.unit,
                code,
                fact.credited_unit,
                fact.field,
                fact.procedure,
                fact.authority,
                fact.channel,
                fact.submitted_at,
                fact.received_at,
                fact.due_at,
                fact.assisted_by,
                _encoded(fact.quality or {}),
            )
            for code, fact in facts
        ],
    )


async def add_statuses(session: AsyncSession, facts: Sequence[tuple[str, StatusChange]]) -> None:
    """Keep status changes, as (code, fact)."""
    await _STATUSES.run(
        session,
        [
            (
                fact.uid,
                *fact.order,
                fact.rday,
                fact.unit,
                code,
                fact.status,
                fact.at,
                fact.due_at,
                fact.department,
                fact.returned_at,
            )
            for code, fact in facts
        ],
    )


async def add_installs(session: AsyncSession, facts: Sequence[tuple[bytes, date, Install]]) -> None:
    """Keep installs, as (uid, recorded day, fact)."""
    await _INSTALLS.run(
        session,
        [
            (
                uid,
                *fact.order,
                rday,
                fact.unit,
                fact.day,
                fact.app,
                fact.installer,
                fact.place,
                fact.succeeded,
                fact.device,
                fact.citizen,
            )
            for uid, rday, fact in facts
        ],
    )


async def add_surveys(session: AsyncSession, facts: Sequence[tuple[Event, Survey]]) -> None:
    """Keep surveys, as (event, fact)."""
    await _SURVEYS.run(
        session,
        [
            (
                fact.uid,
                *event.order,
                fact.rday,
                fact.unit,
                fact.day,
                fact.domain,
                fact.mode,
                fact.questionnaire,
                _encoded(
                    {
                        item: _score_text(score, item in fact.outside)
                        for item, score in fact.scores.items()
                    }
                ),
                _encoded(fact.reasons),
                fact.dossier,
            )
            for event, fact in facts
        ],
    )


async def add_filings(session: AsyncSession, events: Iterable[Event]) -> None:
    """Keep what may fulfil an obligation."""
    await _FILINGS.run(
        session,
        [
            (
                event.uid,
                *event.order,
                event.rday,
                event.unit,
                event.type,
                _encoded(event.data.model_dump(mode="json", exclude_none=True)),
            )
            for event in events
        ],
    )


async def add_activities(session: AsyncSession, events: Iterable[Event]) -> None:
    """Keep what teams did."""
    await _ACTIVITIES.run(
        session,
        [
            (
                event.uid,
                *event.order,
                event.rday,
                event.unit,
                clock.local_day(event.time),
                told.team,
                told.member,
                told.kind,
                told.people,
            )
            for event in events
            if isinstance(told := event.data, data.Activity)
        ],
    )


async def add_difficulties(session: AsyncSession, events: Iterable[Event]) -> None:
    """Keep difficulties raised and resolved."""
    await _DIFFICULTIES.run(
        session,
        [
            (
                event.uid,
                *event.order,
                event.rday,
                event.unit,
                clock.local_day(event.time),
                told.difficulty,
                told.category,
                told.text,
                event.type == "motcua.difficulty.resolved.v1",
            )
            for event in events
            if isinstance(told := event.data, data.Difficulty)
        ],
    )


async def add_voids(session: AsyncSession, voids: Mapping[bytes, date]) -> None:
    """Keep which events are withdrawn; of several withdrawals the first known counts."""
    await _VOIDS.run(session, sorted(voids.items()))


async def freshen(session: AsyncSession, received_at: datetime) -> None:
    """Note until when events were applied."""
    await session.execute(_FRESHEN, {"received_at": received_at})


def _score_text(score: Decimal | None, outside: bool) -> str | None:
    if outside:
        return OUTSIDE
    return None if score is None else str(score)


def _encoded(value: Mapping[str, object]) -> str:
    return orjson.dumps(value).decode()


def _decoded(value: object) -> dict[str, str | None]:
    decoded = orjson.loads(value) if isinstance(value, str | bytes) else value
    assert isinstance(decoded, dict)
    return decoded
