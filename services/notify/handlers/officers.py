"""The officers of units, and what they are told."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.handlers.desk import Desk
from services.notify.rules import notices as rules
from services.notify.rules.notices import Fact, Officer
from services.notify.store import deadlines as due_store
from services.notify.store.notices import NewNotice

OFFICER = "officer"


async def load_officers(session: AsyncSession, units: Collection[str]) -> dict[str, list[Officer]]:
    """The officers of some units, by unit."""
    found: dict[str, list[Officer]] = {}
    if units:
        for officer in await due_store.load_officers(session, set(units)):
            found.setdefault(officer.unit, []).append(officer)
    return found


def tell_units(
    desk: Desk,
    fact: Fact,
    units: Iterable[str],
    officers: Mapping[str, Sequence[Officer]],
    now: datetime,
) -> list[NewNotice]:
    """The notices to the officers of some units: one to an address, however many units name it.

    A unit of which no officer is known gets its notice in the outbox.
    """
    made: list[NewNotice] = []
    seen: set[tuple[str | None, str]] = set()
    for unit in dict.fromkeys(units):
        mine = replace(fact, unit=unit)
        for officer, draft in rules.draft_for_officers(
            mine, officers.get(unit, ()), now, desk.policy
        ):
            if draft.address is not None:
                if (draft.channel, draft.address) in seen:
                    continue
                seen.add((draft.channel, draft.address))
            made.append(
                desk.write(
                    mine,
                    draft,
                    now,
                    audience=OFFICER,
                    recipient=officer.id if officer else f"unit:{unit}",
                    name=officer.name if officer else None,
                )
            )
    return made
