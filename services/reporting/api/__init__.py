"""HTTP of reporting: reports for programs, a dashboard for people."""

from services.reporting.api.access import COOKIE, resumer
from services.reporting.api.confirming import build_confirming
from services.reporting.api.counted import build_counted
from services.reporting.api.drawing import Pages
from services.reporting.api.drilling import build_drill
from services.reporting.api.entering import Entrance, build_entering
from services.reporting.api.exports import build_exports, open_writer
from services.reporting.api.files import Files, file_name
from services.reporting.api.letters import TEMPLATE, Letters, build_letters
from services.reporting.api.live import Live, build_live
from services.reporting.api.pages import build_pages
from services.reporting.api.publications import build_publications
from services.reporting.api.publishing import build_publishing
from services.reporting.api.reports import build_router
from services.reporting.api.samples import build_samples
from services.reporting.api.schedule_pages import build_schedule_pages
from services.reporting.api.schedules import build_schedules
from services.reporting.api.surveying import build_surveying
from services.reporting.api.traces import build_traces
from services.reporting.api.users import build_users

__all__ = [
    "COOKIE",
    "TEMPLATE",
    "Entrance",
    "Files",
    "Letters",
    "Live",
    "Pages",
    "build_confirming",
    "build_counted",
    "build_drill",
    "build_entering",
    "build_exports",
    "build_letters",
    "build_live",
    "build_pages",
    "build_publications",
    "build_publishing",
    "build_router",
    "build_samples",
    "build_schedule_pages",
    "build_schedules",
    "build_surveying",
    "build_traces",
    "build_users",
    "file_name",
    "open_writer",
    "resumer",
]
