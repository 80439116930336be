"""Quota and reporting, asked with the caller's own key to fill in a form, where they answer."""

import asyncio
from typing import Any

import httpx

SECONDS = 2.0
LARGEST = 4 << 20


class Neighbours:
    """Asks, and takes no answer for an answer: a form works without what it is told.

    Args:
        quota: where quota is; None where nobody said so.
        reporting: where reporting is.
    """

    def __init__(self, quota: str | None, reporting: str | None) -> None:
        self.quota, self.reporting = quota, reporting

    async def plans(self, shown: str) -> list[dict[str, Any]]:
        """The documents of the plans that apply; empty where quota does not answer."""
        listed = await self._get(self.quota, "/v1/plans", shown)
        names = [plan["plan"] for plan in listed.get("plans", [])]
        found = await asyncio.gather(*(self.plan(shown, name) for name in names))
        return [document for document in found if document]

    async def plan(self, shown: str, name: str) -> dict[str, Any]:
        """The document of one plan; empty where quota does not answer or has none."""
        answer = await self._get(self.quota, f"/v1/plans/{name}", shown)
        return answer.get("document", {})

    async def progress(self, shown: str, plan: str, unit: str) -> list[dict[str, Any]]:
        """How far a unit is with a plan's indicators; empty where quota does not answer."""
        answer = await self._get(self.quota, "/v1/progress", shown, plan=plan, unit=unit)
        return answer.get("rows", [])

    async def timeliness(self, shown: str, plan: str, unit: str) -> list[dict[str, Any]]:
        """What a unit owes under a plan and how it stands; empty where reporting is silent."""
        path = "/v1/reports/timeliness"
        answer = await self._get(self.reporting, path, shown, plan=plan, unit=unit)
        return answer.get("rows", [])

    async def difficulties(self, shown: str, unit: str | None) -> list[dict[str, Any]] | None:
        """Difficulties of a unit, or of all that the key reaches; None where nobody answers."""
        asked = {"unit": unit} if unit else {}
        answer = await self._get(self.reporting, "/v1/reports/difficulties", shown, **asked)
        return answer.get("rows")

    async def _get(self, base: str | None, path: str, shown: str, **params: str) -> dict[str, Any]:
        if not base:
            return {}
        try:
            async with httpx.AsyncClient(timeout=SECONDS, trust_env=False) as client:
                headers = {"Authorization": f"Bearer {shown}"}
                url = base.rstrip("/") + path
                answer = await asyncio.wait_for(
                    client.get(url, params=params, headers=headers), SECONDS
                )
                if answer.status_code != 200 or len(answer.content) > LARGEST:
                    return {}
                found = answer.json()
        except (httpx.HTTPError, ValueError, TimeoutError):
            return {}
        return found if isinstance(found, dict) else {}
