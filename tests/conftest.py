"""What all tests have in common."""

import os

import pytest
from hypothesis import settings

from tests.instance import Instance, Stores

# How long a case takes says how busy the machine is, not whether the code is right.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def quick_starts(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Services start from what is loaded already, stores from a copy of what is made already."""
    Instance.quick = True
    folder = tmp_path_factory.getbasetemp()
    workers = "PYTEST_XDIST_WORKER" in os.environ
    Stores.model = (folder.parent if workers else folder) / "model"
