"""What all tests have in common."""

import pytest
from hypothesis import settings

from tests.instance import Instance

# How long a case takes says how busy the machine is, not whether the code is right.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def quick_starts() -> None:
    """Services start from what is loaded already."""
    Instance.quick = True
