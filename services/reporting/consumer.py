"""Messages of reporting: events and plans become read models."""

from functools import partial

from services.reporting.handlers import (
    apply_events,
    apply_outcomes,
    apply_plans,
    felt,
    parse_plan,
)
from shared import events
from shared.questionnaires import Scales
from shared.service import Service
from shared.units import UnitRegistry


def attach(service: Service, registry: UnitRegistry, scales: Scales) -> None:
    """Consume EVENTS, PLANS, OUTCOMES and KEYS."""
    applied = partial(apply_events, registry=registry, scales=scales)
    service.consume("EVENTS", events.parse, felt(applied))
    service.consume("PLANS", parse_plan, felt(apply_plans))
    service.consume("OUTCOMES", events.parse, felt(partial(apply_outcomes, registry=registry)))
    service.consume_keys()
