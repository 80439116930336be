"""What of a notice or a due date a caller may see."""

import re
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from services.notify.rules.leaving import WAITING
from services.notify.rules.texts import HIDDEN, without
from services.notify.store.story import facts_of
from shared import clock
from shared.keys import Key
from shared.problems import Problem
from shared.units import UnitRegistry

PAGE = re.compile(r"(/s/)[a-z2-7]{13}\b")
"""The address of a dossier's page: whoever has it can choose how its applicant is told."""


class Scope:
    """The units that callers see: those of their key and what was ever below them."""

    def __init__(self, registry: UnitRegistry) -> None:
        self.registry = registry
        self.below = lru_cache(maxsize=256)(self._below)

    def _below(self, roots: frozenset[str]) -> frozenset[str]:
        found = set(roots)
        for unit in self.registry:
            if self.registry.within(unit.code, roots, unit.valid_from):
                found.add(unit.code)
        return frozenset(found)

    def units(self, key: Key, unit: str | None) -> frozenset[str] | None:
        """The units to show; null for all.

        Raises:
            Problem: 422 for a unit that does not exist, 403 for one outside the key's.
        """
        if unit is not None and not self.registry.known(unit):
            error = {"pointer": "/unit", "code": "unknown_unit", "message": "No such unit."}
            raise Problem(422, errors=[error])
        mine = self.below(key.units) if key.units else None
        if unit is None:
            return mine
        if mine is not None and unit not in mine:
            raise Problem(403, "The key does not cover this unit.")
        asked = self.below(frozenset({unit}))
        return asked if mine is None else asked & mine

    def sees(self, key: Key, unit: str) -> bool:
        """Whether a key covers a unit."""
        return not key.units or unit in self.below(key.units)


def mask(address: str | None) -> str | None:
    """A phone number or an email address of which only enough is left to tell two apart."""
    if not address:
        return None
    local, at, domain = address.partition("@")
    if at:
        return f"{local[:1]}{HIDDEN}@{domain}"
    return f"{address[:5]}{HIDDEN}{address[-2:]}"


def show_notice(row: sa.Row, registry: UnitRegistry, open_contacts: bool) -> dict[str, Any]:
    """A notice as JSON; addresses and names only for those who may read contacts."""
    facts = facts_of(row.facts)
    title, body = row.title, row.body
    name = facts.get("name")
    if name and not open_contacts:
        title = without(title, name) if title else title
        body = without(body, name)
    if not open_contacts:
        body = PAGE.sub(r"\1" + HIDDEN, body)
    return {
        "id": str(row.id),
        "kind": row.kind,
        "audience": row.audience,
        "channel": row.channel,
        "recipient": row.address if open_contacts else mask(row.address),
        "unit": row.unit,
        "unit_name": registry.name(row.unit, row.at),
        "subject": row.subject,
        "state": row.state,
        "reason": row.reason,
        "held_until": held_until(row),
        "digest": str(row.digest) if row.digest else None,
        "at": row.at,
        "attempts": row.attempts,
        "provider": row.provider,
        "segments": row.segments,
        "cost": row.cost,
        "title": title,
        "text": body,
        "created_at": row.created_at,
        "changed_at": row.changed_at,
    }


def held_until(row: sa.Row) -> datetime | None:
    """Until when a notice that could be sent waits; null where it does not."""
    waits = row.state in ("ready", "retrying") and row.reason in WAITING
    return row.next_at if waits and row.next_at and row.next_at > clock.now() else None


def show_deadline(row: sa.Row, registry: UnitRegistry) -> dict[str, Any]:
    """A due date as JSON."""
    return {
        "kind": row.kind,
        "subject": row.subject,
        "unit": row.unit,
        "unit_name": registry.name(row.unit, row.due_at),
        "due_at": row.due_at,
        "due": row.due_day,
        "version": row.number,
        "state": row.state,
        "reason": row.reason,
        "approached_at": row.approached_at,
        "slips_at": row.slips_at,
        "announced_at": row.announced_at,
        "fulfilled_at": row.fulfilled_at,
        "plan": row.plan,
        "obligation": row.obligation,
        "period": row.period,
    }
