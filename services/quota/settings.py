"""Quota's settings."""

from pydantic import Field

from shared.settings import ServiceSettings


class QuotaSettings(ServiceSettings):
    """``max_plan_bytes`` and ``max_people_bytes`` bound a plan file and a list of people or duties.

    At ``morning`` it is looked who fell behind. More than ``burst_installs`` of one installer
    within ``burst_minutes`` are flagged.
    """

    max_plan_bytes: int = Field(default=1 << 20, ge=1024)
    morning: str = Field(default="07:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    max_people_bytes: int = Field(default=8 << 20, ge=1024)
    burst_installs: int = Field(default=20, ge=1)
    burst_minutes: int = Field(default=60, ge=1, le=1440)
