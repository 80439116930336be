"""`/v1/sources`: what is agreed with each source, its secrets, how it sends."""

import base64
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from services.intake import store
from services.intake.api.seeing import sources_seen
from services.intake.handlers import Agreements, Silence
from shared import clock
from shared.keys import Key
from shared.problems import Problem, documented
from shared.service import Service, needs
from shared.units import UnitRegistry

SOURCE = r"^[^\s<>\"{}|\\^`\x00-\x1f\x7f]+$"
SHORTEST_SECRET, LONGEST_SECRET = 24, 64
SourcePath = Annotated[
    str,
    Path(max_length=256, pattern=SOURCE, description="As in the events, percent-encoded."),
]


class Agreement(BaseModel):
    """What is agreed with a source.

    ``name``: the last word of its inbox `motcua.inbox.NAME` on the broker; without one it has none.
    ``units``: the units that it may speak for over its inbox; none = all.
    ``events_per_minute``: null = what holds for all, 0 = no limit.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,64}$")
    units: list[str] = Field(default=[], max_length=1000)
    signing: Literal["required", "optional"] = "optional"
    events_per_minute: int | None = Field(default=None, ge=0, le=10_000_000)


class NewSecret(BaseModel):
    """A secret to make, or one that the source already has (`whsec_` and Base64)."""

    model_config = ConfigDict(extra="forbid", strict=True)
    secret: str | None = Field(default=None, max_length=200)
    required: bool = True


def build_router(
    service: Service, agreements: Agreements, silence: Silence, registry: UnitRegistry
) -> APIRouter:
    """The routes about sources."""
    router = APIRouter(prefix="/v1", tags=["sources"])
    database = service.database
    admin = Annotated[Key, Depends(needs("admin"))]

    @router.get("/sources")
    async def list_sources(
        key: Annotated[Key, Depends(needs("events:write"))],
        after: Annotated[str, Query(max_length=500)] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
    ) -> dict[str, Any]:
        """Sources in their order: agreement, last event, events today, what is usual, state.

        ``state``: `ok`, `quiet` (far below what is usual), `silent`, or `new` (too short a
        history to judge). ``alert`` and ``alert_since``: while an alert is raised. ``next``:
        what to give as ``after`` for more.
        """
        rows = await silence.show(clock.now(), after, limit, sources_seen(key))
        return {"sources": rows, "next": rows[-1]["source"] if len(rows) == limit else None}

    # Secrets first: the path of a source may hold slashes, and would swallow theirs.
    @router.post("/sources/{source:path}/secrets", status_code=201, responses=documented(404))
    async def add_secret(
        _key: admin, source: SourcePath, given: Annotated[NewSecret | None, Body()] = None
    ) -> dict[str, Any]:
        """Give a source a secret to sign with; the answer shows it this once and never again.

        The newest two are valid, so that it can be changed without a gap. From the first one on
        the source must sign, unless ``required`` is false.
        """
        given = given or NewSecret()
        if given.secret is not None and not _is_secret(given.secret):
            message = f"Give whsec_ and Base64 of {SHORTEST_SECRET} to {LONGEST_SECRET} bytes."
            error = {"pointer": "/secret", "code": "invalid_secret", "message": message}
            raise Problem(422, errors=[error])
        id, secret, at = await agreements.add_secret(source, given.secret, given.required)
        return {"id": id, "source": source, "secret": secret, "created_at": at}

    @router.get("/sources/{source:path}/secrets", responses=documented(404))
    async def list_secrets(_key: admin, source: SourcePath) -> dict[str, Any]:
        """The valid secrets of a source, oldest first, without what would let anyone sign."""
        async with database.transaction() as session:
            kept = await store.secrets_of(session, [source])
        return {"secrets": [{"id": s.id, "created_at": s.created_at} for s in kept]}

    @router.delete("/sources/{source:path}/secrets/{id}", responses=documented(404))
    async def drop_secret(_key: admin, source: SourcePath, id: str) -> dict[str, Any]:
        """Make a secret invalid at once."""
        if not await agreements.drop_secret(source, id):
            raise Problem(404, "No such secret.")
        return {"id": id, "dropped": True}

    @router.put("/sources/{source:path}", responses=documented(404, 409))
    async def put_source(
        _key: admin, source: SourcePath, given: Annotated[Agreement, Body()]
    ) -> dict[str, Any]:
        """Write down what is agreed with a source."""
        faults = [
            {"pointer": f"/units/{n}", "code": "unknown_unit", "message": "No such unit."}
            for n, unit in enumerate(given.units)
            if not registry.known(unit)
        ]
        if faults:
            raise Problem(422, errors=faults)
        agreed = store.Source(
            source, given.name, tuple(given.units), given.signing, given.events_per_minute
        )
        if not await agreements.agree(agreed):
            raise Problem(409, "Another source bears this name.")
        return {"source": source, **given.model_dump()}

    return router


def _is_secret(text: str) -> bool:
    try:
        secret = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except ValueError:
        return False
    return text.startswith("whsec_") and SHORTEST_SECRET <= len(secret) <= LONGEST_SECRET
