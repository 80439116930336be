"""Intake, asked and told with the caller's own key: it alone decides what may be seen and withdrawn."""

import asyncio
from datetime import date
from typing import Any

import httpx

SECONDS = 10.0
SECONDS_OF_A_LOOK = 3.0
"""So long a page waits for what it can do without."""


class Unreachable(Exception):
    """Intake did not answer, or nobody said where it is."""


class Intake:
    """Asks intake, and sends events there.

    Args:
        base: its address; None where nobody said so.
    """

    def __init__(self, base: str | None) -> None:
        self.address = f"{base.rstrip('/')}/v1/events" if base else None
        self.quarantine = f"{base.rstrip('/')}/v1/quarantine" if base else None

    async def send(self, event: dict[str, Any], shown: str) -> tuple[int, Any]:
        """Send one event with a key; returns intake's status and document.

        Raises:
            Unreachable: there was no answer.
        """
        headers = {"Content-Type": "application/cloudevents+json"}
        return await self._ask("POST", self.address, shown, json=event, headers=headers)

    async def event(self, source: str, id: str, shown: str) -> tuple[int, Any]:
        """An event as intake holds it, without what is personal; returns its status and document.

        Raises:
            Unreachable: there was no answer.
        """
        asked = {"source": source, "id": id}
        return await self._ask("GET", self.address, shown, SECONDS_OF_A_LOOK, params=asked)

    async def correct(self, correction: dict[str, Any], shown: str) -> tuple[int, Any]:
        """Have an event withdrawn and another put in its place; returns intake's status and document.

        Raises:
            Unreachable: there was no answer.
        """
        address = f"{self.address}/corrections" if self.address else None
        return await self._ask("POST", address, shown, json=correction)

    async def refused(
        self, unit: str, day: date, shown: str, before: str | None, limit: int
    ) -> tuple[int, Any]:
        """A page of the events that intake refused on a day, without their contents; returns intake's
        status and document.

        Args:
            unit: the one that they named; `_`: none that exists.
            before: what the last page said is `next`.

        Raises:
            Unreachable: there was no answer.
        """
        asked = {"unit": unit, "day": day.isoformat(), "limit": str(limit)}
        if before:
            asked["before"] = before
        return await self._ask("GET", self.quarantine, shown, SECONDS_OF_A_LOOK, params=asked)

    async def _ask(
        self,
        method: str,
        address: str | None,
        shown: str,
        seconds: float = SECONDS,
        **parts: Any,
    ) -> tuple[int, Any]:
        if address is None:
            raise Unreachable
        headers = {"Authorization": f"Bearer {shown}"} | parts.pop("headers", {})
        try:
            async with httpx.AsyncClient(timeout=seconds, trust_env=False) as client:
                sent = client.request(method, address, headers=headers, **parts)
                answer = await asyncio.wait_for(sent, seconds)
            return answer.status_code, answer.json()
        except (httpx.HTTPError, TimeoutError, ValueError):
            raise Unreachable from None
