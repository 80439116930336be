"""Events of dossiers and duties, voids, contacts."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.rules.notices import Contact
from services.notify.store.people import PURPOSES, erased, purge_again
from shared import events
from shared.clock import local_day
from shared.dossiers import StatusChange, Submission
from shared.events.scalars import instant

ADD_EVENTS = sa.text(
    "INSERT INTO events (uid, subject, type, unit, source, event_id, occurred_at, received_at, data,"
    " backfill) SELECT * FROM unnest(CAST(:uids AS bytea[]), CAST(:subjects AS text[]),"
    " CAST(:types AS text[]), CAST(:units AS text[]), CAST(:sources AS text[]),"
    " CAST(:ids AS text[]), CAST(:times AS timestamptz[]), CAST(:received AS timestamptz[]),"
    " CAST(:data AS jsonb[]), CAST(:backfills AS boolean[]))"
    " AS r(u, s, t, n, o, i, w, k, d, b) ORDER BY r.u"
    " ON CONFLICT DO NOTHING"
)
ADD_VOIDS = sa.text(
    "INSERT INTO voids (uid, received_at)"
    " SELECT u, min(r) FROM unnest(CAST(:uids AS bytea[]), CAST(:received AS timestamptz[]))"
    " AS v(u, r) GROUP BY u ORDER BY u"
    " ON CONFLICT (uid) DO UPDATE SET received_at = least(voids.received_at, excluded.received_at)"
)
SUBJECTS = sa.text(
    "SELECT DISTINCT type, subject FROM events WHERE uid = ANY(CAST(:uids AS bytea[]))"
)
LOADED_AFTERWARDS = sa.text(
    "SELECT uid, received_at FROM events WHERE uid = ANY(CAST(:uids AS bytea[])) AND backfill"
)
STANDING = sa.text(
    "SELECT e.uid, e.subject, e.type, e.unit, e.source, e.event_id, e.occurred_at, e.received_at,"
    " e.data, e.backfill FROM events e WHERE e.subject = ANY(CAST(:subjects AS text[]))"
    " AND NOT EXISTS (SELECT 1 FROM voids v WHERE v.uid = e.uid)"
)
CONTACTS = sa.text(  # the newest decision of the person wins over what came with the dossier
    "SELECT c.code, c.name, c.phone, c.email, c.erased, CASE WHEN coalesce(k.withdrawn, true)"
    " THEN c.notify ELSE k.channels END AS notify, l.language,"
    " ARRAY(SELECT DISTINCT b.channel FROM barred b WHERE b.address IN (c.phone, c.email)"
    " AND b.lifted_at IS NULL AND (b.everywhere OR b.code = c.code)) AS barred"
    " FROM contacts c LEFT JOIN LATERAL ("
    " SELECT channels, withdrawn FROM consents WHERE (code = c.code OR token = c.token)"
    " AND purpose = ANY(CAST(:purposes AS text[])) ORDER BY at DESC, id DESC LIMIT 1) k ON true"
    " LEFT JOIN LATERAL (SELECT language FROM consents WHERE (code = c.code OR token = c.token)"
    " AND language IS NOT NULL ORDER BY at DESC, id DESC LIMIT 1) l ON true"
    " WHERE c.code = ANY(CAST(:codes AS text[]))"
)
PUT_CONTACTS = sa.text(  # an array of arrays must not be ragged: channels travel joined
    "INSERT INTO contacts (code, token, name, phone, email, notify, source, event_id, occurred_at,"
    " received_at, erased) SELECT c, t, n, p, e, string_to_array(w, ','), s, i, o, r, x"
    " FROM unnest(CAST(:code AS text[]), CAST(:token AS text[]), CAST(:name AS text[]),"
    " CAST(:phone AS text[]), CAST(:email AS text[]), CAST(:notify AS text[]),"
    " CAST(:source AS text[]), CAST(:id AS text[]), CAST(:time AS timestamptz[]),"
    " CAST(:received AS timestamptz[]), CAST(:erased AS boolean[]))"
    " AS r(c, t, n, p, e, w, s, i, o, r, x) ORDER BY c"
    " ON CONFLICT (code) DO UPDATE SET token = excluded.token, name = excluded.name,"
    " phone = excluded.phone, email = excluded.email, notify = excluded.notify,"
    " source = excluded.source, event_id = excluded.event_id,"
    " occurred_at = excluded.occurred_at, received_at = excluded.received_at,"
    " erased = excluded.erased"
    " WHERE (contacts.occurred_at, contacts.source, contacts.event_id)"
    " < (excluded.occurred_at, excluded.source, excluded.event_id)"
)

SUBMITTED = "motcua.dossier.submitted.v1"
STATUS_CHANGED = "motcua.dossier.status_changed.v1"
DOSSIER_TYPES = frozenset({SUBMITTED, STATUS_CHANGED})
FULFILLING = frozenset({"motcua.list.delivered.v1", "motcua.report.filed.v1"})
PUT_PLAN = sa.text(
    "INSERT INTO plans (plan, version, since, applied_at, body)"
    " VALUES (:plan, :version, :since, :applied, CAST(:body AS jsonb))"
    " ON CONFLICT (plan, version) DO UPDATE SET since = excluded.since"
)
PLAN_MARKS = sa.text("SELECT plan, version, since, applied_at FROM plans ORDER BY plan, version")
PLAN_BODIES = sa.text(
    "SELECT p.plan, p.version, p.body FROM plans p JOIN unnest(CAST(:plans AS text[]),"
    " CAST(:versions AS integer[])) AS r(plan, version)"
    " ON p.plan = r.plan AND p.version = r.version"
)
TAKE_WAITING = sa.text(
    "DELETE FROM events WHERE subject = ANY(CAST(:subjects AS text[]))"
    " AND type = ANY(CAST(:types AS text[]))"
    " RETURNING uid, type, source, event_id, occurred_at, data, backfill"
)
HANDED_IN = sa.text(
    "SELECT e.type, e.unit, e.occurred_at, e.data FROM events e"
    " WHERE e.type = ANY(CAST(:types AS text[])) AND e.unit = ANY(CAST(:units AS text[]))"
    " AND NOT EXISTS (SELECT 1 FROM voids v WHERE v.uid = e.uid)"
)
ANY_OF = sa.text(
    "SELECT type, unit, occurred_at, data FROM events WHERE uid = ANY(CAST(:uids AS bytea[]))"
)


@dataclass(frozen=True, slots=True)
class Dossier:
    """The standing events of one code; ``reasons`` are by the event's uid."""

    submissions: Sequence[Submission]
    statuses: Sequence[StatusChange]
    reasons: Mapping[bytes, str]
    return_by: Mapping[bytes, str]


