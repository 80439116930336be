"""One question to another service, with somebody's key."""

import asyncio
from typing import Any

import httpx

SECONDS = 10.0


class Unreachable(Exception):
    """The service did not answer, or nobody said where it is."""


async def talk(
    method: str, address: str | None, shown: str, seconds: float = SECONDS, **parts: Any
) -> tuple[int, Any]:
    """Ask a service; returns its status and document.

    Args:
        address: null where nobody said where the service is.
        shown: the key.
        seconds: how long to wait.
        parts: of the request, as httpx takes them.

    Raises:
        Unreachable: there was no answer.
    """
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
