"""Applies plans."""

import orjson

from services.quota import store
from services.quota.handlers.counting import count_all
from services.quota.handlers.stipends import settle
from services.quota.handlers.versions import Current, Plans
from shared import clock
from shared.db import Database, take_turn
from shared.outbox import Message, enqueue
from shared.plans import Plan


async def apply_plan(database: Database, plans: Plans, plan: Plan) -> tuple[int, bool]:
    """Store a plan as a new version and count all facts by it; returns (version, changed)."""
    document, digest = plan.canonical(), plan.digest()
    async with database.transaction() as session:
        await take_turn(session, "store")
        versions = await store.plan_versions(session, plan.plan)
        if versions and versions[0].digest == digest:
            return versions[0].version, False
        version = versions[0].version + 1 if versions else 1
        await store.add_plan(session, plan.plan, version, digest, document.decode())
        await store.forget_counts(session, plan.plan)
        current = {plan.plan: Current(plan, version)}
        await count_all(session, current)
        for name, made in plan.indicators.items():
            if made.stipend is not None:
                for unit in plan.target_units(name):
                    await settle(session, current[plan.plan], plan.plan, name, unit)
        message_id = f"plan:{plan.plan}:{version}"
        payload = orjson.dumps(
            {
                "plan": plan.plan,
                "version": version,
                "digest": digest,
                "applied_at": clock.now().isoformat(),
                "document": orjson.loads(document),
            }
        )
        subject = f"motcua.plans.{plan.plan}.{version}"
        await enqueue(session, [Message("PLANS", subject, message_id, payload)])
    return version, True
