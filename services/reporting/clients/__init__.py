"""The outside world of reporting: who vouches for people, intake, where something is withdrawn, and
quota, which counts."""

from services.reporting.clients.intake import Intake
from services.reporting.clients.quota import Quota
from services.reporting.clients.talking import Unreachable

__all__ = ["Intake", "Quota", "Unreachable"]
