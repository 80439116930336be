"""Messages of reporting: events and plans become read models."""

from services.reporting.handlers import (
    apply_events,
    apply_outcomes,
    apply_plans,
    parse_plan,
)
from shared import events
from shared.service import Service


def attach(service: Service) -> None:
    """Consume EVENTS, PLANS, OUTCOMES and KEYS."""
    service.consume("EVENTS", events.parse, apply_events)
    service.consume("PLANS", parse_plan, apply_plans)
    service.consume("OUTCOMES", events.parse, apply_outcomes)
    service.consume_keys()
