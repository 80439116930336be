"""National sync calls: sessions, dossiers and progress taken in, held until their unit is mapped.

What a call tells is compared with what was accepted before, in one transaction with the events
that come of it. Calls of one source take turns, whichever replica they reach, so that the same
call twice at once is told once.
"""

import asyncio
import contextlib
import copy
import itertools
import secrets
import unicodedata
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from weakref import WeakValueDictionary

import orjson
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.intake import store
from services.intake.handlers.admission import Admission, Result
from services.intake.rules import Status
from services.intake.rules.lgsp_fields import (
    PROGRESS,
    SYNC,
    Flaw,
    Progress,
    Sync,
    code_in,
    read_progress,
    read_sync,
    strip_applicant,
    strip_unread,
)
from services.intake.rules.lgsp_telling import CHANGED, SUBMITTED, Dossier, Setting, Teller
from services.intake.rules.mapping import mapping_key, resolve_unit
from services.intake.store.mappings import Held
from shared import clock, events, keys
from shared.db import Database, take_turn
from shared.keys import Key, Keyring
from shared.messaging.batches import is_outage
from shared.problems import Problem
from shared.redaction import MASK, looks_personal
from shared.sealing import Sealer
from shared.units import UnitRegistry

logger = structlog.get_logger()

TURN_SIZE = 200
"""Items of a call that are taken in one transaction."""
MOST_NAMESAKES = 20
LONGEST_SECRET = 300
MOST_AT_ONCE = 4
"""Calls that are taken at once: each holds a connection while it waits for its source's turn."""
SWEEP_SECONDS = 30.0

FIELDS = {
    "/id": "MaHoSo",
    "/source": "madonvi",
    "/time": "NgayTiepNhan",
    "/data/code": "MaHoSo",
    "/data/procedure": "MaTTHC",
    "/data/field": "TenLinhVuc",
    "/data/unit": "DonViXuLy",
    "/data/of_id": "MaHoSo",
}
MENDS = {
    "unit_not_allowed": "Khóa này không được gửi thay đơn vị này.",
    "source_not_allowed": "Khóa này không được gửi với madonvi này.",
    "unit_not_valid": "Đơn vị này không tồn tại vào thời điểm của hồ sơ.",
    "personal_data": "Hãy bỏ số điện thoại, email ra khỏi mã.",
    "control_character": "Hãy bỏ ký tự điều khiển.",
    "no_level": "Đơn vị này không thuộc cấp nào (tỉnh, huyện, xã).",
}
TAKEN = "Đã nhận."
REPEATED = "Đã có từ trước, không thay đổi."
REFUSED = "Bị từ chối; hãy sửa các trường được nêu rồi gửi lại."
HELD = "Đã nhận và đang giữ: chưa biết đơn vị này ứng với đơn vị nào; không cần gửi lại."


@dataclass(frozen=True, slots=True)
class Item:
    """One element of a call's `data`; `turn` tells calls apart that are taken in together."""

    index: int
    service: str
    raw: Any
    arrival: datetime
    turn: int = 0


@dataclass(slots=True)
class Outcome:
    """What became of an item: accepted, duplicate, held or refused."""

    index: int
    code: str | None
    status: str
    message: str
    errors: list[Flaw] = field(default_factory=list)
    notes: tuple[Flaw, ...] = ()
    events: list[str] = field(default_factory=list)
    """The ids of the events that came of it."""

    def as_dict(self) -> dict[str, Any]:
        return {
            "index": self.index,
            "MaHoSo": self.code,
            "status": self.status,
            "message": self.message,
            "errors": [flaw.as_dict() for flaw in self.errors],
            "notes": [flaw.as_dict() for flaw in self.notes],
            "events": self.events,
        }


@dataclass(slots=True)
class Group:
    """A dossier's sync, or all progress of one dossier in a call."""

    code: str
    items: list[Item]
    parsed: list[Sync | Progress]

    def continues(self, item: Item) -> bool:
        """Whether an item is more progress of the same call."""
        first = self.items[0]
        return item.service == first.service == PROGRESS and item.turn == first.turn

    @property
    def arrival(self) -> datetime:
        return self.items[0].arrival

    @property
    def sync(self) -> Sync | None:
        first = self.parsed[0]
        return first if isinstance(first, Sync) else None


@dataclass(frozen=True, slots=True)
class Call:
    """Who called, and under which source and unit code."""

    source: str
    madonvi: str
    key: Key

    @property
    def place(self) -> str:
        """Under what its dossiers are kept: a key of the sandbox has a place of its own."""
        return f"sandbox {self.key.id} {self.source}" if self.key.sandbox else self.source


@dataclass(slots=True)
class Telling:
    """A group's events among all that are examined together."""

    group: Group
    state: Dossier
    fresh: set[int]
    """Positions in the group of what is new."""
    first: int
    last: int


