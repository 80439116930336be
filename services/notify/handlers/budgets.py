"""Messages draw on their unit's budget: set aside in the claim, settled by what came of it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.handlers.desk import SOURCE, Desk
from services.notify.handlers.officers import load_officers, tell_units
from services.notify.rules import budgets as rules
from services.notify.rules.notices import Fact, Origin
from services.notify.store import budgets as store
from services.notify.store import notices as notice_store
from shared import clock
from shared.clock import local_day
from shared.db import Database, take_turn
from shared.units import UnitRegistry

LOOK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Purse:
    """Whether units can pay for their messages."""

    units: UnitRegistry
    urgent: frozenset[str] = frozenset()

    async def pay(
        self, session: AsyncSession, messages: Sequence[Any], now: datetime
    ) -> tuple[list[Any], list[Any], list[store.Reserve]]:
        """Messages that their budgets allow, those that must wait for money, and what is to be set
        aside once the attempts are recorded.

        A message draws on its unit's budget and on each above it, and waits where any of them falls
        short. What is urgent leaves all the same, and is counted.
        """
        month = rules.month_of(now)
        amounts = await store.amounts(session, month)
        accounts = {each.notice: self.accounts(each.unit, amounts, now) for each in messages}
        wanted = {account for each in accounts.values() for account in each}
        if not wanted:
            return list(messages), [], []
        used = await store.lock_used(session, wanted, month)
        paid: list[Any] = []
        short: list[Any] = []
        reserved: list[store.Reserve] = []
        for each in messages:
            drawn = accounts[each.notice]
            if not drawn or not each.price:
                paid.append(each)
                continue
            free = each.kind in self.urgent or each.kind == rules.LOW
            if not free and any(used[unit] + each.price > amounts[unit] for unit in drawn):
                short.append(each)
                continue
            for unit in drawn:
                used[unit] += each.price
            paid.append(each)
            reserved.append(store.Reserve(each.notice, each.number, each.price, drawn))
        return paid, short, reserved

    def accounts(self, unit: str, amounts: Mapping[str, int], now: datetime) -> tuple[str, ...]:
        """Whose budgets a unit draws on, nearest first; empty where none is set."""
        if not amounts:
            return ()
        chain = self.units.ancestors(unit, local_day(now))
        versions = self.units.versions(unit)
        if not chain and versions:  # the unit is no more: the tree in which it last stood
            chain = self.units.ancestors(unit, versions[-1].valid_from)
        return rules.accounts_of(chain or (unit,), amounts)


class Warnings:
    """Tells officers once a month that most of their unit's budget is gone."""

    def __init__(self, database: Database, desk: Desk, wake: Callable[[], None]) -> None:
        self.database, self.desk, self.wake = database, desk, wake

    async def run(self) -> None:
        """Look for ever."""
        while True:
            if await self.look(clock.now()):
                self.wake()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self, now: datetime) -> int:
        """One look; how many units were told."""
        month = rules.month_of(now)
        async with self.database.transaction() as session:
            amounts = await store.amounts(session, month)
            found = await store.used(session, month) if amounts else {}
            low = [
                unit
                for unit, row in found.items()
                if row.warned_at is None
                and amounts.get(unit)
                and rules.is_low(row.used, amounts[unit])
            ]
            if not low:
                return 0
            await take_turn(session, "store")
            await self.desk.refresh(session)
            officers = await load_officers(session, self.desk, low, now)
            told = 0
            for unit in low:
                if await store.mark_warned(session, unit, month, now):
                    fact = self.fact(unit, month, found[unit].used, amounts[unit], now)
                    made = tell_units(self.desk, fact, [unit], officers, now)
                    await notice_store.add(session, made, now)
                    told += 1
        return told

    def fact(self, unit: str, month: str, used: int, amount: int, now: datetime) -> Fact:
        """What is told of a unit's budget."""
        year, number = month.split("-")
        subject = f"budget/{unit}/{month}"
        values = {
            "month": f"{number}/{year}",
            "amount": rules.vnd(amount),
            "actual": rules.vnd(used),
            "percent": str(used * 100 // amount),
            "owing": self.desk.office(unit, now),
        }
        origin = Origin(sha256(subject.encode()).digest()[:16], SOURCE, now)
        return Fact(subject, rules.LOW, month, now, unit, origin, tuple(values.items()))
