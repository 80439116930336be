"""HTTP of intake."""

from fastapi import APIRouter

from services.intake.api import events, keys
from services.intake.handlers import Admission
from services.intake.settings import IntakeSettings
from shared.service import Service
from shared.units import UnitRegistry


def build_router(
    service: Service, admission: Admission, settings: IntakeSettings, registry: UnitRegistry
) -> APIRouter:
    """All routes of intake."""
    router = APIRouter()
    router.include_router(events.build_router(service, admission, settings))
    router.include_router(keys.build_router(service, registry))
    return router
