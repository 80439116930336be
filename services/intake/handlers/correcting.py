"""A correction: an event is withdrawn and another stands in its place, both in one commit.

Who corrects sees and sends nothing personal: what only intake and notify know of the first event
(the contact's token, keyed hashes, how good the contact data were) goes over into the second.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from services.intake import store
from services.intake.handlers.admission import VOID, Admission, Result
from services.intake.rules import Status
from shared import clock, events
from shared.keys import Key
from shared.problems import Problem

SOURCE = "/motcua/corrections"
SOURCES = (SOURCE, "/motcua/reporting")
"""Where corrections come from, beside the corrected event's own source."""
HIDDEN = ("contact", "citizen", "device", "applicant_kind", "quality", "mark")
"""What goes over unseen."""
REFERRED = {"unit", "eligible"}
"""What the references of a list are made of, beside its mark: with others it names nobody."""
FIXED = ("code",)
"""What stays as it was: the contact belongs to the dossier's code."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What is wrong with an event, and why; `data` holds what changes, null for what goes away."""

    of_source: str
    of_id: str
    reason: str
    data: Mapping[str, Any]
    time: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Corrected:
    """The event that stands in for another, and the withdrawal; `repeated`: they were in before."""

    source: str
    id: str
    void: str
    repeated: bool


async def told(session: AsyncSession, source: str, id: str) -> dict[str, Any] | None:
    """An event as it was published, without what is hidden; None where it is not in the log."""
    whole = await _published(session, source, id)
    if whole is None:
        return None
    return whole | {"data": {k: v for k, v in whole["data"].items() if k not in HIDDEN}}


async def correct(admission: Admission, asked: Correction, key: Key) -> Corrected:
    """Store the event that stands in for another, and the other's withdrawal.

    The same correction again is taken and does nothing; another one of the same event is refused:
    correct what stands now.

    Raises:
        Problem: 404 for an unknown event, 403 outside the key's units or sources, 409 for one that
            was corrected otherwise, 422 naming every fault.
    """
    async with admission.database.transaction() as session:
        before = await _published(session, asked.of_source, asked.of_id)
    if before is None or before["type"] == VOID:
        raise Problem(404, "No event with this source and id can be corrected.")
    id = f"correction-{events.uid(asked.of_source, asked.of_id).hex()}"
    # A key that is bound to sources writes under the event's own.
    source = asked.source or (asked.of_source if key.sources else SOURCE)
    raw = _event(before, asked, source, id)
    await _once(admission, id, {*SOURCES, asked.of_source} - {source})
    void_id = f"void-{id}"
    void = {
        "specversion": "1.0",
        "id": void_id,
        "source": source,
        "type": VOID,
        "time": clock.now().astimezone(clock.VN).isoformat(),
        "data": {
            "of_source": asked.of_source,
            "of_id": asked.of_id,
            "reason": asked.reason,
        },
    }
    async with admission.database.transaction() as session:
        known = await store.find_event(session, events.uid(source, void_id))
    if known is not None:  # a repeat: as it was told the first time
        void["time"] = known["time"].astimezone(clock.VN).isoformat()
    results, candidates, _ = await admission.examine([raw, void], key)
    _raise_for(results)
    candidates[0].hidden = {
        k: before["data"][k]
        for k in HIDDEN
        if k in before["data"] and (k != "mark" or not asked.data.keys() & REFERRED)
    }
    try:
        async with admission.database.transaction() as session:
            await admission.save(session, candidates, [])
            if any(each.status == Status.CONFLICT for each in results):
                raise Problem(409, "This event was corrected otherwise already.")
    except Problem:
        if known is None and results[0].status == Status.DUPLICATE:  # the same came meanwhile
            return await correct(admission, asked, key)
        raise
    admission.announce()
    repeated = all(each.status == Status.DUPLICATE for each in results)
    return Corrected(source, id, void_id, repeated)


async def _once(admission: Admission, id: str, sources: set[str]) -> None:
    """Raise ``Problem`` 409 where an event was corrected under another source."""
    others = [events.uid(source, id) for source in sources]
    async with admission.database.transaction() as session:
        if await store.digests_of(session, others):
            raise Problem(409, "This event was corrected otherwise already.")


def _event(before: Mapping[str, Any], asked: Correction, source: str, id: str) -> dict[str, Any]:
    """The event that stands in for another, as a source would send it."""
    data = {k: v for k, v in before["data"].items() if k not in HIDDEN and v is not None}
    changes = dict(asked.data)
    faults = [
        {"pointer": f"/data/{name}", "code": "fixed", "message": "This cannot be corrected."}
        for name in changes
        if name in HIDDEN
        or name == "applicant"
        or (name in FIXED and changes[name] != data.get(name))
    ]
    changed = {k: v for k, v in (data | changes).items() if v is not None}
    time = asked.time or before["time"]
    if not faults and (changed, time) == (data, before["time"]):
        message = "Nothing would change."
        faults = [{"pointer": "/data", "code": "nothing_changed", "message": message}]
    if faults:
        raise Problem(422, errors=faults)
    kept = {k: before[k] for k in ("subject", "backfill") if k in before}
    return kept | {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": before["type"],
        "time": time,
        "datacontenttype": "application/json",
        "data": changed,
    }


def _raise_for(results: list[Result]) -> None:
    bad = [each for each in results if each.status == Status.REFUSED]
    if bad:
        faults = [fault for each in bad for fault in each.as_dict()["errors"]]
        code = 403 if any(each.code == 403 for each in bad) else 422
        raise Problem(code, errors=faults)


async def _published(session: AsyncSession, source: str, id: str) -> dict[str, Any] | None:
    payload = await store.published(session, events.message_id(source, id))
    if payload is None:
        return None
    whole: dict[str, Any] = orjson.loads(payload)
    whole["time"] = datetime.fromisoformat(whole["time"]).astimezone(clock.VN).isoformat()
    return whole
