"""Working through a list: rows read, events admitted, progress kept, in one transaction a batch."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.intake import store
from services.intake.handlers.admission import Admission, Result, uid_in_log
from services.intake.rules import Status
from services.intake.rules.lists.happenings import ASKED, Teller, judge_person, translate
from services.intake.rules.lists.headings import Headings
from services.intake.rules.lists.kinds import Kind
from services.intake.rules.lists.notes import Note, words
from services.intake.rules.lists.rows import RowReader, RowReading
from shared import clock, events
from shared.clock import local_day, start_of
from shared.keys import Key
from shared.sheets.reader import Batch
from shared.units import UnitRegistry

SLICE = 50
"""Rows or events worked on before others get their turn."""


@dataclass(slots=True)
class Figures:
    """How far a list is, and what became of its rows so far."""

    done: int = 0
    rows: int = 0
    accepted: int = 0
    duplicate: int = 0
    refused: int = 0
    repaired: int = 0
    eligible: int | None = None
    width: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    remarks: Counter[str] = field(default_factory=Counter)
    repairs: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, job: Mapping[str, Any]) -> "Figures":
        """The figures that a job was left with."""
        tally = job["tally"]
        return cls(
            *(job[name] for name in _COUNTS),
            eligible=job["eligible"],
            width=tally.get("width", 0),
            faults=Counter(tally.get("faults", {})),
            remarks=Counter(tally.get("remarks", {})),
            repairs=Counter(tally.get("repairs", {})),
        )

    def as_dict(self) -> dict[str, Any]:
        """As the store keeps them."""
        tally = {
            "width": self.width,
            "faults": dict(self.faults),
            "remarks": dict(self.remarks),
            "repairs": dict(self.repairs),
        }
        counts = {name: getattr(self, name) for name in _COUNTS}
        return counts | {"eligible": self.eligible, "tally": tally}

    def count(self, row: RowReading, status: Status) -> tuple[int, str, dict[str, Any]] | None:
        """Count a row; what is to be kept of it, or None where nothing is to be said."""
        self.rows += 1
        self.accepted += status == Status.ACCEPTED
        self.duplicate += status == Status.DUPLICATE
        self.refused += status == Status.REFUSED
        self.repaired += bool(row.repairs)
        notes: dict[str, list[Note]] = {}
        for name in ("faults", "remarks", "repairs"):
            said: list[Note] = list(dict.fromkeys(getattr(row, name)))
            getattr(self, name).update(note.code for note in said)
            if said:
                notes[name] = said
        if not notes:
            return None
        return (
            row.number,
            str(status),
            {name: [list(n) for n in said] for name, said in notes.items()},
        )


_COUNTS = ("done", "rows", "accepted", "duplicate", "refused", "repaired")


@dataclass(slots=True)
class Work:
    """One list being worked through by one worker.

    ``delivered`` is when a list of people counts as handed in; ``backfill``, that nobody is to be
    told of what the list says.
    """

    id: str
    worker: str
    lease: float
    kind: Kind
    key: Key
    headings: Headings
    reader: RowReader
    teller: Teller
    figures: Figures
    delivered: datetime
    backfill: bool = False

    @property
    def columns(self) -> frozenset[str]:
        """The columns that the list has."""
        return frozenset(self.headings.columns)

    async def save(
        self, session: AsyncSession, notes: Sequence[tuple[int, str, dict[str, Any]]]
    ) -> None:
        """Keep figures and notes; raises ``LeaseLost``."""
        await store.save_import(
            session, self.id, self.worker, self.lease, self.figures.as_dict(), notes
        )

    def read(self, batch: Batch) -> list[RowReading]:
        """The rows of a batch that belong to the list."""
        found = []
        for number, cells in batch:
            self.figures.width = max(self.figures.width, len(cells))
            if number >= self.headings.first_row:
                row = self.reader.read(number, cells)
                if row is not None:
                    found.append(row)
        return found


async def take_events(work: Work, batches: AsyncIterator[Batch], admission: Admission) -> None:
    """Admit what the rows tell, batch by batch, from where the job was left.

    Raises:
        LeaseLost: another worker has taken over.
    """
    seen: dict[bytes, tuple[int, int]] = {}
    left_at = work.figures.done
    async for batch in batches:
        told = []
        for start in range(0, len(batch), SLICE):
            for row in work.read(batch[start : start + SLICE]):
                told.append((row, _tell(work, row, seen)))
            await asyncio.sleep(0)
        last = batch[-1][0]
        if last <= left_at:
            continue
        fresh = [(row, raws) for row, raws in told if row.number > left_at]
        good = [(row, raws) for row, raws in fresh if not row.faults]
        results, candidates, refusals = await _examine(
            work, admission, [r for _, rs in good for r in rs]
        )
        refusals += _refusals(work, admission, fresh)
        async with admission.database.transaction() as session:
            await admission.save(session, candidates, refusals)
            outcome = _outcomes(good, results)
            notes = []
            for row, _ in fresh:
                notes.append(work.figures.count(row, outcome.get(row.number, Status.REFUSED)))
            work.figures.done = last
            await work.save(session, [note for note in notes if note])
        admission.announce()


def _tell(work: Work, row: RowReading, seen: dict[bytes, tuple[int, int]]) -> list[dict[str, Any]]:
    """The row's events; rows that say the same are told apart, or one is said to be the other."""
    raws = work.teller.tell(row)
    if work.kind.name == "dossiers":
        judge_person(row, work.kind, work.columns)
    if row.faults:
        _add_contract_faults(row, raws)
        return raws
    identity = sha256("".join(raw["id"] for raw in raws).encode()).digest()[:16]
    first, times = seen.get(identity, (row.number, 0))
    seen[identity] = (first, times + 1)
    if times and work.kind.answers:
        for raw in raws:
            raw["id"] = f"{raw['id']}-{times + 1}"
    elif times:
        row.remarks.append(Note("", "same_row", str(first)))
    return raws


