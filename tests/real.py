"""Real parts that Python cannot bring: where one is missing its tests are skipped, or must fail."""

import os
from pathlib import Path

import pytest


def need(packages: str, *programs: str | Path) -> None:
    """Go on only if the programs are there.

    ``tests/parts`` installs them. Under ``MOTCUA_REQUIRE_REAL_PARTS`` a missing one is a failure.
    """
    if all(os.access(program, os.X_OK) for program in programs):
        return
    how = f"needs what `apt-get install --no-install-recommends {packages}` brings"
    if os.environ.get("MOTCUA_REQUIRE_REAL_PARTS"):
        pytest.fail(how)
    pytest.skip(how)
