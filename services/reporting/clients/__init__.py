"""The outside world of reporting: who vouches for people, and intake, where something is withdrawn."""

from services.reporting.clients.intake import Intake, Unreachable

__all__ = ["Intake", "Unreachable"]
