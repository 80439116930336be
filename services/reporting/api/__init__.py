"""HTTP of reporting: reports for programs, a dashboard for people."""

from services.reporting.api.access import COOKIE
from services.reporting.api.pages import build_pages
from services.reporting.api.reports import build_router

__all__ = ["COOKIE", "build_pages", "build_router"]
