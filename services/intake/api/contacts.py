"""`/v1/contacts`: erasure, and who looked at personal data."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response

from services.intake import store
from services.intake.handlers import Eraser
from shared.keys import Key
from shared.problems import Problem, documented
from shared.service import Service, needs

Reason = Annotated[str | None, Query(max_length=500)]


def build_router(service: Service, eraser: Eraser) -> APIRouter:
    """The routes about contacts."""
    router = APIRouter(prefix="/v1", tags=["contacts"])

    @router.delete(
        "/contacts/{token}",
        responses={202: {"description": "Erased here; the broker is told when it is back"}}
        | documented(404),
    )
    async def erase_contact(
        response: Response,
        token: Annotated[str, Path(max_length=200)],
        key: Annotated[Key, Depends(needs("contacts:read"))],
        reason: Reason = None,
    ) -> dict[str, Any]:
        """Erase a contact for good: its messages, its stream's subject, sealed contents.

        The dossier's record stays. What is sent of this dossier later carries no contact either.
        """
        state = await eraser.erase(token, key.id, reason)
        if state is None:
            raise Problem(404, "No such contact.")
        if state == "purging":
            response.status_code = 202
        return {"token": token, "state": state}

    @router.get("/access-log")
    async def list_access(
        _key: Annotated[Key, Depends(needs("admin"))],
        before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> dict[str, Any]:
        """Who did what with whose data, and why, newest first."""
        async with service.database.transaction() as session:
            rows = await store.list_access(session, before, limit)
        return {"rows": rows, "next": rows[-1]["id"] if len(rows) == limit else None}

    return router