class SyncCalls:
    """Answers national sync calls.

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
        self.keyring, self.hash_key = keyring, hash_key
        self.session_time = timedelta(seconds=session_seconds)
        self.turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.room = asyncio.Semaphore(MOST_AT_ONCE)
        self.sealer = Sealer(hash_key, "held items")

    # -- sessions ----------------------------------------------------------------------------

    async def log_in(self, username: str, password: str) -> str | None:
        """A new session for a key's name and secret; None where they are wrong.

        Raises:
            Problem: 403 where the key may not send events.
        """
        name, given = _tidy(username), password.strip()
        if not name or not given or max(len(name), len(given)) > LONGEST_SECRET:
            return None
        for shown in await self._secrets(name, given):
            try:
                key = await self.keyring.identify(shown)
            except Problem:
                continue
            if _tidy(key.name) != name:
                continue
            if not key.may("events:write"):
                raise Problem(403)
            token = secrets.token_urlsafe(32)
            now = clock.now()
            async with self.database.transaction() as session:
                await store.open_session(
                    session,
                    _token_digest(token),
                    key.id,
                    keys.digest(shown),
                    now,
                    now + self.session_time,
                )
            return token
        return None

    async def _secrets(self, name: str, given: str) -> list[str]:
        """Whole keys that may be meant: as given, or the secret after its holder's id."""
        if keys.id_of(given) is not None:
            return [given]
        if "\0" in name or "\0" in given:
            return []
        async with self.database.transaction() as session:
            ids = await store.key_ids_named(session, name, MOST_NAMESAKES)
        return [f"mc_{each}_{given}" for each in [*ids, *(["admin"] if name == "admin" else [])]]

    async def identify(self, token: str) -> Key | None:
        """The key of a session; None where it is unknown, has expired, or its key was revoked."""
        async with self.database.transaction() as session:
            row = await store.find_session(session, _token_digest(token), clock.now())
        if row is None:
            return None
        if row.name is None:
            first = self.keyring.admin is not None and row.key_hash == self.keyring.admin
            return Key("admin", "admin", frozenset({"admin"})) if first else None
        return Key(
            row.key_id,
            row.name,
            frozenset(row.scopes),
            frozenset(row.units),
            frozenset(row.sources),
        )

    # -- calls -------------------------------------------------------------------------------

    async def take(self, call: Call, service: str, raws: Sequence[Any]) -> list[Outcome]:
        """Take a call's items in; when this returns, what is accepted or held is committed."""
        now = clock.now()
        items = [Item(index, service, raw, now) for index, raw in enumerate(raws)]
        outcomes: list[Outcome] = []
        for start in range(0, len(items), TURN_SIZE):
            async with self._turn(call.source) as session:
                outcomes += await self._apply(session, call, items[start : start + TURN_SIZE])
            self.admission.announce()
        return sorted(outcomes, key=lambda outcome: outcome.index)

    @contextlib.asynccontextmanager
    async def _turn(self, source: str) -> AsyncIterator[AsyncSession]:
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

    async def _apply(
        self,
        session: AsyncSession,
        call: Call,
        items: Sequence[Item],
        releasing: tuple[str, int] = ("", 0),
    ) -> list[Outcome]:
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
                hold.append(self._held(call, group, name, key))
                outcomes += [Outcome(i.index, group.code, "held", HELD) for i in group.items]
            if not call.key.sandbox:
                await store.hold(session, call.source, hold)
            changed = await self._tell(session, call, ready, states, outcomes, refusals)
            states |= changed
            told = {code: state.as_json() for code, state in changed.items()}
            await store.save_dossiers(session, call.place, told, clock.now())
        if refusals:
            await self.admission.save(session, [], refusals)
        await store.settle_refusals(session, _settled(call, items, outcomes))
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
                flaws = _flaws_of(faulty)
                for item in telling.group.items:
                    self._refuse(call, item, flaws, outcomes, refusals)
                continue
            changed[telling.group.code] = telling.state
            outcomes += _taken(telling, [result.id or "" for result in own])
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
            "id": _item_id(item.service, code),
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

    # -- what is held ------------------------------------------------------------------------

    def _held(self, call: Call, group: Group, theirs: str, theirs_key: str) -> Held:
        content = {
            "madonvi": call.madonvi,
            "service": group.items[0].service,
            "items": [strip_unread(item.raw) for item in group.items],
        }
        body = orjson.dumps(content)
        return Held(
            theirs=theirs,
            theirs_key=theirs_key,
            code=group.code,
            items=len(group.items),
            digest=sha256(self.hash_key + body).digest(),
            received_at=group.arrival,
            key_id=call.key.id,
            sealed=self.sealer.seal(body),
        )

    async def map_unit(self, source: str, theirs: str, unit: str, key: Key) -> int:
        """Map a source's name to a unit and release what was held for it; returns how many items
        were released."""
        theirs_key = mapping_key(theirs)
        async with self._turn(source) as session:
            await store.put_mapping(session, source, theirs, theirs_key, unit, key.id)
        return await self.release(source, theirs_key)

    async def release(self, source: str, theirs_key: str) -> int:
        """Take in what was held for a name, in the order received; returns how many items."""
        released = 0
        async with self.database.transaction() as session:
            last = await store.last_held(session, source, theirs_key)
        while last is not None:
            async with self._turn(source) as session:
                rows = await store.take_held(session, source, theirs_key, last, TURN_SIZE)
                released += await self._take_held(session, source, rows, (theirs_key, last))
            if not rows:
                break
            self.admission.announce()
        return released

    async def _take_held(
        self, session: AsyncSession, source: str, rows: Sequence[Any], releasing: tuple[str, int]
    ) -> int:
        """Take in held rows, oldest first; what one key sent as one unit goes together."""
        opened = [(row, orjson.loads(self.sealer.open(bytes(row.sealed)))) for row in rows]
        released = 0
        for (key_id, madonvi), run in itertools.groupby(
            opened, key=lambda each: (each[0].key_id, each[1]["madonvi"])
        ):
            call = Call(source, madonvi, await self._key(session, key_id))
            items = [
                Item(number, content["service"], raw, row.received_at, turn)
                for turn, (row, content) in enumerate(run)
                for number, raw in enumerate(content["items"])
            ]
            items = [replace(item, index=index) for index, item in enumerate(items)]
            outcomes = await self._apply(session, call, items, releasing)
            released += sum(outcome.status != "held" for outcome in outcomes)
        return released

    async def _key(self, session: AsyncSession, key_id: str) -> Key:
        """The key that sent something, with the bounds that it had."""
        kept = await store.load_key(session, key_id)
        if kept is None:  # the first key, which every service is given
            return Key(key_id, key_id, frozenset())
        return Key(
            kept.id,
            kept.name,
            frozenset(kept.scopes),
            frozenset(kept.units),
            frozenset(kept.sources),
        )

    async def forget_applicant(self, session: AsyncSession, code: str) -> None:
        """Take what is known of an applicant out of what is held and kept of a dossier."""
        await store.forget_names(session, code)
        stripped = {}
        for row in await store.held_of(session, code):
            content = orjson.loads(self.sealer.open(bytes(row.sealed)))
            content["items"] = [strip_applicant(raw) for raw in content["items"]]
            stripped[row.id] = self.sealer.seal(orjson.dumps(content))
        await store.reseal_held(session, stripped)

    async def run(self) -> None:
        """Release what a crash left held although it is mapped, now and then, for ever."""
        while True:
            try:
                async with self.database.transaction() as session:
                    names = await store.releasable(session)
                for source, theirs_key in names:
                    await self.release(source, theirs_key)
            except Exception as fault:
                if not is_outage(fault):
                    logger.error("release_failed", error=type(fault).__name__)
            await asyncio.sleep(SWEEP_SECONDS)


