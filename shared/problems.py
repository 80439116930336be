"""Errors over HTTP as RFC 9457 problem documents: a stable type, every fault, no personal data."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.events.faults import pointer

TYPE = "urn:motcua:problem:{}"
TITLES = {
    400: ("bad-request", "The request cannot be read"),
    401: ("unauthenticated", "A key is needed"),
    403: ("forbidden", "The key does not allow this"),
    404: ("not-found", "There is nothing here"),
    405: ("method-not-allowed", "This address does not take that method"),
    406: ("not-acceptable", "This form of answer is not available"),
    409: ("conflict", "It contradicts what is stored"),
    413: ("too-large", "The request is too large"),
    415: ("unsupported-media-type", "This content type is not taken"),
    422: ("invalid", "The request breaks the contract"),
    429: ("too-many-requests", "Too many requests"),
    500: ("internal", "Something failed on our side"),
    503: ("unavailable", "A part that is needed does not answer"),
}


class Fault(BaseModel):
    """One thing to mend in a request."""

    pointer: str
    code: str
    message: str


class ProblemDocument(BaseModel):
    """An error as RFC 9457 has it, with every fault at once."""

    model_config = ConfigDict(extra="allow")
    type: str
    title: str
    status: int
    detail: str | None = None
    errors: list[Fault]


MEDIA_TYPE = "application/problem+json"
COMMON = (400, 401, 403, 422, 503)
"""What any route with a key may answer."""


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What to say of these answers in the description of a route."""
    schema = {"$ref": "#/components/schemas/ProblemDocument"}
    return {
        status: {"description": TITLES[status][1], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


class Problem(Exception):
    """An error to answer with; ``errors`` are ``{"pointer", "code", "message"}``."""

    def __init__(
        self,
        status: int,
        detail: str | None = None,
        errors: Sequence[dict[str, str]] = (),
        headers: dict[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail or TITLES[status][1])
        self.status, self.detail, self.errors = status, detail, list(errors)
        self.headers, self.extra = headers, extra


def answer(problem: Problem) -> JSONResponse:
    """The HTTP answer of a problem."""
    slug, title = TITLES.get(problem.status, ("error", "Error"))
    body: dict[str, Any] = {"type": TYPE.format(slug), "title": title, "status": problem.status}
    if problem.detail:
        body["detail"] = problem.detail
    body["errors"] = problem.errors
    body.update(problem.extra)
    headers = dict(problem.headers or {})
    if problem.status == 401:
        headers.setdefault("WWW-Authenticate", 'Bearer realm="motcua"')
    return JSONResponse(body, problem.status, headers=headers, media_type=MEDIA_TYPE)


_COMBINING = re.compile(rb"%C[CD]", re.IGNORECASE)
"""How the accents that stand alone (U+0300 to U+036F) begin in an address."""


def composed(query: bytes) -> bytes:
    """A query in NFC, as all events are kept: some phones and file systems write an accent apart
    from its letter. What holds no such accent stays as it came."""
    if not _COMBINING.search(query):
        return query
    return b"&".join(
        b"=".join(_composed(word) for word in pair.split(b"=")) for pair in query.split(b"&")
    )


def _composed(word: bytes) -> bytes:
    text = unquote_to_bytes(word.replace(b"+", b" ")).decode("utf-8", "replace")
    return quote(unicodedata.normalize("NFC", text), safe="").encode("ascii")


class Guard:
    """Stands before an app: refuses what no store can hold, reads addresses in NFC, and answers for
    what crashed.

    A crash ends here, with its type alone: what the server would log of it may hold what a
    citizen sent.

    Args:
        on_crash: (path, fault) to the problem to answer with.
    """

    def __init__(self, app: ASGIApp, on_crash: Callable[[str, Exception], Problem]) -> None:
        self.app, self.on_crash = app, on_crash

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            error = {"pointer": "", "code": "control_character", "message": "Remove the NUL."}
            await answer(Problem(400, errors=[error]))(scope, receive, send)
            return
        scope["path"] = unicodedata.normalize("NFC", scope["path"])
        scope["query_string"] = composed(scope["query_string"])
        answered = False

        async def sending(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self.app(scope, receive, sending)
        except ClientDisconnect:
            return
        except Exception as fault:
            problem = self.on_crash(scope["path"], fault)
            if not answered:
                await answer(problem)(scope, receive, send)


def _inside(place: Sequence[Any]) -> Sequence[Any]:
    """A fault's place inside the body, or the name of the parameter."""
    return place[1:] if len(place) > 1 and place[0] in ("body", "query", "path") else place


def install(app: FastAPI, on_crash: Callable[[str, Exception], Problem]) -> None:
    """Make every error of an app a problem document; what crashed asks ``on_crash``.

    ``app.state.more_faults``, where a service sets it, finds what else is wrong in a request whose
    form is wrong, given the request and its body: so all is named at once.
    """
    app.add_middleware(Guard, on_crash=on_crash)
    _describe(app)

    @app.exception_handler(Problem)
    async def on_problem(_request: Request, problem: Problem) -> JSONResponse:
        return answer(problem)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, fault: RequestValidationError) -> JSONResponse:
        errors = [
            {
                "pointer": pointer(*_inside(error["loc"])),
                "code": str(error["type"]),
                "message": str(error["msg"]),
            }
            for error in fault.errors()
        ]
        more = getattr(app.state, "more_faults", None)
        if more is not None:
            named = {error["pointer"] for error in errors}
            found = await more(request, fault.body)
            errors += [error for error in found if error["pointer"] not in named]
        unreadable = any(error["code"] == "json_invalid" for error in errors)
        return answer(Problem(400 if unreadable else 422, errors=errors))

    @app.exception_handler(StarletteHTTPException)
    async def on_http(_request: Request, fault: StarletteHTTPException) -> JSONResponse:
        return answer(Problem(fault.status_code, headers=dict(fault.headers or {})))


def _describe(app: FastAPI) -> None:
    """Add the problem document's schema to the app's description, and drop FastAPI's own."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schemas = made().setdefault("components", {}).setdefault("schemas", {})
            document = ProblemDocument.model_json_schema(
                ref_template="#/components/schemas/{model}"
            )
            schemas |= document.pop("$defs")
            schemas["ProblemDocument"] = document
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
