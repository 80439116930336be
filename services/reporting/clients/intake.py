"""Intake, asked and told with the caller's own key: it alone decides what may be seen and withdrawn."""

from datetime import date
from typing import Any

from services.reporting.clients.talking import talk

SECONDS_OF_A_LOOK = 3.0
"""So long a page waits for what it can do without."""


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
        return await talk("POST", self.address, shown, json=event, headers=headers)

    async def event(self, source: str, id: str, shown: str) -> tuple[int, Any]:
        """An event as intake holds it, without what is personal; returns its status and document.

        Raises:
            Unreachable: there was no answer.
        """
        asked = {"source": source, "id": id}
        return await talk("GET", self.address, shown, SECONDS_OF_A_LOOK, params=asked)

    async def correct(self, correction: dict[str, Any], shown: str) -> tuple[int, Any]:
        """Have an event withdrawn and another put in its place; returns intake's status and document.

        Raises:
            Unreachable: there was no answer.
        """
        address = f"{self.address}/corrections" if self.address else None
        return await talk("POST", address, shown, json=correction)

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
        return await talk("GET", self.quarantine, shown, SECONDS_OF_A_LOOK, params=asked)
