"""A person says that the clock is right."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from services.notify.handlers.clockwork import Clockwork
from shared.keys import Key
from shared.service import needs


class ClockWord(BaseModel):
    """That the clock is right, and why."""

    model_config = ConfigDict(extra="forbid")
    why: str = Field(min_length=1, max_length=500)


def clock_router(clockwork: Clockwork) -> APIRouter:
    """The route by which a clock is believed again."""
    router = APIRouter()

    @router.post("/v1/clock", tags=["deadlines"])
    async def accept_clock(
        given: ClockWord, key: Annotated[Key, Depends(needs("admin"))]
    ) -> dict[str, Any]:
        """Say that the present clock is right although events carry later stamps."""
        return {"now": await clockwork.accept(key.id, given.why)}

    return router
