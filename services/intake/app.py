"""Wires intake."""

import hashlib
import hmac
from pathlib import Path

from fastapi import FastAPI

from services.intake import store
from services.intake.api import COOKIE, build_pages, build_router
from services.intake.clients import Neighbours
from services.intake.consumer import Inboxes
from services.intake.handlers import (
    Admission,
    Agreements,
    Eraser,
    Helping,
    Reception,
    Silence,
    SyncCalls,
    Tidying,
    Tombstones,
)
from services.intake.handlers.imports import Imports
from services.intake.handlers.kinds import load_kinds
from services.intake.rules import SilencePolicy
from services.intake.settings import IntakeSettings
from shared.questionnaires import load_questionnaires
from shared.service import Service
from shared.settings import deploy_dir, load
from shared.units import UnitRegistry
from shared.working_days import WorkingDays


def create_app(settings: IntakeSettings | None = None) -> FastAPI:
    """The intake service: events in, event log and outbox, relay to the broker."""
    settings = settings or load(IntakeSettings)
    service = Service(
        "intake",
        settings,
        Path(__file__).parent / "migrations",
        publish_first=("CONTACTS", "KEYS"),
        cookie=COOKIE,
    )
    database = service.database
    registry = UnitRegistry.load(deploy_dir() / "units")
    hash_key = settings.hash_key.get_secret_value().encode()
    admission = Admission(
        database, registry, hash_key, settings.max_event_bytes, settings.answer_seconds
    )
    admission.announce = service.wake_relay
    agreements = Agreements(database, hash_key, settings.events_per_minute)
    reception = Reception(admission, agreements, settings)
    silence = Silence(database, policy_of(settings))
    eraser = Eraser(database, service.jetstream, service.wake_relay)
    inboxes = Inboxes(reception, agreements, settings)
    session_seconds = int(settings.lgsp_session_hours * 3600)
    calls = SyncCalls(database, admission, registry, service.keyring, hash_key, session_seconds)
    eraser.also.append(calls.vault.forget_applicant)

    lists = Imports(admission, load_kinds(), settings)

    tombstones = Tombstones(database, eraser)

    async def listen() -> None:
        await service.started.wait()
        await inboxes.listen(service.connection())

    async def follow_erasures() -> None:
        await service.started.wait()
        await tombstones.listen(service.connection())

    service.before_start(lambda: check_hash_key(service, hash_key))
    service.run_always(admission.run)
    service.run_always(silence.run)
    service.run_always(eraser.run)
    service.run_always(Tidying(database, settings).run)
    service.run_always(calls.releases.run)
    service.run_always(lists.run)
    service.run_always(listen)
    service.run_always(follow_erasures)
    service.app.include_router(
        build_router(
            service, reception, agreements, silence, eraser, calls, lists, settings, registry
        )
    )
    helping = Helping(
        registry,
        load_questionnaires(deploy_dir() / "questionnaires"),
        Neighbours(settings.quota_url, settings.reporting_url),
        WorkingDays.load(deploy_dir() / "calendar"),
    )
    service.app.include_router(build_pages(service, helping))
    return service.app


def policy_of(settings: IntakeSettings) -> SilencePolicy:
    """When a source counts as silent here."""
    return SilencePolicy(
        settings.silence_hour,
        settings.silence_weeks,
        settings.silence_history_days,
        settings.silence_share,
    )


async def check_hash_key(service: Service, hash_key: bytes) -> None:
    """Stop the start where the hash key is not the one that this store began with."""
    fingerprint = hmac.new(hash_key, b"fingerprint", hashlib.sha256).hexdigest()
    async with service.database.transaction() as session:
        if not await store.check_fingerprint(session, "hash_key", fingerprint):
            service.refuse_start("MOTCUA_HASH_KEY is not the key this store was begun with")
