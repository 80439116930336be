"""Quota's settings."""

from pydantic import Field

from shared.settings import ServiceSettings


class QuotaSettings(ServiceSettings):
    """``max_plan_bytes`` bounds a plan file; at ``morning`` it is looked who fell behind."""

    max_plan_bytes: int = Field(default=1 << 20, ge=1024)
    morning: str = Field(default="07:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