def _taken(telling: Telling, ids: Sequence[str]) -> list[Outcome]:
    group = telling.group
    if group.sync is not None:
        status, message = ("accepted", TAKEN) if telling.fresh else ("duplicate", REPEATED)
        index, notes = group.items[0].index, group.sync.notes
        return [Outcome(index, group.code, status, message, notes=notes, events=list(ids))]
    told = dict(zip(sorted(telling.fresh), ids, strict=True))
    return [
        Outcome(item.index, group.code, "accepted", TAKEN, events=[told[position]])
        if position in told
        else Outcome(item.index, group.code, "duplicate", REPEATED)
        for position, item in enumerate(group.items)
    ]


def _flaws_of(faulty: Sequence[Result]) -> list[Flaw]:
    flaws: dict[tuple[str, str], Flaw] = {}
    for result in faulty:
        for fault in result.errors:
            name = FIELDS.get(fault.pointer, fault.pointer.rpartition("/")[2])
            message = MENDS.get(fault.code, "Hãy sửa trường này theo tài liệu kết nối.")
            flaws.setdefault((name, fault.code), Flaw(name, fault.code, "value", message))
    return list(flaws.values())


def _item_id(service: str, code: str | None) -> str | None:
    return f"{service}:{code}" if code is not None else None


def _settled(call: Call, items: Sequence[Item], outcomes: Sequence[Outcome]) -> list[bytes]:
    """What tells the items that are in now from others, where they had been refused before."""
    services = {item.index: item.service for item in items}
    ids = {
        _item_id(services[outcome.index], outcome.code)
        for outcome in outcomes
        if outcome.status in ("accepted", "duplicate")
    }
    return [events.uid(call.source, each) for each in sorted(filter(None, ids))]


def _shown(code: str, state: Dossier | None) -> dict[str, Any]:
    due = state.due.astimezone(clock.VN).strftime("%Y%m%d%H%M%S") if state and state.due else ""
    return {
        "MaHoSo": code,
        "TrangThaiHoSo": str(state.status) if state and state.status else "",
        "NgayHenTra": due,
    }


def _token_digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def _tidy(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()
