"""Officials grant extensions and waivers."""

import orjson

from services.quota import store
from services.quota.handlers.plans import Applied, store_version
from services.quota.handlers.versions import Plans
from services.quota.rules import Grant, grant_faults, with_grant
from shared.db import Database, take_turn
from shared.plans import load_plan


class Refused(ValueError):
    """A grant that the plan does not allow; ``faults`` names them all."""

    def __init__(self, faults: list[dict[str, str]]) -> None:
        super().__init__("refused")
        self.faults = faults


async def grant(database: Database, plans: Plans, name: str, asked: Grant) -> Applied | None:
    """Put a grant into a plan, as a new version of it; None where there is no such plan.

    The version holds from when the one before it did: nothing is counted differently.

    Raises:
        Refused: with every fault.
    """
    async with database.transaction() as session:
        await take_turn(session, "store")
        history = (await plans.load_all(session)).get(name)
        if history is None:
            return None
        newest = history.newest
        faults = grant_faults(newest.plan, asked)
        if faults:
            raise Refused(faults)
        document = with_grant(newest.plan, asked)
        if document is None:
            return Applied(newest.number, False, newest.since)
        made, found = load_plan(orjson.dumps(document), registry=plans.registry)
        if made is None:
            raise Refused(
                [{"pointer": "", "code": each.code, "message": each.message} for each in found]
            )
        known = [row for row in await store.plan_marks(session) if row.plan == name]
        return await store_version(session, plans, made, False, known[-1].effective_from)
