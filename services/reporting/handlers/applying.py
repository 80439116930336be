"""What a batch of events does to the read models: load, fold, save the difference.

For every key that a batch touches the figures are derived from its facts before and after, and
only the difference is added. So neither order nor repeats nor late withdrawals matter.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting import rules
from services.reporting.handlers.outcomes import refold_notices
from services.reporting.rules import Askable, Cell, Eras, Install, Overdue, ScoreCell, Survey, Tally
from services.reporting.store import dossier_sums, facts, interviews, refolds, scores, spells, sums
from services.reporting.store.facts import DossierFacts
from shared import clock, rulebook
from shared.db import Database, take_turn
from shared.dossiers import StatusChange, Submission
from shared.events import Event, data
from shared.events import uid as uid_of
from shared.questionnaires import Scales, known_questionnaires, reasons
from shared.units import UnitRegistry

log = structlog.get_logger()

FILINGS = frozenset({"motcua.list.delivered.v1", "motcua.report.filed.v1"})
"""Types of events that may fulfil an obligation."""

REFOLDED_AT_ONCE = 1000
"""Facts of one transaction, where all are derived anew."""
MOST_PENDING = 5000
"""Contributions that wait before they are rolled up while more keep coming."""
ROLLED_AT_ONCE = 10_000
"""Contributions that one statement rolls up: it has to end in time, however many have gathered."""
ROLL_SECONDS = 1.0

Fact = TypeVar("Fact", Submission, StatusChange, Survey)


async def apply_events(
    session: AsyncSession,
    events: Sequence[Event],
    registry: UnitRegistry,
    scales: Scales | None = None,
) -> None:
    """Take events that were not seen before into the read models.

    `scales` tells which answers of surveys lie outside the scale of their item.
    """
    voids = _voids(events)
    known_voids = await facts.load_voids(
        session, [*voids, *(event.uid for event in events if event.unit is not None)]
    )
    voids_after = dict(known_voids)
    for target, rday in voids.items():
        voids_after[target] = min(rday, voids_after.get(target, rday))
    changed = {
        target: rday for target, rday in voids_after.items() if known_voids.get(target) != rday
    }
    await _apply_dossiers(session, events, changed, voids_after, registry.era)
    await _apply_surveys(session, events, changed, voids_after, registry, scales or Scales())
    await facts.add_installs(
        session, [_install(event) for event in events if _is(event, data.Install)]
    )
    await facts.add_filings(session, [event for event in events if event.type in FILINGS])
    await facts.add_activities(session, events)
    await facts.add_difficulties(session, events)
    await facts.add_voids(session, changed)
    await facts.freshen(session, max(event.receivedat or event.time for event in events))
    log.debug("events_applied", events=len(events))


async def refold_due(database: Database, registry: UnitRegistry) -> None:
    """Derive anew what an upgrade asks for; goes on where it was interrupted."""
    done = 0
    while True:
        async with database.transaction() as session:
            await take_turn(session, "store")
            due = await refolds.take(session, REFOLDED_AT_ONCE)
            await refold(session, [code for kind, code in due if kind == "dossier"], registry.era)
            await _refold_interviews(
                session, [code for kind, code in due if kind == "interview"], registry.era
            )
            await _refold_surveys(
                session, [bytes.fromhex(code) for kind, code in due if kind == "survey"], registry
            )
            await refold_notices(
                session, [code for kind, code in due if kind == "notice"], registry
            )
        if not due:
            return
        done += len(due)
        while await roll_pending(database, registry, MOST_PENDING):
            pass
        log.info("sums_derived_anew", facts=done)


async def roll_pending(
    database: Database, registry: UnitRegistry, least: int = 1, most: int = ROLLED_AT_ONCE
) -> bool:
    """Roll up the oldest of what is pending, if there is at least so much; says whether it did."""
    async with database.transaction() as session:
        await take_turn(session, "roll")
        count, upto = await dossier_sums.waiting(session, most)
        if count < least or not count:
            return False
        await dossier_sums.roll_up(session, upto, partial(rules.chains, registry))
    return True


async def keep_rolling(database: Database, registry: UnitRegistry) -> None:
    """Roll up what is pending for ever: at once when it has become much, else when it rests."""
    before = 0
    while True:
        await asyncio.sleep(ROLL_SECONDS)
        async with database.transaction() as session:
            count, upto = await dossier_sums.waiting(session, ROLLED_AT_ONCE)
        if count and (count >= MOST_PENDING or upto == before):
            least = 1
            while await roll_pending(database, registry, least):
                least = MOST_PENDING
        before = upto


async def refold(session: AsyncSession, codes: Collection[str], era: Eras) -> None:
    """Derive sums and spells of dossiers that have none yet from their facts."""
    askable: dict[str, list[Askable]] = {}
    cells: Counter[Cell] = Counter()
    overdue: dict[str, list[Overdue]] = {}
    in_use = await rulebook.load(session)
    for code, (told, moves) in (await facts.load_dossiers(session, codes)).items():
        story = rules.history(told, moves, in_use.of(code))
        added = rules.contributions(story, era)
        cells.update(added)
        overdue[code] = rules.overdue_spells(story, era)
        askable[code] = rules.askable(added)
    await dossier_sums.add(session, cells)
    await spells.replace(session, overdue)
    await interviews.replace(session, askable, askable.keys())


async def _refold_interviews(session: AsyncSession, codes: Collection[str], era: Eras) -> None:
    """Derive from their facts whether the applicants of some dossiers can be asked."""
    in_use = await rulebook.load(session)
    found = {
        code: rules.askable(rules.contributions(rules.history(told, moves, in_use.of(code)), era))
        for code, (told, moves) in (await facts.load_dossiers(session, codes)).items()
    }
    await interviews.replace(session, found, found.keys())


async def _apply_dossiers(
    session: AsyncSession,
    events: Sequence[Event],
    changed: Mapping[bytes, date],
    voids: Mapping[bytes, date],
    era: Eras,
) -> None:
    submissions = [_submission(event, voids) for event in events if _is(event, data.Submission)]
    statuses = [_status(event, voids) for event in events if _is(event, data.StatusChange)]
    codes = {code for code, _ in submissions} | {code for code, _ in statuses}
    codes |= await facts.codes_of(session, changed)
    if not codes:
        return
    stored = await facts.load_dossiers(session, codes)
    in_use = await rulebook.load(session)
    new: dict[str, DossierFacts] = {code: ([], []) for code in codes}
    for code, submission in submissions:
        new[code][0].append(submission)
    for code, status in statuses:
        new[code][1].append(status)
    cells: Counter[Cell] = Counter()
    overdue: dict[str, list[Overdue]] = {}
    askable: dict[str, list[Askable]] = {}
    forgotten: list[str] = []
    for code, (told, moves) in stored.items():
        timeline = in_use.of(code)
        before = rules.history(told, moves, timeline)
        after = rules.history(
            [*_revoid(told, changed), *new[code][0]],
            [*_revoid(moves, changed), *new[code][1]],
            timeline,
        )
        added, taken = rules.contributions(after, era), rules.contributions(before, era)
        cells.update(added)
        cells.subtract(taken)
        asked_after, asked_before = rules.askable(added), rules.askable(taken)
        if asked_after != asked_before:
            askable[code] = asked_after
            if asked_before:
                forgotten.append(code)
        spells_after = rules.overdue_spells(after, era)
        if spells_after != rules.overdue_spells(before, era):
            overdue[code] = spells_after
    await facts.add_submissions(session, submissions)
    await facts.add_statuses(session, statuses)
    await dossier_sums.add(session, cells)
    await spells.replace(session, overdue)
    await interviews.replace(session, askable, forgotten)


async def _refold_surveys(
    session: AsyncSession, uids: Collection[bytes], registry: UnitRegistry
) -> None:
    stored = await facts.load_surveys(session, uids)
    await scores.add(session, _tallies(list(stored.values())), registry.era)


async def _apply_surveys(
    session: AsyncSession,
    events: Sequence[Event],
    changed: Mapping[bytes, date],
    voids: Mapping[bytes, date],
    registry: UnitRegistry,
    scales: Scales,
) -> None:
    new = [(event, _survey(event, voids, scales)) for event in events if _is(event, data.Survey)]
    stored = await facts.load_surveys(session, changed)
    if not new and not stored:
        return
    before = _tallies(list(stored.values()))
    after = _tallies([*_revoid(list(stored.values()), changed), *(one for _, one in new)])
    chosen: Counter[rules.ReasonCell] = Counter()
    for one in [*_revoid(list(stored.values()), changed), *(one for _, one in new)]:
        chosen.update(rules.reason_contributions(one))
    for one in stored.values():
        chosen.subtract(rules.reason_contributions(one))
    await facts.add_surveys(session, new)
    await sums.add_reasons(session, Counter({cell: n for cell, n in chosen.items() if n}))
    await scores.add(session, rules.tally_difference(before, after), registry.era)


def _tallies(surveys: Sequence[Survey]) -> dict[ScoreCell, Tally]:
    cells: dict[ScoreCell, Tally] = {}
    for survey in surveys:
        for cell, tally in rules.score_contributions(survey).items():
            cells[cell] = cells[cell] + tally if cell in cells else tally
    return cells


def _revoid(stored: Sequence[Fact], changed: Mapping[bytes, date]) -> list[Fact]:
    return [
        replace(fact, voided_rday=changed[fact.uid]) if fact.uid in changed else fact
        for fact in stored
    ]


def _voids(events: Sequence[Event]) -> dict[bytes, date]:
    found: dict[bytes, date] = {}
    for event in events:
        if isinstance(event.data, data.Voiding):
            target = uid_of(event.data.of_source, event.data.of_id)
            found[target] = min(event.rday, found.get(target, event.rday))
    return found


def _is(event: Event, model: type[data.Data]) -> bool:
    return isinstance(event.data, model)


def _submission(event: Event, voids: Mapping[bytes, date]) -> tuple[str, Submission]:
    told = event.data
    assert isinstance(told, data.Submission)
    return told.code, Submission(
        order=event.order,
        unit=told.unit,
        field=told.field,
        procedure=told.procedure,
        authority=told.authority,
        channel=told.channel,
        submitted_at=told.submitted_at,
        rday=event.rday,
        uid=event.uid,
        credited_unit=told.credited_unit,
        received_at=told.received_at,
        due_at=told.due_at,
        assisted_by=told.assisted_by,
        quality=told.quality.model_dump(),
        voided_rday=voids.get(event.uid),
    )


def _status(event: Event, voids: Mapping[bytes, date]) -> tuple[str, StatusChange]:
    told = event.data
    assert isinstance(told, data.StatusChange)
    return told.code, StatusChange(
        order=event.order,
        unit=told.unit,
        status=told.status,
        at=told.at,
        rday=event.rday,
        uid=event.uid,
        due_at=told.due_at,
        department=told.department,
        returned_at=told.returned_at,
        voided_rday=voids.get(event.uid),
    )


def _survey(event: Event, voids: Mapping[bytes, date], scales: Scales) -> Survey:
    told = event.data
    assert isinstance(told, data.Survey)
    outside = scales.outside(told.questionnaire, told.answers)
    return Survey(
        uid=event.uid,
        unit=told.unit,
        domain=told.domain,
        mode=told.mode,
        questionnaire=told.questionnaire,
        scores=rules.survey_scores(told.answers, outside),
        day=clock.local_day(event.time),
        rday=event.rday,
        voided_rday=voids.get(event.uid),
        reasons=rules.survey_reasons(
            told.questionnaire, told.answers, reasons(known_questionnaires())
        ),
        dossier=told.dossier,
        outside=outside,
    )


def _install(event: Event) -> tuple[bytes, date, Install]:
    told = event.data
    assert isinstance(told, data.Install)
    return (
        event.uid,
        event.rday,
        Install(
            order=event.order,
            unit=told.unit,
            app=told.app,
            installer=told.installer,
            place=told.place,
            succeeded=told.result == "succeeded",
            day=clock.local_day(event.time),
            device=told.device,
            citizen=told.citizen,
        ),
    )
