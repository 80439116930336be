"""Makes a pull loop rest: when its consumer is gone, and when nothing comes.

nats-py's ``fetch`` fails at once when a consumer or its quorum is missing, and a pull loop that
asks again at once burns a core. Until that is mended upstream, any failure but a time-out rests.

A loop that collects batches asks anew with every linger, several times a second for ever. So once
a fetch has found nothing, the next ones wait long for a single message: it is handed on the moment
it comes, and what follows it is collected in batches again.
"""

import asyncio
from typing import Any

from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.client import JetStreamContext

REST_SECONDS = 1.0
IDLE_SECONDS = 2.0


def install() -> None:
    """Wrap ``PullSubscription.fetch`` once."""
    subscription = JetStreamContext.PullSubscription
    if getattr(subscription.fetch, "rests", False):
        return
    fetch = subscription.fetch

    async def rested(self: Any, *args: Any, **given: Any) -> Any:
        given |= zip(("batch", "timeout", "heartbeat"), args, strict=False)
        batch, whole = given.get("batch", 1), getattr(self, "whole_batch", 1)
        begins = batch >= whole  # else it asks for the rest of a batch
        self.whole_batch = max(batch, whole)
        if begins and getattr(self, "found_nothing", False):
            given |= {"batch": 1, "timeout": max(IDLE_SECONDS, given.get("timeout") or 0)}
        try:
            got = await fetch(self, **given)
        except (NatsTimeoutError, TimeoutError) as fault:
            self.found_nothing = begins
            raise NatsTimeoutError from fault
        except asyncio.CancelledError:
            raise
        except Exception:
            await asyncio.sleep(REST_SECONDS)
            raise
        self.found_nothing = False
        return got

    rested.rests = True  # type: ignore[attr-defined]
    subscription.fetch = rested  # type: ignore[method-assign]
