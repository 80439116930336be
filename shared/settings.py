"""Settings by environment: one typed class for what all services share, each service adds its own."""

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as Undecodable

S = TypeVar("S", bound="BrokerSettings")

PREFIX = "MOTCUA_"


class SettingsError(Exception):
    """Bad settings; ``lines`` says one fault each, never a value."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


class FolderFaults(ValueError):
    """A file in the deploy folder is wrong; the text says which, and where."""


def deploy_dir() -> Path:
    """The folder with units, plans, templates and calendars (``MOTCUA_DEPLOY_DIR`` overrides it)."""
    override = os.environ.get("MOTCUA_DEPLOY_DIR")
    return Path(override) if override else Path(__file__).resolve().parent.parent / "deploy"


class BrokerSettings(BaseSettings):
    """Where the broker is. ``NAME_FILE`` may name a file that holds the value of any setting.

    ``nats_url`` may name several servers of a cluster, separated by commas; ``nats_replicas`` is
    how many of them keep each stream. ``ack_wait``: after so many seconds the broker gives a
    message again that was taken and not acknowledged, as by a process that was killed.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", populate_by_name=True)

    nats_url: SecretStr = Field(validation_alias="NATS_URL")
    nats_replicas: int = Field(default=1, ge=1, le=5)
    ack_wait: int = Field(default=30, ge=2, le=600)

    @field_validator("nats_url")
    @classmethod
    def check_nats_url(cls, url: SecretStr) -> SecretStr:
        """Only addresses that the broker's client reads."""
        for part in url.get_secret_value().split(","):
            _check_url(part, ("nats", "tls", "ws", "wss"), "nats://user:password@host:4222")
        return url


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

    @field_validator("database_url")
    @classmethod
    def check_database_url(cls, url: SecretStr) -> SecretStr:
        """Only PostgreSQL, by a URL."""
        form = "postgresql://user:password@host:5432/database"
        _check_url(url.get_secret_value(), ("postgresql", "postgres"), form)
        return url


def _check_url(text: str, schemes: tuple[str, ...], form: str) -> None:
    try:
        url = urlsplit(text.strip())
        good = url.scheme in schemes and bool(url.hostname) and url.port != 0
    except ValueError:
        good = False
    if not good:
        raise ValueError(f"write {form}")


def names(kind: type[BrokerSettings]) -> dict[str, str]:
    """Field -> name in the environment, of a class of settings."""
    return {field: _name(kind, field) for field in kind.model_fields}


def _name(kind: type[BrokerSettings], field: str) -> str:
    alias = kind.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else f"{PREFIX}{field}".upper()


def given(name: str) -> str | None:
    """A setting's text, from the environment or from the file that ``NAME_FILE`` names.

    Raises:
        SettingsError: there is no reading that file.
    """
    if text := os.environ.get(name):
        return text
    path = os.environ.get(f"{name}_FILE")
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as fault:
        why = f"the file that it names cannot be read ({type(fault).__name__})"
        raise SettingsError([f"{name}_FILE: {why}"]) from None


def unknown(environment: Mapping[str, str], known: Iterable[str]) -> list[str]:
    """One line for each variable that begins with our prefix and is no setting."""
    names = sorted({*known})
    wrong = sorted(
        name
        for name in environment
        if name.upper().startswith(PREFIX) and name.upper() not in names
    )
    return [
        f"{name}: there is no such setting; the nearest is {_nearest(name, names)}"
        for name in wrong
    ]


def _nearest(name: str, names: list[str]) -> str:
    name = name.upper()
    longer = [known for known in names if known.startswith(name)]
    return difflib.get_close_matches(name, longer or names, n=1, cutoff=0.0)[0]


def load(kind: type[S], **instead: Any) -> S:
    """Read the settings of a service; ``instead`` holds fields that are not looked up.

    Raises:
        SettingsError: with one line for each missing or bad setting.
    """
    lines: dict[str, str] = {}
    values = dict(instead)
    for field, name in names(kind).items():
        if field in values or os.environ.get(name):
            continue
        try:
            text = given(name)
        except SettingsError as fault:
            lines[name] = fault.lines[0]
            continue
        if text is not None:
            values[field] = text
    try:
        settings = kind(**values)
    except ValidationError as fault:
        for name, text in _faults(kind, fault):
            lines.setdefault(name, text)
        raise SettingsError(list(lines.values())) from None
    except Undecodable as fault:
        # Said by the library of the first field that holds no JSON; its text names the field only.
        field = str(fault).split('"')[1]
        lines[field] = f"{_name(kind, field)}: write JSON"
        raise SettingsError(list(lines.values())) from None
    if lines:
        raise SettingsError(list(lines.values()))
    return settings


def _faults(kind: type[BrokerSettings], fault: ValidationError) -> Iterator[tuple[str, str]]:
    for error in fault.errors(include_input=False, include_url=False):
        message = error["msg"].removeprefix("Value error, ")
        if not error["loc"]:
            yield message, message
            continue
        field = str(error["loc"][0])
        name = _name(kind, field) if field in kind.model_fields else field
        if error["type"] == "missing":
            message = f"is missing: set it, or {name}_FILE to a file that holds it"
        yield name, f"{name}: {message}"
