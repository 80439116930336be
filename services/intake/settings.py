"""Intake's settings."""

from pydantic import Field, SecretStr

from shared.settings import ServiceSettings


class IntakeSettings(ServiceSettings):
    """``hash_key`` turns devices and citizens into keyed hashes: back it up, never change it."""

    hash_key: SecretStr = Field(min_length=32)
    max_request_bytes: int = Field(default=1 << 20, ge=1024)
    max_events: int = Field(default=1000, ge=1, le=1000)
    max_event_bytes: int = Field(default=256 << 10, ge=1024, le=900 << 10)
