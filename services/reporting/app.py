"""Wires reporting."""

from functools import partial
from pathlib import Path

from fastapi import FastAPI

from services.reporting import consumer
from services.reporting.api import (
    COOKIE,
    TEMPLATE,
    Entrance,
    Files,
    Letters,
    Live,
    Pages,
    build_confirming,
    build_counted,
    build_drill,
    build_entering,
    build_exports,
    build_letters,
    build_live,
    build_pages,
    build_publications,
    build_publishing,
    build_router,
    build_samples,
    build_schedule_pages,
    build_schedules,
    build_surveying,
    build_traces,
    build_users,
    file_name,
    open_writer,
    resumer,
)
from services.reporting.clients import Intake, Quota
from services.reporting.clients.oidc import Provider
from services.reporting.handlers import (
    Accounts,
    Building,
    Confirming,
    Counted,
    Exports,
    Publishing,
    Reports,
    Sampling,
    Scheduling,
    Undated,
    Withdrawing,
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
    questionnaires = load_questionnaires(deploy_dir() / "questionnaires")
    forms = Forms.load(deploy_dir() / "forms")
    files = Files(forms, registry, questionnaires, reports.known_titles)
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
    consumer.attach(service, registry, Scales(questionnaires))
    confirming = Confirming(reports)
    service.app.include_router(build_router(reports, files, confirming))
    intake = Intake(settings.intake_url)
    spoken_for = settings.reporting_intake_key or settings.admin_key
    withdrawing = Withdrawing(
        reports, intake, spoken_for.get_secret_value().strip() if spoken_for else None
    )
    service.app.include_router(build_traces(reports, confirming, withdrawing))
    service.app.include_router(build_exports(Exports(reports, open_writer)))
    live = Live(service.database)
    service.when_changed(live.wake)
    service.run_always(live.run)
    service.app.include_router(build_live(live))
    pages = Pages()
    accounts = Accounts(service.database, registry)
    service.know_sessions(resumer(accounts))
    entrance = Entrance(accounts, pages, provider_of(settings), base)
    service.app.include_router(build_entering(entrance))
    service.app.include_router(build_users(accounts))
    service.app.include_router(pages.look.router())
    asker = settings.reporting_quota_key or settings.admin_key
    counted = Counted(
        reports, Quota(settings.quota_url), asker.get_secret_value().strip() if asker else None
    )
    service.app.include_router(build_counted(counted, entrance, live))
    service.app.include_router(build_drill(reports, entrance, live, withdrawing))
    last_day = settings.reporting_confirm_by
    service.app.include_router(build_confirming(confirming, publishing, entrance, live, last_day))
    service.app.include_router(build_publishing(publishing, entrance, live))
    service.app.include_router(build_pages(reports, entrance, live, questionnaires))
    sampling = Sampling(reports)
    service.app.include_router(build_samples(sampling, files))
    service.app.include_router(build_surveying(sampling, entrance, live))
    letters = Letters(deploy_dir() / "letters" / TEMPLATE, registry)
    service.app.include_router(build_letters(reports, letters))
    service.app.include_router(build_publications(publishing, pages, files))
    building = Building(reports, files.published, open_writer, file_name, service.wake_relay, base)
    lead = settings.reporting_schedule_lead_minutes
    scheduling = Scheduling(reports, building.awake.set, lead)
    service.run_always(building.build_always)
    service.app.include_router(build_schedules(scheduling))
    service.app.include_router(build_schedule_pages(scheduling, entrance))
    return service.app


def provider_of(settings: ReportingSettings) -> Provider | None:
    """Who vouches for people beside their passwords, where somebody does."""
    if not settings.oidc_issuer:
        return None
    secret = settings.oidc_client_secret
    return Provider(
        settings.oidc_issuer,
        settings.oidc_client_id,
        secret.get_secret_value() if secret else "",
        settings.oidc_claim,
    )
