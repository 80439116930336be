"""The texts of notices: read, tried, changed."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.clients import (
    NAMES,
    Name,
    TemplateFaults,
    compile_text,
    language_of,
    read_name,
    render,
)
from services.notify.handlers.desk import Desk
from services.notify.rules import texts
from services.notify.store import texts as store
from shared import clock
from shared.db import Database, take_turn
from shared.http import read_body
from shared.keys import Key
from shared.problems import Problem
from shared.service import needs

TEXT_BYTES = 64 << 10

MOST_SEGMENTS = 5
"""Of an SMS: what the gateways that ship take; a longer one would be refused when it is sent."""


class GivenText(BaseModel):
    """A text, and the values with which it is shown; what is not given is taken from samples."""

    model_config = ConfigDict(extra="forbid", strict=True)
    text: Annotated[str, Field(min_length=1, max_length=20_000, pattern=r"^[^\x00]*$")]
    values: dict[str, str | None] = Field(default_factory=dict)
    preview: bool = False


def add_templates(
    router: APIRouter,
    database: Database,
    desk: Desk,
    price: Callable[[], int | None] = lambda: None,
) -> None:
    """Add the routes of the texts; ``price`` gives the VND of a segment, null where unknown."""
    reader = Annotated[Key, Depends(needs("notices:read"))]
    admin = Annotated[Key, Depends(needs("admin"))]

    @router.get("/v1/templates", tags=["templates"])
    async def list_templates(_key: reader) -> dict[str, Any]:
        """Every text that there is, with a preview."""
        async with database.transaction() as session:
            stored = {row.name: row for row in await store.current(session)}
        return {"templates": [show(desk, name, stored.get(name), price()) for name in NAMES]}

    @router.get("/v1/templates/{name}", tags=["templates"])
    async def show_template(name: str, _key: reader) -> dict[str, Any]:
        """One text with its versions, and a preview with sample values."""
        async with database.transaction() as session:
            return await show_whole(session, known(name))

    async def show_whole(session: AsyncSession, name: Name) -> dict[str, Any]:
        versions = await store.versions(session, name)
        shown = show(desk, name, versions[0] if versions else None, price())
        shown["versions"] = [
            {"version": v.version, "text": v.source, "at": v.stored_at, "by": v.key_name}
            for v in versions
        ]
        return shown

    @router.put("/v1/templates/{name}", tags=["templates"])
    async def put_template(
        request: Request,
        name: str,
        key: admin,
        dry_run: Annotated[bool, Query(description="Check and preview only")] = False,
    ) -> dict[str, Any]:
        """Change a text: JSON with `text`, or the text itself. It holds at once, everywhere.

        With `preview: true` (or `?dry_run=true`) nothing is kept.
        """
        found = known(name)
        given = await read_text(request)
        preview = preview_of(found, given.text, given.values, price())
        if dry_run or given.preview:
            return {"name": ".".join(found), "text": given.text, "preview": preview}
        check_whole(key)
        async with database.transaction() as session:
            await take_turn(session, "store")
            versions = await store.versions(session, found)
            if not versions or versions[0].source != given.text:
                await store.add(session, found, given.text, key.id, key.name, clock.now())
            return await show_whole(session, found)

    @router.post("/v1/templates/{name}/preview", tags=["templates"])
    async def preview_template(request: Request, name: str, _key: reader) -> dict[str, Any]:
        """How a text would read, without keeping it."""
        found = known(name)
        given = await read_text(request)
        return {
            "name": ".".join(found),
            "text": given.text,
            "preview": preview_of(found, given.text, given.values, price()),
        }

    @router.delete("/v1/templates/{name}", tags=["templates"])
    async def reset_template(name: str, key: admin) -> dict[str, Any]:
        """Go back to the text of the file."""
        found = known(name)
        check_whole(key)
        async with database.transaction() as session:
            await take_turn(session, "store")
            versions = await store.versions(session, found)
            if versions and versions[0].source is not None:
                await store.add(session, found, None, key.id, key.name, clock.now())
            return await show_whole(session, found)


def known(text: str) -> Name:
    """The name of a text; raises ``Problem`` 404."""
    name = read_name(text)
    if name is None:
        raise Problem(404, "No text has this name; GET /v1/templates lists them.")
    return name


def check_whole(key: Key) -> None:
    """Raise ``Problem`` 403 for a key that is bound to some units: texts are everybody's."""
    if key.units:
        raise Problem(403, "Texts hold for all units; this key is bound to some.")


