"""Makes a pull loop rest when its consumer is gone.

nats-py's ``fetch`` fails at once when a consumer or its quorum is missing, and a pull loop that
asks again at once burns a core. Until that is mended upstream, any failure but a time-out rests.
"""

import asyncio
from typing import Any

from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.client import JetStreamContext

REST_SECONDS = 1.0


def install() -> None:
    """Wrap ``PullSubscription.fetch`` once."""
    subscription = JetStreamContext.PullSubscription
    if getattr(subscription.fetch, "rests", False):
        return
    fetch = subscription.fetch

    async def rested(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return await fetch(self, *args, **kwargs)
        except NatsTimeoutError:
            raise
        except TimeoutError as fault:
            raise NatsTimeoutError from fault
        except asyncio.CancelledError:
            raise
        except Exception:
            await asyncio.sleep(REST_SECONDS)
            raise

    rested.rests = True  # type: ignore[attr-defined]
    subscription.fetch = rested  # type: ignore[method-assign]
