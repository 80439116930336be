"""The national sync address: calls of one-stop software, their sessions, what is held of them."""

from services.intake.handlers.lgsp.calls import SyncCalls
from services.intake.handlers.lgsp.items import Call

__all__ = ["Call", "SyncCalls"]
