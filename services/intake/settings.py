"""Intake's settings."""

import json
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from shared.settings import ServiceSettings


class Ageing(BaseModel):
    """A version of a type that is going out of use: since when, and until when it is taken."""

    model_config = ConfigDict(extra="forbid")
    since: date
    sunset: date | None = None
    link: str | None = Field(default=None, pattern=r"^https?://[^\s<>\"]+$")


class IntakeSettings(ServiceSettings):
    """``hash_key`` turns devices and citizens into keyed hashes: back it up, never change it.

    ``events_per_minute`` holds for each source with which nothing else is agreed; 0 = no limit.
    ``max_in_flight_bytes`` is what all requests that are being read and stored may hold together.
    ``ageing_types``: type to `Ageing`, as JSON. ``silence_*`` say when a source counts as silent
    (see ``rules/silence.py``), ``*_days`` how long is kept what is not kept for ever.
    ``quota_url`` and ``reporting_url`` are where forms ask what to fill in; they do without.
    ``lgsp_sources``: the events' source for a ``madonvi`` where it is not /lgsp/<madonvi>, as JSON.
    """

    hash_key: SecretStr = Field(min_length=32)
    max_request_bytes: int = Field(default=1 << 20, ge=1024)
    max_events: int = Field(default=1000, ge=1, le=1000)
    max_event_bytes: int = Field(default=256 << 10, ge=1024, le=900 << 10)
    max_in_flight_bytes: int = Field(default=64 << 20, ge=2 << 20)
    answer_seconds: int = Field(default=15, ge=1, le=60)
    events_per_minute: int = Field(default=0, ge=0)
    ageing_types: Annotated[dict[str, Ageing], NoDecode] = Field(default={})
    silence_hour: int = Field(default=17, ge=0, le=23)
    silence_weeks: int = Field(default=8, ge=2, le=52)
    silence_history_days: int = Field(default=14, ge=1, le=365)
    silence_share: float = Field(default=0.2, ge=0.0, lt=1.0)
    answer_days: int = Field(default=3, ge=1, le=365)
    sandbox_days: int = Field(default=30, ge=1, le=3650)
    sealed_days: int = Field(default=90, ge=0, le=3650)
    quarantine_days: int = Field(default=730, ge=1, le=36500)
    quota_url: str | None = None
    reporting_url: str | None = None
    max_import_bytes: int = Field(default=32 << 20, ge=1024, le=512 << 20)
    max_import_unpacked_bytes: int = Field(default=400 << 20, ge=1 << 20)
    max_import_rows: int = Field(default=200_000, ge=1)
    import_keep_days: int = Field(default=7, ge=0, le=365)
    import_lease_seconds: float = Field(default=15.0, ge=1, le=600)
    lgsp_session_hours: float = Field(default=8.0, gt=0, le=24 * 31)
    lgsp_max_request_bytes: int = Field(default=16 << 20, ge=1024, le=64 << 20)
    lgsp_sources: Annotated[dict[str, str], NoDecode] = Field(default={})

    @field_validator("ageing_types", "lgsp_sources", mode="before")
    @classmethod
    def read_object(cls, given: Any) -> Any:
        """Decode what the environment says."""
        if not isinstance(given, str):
            return given
        try:
            return json.loads(given)
        except ValueError:
            raise ValueError("write a JSON object") from None
