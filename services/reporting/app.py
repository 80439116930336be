"""Wires reporting."""

from functools import partial
from pathlib import Path

from fastapi import FastAPI

from services.reporting import consumer
from services.reporting.api import (
    COOKIE,
    Files,
    Live,
    Pages,
    build_live,
    build_pages,
    build_publications,
    build_router,
    build_samples,
)
from services.reporting.handlers import (
    Publishing,
    Reports,
    Sampling,
    Undated,
    keep_rolling,
    refold_due,
)
from services.reporting.settings import ReportingSettings
from shared import rulebook
from shared.due_dates import load_rules
from shared.forms import Forms
from shared.questionnaires import Scales, load_questionnaires
from shared.service import Service
from shared.settings import deploy_dir, load
from shared.units import UnitRegistry
from shared.working_days import WorkingDays


def create_app(settings: ReportingSettings | None = None) -> FastAPI:
    """The reporting service: events and plans in, reports and a dashboard out."""
    settings = settings or load(ReportingSettings)
    migrations = Path(__file__).parent / "migrations"
    service = Service("reporting", settings, migrations, cookie=COOKIE)
    registry = UnitRegistry.load(deploy_dir() / "units")
    working = WorkingDays.load(deploy_dir() / "calendar")
    reports = Reports(service.database, registry, working, settings.reporting_small_sample)
    files = Files(Forms.load(deploy_dir() / "forms"), registry)
    base = settings.reporting_public_url
    publishing = Publishing(reports, files.published, service.wake_relay, base)

    async def rolling() -> None:
        await keep_rolling(service.database, registry)

    service.before_start(partial(refold_due, service.database, registry))
    service.run_always(rolling)
    due_rules = load_rules(deploy_dir(), registry)
    rulebook.attach(
        service, rulebook.Changeover("reporting", service.database, due_rules, Undated(registry))
    )
    questionnaires = load_questionnaires(deploy_dir() / "questionnaires")
    consumer.attach(service, registry, Scales(questionnaires))
    service.app.include_router(build_router(reports, files))
    live = Live(service.database)
    service.when_changed(live.wake)
    service.run_always(live.run)
    service.app.include_router(build_live(live))
    pages = Pages()
    service.app.include_router(pages.look.router())
    service.app.include_router(build_pages(reports, pages, live, questionnaires))
    service.app.include_router(build_samples(Sampling(reports), files))
    service.app.include_router(build_publications(publishing, pages, files))
    return service.app