async def read_text(request: Request) -> GivenText:
    """The text in a request; raises ``Problem`` 400, 413, 422."""
    body = await read_body(request, TEXT_BYTES)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind.startswith("text/"):
        try:
            return GivenText(text=body.decode("utf-8"))
        except (UnicodeDecodeError, ValidationError):
            raise Problem(422, errors=[fault("/text", "Not a text in UTF-8.")]) from None
    try:
        return GivenText.model_validate_json(body)
    except ValidationError as found:
        errors = found.errors(include_input=False, include_url=False, include_context=False)
        if any(error["type"] == "json_invalid" for error in errors):
            raise Problem(400, "Send JSON or text/plain.") from None
        listed = [
            fault("/" + "/".join(map(str, e["loc"])), str(e["msg"]), str(e["type"])) for e in errors
        ]
        raise Problem(422, errors=listed) from None


def show(
    desk: Desk, name: Name, stored: store.StoredText | None, price: int | None = None
) -> dict[str, Any]:
    """A text as JSON; ``price`` is that of a segment in VND, null where it is unknown."""
    changed = stored is not None and stored.source is not None
    text = stored.source if stored is not None and stored.source is not None else None
    text = desk.files.source(name) if text is None else text
    try:
        preview, faults = preview_of(name, text, {}, price), []
    except Problem as found:  # an older program took it
        preview, faults = None, found.errors
    return {
        "name": ".".join(name),
        "kind": name[0],
        "audience": name[1],
        "channel": name[2],
        "language": language_of(name),
        "origin": "store" if changed else "file",
        "version": stored.version if stored else 0,
        "changed_at": stored.stored_at if stored else None,
        "changed_by": stored.key_name if stored else None,
        "text": text,
        "variables": sorted(texts.VARIABLES[name[0]]),
        "preview": preview,
        "faults": faults,
    }


def preview_of(
    name: Name, text: str, values: dict[str, str | None], price: int | None = None
) -> dict[str, Any]:
    """How a text reads with some values, how long it is, and what it costs.

    Raises:
        Problem: 422 naming everything that is wrong with the text or the values.
    """
    unknown = sorted(set(values) - texts.VARIABLES[name[0]])
    errors = [fault(f"/values/{each}", "No such variable.", "unknown_variable") for each in unknown]
    try:
        compiled = compile_text(name, text)
    except TemplateFaults as found:
        raise Problem(
            422, errors=errors + [fault("/text", each) for each in found.faults]
        ) from None
    if errors:
        raise Problem(422, errors=errors)
    shown = render(compiled, name[0], name[2], {**texts.samples_of(name[0]), **values})
    if shown.segments > MOST_SEGMENTS:
        message = f"longer than {MOST_SEGMENTS} segments: {shown.segments} with these values"
        raise Problem(422, errors=[fault("/text", message, "too_long")])
    preview: dict[str, Any] = {
        "subject": shown.subject,
        "text": shown.body,
        "warnings": list(compiled.warnings),
    }
    if name[2] == "sms":
        preview |= {
            "segments": shown.segments,
            "characters": len(shown.body),
            "cost": None if price is None else price * shown.segments,
            "encoding": "GSM-7" if texts.fits_gsm7(shown.body) else "UCS-2",
        }
    else:
        preview |= {"segments": 0, "cost": None}
    return preview


def fault(pointer: str, message: str, code: str = "template") -> dict[str, str]:
    """One fault of a text."""
    return {"pointer": pointer, "code": code, "message": message}
