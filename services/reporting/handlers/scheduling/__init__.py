"""Reports that are ordered ahead: the orders, and what builds them."""

from services.reporting.handlers.scheduling.building import Building
from services.reporting.handlers.scheduling.orders import Scheduling
from services.reporting.handlers.scheduling.wishes import Wish

__all__ = ["Building", "Scheduling", "Wish"]
