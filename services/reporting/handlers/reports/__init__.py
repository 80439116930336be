"""What each report answers: load sums, make rows."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from services.reporting.handlers.reports.answer import Answer, Row
from services.reporting.handlers.reports.book import Book
from services.reporting.handlers.reports.dossiers import form_06, index_766, on_time, online_share
from services.reporting.handlers.reports.duties import timeliness
from services.reporting.handlers.reports.interviews import every_interviewee, interview_list
from services.reporting.handlers.reports.late import all_overdue, overdue
from services.reporting.handlers.reports.notices import notice_counts
from services.reporting.handlers.reports.points import emulation, scored
from services.reporting.handlers.reports.quality import data_quality
from services.reporting.handlers.reports.question import Question
from services.reporting.handlers.reports.quotas import installs
from services.reporting.handlers.reports.surveys import scorecard, survey_reasons
from services.reporting.handlers.reports.teams import activity, difficulties

Handler = Callable[[AsyncSession, Question, Book], Awaitable[Answer]]
Stream = Callable[[AsyncSession, Question, Book], AsyncIterator[list[Row]]]

REPORTS: Mapping[str, Handler] = {
    "bieu-06": form_06,
    "installs": installs,
    "online-share": online_share,
    "on-time": on_time,
    "scorecard": scorecard,
    "survey-reasons": survey_reasons,
    "interview-list": interview_list,
    "timeliness": timeliness,
    "overdue": overdue,
    "data-quality": data_quality,
    "activity": activity,
    "difficulties": difficulties,
    "notices": notice_counts,
    "emulation": emulation,
    "index-766": index_766,
}
"""Report name -> what answers it."""

WHOLE: Mapping[str, tuple[Stream, str]] = {
    "overdue": (all_overdue, "overdue"),
    "interview-list": (every_interviewee, "eligible"),
}
"""Report that comes by pages -> what gives all its rows, and the total that counts them."""

GROUPINGS: Mapping[str, tuple[str, ...]] = {
    "bieu-06": ("field", "unit"),
    "on-time": ("unit", "field"),
    "installs": ("unit", "month", "place", "installer"),
    "activity": ("unit", "team", "member", "day", "month"),
}
"""What `by=` may be, the default first; other reports have one grouping."""

__all__ = [
    "GROUPINGS",
    "REPORTS",
    "WHOLE",
    "Answer",
    "Book",
    "Handler",
    "Question",
    "Row",
    "installs",
    "scored",
    "timeliness",
]
