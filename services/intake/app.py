"""Wires intake."""

import hashlib
import hmac
from pathlib import Path

from fastapi import FastAPI

from services.intake import store
from services.intake.api import build_router
from services.intake.handlers import Admission
from services.intake.settings import IntakeSettings
from shared.service import Service
from shared.settings import deploy_dir, load
from shared.units import UnitRegistry


def create_app(settings: IntakeSettings | None = None) -> FastAPI:
    """The intake service: HTTP in, event log and outbox, relay to the broker."""
    settings = settings or load(IntakeSettings)
    service = Service(
        "intake", settings, Path(__file__).parent / "migrations", publish_first=("CONTACTS", "KEYS")
    )
    registry = UnitRegistry.load(deploy_dir() / "units")
    hash_key = settings.hash_key.get_secret_value().encode()
    admission = Admission(service.database, registry, hash_key, settings.max_event_bytes)
    admission.announce = service.wake_relay
    service.before_start(lambda: check_hash_key(service, hash_key))
    service.run_always(admission.run)
    service.app.include_router(build_router(service, admission, settings, registry))
    return service.app


async def check_hash_key(service: Service, hash_key: bytes) -> None:
    """Stop the start where the hash key is not the one that this store began with."""
    fingerprint = hmac.new(hash_key, b"fingerprint", hashlib.sha256).hexdigest()
    async with service.database.transaction() as session:
        if not await store.check_fingerprint(session, "hash_key", fingerprint):
            service.refuse_start("MOTCUA_HASH_KEY is not the key this store was begun with")
