"""National sync calls: dossiers and progress taken in, held until their unit is mapped.

What a call tells is compared with what was accepted before, in one transaction with the events
that come of it. Calls of one source take turns, whichever replica they reach, so that the same
call twice at once is told once.
"""

import asyncio
import contextlib
import copy
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any
from weakref import WeakValueDictionary

from sqlalchemy.ext.asyncio import AsyncSession

from services.intake import store
from services.intake.handlers.admission import Admission
from services.intake.handlers.lgsp.answers import (
    HELD,
    MENDS,
    REFUSED,
    flaws_of,
    item_id,
    settled,
    taken,
)
from services.intake.handlers.lgsp.items import Call, Group, Item, Outcome, Telling
from services.intake.handlers.lgsp.releases import Releases
from services.intake.handlers.lgsp.sessions import Sessions
from services.intake.handlers.lgsp.vault import Vault
from services.intake.rules import Status
from services.intake.rules.lgsp_fields import SYNC, Flaw, code_in, read_progress, read_sync
from services.intake.rules.lgsp_telling import CHANGED, SUBMITTED, Dossier, Setting, Teller
from services.intake.rules.mapping import mapping_key, resolve_unit
from services.intake.store.mappings import Held
from shared import clock
from shared.db import Database, take_turn
from shared.keys import Key, Keyring
from shared.redaction import MASK, looks_personal
from shared.units import UnitRegistry

TURN_SIZE = 200
"""Items of a call that are taken in one transaction."""
MOST_AT_ONCE = 4
"""Calls that are taken at once: each holds a connection while it waits for its source's turn."""


