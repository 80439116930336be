"""Intake, told with the caller's own key what is withdrawn: it alone decides whether that may be."""

import asyncio
from typing import Any

import httpx

SECONDS = 10.0


class Unreachable(Exception):
    """Intake did not answer, or nobody said where it is."""


class Intake:
    """Sends events to intake.

    Args:
        base: its address; None where nobody said so.
    """

    def __init__(self, base: str | None) -> None:
        self.address = f"{base.rstrip('/')}/v1/events" if base else None

    async def send(self, event: dict[str, Any], shown: str) -> tuple[int, Any]:
        """Send one event with a key; returns intake's status and document.

        Raises:
            Unreachable: there was no answer.
        """
        if self.address is None:
            raise Unreachable
        headers = {
            "Authorization": f"Bearer {shown}",
            "Content-Type": "application/cloudevents+json",
        }
        try:
            async with httpx.AsyncClient(timeout=SECONDS, trust_env=False) as client:
                sent = client.post(self.address, json=event, headers=headers)
                answer = await asyncio.wait_for(sent, SECONDS)
            return answer.status_code, answer.json()
        except (httpx.HTTPError, TimeoutError, ValueError):
            raise Unreachable from None
