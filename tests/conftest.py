"""What all tests have in common."""

import pytest

from tests.instance import Instance


@pytest.fixture(scope="session", autouse=True)
def quick_starts() -> None:
    """Services start from what is loaded already."""
    Instance.quick = True