async def add_events(session: AsyncSession, batch: Iterable[tuple[str, events.Event]]) -> None:
    """Keep events, each with the subject that it is found by."""
    rows = list(batch)
    if not rows:
        return
    await session.execute(
        ADD_EVENTS,
        {
            "uids": [event.uid for _, event in rows],
            "subjects": [subject for subject, _ in rows],
            "types": [event.type for _, event in rows],
            "units": [event.unit or "" for _, event in rows],
            "sources": [event.source for _, event in rows],
            "ids": [event.id for _, event in rows],
            "times": [event.time for _, event in rows],
            "received": [event.receivedat or event.time for _, event in rows],
            "data": [event.data.model_dump_json(exclude_none=True) for _, event in rows],
            "backfills": [event.backfill for _, event in rows],
        },
    )


async def add_voids(session: AsyncSession, voids: Sequence[tuple[bytes, Any]]) -> None:
    """Keep (uid of the withdrawn event, when the withdrawal reached us)."""
    if voids:
        await session.execute(
            ADD_VOIDS, {"uids": [uid for uid, _ in voids], "received": [at for _, at in voids]}
        )


async def find_subjects(session: AsyncSession, uids: Collection[bytes]) -> list[tuple[str, str]]:
    """(type, subject) of the known ones among these events."""
    if not uids:
        return []
    rows = await session.execute(SUBJECTS, {"uids": list(uids)})
    return [(row.type, row.subject) for row in rows]


async def loaded_afterwards(
    session: AsyncSession, uids: Collection[bytes]
) -> dict[bytes, datetime]:
    """When those among some events reached us that were loaded afterwards."""
    if not uids:
        return {}
    rows = await session.execute(LOADED_AFTERWARDS, {"uids": sorted(uids)})
    return {bytes(row.uid): row.received_at for row in rows}


async def standing_events(session: AsyncSession, subjects: Collection[str]) -> Sequence[sa.Row]:
    """The events of some subjects that were not withdrawn."""
    if not subjects:
        return []
    return (await session.execute(STANDING, {"subjects": sorted(subjects)})).all()


async def load_dossiers(session: AsyncSession, codes: Collection[str]) -> dict[str, Dossier]:
    """The standing events of each code; a code of which none stands has empty ones."""
    found = {code: Dossier([], [], {}, {}) for code in codes}
    for row in await standing_events(session, codes):
        if row.type not in DOSSIER_TYPES:
            continue
        dossier = found[row.subject]
        data = _data(row.data)
        order = (row.occurred_at, row.source, row.event_id)
        rday = local_day(row.received_at)
        uid = bytes(row.uid)
        if row.type == SUBMITTED:
            dossier.submissions.append(  # type: ignore[attr-defined]
                Submission(
                    order=order,
                    unit=row.unit,
                    field=data["field"],
                    procedure=data["procedure"],
                    authority=data["authority"],
                    channel=data["channel"],
                    submitted_at=_instant(data["submitted_at"]),
                    rday=rday,
                    uid=uid,
                    received_at=_instant(data.get("received_at")),
                    due_at=_instant(data.get("due_at")),
                    contact=data.get("contact"),
                    backfill=row.backfill,
                )
            )
            if data.get("return_by"):
                dossier.return_by[uid] = data["return_by"]  # type: ignore[index]
        else:
            dossier.statuses.append(  # type: ignore[attr-defined]
                StatusChange(
                    order=order,
                    unit=row.unit,
                    status=data["status"],
                    at=_instant(data["at"]),
                    rday=rday,
                    uid=uid,
                    due_at=_instant(data.get("due_at")),
                    department=data.get("department"),
                    returned_at=_instant(data.get("returned_at")),
                    backfill=row.backfill,
                )
            )
            if data.get("reason"):
                dossier.reasons[uid] = data["reason"]  # type: ignore[index]
    return found


