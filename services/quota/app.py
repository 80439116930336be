"""Wires quota."""

from datetime import time
from pathlib import Path

from fastapi import FastAPI

from services.quota import consumer
from services.quota.api import build_router
from services.quota.handlers import (
    Counting,
    Plans,
    Recounts,
    Results,
    Undated,
    recount_due,
    watch_mornings,
)
from services.quota.settings import QuotaSettings
from shared import rulebook
from shared.due_dates import load_rules
from shared.service import Service
from shared.settings import deploy_dir, load
from shared.units import UnitRegistry


def create_app(settings: QuotaSettings | None = None) -> FastAPI:
    """The quota service: events in, counts and stipends out."""
    settings = settings or load(QuotaSettings)
    service = Service("quota", settings, Path(__file__).parent / "migrations")
    registry = UnitRegistry.load(deploy_dir() / "units")
    plans = Plans(registry)
    results = Results(service.database, plans, registry, service.wake_relay)
    recounts = Recounts(service.database, plans, service.wake_relay)
    service.when_changed(results.touch)
    service.when_changed(recounts.begun.set)
    consumer.attach(service, Counting(plans))
    database, morning = service.database, time.fromisoformat(settings.morning)
    service.before_start(lambda: recount_due(database, plans))
    due_rules = load_rules(deploy_dir(), registry)
    changeover = rulebook.Changeover(
        "quota", service.database, due_rules, Undated(plans), service.wake_relay
    )
    rulebook.attach(service, changeover)
    service.run_always(lambda: watch_mornings(database, plans, morning, service.wake_relay))
    service.run_always(results.run)
    service.run_always(recounts.run)
    service.app.include_router(build_router(service, plans, settings, registry))
    return service.app
