"""What surveys said: scores, and reasons."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting import rules
from services.reporting.handlers.reports.answer import Answer, total_of
from services.reporting.handlers.reports.book import Book
from services.reporting.handlers.reports.question import Question
from services.reporting.store import figures, scores
from shared.questionnaires import known_questionnaires


async def scorecard(session: AsyncSession, question: Question, book: Book) -> Answer:
    """The mean score and the number of answers per unit, domain, mode, quarter, item and
    questionnaire: items of two questionnaires are two questions, even under one code.

    Beside each stands the score of the whole quarter before, of the same mode and questionnaire.
    ``out_of_scale`` are answers that lie outside the scale of their item: never in ``n``.
    """
    rows = []
    found = await scores.tallies(session, question.scope, question.domain)
    for (place, domain, mode, quarter, item, questionnaire), tally, before in found:
        row = book.named(place, question)
        row["domain"], row["mode"], row["quarter"], row["item"] = domain, mode, quarter, item
        row.update(rules.score_row(tally, before, book.small_sample))
        row["questionnaire"], row["out_of_scale"] = questionnaire, tally.outside
        rows.append(row)
    # Modes change what people answer: a score over all of them would mean nothing.
    return Answer(
        rows,
        total_of(rows, ("n", "out_of_scale")),
        extra={"small_sample": book.small_sample},
    )


async def survey_reasons(session: AsyncSession, question: Question, book: Book) -> Answer:
    """How often each coded reason was given, per unit, domain, mode, quarter and item; the share
    is of those who gave one."""
    found = await figures.reasons(session, question.scope, question.domain)
    whole: Counter[tuple[Any, ...]] = Counter()
    for key, count in found:
        whole[key[:-1]] += count
    texts = _reason_texts()
    rows = []
    for (place, domain, mode, quarter, item, cause), count in found:
        answered = whole[place, domain, mode, quarter, item]
        rows.append(
            book.named(place, question)
            | {
                "domain": domain,
                "mode": mode,
                "quarter": quarter,
                "item": item,
                "cause": cause,
                "cause_text": texts.get((domain, item, cause)),
                "n": count,
                "answered": answered,
                "share": rules.share(count, answered),
                "small_n": answered < book.small_sample,
            }
        )
    return Answer(
        rows,
        {"n": sum(row["n"] for row in rows)},
        extra={"small_sample": book.small_sample},
    )


def _reason_texts() -> Mapping[tuple[str, str, str], str]:
    return {
        (each.domain, item.code, choice.code): choice.text.vi
        for each in known_questionnaires()
        for item in each.items
        for choice in item.choices
    }