async def load_contacts(session: AsyncSession, codes: Collection[str]) -> dict[str, Contact]:
    """The contacts that have come, by code."""
    if not codes:
        return {}
    given = {"codes": sorted(codes), "purposes": list(PURPOSES)}
    rows = await session.execute(CONTACTS, given)
    return {
        row.code: Contact(
            row.name,
            row.phone,
            row.email,
            None if row.notify is None else tuple(row.notify),
            row.erased,
            row.language,
            frozenset(row.barred),
        )
        for row in rows
    }


async def put_contacts(session: AsyncSession, contacts: Iterable[events.Contact]) -> None:
    """Keep contacts; of several for one code the greatest (time, source, id) counts.

    Of a token that was erased nothing personal is kept.
    """
    ordered = sorted(contacts, key=lambda each: (each.code, each.time, each.source, each.id))
    gone = await erased(session, {contact.token for contact in ordered})
    await purge_again(session, gone)
    newest = {contact.code: contact for contact in ordered}
    if not newest:
        return
    rows = [
        {
            "code": contact.code,
            "token": contact.token,
            "name": contact.name if kept else None,
            "phone": contact.phone if kept else None,
            "email": contact.email if kept else None,
            "notify": ",".join(contact.notify) if kept and contact.notify is not None else None,
            "erased": not kept,
            "source": contact.source,
            "id": contact.id,
            "time": contact.time,
            "received": contact.receivedat,
        }
        for contact in newest.values()
        for kept in (contact.token not in gone,)
    ]
    await session.execute(PUT_CONTACTS, {name: [row[name] for row in rows] for name in rows[0]})


@dataclass(frozen=True, slots=True)
class HandedIn:
    """Something that may fulfil a duty."""

    type: str
    unit: str
    at: datetime
    data: dict[str, Any]


async def put_plan(
    session: AsyncSession, plan: str, version: int, since: date, applied: datetime, body: bytes
) -> None:
    """Keep a plan in one version, which judges the days from ``since`` on."""
    given = {"plan": plan, "version": version, "since": since, "applied": applied}
    await session.execute(PUT_PLAN, {**given, "body": body.decode()})


async def plan_marks(session: AsyncSession) -> list[sa.Row]:
    """(plan, version, since, applied_at) of every version of every plan, oldest first."""
    return list((await session.execute(PLAN_MARKS)).all())


async def plan_bodies(
    session: AsyncSession, wanted: Collection[tuple[str, int]]
) -> dict[tuple[str, int], dict[str, Any]]:
    """The documents of some (plan, version)."""
    if not wanted:
        return {}
    plans, versions = zip(*sorted(wanted), strict=True)
    rows = await session.execute(PLAN_BODIES, {"plans": list(plans), "versions": list(versions)})
    return {(row.plan, row.version): _data(row.body) for row in rows}


async def take_waiting(
    session: AsyncSession, plans: Collection[str], types: Collection[str]
) -> Sequence[sa.Row]:
    """The outcomes that were kept until their plan would come; they are kept no longer."""
    given = {"subjects": sorted(plans), "types": sorted(types)}
    return (await session.execute(TAKE_WAITING, given)).all()


async def handed_in(session: AsyncSession, units: Collection[str]) -> list[HandedIn]:
    """What some units handed in, and did not withdraw."""
    given = {"types": list(FULFILLING), "units": sorted(units)}
    rows = await session.execute(HANDED_IN, given)
    return [HandedIn(row.type, row.unit, row.occurred_at, _data(row.data)) for row in rows]


async def get_handed_in(session: AsyncSession, uids: Collection[bytes]) -> list[HandedIn]:
    """Those among some events that may fulfil a duty, withdrawn or not."""
    if not uids:
        return []
    rows = await session.execute(ANY_OF, {"uids": list(uids)})
    return [
        HandedIn(row.type, row.unit, row.occurred_at, _data(row.data))
        for row in rows
        if row.type in FULFILLING
    ]


def facts_of(value: Any) -> Mapping[str, Any]:
    """What a text may mention, as stored."""
    return _data(value)


def _data(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else orjson.loads(value)


def _instant(text: str | None) -> Any:
    return None if text is None else instant(text)
