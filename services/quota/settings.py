"""Quota's settings."""

from pydantic import Field

from shared.settings import ServiceSettings


class QuotaSettings(ServiceSettings):
    """``max_plan_bytes`` bounds a plan file."""

    max_plan_bytes: int = Field(default=1 << 20, ge=1024)
