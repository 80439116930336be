"""Reporting's settings: only what all services share."""

from shared.settings import ServiceSettings


class ReportingSettings(ServiceSettings):
    """Nothing of its own yet."""
