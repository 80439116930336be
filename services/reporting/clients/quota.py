"""Quota, asked what a figure of an indicator is made of."""

from collections.abc import Mapping
from typing import Any

from services.reporting.clients.talking import talk


class Quota:
    """Asks quota.

    Args:
        base: its address; None where nobody said so.
    """

    def __init__(self, base: str | None) -> None:
        self.behind_at = f"{base.rstrip('/')}/v1/progress/behind" if base else None

    async def behind(self, asked: Mapping[str, str], shown: str) -> tuple[int, Any]:
        """A page of what counts in a figure; returns quota's status and document.

        Args:
            asked: the parameters of `/v1/progress/behind`.

        Raises:
            Unreachable: there was no answer.
        """
        return await talk("GET", self.behind_at, shown, params=dict(asked))
