"""Settings by environment: one typed class for what all services share, each service adds its own."""

import os
from pathlib import Path
from typing import TypeVar

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

S = TypeVar("S", bound="BrokerSettings")


class SettingsError(Exception):
    """Bad settings; ``lines`` says one fault each, never a value."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


def deploy_dir() -> Path:
    """The folder with units, plans, templates and calendars (``MOTCUA_DEPLOY_DIR`` overrides it)."""
    override = os.environ.get("MOTCUA_DEPLOY_DIR")
    return Path(override) if override else Path(__file__).resolve().parent.parent / "deploy"


class BrokerSettings(BaseSettings):
    """Where the broker is. ``NAME_FILE`` may name a file that holds the value of any setting.

    ``nats_replicas`` is how many servers of a cluster keep each stream.
    """

    model_config = SettingsConfigDict(env_prefix="MOTCUA_", extra="ignore", populate_by_name=True)

    nats_url: SecretStr = Field(validation_alias="NATS_URL")
    nats_replicas: int = Field(default=1, ge=1, le=5)

    @model_validator(mode="before")
    @classmethod
    def read_secret_files(cls, values: dict) -> dict:
        """Take ``DATABASE_URL_FILE``, ``NATS_URL_FILE`` and ``MOTCUA_*_FILE`` where they are set."""
        for name in cls.model_fields:
            alias = cls.model_fields[name].validation_alias
            key = alias if isinstance(alias, str) else f"{cls.model_config['env_prefix']}{name}"
            path = os.environ.get(f"{key.upper()}_FILE")
            if path and not os.environ.get(key.upper()):
                values[key if isinstance(alias, str) else name] = _read(key.upper(), path)
        return values


class ServiceSettings(BrokerSettings):
    """What every service reads.

    ``provision`` makes streams and durables at the start; without it `motcua provision` does.
    """

    database_url: SecretStr = Field(validation_alias="DATABASE_URL")
    provision: bool = True
    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    admin_key: SecretStr | None = None
    database_pool: int = Field(default=8, ge=2, le=100)
    batch_size: int = Field(default=500, ge=1, le=1000)
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")


def _read(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as fault:
        raise ValueError(f"{name}_FILE: cannot read {path} ({type(fault).__name__})") from None


def load(kind: type[S]) -> S:
    """Read the settings of a service.

    Raises:
        SettingsError: with one line for each missing or bad setting.
    """
    try:
        return kind()
    except ValidationError as fault:
        prefix = kind.model_config["env_prefix"]
        lines = []
        for error in fault.errors(include_input=False, include_url=False):
            if not error["loc"]:
                lines.append(error["msg"].removeprefix("Value error, "))
                continue
            name = str(error["loc"][0])
            shown = name if name.isupper() else f"{prefix}{name}".upper()
            lines.append(f"{shown}: {error['msg']}")
        raise SettingsError(lines) from None
