"""HTTP of reporting: reports for programs, a dashboard for people."""

from services.reporting.api.access import COOKIE
from services.reporting.api.drawing import Pages
from services.reporting.api.files import Files
from services.reporting.api.live import Live, build_live
from services.reporting.api.pages import build_pages
from services.reporting.api.publications import build_publications
from services.reporting.api.reports import build_router
from services.reporting.api.samples import build_samples

__all__ = [
    "COOKIE",
    "Files",
    "Live",
    "Pages",
    "build_live",
    "build_pages",
    "build_publications",
    "build_router",
    "build_samples",
]
