"""One message in the place of many: what an officer is told, as a list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

DIGEST = "digest"
"""The kind of a list, and the state's reason of what was told in one."""

LISTED = 300
"""Lines of a letter; how many more there are is said."""

TITLES: Mapping[str, str] = {
    "dossier_slipped": "Hồ sơ quá hạn",
    "dossier_overdue": "Hồ sơ quá hạn kéo dài",
    "dossier_due_today": "Hồ sơ đến hạn hôm nay",
    "dossier_approaching": "Hồ sơ sắp đến hạn",
    "dossier_rescheduled": "Hồ sơ hẹn lại quá số lần",
    "obligation_slipped": "Việc quá hạn",
    "obligation_escalated": "Việc quá hạn cần đôn đốc",
    "deadline_due_today": "Việc đến hạn hôm nay",
    "deadline_approaching": "Việc sắp đến hạn",
}
"""Headings, in the order in which they are listed; all else comes last."""
ELSE = "Tin khác"


@dataclass(frozen=True, slots=True)
class Item:
    """A notice that goes into a list; ``facts`` are its own, ``title`` its letter's."""

    kind: str
    subject: str
    facts: Mapping[str, str | None]
    title: str | None = None


def facts_of_list(items: Sequence[Item], today: date) -> dict[str, str]:
    """What a list's text is filled in with: ``count``, ``summary``, ``items``."""
    groups: dict[str, list[Item]] = {title: [] for title in (*TITLES.values(), ELSE)}
    for item in items:
        groups[TITLES.get(item.kind, ELSE)].append(item)
    groups = {title: found for title, found in groups.items() if found}
    lines: list[str] = []
    listed = 0
    for title, found in groups.items():
        if listed < LISTED:
            lines.append(f"{title} ({len(found)}):")
        for item in found[: LISTED - listed]:
            lines.append(f"- {line_of(item, today)}")
        listed += len(found[: LISTED - listed])
    if listed < len(items):
        lines.append(f"và {len(items) - listed} việc khác.")
    summary = ", ".join(f"{len(found)} {title.lower()}" for title, found in groups.items())
    return {"count": str(len(items)), "summary": summary, "items": "\n".join(lines)}


def line_of(item: Item, today: date) -> str:
    """What, for which period, whose, until when and how many days late: never whose dossier."""
    facts = item.facts
    if item.kind not in TITLES:
        return item.title or facts.get("code") or item.subject
    parts = [facts.get("obligation") or facts.get("code") or item.subject]
    if facts.get("period"):
        parts.append(f"kỳ {facts['period']}")
    if facts.get("owing"):
        parts.append(str(facts["owing"]))
    due = facts.get("new_due") or facts.get("old_due") or facts.get("due")
    if due:
        parts.append(f"hạn {due}")
    late = days_late(due, today)
    if late:
        parts.append(f"trễ {late} ngày")
    return "; ".join(parts)


def days_late(due: str | None, today: date) -> int:
    """Days since a due day that reads ``dd/mm/yyyy``; 0 where it has not passed or reads otherwise."""
    try:
        day = datetime.strptime(due or "", "%d/%m/%Y").date()  # noqa: DTZ007
    except ValueError:
        return 0
    return max(0, (today - day).days)
