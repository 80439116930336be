"""HTTP of quota."""

from fastapi import APIRouter

from services.quota.api import decisions, grants, people, plans, progress, roster, runs, stipends
from services.quota.api.scopes import Scopes, more_faults
from services.quota.handlers import Plans
from services.quota.settings import QuotaSettings
from shared.problems import COMMON, documented
from shared.service import Service
from shared.units import UnitRegistry


def build_router(
    service: Service, kept: Plans, settings: QuotaSettings, registry: UnitRegistry
) -> APIRouter:
    """All routes of quota."""
    router = APIRouter(prefix="/v1", responses=documented(*COMMON))
    scopes = Scopes(registry)
    service.app.state.more_faults = more_faults(service.database, kept, scopes)
    router.include_router(plans.build_router(service, kept, settings, scopes))
    router.include_router(grants.build_router(service, kept, scopes))
    router.include_router(progress.build_router(service, kept, scopes))
    router.include_router(stipends.build_router(service, kept, scopes))
    router.include_router(decisions.build_router(service, kept, settings, scopes))
    router.include_router(runs.build_router(service, kept, scopes))
    router.include_router(people.build_router(service, settings, scopes))
    router.include_router(roster.build_router(service, settings, scopes))
    return router