class SyncCalls:
    """Answers national sync calls, with the sessions that they come in and what is held of them.

    Args:
        session_seconds: how long a log-in lasts.
    """

    def __init__(
        self,
        database: Database,
        admission: Admission,
        registry: UnitRegistry,
        keyring: Keyring,
        hash_key: bytes,
        session_seconds: int,
    ) -> None:
        self.database, self.admission, self.registry = database, admission, registry
        self.hash_key = hash_key
        self.sessions = Sessions(database, keyring, session_seconds)
        self.vault = Vault(hash_key)
        self.releases = Releases(self)
        self.turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.room = asyncio.Semaphore(MOST_AT_ONCE)

    async def take(self, call: Call, service: str, raws: Sequence[Any]) -> list[Outcome]:
        """Take a call's items in; when this returns, what is accepted or held is committed."""
        now = clock.now()
        items = [Item(index, service, raw, now) for index, raw in enumerate(raws)]
        outcomes: list[Outcome] = []
        for start in range(0, len(items), TURN_SIZE):
            async with self.turn(call.source) as session:
                outcomes += await self.apply(session, call, items[start : start + TURN_SIZE])
            self.admission.announce()
        return sorted(outcomes, key=lambda outcome: outcome.index)

    @contextlib.asynccontextmanager
    async def turn(self, source: str) -> AsyncIterator[AsyncSession]:
        """A transaction in which no other one takes in calls of this source."""
        turn = self.turns.setdefault(source, asyncio.Lock())
        async with turn, self.room, self.database.transaction() as session:
            await take_turn(session, f"lgsp {source}")
            yield session

    async def look_up(self, call: Call, codes: Sequence[str]) -> list[dict[str, Any]]:
        """What is known of dossiers that the caller may speak for."""
        async with self.database.transaction() as session:
            kept = await store.load_dossiers(session, call.place, codes)
            held = await store.held_codes(session, call.place, codes)
        found = []
        for code in dict.fromkeys(codes):
            state = Dossier.from_json(kept[code]) if code in kept else None
            if state is not None and self._may_see(call.key, state):
                found.append(_shown(code, state))
            elif state is None and code in held:
                found.append(_shown(code, None))
        return found

    def _may_see(self, key: Key, state: Dossier) -> bool:
        at = state.filed_at or clock.now()
        return not key.units or self.registry.within(state.unit, key.units, at)

    async def apply(
        self,
        session: AsyncSession,
        call: Call,
        items: Sequence[Item],
        releasing: tuple[str, int] = ("", 0),
    ) -> list[Outcome]:
        """Take items in, in the caller's transaction; `releasing` are the mapped name, and the last
        row, of those that are held no longer."""
        outcomes: list[Outcome] = []
        refusals: list[dict[str, Any]] = []
        waiting: dict[str, list[Group]] = {}
        for item in items:
            reader = read_sync if item.service == SYNC else read_progress
            parsed, flaws = reader(item.raw)
            if parsed is None:
                self._refuse(call, item, flaws, outcomes, refusals)
                continue
            groups = waiting.setdefault(parsed.code, [])
            if groups and groups[-1].continues(item):
                groups[-1].items.append(item)
                groups[-1].parsed.append(parsed)
            else:
                groups.append(Group(parsed.code, [item], [parsed]))
        mapped = await store.load_mappings(session, call.source)
        kept = await store.load_dossiers(session, call.place, waiting)
        states = {code: Dossier.from_json(told) for code, told in kept.items()}
        held = await store.held_codes(session, call.place, waiting, releasing)
        while waiting:
            round_ = [groups.pop(0) for groups in waiting.values()]
            waiting = {code: groups for code, groups in waiting.items() if groups}
            ready: list[tuple[Group, str]] = []
            hold: list[Held] = []
            for group in round_:
                state = states.get(group.code)
                if group.sync and group.sync.missing and (state is None or state.filed is None):
                    flaws = list(group.sync.missing)
                    self._refuse(call, group.items[0], flaws, outcomes, refusals)
                    continue
                theirs, unit = self._unit_of(call, group, state, mapped)
                if unit is not None and group.code not in held:
                    ready.append((group, unit))
                    continue
                name, key = held.setdefault(group.code, (theirs, mapping_key(theirs)))
                hold.append(self.vault.row(call, group, name, key))
                outcomes += [Outcome(i.index, group.code, "held", HELD) for i in group.items]
            if not call.key.sandbox:
                await store.hold(session, call.source, hold)
            changed = await self._tell(session, call, ready, states, outcomes, refusals)
            states |= changed
            told = {code: state.as_json() for code, state in changed.items()}
            await store.save_dossiers(session, call.place, told, clock.now())
        if refusals:
            await self.admission.save(session, [], refusals)
        await store.settle_refusals(session, settled(call, items, outcomes))
        return outcomes

    def _unit_of(
        self, call: Call, group: Group, state: Dossier | None, mapped: dict[str, str]
    ) -> tuple[str, str | None]:
        """How the call names the unit, and which one is meant; None where that is not known."""
        sync = group.sync
        if sync is None or sync.filed_at is None:
            if state is not None:
                return state.unit, state.unit
            theirs, at = call.madonvi, getattr(group.parsed[0], "at", None) or group.arrival
        else:
            theirs, at = sync.office or call.madonvi, sync.filed_at
        find, resolve = self.registry.find, self.registry.resolve
        return theirs, resolve_unit(theirs, at, mapped, find, resolve)

    async def _tell(
        self,
        session: AsyncSession,
        call: Call,
        ready: Sequence[tuple[Group, str]],
        states: dict[str, Dossier],
        outcomes: list[Outcome],
        refusals: list[dict[str, Any]],
    ) -> dict[str, Dossier]:
        """Tell what is new; returns the new states of the dossiers of which it was accepted."""
        raws: list[dict[str, Any]] = []
        tellings: list[Telling] = []
        for group, unit in ready:
            before = states.get(group.code)
            state = copy.deepcopy(before) if before else Dossier(unit)
            setting = Setting(call.source, group.arrival, self.hash_key, self._valid)
            teller = Teller(group.code, state, setting)
            if group.sync is None:
                fresh = set(teller.tell_progress(group.parsed))
            else:
                at = group.sync.filed_at
                authority = self.registry.level(unit, at) if at else None
                if at and authority is None:
                    flaw = Flaw("DonViXuLy", "no_level", "unit", MENDS["no_level"])
                    self._refuse(call, group.items[0], [flaw], outcomes, refusals)
                    continue
                teller.tell_sync(group.sync, unit, authority)
                fresh = {0} if teller.events else set()
            first = len(raws)
            raws += teller.events
            tellings.append(Telling(group, state, fresh, first, len(raws)))
        results, candidates, _ = await self.admission.examine(raws, call.key)
        changed: dict[str, Dossier] = {}
        barred: set[int] = set()
        for telling in tellings:
            own = results[telling.first : telling.last]
            faulty = [result for result in own if result.status == Status.REFUSED]
            if faulty:
                barred |= {result.index for result in own}
                flaws = flaws_of(faulty)
                for item in telling.group.items:
                    self._refuse(call, item, flaws, outcomes, refusals)
                continue
            changed[telling.group.code] = telling.state
            outcomes += taken(telling, [result.id or "" for result in own])
        admitted = [each for each in candidates if each.result.index not in barred]
        await self.admission.save(session, admitted, [])
        return changed

    def _valid(self, unit: str, at: datetime) -> bool:
        return self.registry.find(unit, at) is not None

    def _refuse(
        self,
        call: Call,
        item: Item,
        flaws: Sequence[Flaw],
        outcomes: list[Outcome],
        refusals: list[dict[str, Any]],
    ) -> None:
        """Refuse an item before any event is made of it, and keep that it was."""
        code = code_in(item.raw)
        shown = MASK if code is not None and looks_personal(code) else code
        outcomes.append(Outcome(item.index, shown, "refused", REFUSED, list(flaws)))
        if call.key.sandbox:
            return
        raw = {
            "source": call.source,
            "id": item_id(item.service, code),
            "type": SUBMITTED if item.service == SYNC else CHANGED,
            "data": {"code": code, "item": item.raw},
        }
        errors = [
            {"pointer": f"/{flaw.field}", "code": flaw.code, "message": flaw.message}
            for flaw in flaws
        ]
        refusals.append(
            self.admission.quarantining.row("refused", raw, call.key, item.arrival, errors)
        )


def _shown(code: str, state: Dossier | None) -> dict[str, Any]:
    due = state.due.astimezone(clock.VN).strftime("%Y%m%d%H%M%S") if state and state.due else ""
    return {
        "MaHoSo": code,
        "TrangThaiHoSo": str(state.status) if state and state.status else "",
        "NgayHenTra": due,
    }
