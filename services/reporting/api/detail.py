"""What pages show of a target and of a dossier."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from services.reporting.api.counted import counted_link
from services.reporting.api.words import shown, word
from services.reporting.handlers import Dossier
from services.reporting.rules import Stand
from shared.clock import VN
from shared.units import UnitRegistry

LOOKS = {"met": "good", "on_track": "good", "behind": "warn", "missed": "bad"}


def target(
    stand: Stand, registry: UnitRegistry, language: str, as_of: str | None = None
) -> dict[str, Any]:
    """A unit's bar: how far it is, its target, its projection, and where what counts is listed."""
    result, column = stand.result, "share" if stand.ratio else "n"

    def number(value: float | None) -> str:
        whole = value is not None and not stand.ratio and float(value).is_integer()
        return shown(column, int(value) if whole and value is not None else value, language)

    value, goal = stand.actual or 0, result.target or 0
    ghost = stand.projected if 0 < stand.pace < 1 and not stand.ratio else None
    texts = (number(stand.actual), number(result.target))
    return {
        "key": f"{result.plan}-{result.indicator}-{result.unit}-{result.period}",
        "name": registry.name(result.unit, stand.last),
        "link": counted_link(
            language,
            plan=result.plan,
            indicator=result.indicator,
            unit=result.unit,
            period=result.period,
            as_of=as_of,
        ),
        "title": stand.title,
        "period": word("whole", language) if result.period == "whole" else result.period,
        "value": value,
        "most": 1 if stand.ratio else max(value, goal, ghost or 0) or 1,
        "look": LOOKS.get(result.state, "accent"),
        "goal": goal,
        "ghost": ghost,
        "actual": texts[0],
        "target": texts[1],
        "projected": number(stand.projected),
        "state": result.state,
        "text": f"{texts[0]} / {texts[1]}",
    }


def target_groups(
    stands: Iterable[Stand],
    registry: UnitRegistry,
    titles: Mapping[tuple[str, str], str],
    language: str,
    as_of: str | None = None,
) -> list[dict[str, Any]]:
    """Bars under the heading of their indicator, in the order of the stands."""
    groups: dict[tuple[str, str], dict[str, Any]] = {}
    for one in stands:
        mark = (one.result.plan, one.result.indicator)
        plan = titles.get((one.result.plan, ""), one.result.plan)
        group = groups.setdefault(mark, {"title": one.title, "plan": plan, "rows": []})
        group["rows"].append(target(one, registry, language, as_of))
    return list(groups.values())


def dossier_values(
    found: Dossier | None, registry: UnitRegistry, today: date, language: str
) -> dict[str, Any]:
    """What the page of a dossier shows."""
    if found is None:
        return {"facts": [], "happenings": [], "unit_name": "", "outcome": None}
    story = found.story
    facts: list[tuple[str, str]] = []
    outcome = None
    if story is not None:
        due = story.due.day if story.due else None
        if story.closed_day is not None:  # what the result was held against
            due = story.due_on(story.closed_day)
        facts = [
            ("column.field", story.field),
            ("procedure", story.procedure),
            ("column.authority", shown("authority", story.authority, language)),
            ("column.channel", shown("channel", story.channel, language)),
            ("submitted_at", _moment(story.submission.submitted_at)),
            ("due_now", due.strftime("%d/%m/%Y") if due else "–"),
            ("column.department", story.department or "–"),
        ]
        pending = "overdue" if story.overdue_on(today) else "pending"
        outcome = f"resolved_{story.outcome}" if story.outcome else pending
    return {
        "facts": facts,
        "outcome": outcome,
        "unit_name": registry.name(found.unit, today),
        "happenings": [
            {
                "what": one.what,
                "at": _moment(one.at),
                "where": " · ".join(
                    part for part in (registry.name(one.unit, one.at), one.department) if part
                ),
                "due": one.due_at and one.due_at.astimezone(VN).strftime("%d/%m/%Y"),
                "withdrawn": one.withdrawn and one.withdrawn.strftime("%d/%m/%Y"),
                "link": f"/event?{urlencode({'source': one.source, 'id': one.id})}",
            }
            for one in found.happenings
        ],
    }


def _moment(instant: datetime) -> str:
    return instant.astimezone(VN).strftime("%d/%m/%Y %H:%M")
