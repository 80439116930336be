"""Books what units earn, and answers what is payable."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.quota import rules, store
from services.quota.handlers.outcomes import outcome
from services.quota.rules import OF, PAID, Earned, Fact, History, Part, Standing, Terms
from services.quota.store import Place
from shared import clock, events
from shared.events import outcomes
from shared.outbox import enqueue

Groups = list[tuple[tuple[Part, str], list[Fact]]]
"""Each touched key of a count with all facts that share it."""

COUNTED = ("succeeded", "payable", "beyond_quota", "amount", "held", "approved", "refused")


async def find_winners(session: AsyncSession, groups: Groups) -> set[Place]:
    """Set the paid event of each touched key; returns the places that this concerns."""
    rows, losers = [], []
    for (part, key), group in groups:
        name, indicator = part.history.name, part.indicator
        if part.part != OF or not any(made.stipend for _, made in part.history.variants(indicator)):
            continue
        found = rules.winner(part, group)
        if found is None:
            losers.append((name, indicator, key))
            continue
        unit, fact = found
        order = (fact.occurred_at, fact.source, fact.event_id)
        rows.append((name, indicator, key, unit, fact.data.get("installer"), *order))
    return await store.set_winners(session, rows, losers)


async def settle(
    session: AsyncSession,
    histories: Mapping[str, History],
    places: Collection[Place],
    backfill: bool = False,
) -> None:
    """Book what some places have earned: the difference between what is due and what is booked.

    ``histories`` are by the name of their counts, as the places are; ``backfill`` says that what
    is settled was loaded afterwards.
    """
    if not places:
        return
    standings = await stand_places(session, histories, places)
    booked: dict[Place, dict[rules.Entry, Any]] = {}
    for row in await store.balances(session, places):
        place = (row.plan, row.indicator, row.unit)
        booked.setdefault(place, {})[row.installer, row.source, row.event_id] = row
    rows = []
    now = clock.now()
    for place in sorted(places):
        _, indicator, unit = place
        history = histories[place[0]]
        due: dict[rules.Entry, tuple[int, Earned]] = {}
        for standing in standings[place]:
            each = standing.earned
            if standing.state in PAID:
                due[each.installer, each.source, each.event_id] = (standing.amount, each)
        before = booked.get(place, {})
        owed = {entry: amount for entry, (amount, _) in due.items()}
        for entry, amount in rules.corrections(
            owed, {entry: row.amount for entry, row in before.items()}
        ).items():
            at = due[entry][1].occurred_at if entry in due else before[entry].occurred_at
            version = history.at(at) or history.newest
            currency = _currency(history, indicator, version.number, before.get(entry))
            reason = "earned" if amount > 0 else "reversed"
            rows.append(
                (
                    history.plan,
                    version.judged_as,
                    indicator,
                    unit,
                    *entry,
                    amount,
                    currency,
                    reason,
                    now,
                    at,
                )
            )
    await _book(session, rows, backfill)


async def stand_places(
    session: AsyncSession, histories: Mapping[str, History], places: Collection[Place]
) -> dict[Place, list[Standing]]:
    """Keep how everything stands that earned something in some places; nothing is booked."""
    standings, stood = await judge_places(session, histories, places)
    changed = [
        (place[0], place[1], each.earned.key, each.state, each.beyond, each.amount)
        for place, found in standings.items()
        for each in found
        if stood.get((place, each.earned.key)) != (each.state, each.beyond, each.amount)
    ]
    await store.set_standings(session, changed)
    return standings


async def judge_places(
    session: AsyncSession, histories: Mapping[str, History], places: Collection[Place]
) -> tuple[dict[Place, list[Standing]], dict[tuple[Place, str], tuple[str, bool, int]]]:
    """How everything stands that earned something in some places, and how it stood until now."""
    terms_of_place = {
        place: _terms_by_version(histories[place[0]], place[1], place[2]) for place in places
    }
    ranks = {place: _ranks(terms) for place, terms in terms_of_place.items()}
    earned, stood = await store.earned(session, ranks)
    found = {}
    for place, terms in terms_of_place.items():
        history = histories[place[0]]

        def terms_of(
            each: Earned, terms: dict[int, Terms | None] = terms, history: History = history
        ) -> Terms | None:
            return terms.get(_number(history, each))

        found[place] = rules.stand(earned.get(place, ()), terms_of)
    return found, stood


def _ranks(terms: Mapping[int, Terms | None]) -> int | None:
    """Up to which rank it matters who stands where; None where everything is paid."""
    quotas = [each.quota for each in terms.values() if each]
    if any(quota is None for quota in quotas):
        return None
    return int(max((quota for quota in quotas if quota is not None), default=0)) + 1


def _number(history: History, earned: Earned) -> int:
    version = history.at(earned.occurred_at)
    return version.number if version else 0


def _terms_by_version(history: History, indicator: str, unit: str) -> dict[int, Terms | None]:
    found = {}
    for version, made in history.variants(indicator):
        bound = version.plan.target_for(indicator, unit, version.plan.runs.from_)
        found[version.number] = rules.terms(made, bound.value if bound else None)
    return found


def _currency(history: History, indicator: str, number: int, booked: Any) -> str:
    if booked is not None:
        return booked.currency
    return next(
        made.stipend.currency
        for version, made in history.variants(indicator)
        if version.number == number and made.stipend
    )


async def _book(session: AsyncSession, rows: list[tuple[Any, ...]], backfill: bool) -> None:
    """Book entries and announce them. What rests on an event that was loaded afterwards is marked,
    also where it is booked much later: by a plan, a recount or a decision."""
    ids = await store.book(session, rows)
    loaded = set()
    if not backfill:
        loaded = await store.backfilled(session, {events.uid(row[5], row[6]) for row in rows})
    messages = []
    for entry_id, row in zip(ids, rows, strict=True):
        late = backfill or events.uid(row[5], row[6]) in loaded
        earned = outcomes.StipendEntry(
            plan=row[0],
            indicator=row[2],
            unit=row[3],
            installer=row[4],
            amount=row[7],
            state="payable" if row[7] > 0 else "reversed",
            currency=row[8],
            of_source=row[5],
            of_id=row[6],
        )
        kind, id = "motcua.stipend.earned.v1", f"ledger-{entry_id}"
        messages.append(outcome(kind, earned, id, row[10], late))
    await enqueue(session, messages)


async def stipends(session: AsyncSession, history: History, by: str) -> list[dict[str, Any]]:
    """What is payable, per unit or per installer; units of the plan without any are there too."""
    rows: dict[tuple[str, str | None], dict[str, Any]] = {}
    currencies = {}
    for name in history.indicators():
        variants = [(v, made) for v, made in history.variants(name) if made.stipend]
        if not variants:
            continue
        version, made = variants[0]
        currencies[name] = made.stipend.currency if made.stipend else ""
        if by == "unit":
            for code in version.plan.target_units(name):
                rows.setdefault((code, None), _empty(code, None, currencies[name]))
    for found in await store.stipends(session, history.name):
        place = (found.unit, found.installer if by == "installer" else None)
        row = rows.setdefault(place, _empty(*place, currencies.get(found.indicator, "VND")))
        for column in COUNTED:
            row[column] += getattr(found, column)
    ordered = sorted(rows.items(), key=lambda item: (item[0][0], item[0][1] or ""))
    return [row for _, row in ordered]


def _empty(unit: str, installer: str | None, currency: str) -> dict[str, Any]:
    return {
        "unit": unit,
        "installer": installer,
        "succeeded": 0,
        "payable": 0,
        "beyond_quota": 0,
        "amount": 0,
        "currency": currency,
        "held": 0,
        "approved": 0,
        "refused": 0,
    }
