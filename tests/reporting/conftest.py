"""One instance of all four services, shared by the modules that keep to periods of their own."""

import pytest

from tests.instance import instance


@pytest.fixture(scope="session")
def office(tmp_path_factory):
    """All services with nothing in them: whoever adds something keeps to units and days that no
    other module looks at."""
    with instance(tmp_path_factory.mktemp("office")) as made:
        made.extra = {
            "MOTCUA_REPORTING_PUBLIC_URL": "https://motcua.example.vn",
            "MOTCUA_REPORTING_SMALL_SAMPLE": "3",
        }
        yield made.start_all()
