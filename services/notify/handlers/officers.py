"""The officers of units, and what they are told."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.handlers.desk import Desk
from services.notify.rules import notices as rules
from services.notify.rules.notices import Fact, Officer
from services.notify.rules.recipients import candidates, choose, read_target
from services.notify.store import deadlines as due_store
from services.notify.store.notices import NewNotice
from shared.clock import local_day

OFFICER = "officer"


async def load_officers(
    session: AsyncSession, desk: Desk, targets: Collection[str], now: datetime
) -> dict[str, list[Officer]]:
    """The officers of all units in which somebody may be found for some targets, by unit."""
    day = local_day(now)
    units = {
        unit
        for target in set(targets)
        for unit, _ in candidates(read_target(target), desk.units, day)
    }
    found: dict[str, list[Officer]] = {}
    if units:
        for officer in await due_store.load_officers(session, units):
            found.setdefault(officer.unit, []).append(officer)
    return found


def tell_units(
    desk: Desk,
    fact: Fact,
    targets: Iterable[str],
    officers: Mapping[str, Sequence[Officer]],
    now: datetime,
) -> list[NewNotice]:
    """The notices to those whom some targets mean: one to an address, however many name it.

    An office of which no officer is known gets its notice in the outbox.
    """
    made: list[NewNotice] = []
    seen: set[tuple[str | None, str]] = set()
    day = local_day(now)
    for target in map(read_target, dict.fromkeys(targets)):
        chosen = choose(target, officers, desk.units, day)
        mine = replace(fact, unit=chosen.unit)
        for officer, draft in rules.draft_for_officers(
            mine, chosen.officers, now, desk.policy, target.channel
        ):
            recipient = officer.id if officer else f"unit:{chosen.unit}"
            address = draft.address or recipient
            if (draft.channel, address) in seen:
                continue
            seen.add((draft.channel, address))
            made.append(
                desk.write(
                    mine,
                    draft,
                    now,
                    audience=OFFICER,
                    recipient=recipient,
                    name=officer.name if officer else None,
                    template=target.template,
                )
            )
    return made
