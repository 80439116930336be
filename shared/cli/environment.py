"""The settings of the environment as a whole, checked before anything is started."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.cli.errors import USAGE, CommandError
from shared.settings import (
    ServiceSettings,
    SettingsError,
    given,
    load,
    names,
    unknown,
)

SERVICES = ("reporting", "intake", "quota", "notify")
"""In the order of their ports: N, N+1, N+2, N+3."""

FOR_COMMANDS = (
    "MOTCUA_BROKER_SOURCES",
    "MOTCUA_DATA_DIR",
    "MOTCUA_DEPLOY_DIR",
    "MOTCUA_KEY",
    "MOTCUA_KEY_FILE",
    *(f"MOTCUA_{name.upper()}_URL" for name in SERVICES),
    "MOTCUA_REQUIRE_REAL_PARTS",
)
"""What is read beside the services' settings; the last by the tests."""


def settings_of(service: str) -> type[ServiceSettings]:
    """The class of a service's settings."""
    # By name: what is shared knows no service.
    module = importlib.import_module(f"services.{service}.settings")
    return getattr(module, f"{service.capitalize()}Settings")


def known() -> set[str]:
    """Every name that means something, to any service or command, with its ``_FILE`` twin."""
    settings = {name for service in SERVICES for name in names(settings_of(service)).values()}
    return settings | {f"{name}_FILE" for name in settings} | {*FOR_COMMANDS}


def check(*services: str, **instead: Any) -> dict[str, ServiceSettings]:
    """The settings of these services; ``instead`` holds fields that are given to them later.

    Raises:
        CommandError: 2 with one line for each unknown name and each missing or bad setting.
    """
    lines = unknown(os.environ, known()) + _folder(os.environ)
    found = {}
    for service in services:
        try:
            found[service] = load(settings_of(service), **instead)
        except SettingsError as error:
            lines += [line for line in error.lines if line not in lines]
    if lines:
        raise CommandError("\n".join(lines), USAGE)
    return found


def setting(name: str) -> str | None:
    """The text of a setting, or None. CommandError: 2 its file cannot be read."""
    try:
        return given(name)
    except SettingsError as error:
        raise CommandError("\n".join(error.lines), USAGE) from error


def _folder(environment: Mapping[str, str]) -> list[str]:
    folder = environment.get("MOTCUA_DEPLOY_DIR")
    if not folder or (Path(folder) / "units").is_dir():
        return []
    return ["MOTCUA_DEPLOY_DIR: no folder with units, plans and templates is there"]
