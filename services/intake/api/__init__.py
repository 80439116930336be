"""HTTP of intake."""

from fastapi import APIRouter

from services.intake.api import (
    contacts,
    events,
    imports,
    keys,
    lgsp,
    mapping,
    mapping_page,
    quarantine,
    sources,
)
from services.intake.api.browsing import COOKIE
from services.intake.api.pages import build_pages
from services.intake.handlers import Agreements, Eraser, Reception, Silence, SyncCalls
from services.intake.handlers.imports import Imports
from services.intake.settings import IntakeSettings
from shared.problems import COMMON, documented
from shared.service import Service
from shared.units import UnitRegistry


def build_router(
    service: Service,
    reception: Reception,
    agreements: Agreements,
    silence: Silence,
    eraser: Eraser,
    calls: SyncCalls,
    lists: Imports,
    settings: IntakeSettings,
    registry: UnitRegistry,
) -> APIRouter:
    """All routes of intake."""
    hash_key = settings.hash_key.get_secret_value().encode()
    router = APIRouter(responses=documented(*COMMON))
    router.include_router(events.build_router(service, reception, settings, registry))
    router.include_router(quarantine.build_router(service, registry, hash_key))
    router.include_router(contacts.build_router(service, eraser))
    router.include_router(sources.build_router(service, agreements, silence, registry))
    router.include_router(imports.build_router(service, lists, settings, registry))
    router.include_router(keys.build_router(service, registry))
    router.include_router(lgsp.build_router(service, calls, agreements, settings))
    router.include_router(mapping.build_router(service, calls, registry))
    router.include_router(mapping_page.build_router(service, calls, registry))
    return router


__all__ = ["COOKIE", "build_pages", "build_router"]
