"""Installs that look odd are shown with the reason; they count all the same."""

from datetime import date
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.quota import store
from services.quota.rules import History
from shared import clock
from shared.units import UnitRegistry


async def flags(
    session: AsyncSession,
    history: History,
    registry: UnitRegistry,
    burst: tuple[int, int],
    reason: str | None = None,
) -> list[dict[str, Any]]:
    """Every odd install of what a plan pays for, once per reason.

    Args:
        burst: more than so many installs within so many minutes are not plausible.
        reason: only this one.
    """
    paid = [
        name
        for name in history.indicators()
        if any(made.stipend for _, made in history.variants(name))
    ]
    found: list[dict[str, Any]] = []
    if not paid:
        return found
    if reason in (None, "several_devices"):
        for row in await store.several_devices(session, history.name, paid):
            text = f"cùng một người dân trên {row.n} máy"
            found.append(_flag(row, "several_devices", text, row.n))
    if reason in (None, "burst"):
        for row in await store.bursts(session, history.name, paid, *burst):
            text = f"{row.n} lượt trong {burst[1]} phút, nhiều hơn {burst[0]}"
            found.append(_flag(row, "burst", text, row.n))
    if reason in (None, "no_dossier"):
        for row in await store.without_dossier(session, history.name, paid):
            if not _filed_there(row, history, registry):
                text = "người dân không có hồ sơ nào tại nơi này"
                found.append(_flag(row, "no_dossier", text, len(row.filed_with)))
    return found


def _filed_there(row: Any, history: History, registry: UnitRegistry) -> bool:
    version = history.at(row.occurred_at)
    if version is None or row.indicator not in version.plan.indicators:
        return True
    here = version.plan.attribute(row.indicator, row.unit, row.occurred_at)
    if here is None:
        return True
    day: date = clock.local_day(row.occurred_at)
    return any(registry.within(unit, {here}, day) for unit in row.filed_with)


def _flag(row: Any, reason: str, text: str, n: int) -> dict[str, Any]:
    return {
        "plan": row.plan,
        "indicator": row.indicator,
        "unit": row.unit,
        "installer": row.installer,
        "source": row.source,
        "id": row.event_id,
        "occurred_at": row.occurred_at.astimezone(clock.VN).isoformat(),
        "reason": reason,
        "text": text,
        "n": n,
    }
