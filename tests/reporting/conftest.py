"""An instance of all four services for each module that asks for one."""

import asyncio

import asyncpg
import pytest

from tests.instance import NAMES, instance


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """All services with nothing in them."""
    with instance(tmp_path_factory.mktemp("office")) as made:
        made.extra = {
            "MOTCUA_REPORTING_PUBLIC_URL": "https://motcua.example.vn",
            "MOTCUA_REPORTING_SMALL_SAMPLE": "3",
        }
        made.start("intake")
        made.extra["MOTCUA_INTAKE_URL"] = made.url("intake")
        for name in ("quota", "notify", "reporting"):
            made.start(name)
        for name in NAMES:
            made.wait_ready(name)
        yield made


@pytest.fixture
def store():
    """Runs a statement in reporting's store."""

    def execute(running, statement, *given):
        async def run():
            connection = await asyncpg.connect(running.urls["reporting"])
            try:
                await connection.execute(statement, *given)
            finally:
                await connection.close()

        asyncio.run(run())

    return execute
