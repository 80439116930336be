"""Notices that waited are looked at again in the transaction that would send them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.handlers.wishes import unwanted
from services.notify.rules import relevance as rules
from services.notify.rules.deadlines import versions_of
from services.notify.rules.notices import facts_of
from services.notify.store import holding, story
from shared import rulebook
from shared.dossiers import read_story


async def pointless(
    session: AsyncSession, rows: Sequence[Any], now: datetime, agency_words: Sequence[str] = ()
) -> dict[UUID, str]:
    """Those of some notices that would tell their readers nothing true or new any more -> why:
    ``voided``, ``overtaken``, ``rescheduled``, ``met``, ``corrected``, ``declined``."""
    if not rows:
        return {}
    found: dict[UUID, str] = {}
    citizens = [row for row in rows if row.audience == "citizen"]
    dossiers = await _dossiers(session, {row.subject for row in citizens}, agency_words)
    due = await holding.due_dates(session, {row.subject for row in rows if row.kind in rules.DATED})
    for row in rows:
        why = None
        if row.audience == "citizen":
            why = dossiers[row.subject](row)
        if why is None and row.kind in rules.DATED:
            deadline = due.get((row.subject, row.version.partition("@")[0]))
            why = rules.dated(row.kind, deadline, now) if deadline is not None else None
        if why is not None:
            found[row.id] = why
    for id in await unwanted(session, citizens):
        found.setdefault(id, "declined")
    return found


async def _dossiers(session: AsyncSession, codes: set[str], agency_words: Sequence[str]) -> dict:
    """By code: what says why a notice to its applicant is pointless."""
    found = {}
    in_use = await rulebook.load(session) if codes else None
    for code, dossier in (await story.load_dossiers(session, codes) if codes else {}).items():
        read = read_story(
            dossier.submissions, dossier.statuses, rules=in_use.of(code).latest if in_use else None
        )
        versions = versions_of(read) if read else []
        statuses = (
            read.statuses if read else sorted(dossier.statuses, key=lambda s: (s.at, s.order))
        )
        submission = read.submission if read else None
        facts = facts_of(
            code, submission, statuses, versions, dict(dossier.reasons),
            dossier.return_by.get(submission.uid) if submission else None, agency_words,
        )  # fmt: skip
        newest = versions[-1].due_day.isoformat() if versions else None

        def judge(row, facts=facts, newest=newest, empty=not (submission or statuses)):
            if empty:
                return "voided"
            if rules.overtaken(row.kind, row.at, facts):
                return "overtaken"
            return "rescheduled" if rules.replaced(row.kind, row.version, newest) else None

        found[code] = judge
    return found