def _refusals(
    work: Work,
    admission: Admission,
    told: Sequence[tuple[RowReading, Sequence[dict[str, Any]]]],
) -> list[dict[str, Any]]:
    """What the quarantine keeps of rows that were not even understood, one for each."""
    if work.key.sandbox:
        return []
    now = clock.now()
    kept = []
    for row, raws in told:
        if row.faults and raws:
            errors = [
                {
                    "pointer": f"/data/{n.column}" if n.column else "",
                    "code": n.code,
                    "message": words(n),
                }
                for n in row.faults
            ]
            kept.append(admission.quarantining.row("refused", raws[0], work.key, now, errors))
    return kept


def _add_contract_faults(row: RowReading, raws: Sequence[dict[str, Any]]) -> None:
    """What else is wrong with a faulty row, so that all is said at once."""
    told = {note.column for note in row.faults}
    for raw in raws:
        for fault in events.check(raw)[1]:
            note = translate(fault)
            if note.code != "missing" and note.column and note.column not in told:
                told.add(note.column)
                row.faults.append(note)


async def _examine(
    work: Work, admission: Admission, raws: Sequence[dict[str, Any]]
) -> tuple[list[Result], list[Any], list[dict[str, Any]]]:
    results: list[Result] = []
    candidates: list[Any] = []
    refusals: list[dict[str, Any]] = []
    if work.backfill:
        raws = [raw | {"backfill": True} for raw in raws]
    for start in range(0, len(raws), SLICE):
        found = await admission.examine(raws[start : start + SLICE], work.key)
        results += found[0]
        candidates += found[1]
        refusals += found[2]
        await asyncio.sleep(0)
    return results, candidates, refusals


def _outcomes(
    told: Sequence[tuple[RowReading, Sequence[dict[str, Any]]]], results: Sequence[Result]
) -> dict[int, Status]:
    """What became of each row, given what became of its events; faults go to the row."""
    outcome = {}
    at = 0
    for row, raws in told:
        own = results[at : at + len(raws)]
        at += len(raws)
        for result in own:
            if result.status in (Status.REFUSED, Status.CONFLICT):
                row.faults += [translate(fault) for fault in result.errors]
        if row.faults:
            outcome[row.number] = Status.REFUSED
        elif any(result.status == Status.ACCEPTED for result in own):
            outcome[row.number] = Status.ACCEPTED
        else:
            outcome[row.number] = Status.DUPLICATE
    return outcome


@dataclass(slots=True)
class _Group:
    """The people of one unit and month."""

    content: list[bytes] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    eligible: int = 0
    people: list[tuple[str, str]] = field(default_factory=list)
    """(name, phone) of those who can be asked: on their way to notify, nowhere else."""


