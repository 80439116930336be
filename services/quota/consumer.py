"""Messages of quota: events are counted."""

from services.quota.handlers import Counting
from shared import events
from shared.service import Service


def attach(service: Service, counting: Counting) -> None:
    """Consume EVENTS and KEYS."""
    service.consume("EVENTS", events.parse, counting.count_events)
    service.consume_keys()
