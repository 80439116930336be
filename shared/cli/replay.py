"""`motcua replay`: fill the streams again from intake's log."""

from __future__ import annotations

from shared.cli.client import Client, Instance


async def run(instance: Instance, since: str) -> None:
    """Publish anew what intake wrote since an instant (RFC 3339). CommandError: 1, 3."""
    async with Client(instance) as client:
        answer = await client.fetch("intake", "POST", "/v1/replays", params={"since": since})
    print(f"publishing {answer['messages']} messages again")