async def take_people(work: Work, batches: AsyncIterator[Batch], admission: Admission) -> None:
    """Count the people of a list, and hand it in as one delivery for each unit and month.

    Nothing is admitted before the last row, so a list that was left half read begins anew.

    Raises:
        LeaseLost: another worker has taken over.
    """
    work.figures = Figures(eligible=0)
    async with admission.database.transaction() as session:
        await store.restart_import(session, work.id)
    groups: dict[tuple[str, str | None], _Group] = {}
    seen: dict[bytes, int] = {}
    async for batch in batches:
        notes = []
        for start in range(0, len(batch), SLICE):
            for row in work.read(batch[start : start + SLICE]):
                notes.append(work.figures.count(row, _place(work, row, groups, seen)))
            await asyncio.sleep(0)
        work.figures.done = batch[-1][0]
        async with admission.database.transaction() as session:
            await work.save(session, [note for note in notes if note])
    if work.kind.list is not None:
        await _deliver(work, groups, admission)


def _place(
    work: Work,
    row: RowReading,
    groups: dict[tuple[str, str | None], _Group],
    seen: dict[bytes, int],
) -> Status:
    eligible = judge_person(row, work.kind, work.columns)
    if row.faults:
        return Status.REFUSED
    said = work.teller.id_of({name: str(value) for name, value in row.values.items()})
    identity = sha256(said.encode()).digest()[:16]
    if identity in seen:
        row.remarks.append(Note("", "same_row", str(seen[identity])))
        return Status.DUPLICATE
    seen[identity] = row.number
    group = groups.setdefault((row.values["unit"], row.values.get("month")), _Group())
    group.content.append(identity)
    group.numbers.append(row.number)
    group.eligible += eligible
    if eligible and work.kind.list in ASKED:
        group.people.append((str(row.values["name"]), str(row.values["phone"])))
    assert work.figures.eligible is not None
    work.figures.eligible += eligible
    return Status.ACCEPTED


async def _deliver(
    work: Work, groups: Mapping[tuple[str, str | None], _Group], admission: Admission
) -> None:
    """Admit the deliveries. One that is known already was handed in when it first came."""
    told = {}
    for (unit, month), group in groups.items():
        at, ended = delivered_at(admission.registry, unit, work.delivered)
        if ended:
            work.figures.remarks["unit_ended"] += 1
        raw = work.teller.delivery(
            unit, month, group.content, len(group.numbers), group.eligible, at
        )
        told[uid_in_log(raw["source"], raw["id"], work.key)] = (raw, group)
    async with admission.database.transaction() as session:
        log: store.Log = "sandbox_events" if work.key.sandbox else "events"
        known = set(await store.digests_of(session, told, log))
    fresh = [pair for uid, pair in told.items() if uid not in known]
    results, candidates, refusals = await _examine(work, admission, [raw for raw, _ in fresh])
    people = {(raw["source"], raw["id"]): group.people for raw, group in fresh}
    for one in candidates:
        one.people = people[one.event.source, one.event.id]
    async with admission.database.transaction() as session:
        await admission.save(session, candidates, refusals)
        for uid in known:
            _turn(work.figures, len(told[uid][1].numbers), Status.DUPLICATE)
        for (_, group), result in zip(fresh, results, strict=True):
            if result.status == Status.ACCEPTED:
                continue
            _turn(work.figures, len(group.numbers), result.status)
            if result.status == Status.REFUSED:
                notes = [translate(fault) for fault in result.errors]
                work.figures.faults.update({note.code: len(group.numbers) for note in notes})
                said = {"faults": [list(note) for note in notes]}
                await store.refuse_import_rows(session, work.id, group.numbers, said)
        await work.save(session, [])
    admission.announce()


def delivered_at(registry: UnitRegistry, unit: str, at: datetime) -> tuple[datetime, bool]:
    """When a unit's list counts as handed in: at an instant, or, where the unit ended before it,
    in the last second that it had; and whether that is so."""
    if registry.find(unit, at) is not None:
        return at, False
    ends = [
        v.valid_to for v in registry.versions(unit) if v.valid_to and v.valid_to <= local_day(at)
    ]
    return (start_of(max(ends)) - timedelta(seconds=1), True) if ends else (at, False)


def _turn(figures: Figures, rows: int, status: Status) -> None:
    """Count rows anew that had been counted as accepted."""
    figures.accepted -= rows
    if status == Status.REFUSED:
        figures.refused += rows
    else:
        figures.duplicate += rows
