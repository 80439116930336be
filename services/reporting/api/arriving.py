"""How every page begins: who looks, in which language, with which filters; and how it may end."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.responses import RedirectResponse, Response

from services.reporting.api.access import caller, check_form, form_token
from services.reporting.api.desk import Desk, desk_of
from services.reporting.api.entering import Entrance, read_form
from services.reporting.api.fault_words import detail_in, fault_in
from services.reporting.api.filtering import tidy
from services.reporting.api.words import LANGUAGES, language_of, word
from shared.keys import Key
from shared.problems import Problem
from shared.units import UnitRegistry

LONGEST_TEXT = 500
FORM_BYTES = 32_768
"""Room for a text of that length in Vietnamese, as browsers encode it."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody who may look, and what was asked for; `kept` is what was typed, tidied."""

    request: Request
    key: Key
    language: str
    kept: dict[str, str]

    def desk(self, path: str, held: Mapping[str, str] | None = None) -> Desk:
        """The frame of the page."""
        return desk_of(self.key, path, self.language, held or {}, form_token(self.request))

    def switches(self) -> list[tuple[str, str]]:
        """The same page in each language."""
        return [(each, urlencode({**self.kept, "lang": each})) for each in LANGUAGES]


async def arrive(
    entrance: Entrance, request: Request, registry: UnitRegistry | None = None
) -> Arrival | Response:
    """Let somebody in, or answer with the log-in page; with a register of units, filters are tidied
    and an untidy address is answered with the tidy one."""
    headers = request.headers
    language = language_of(request.query_params.get("lang"), headers.get("accept-language"))
    authorization = headers.get("authorization")
    key = await entrance.reader(request, authorization)
    if key is None:
        return entrance.refuse(request, language, authorization)
    typed = dict(request.query_params)
    if registry is None:
        return Arrival(request, key, language, typed)
    kept = tidy(typed, registry)
    if kept != typed:
        return RedirectResponse(f"{request.url.path}?{urlencode(kept)}", 303)
    return Arrival(request, key, language, kept)


async def changing(request: Request) -> tuple[Key, dict[str, str], str]:
    """Who sends a form of a page, what, and in which language; raises `Problem` 401, 403."""
    key = await caller(request, request.headers.get("authorization"))
    form = await read_form(request, FORM_BYTES)
    check_form(request, form.get("token", ""))
    language = language_of(request.query_params.get("lang"), request.headers.get("accept-language"))
    return key, form, language


def tidy_text(text: str) -> str:
    """A text of a form in one line; raises `Problem` 422 where it is too long."""
    tidied = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(tidied) > LONGEST_TEXT:
        message = f"Use at most {LONGEST_TEXT} characters."
        raise Problem(422, errors=[{"pointer": "/reason", "code": "too_long", "message": message}])
    return tidied


def page_router(entrance: Entrance) -> APIRouter:
    """A router whose errors are pages too."""

    class PageRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def handle_or_tell(request: Request) -> Response:
                try:
                    return await handle(request)
                except Problem as problem:
                    return await _told(entrance, request, problem)

            return handle_or_tell

    return APIRouter(include_in_schema=False, route_class=PageRoute)


async def _told(entrance: Entrance, request: Request, problem: Problem) -> Response:
    """A problem as a page, with the way back."""
    language = language_of(request.query_params.get("lang"), request.headers.get("accept-language"))
    key = await entrance.reader(request, request.headers.get("authorization"))
    desk = desk_of(key, "", language, {}, form_token(request)) if key else None
    title = f"problem.{problem.status}"
    answer = entrance.pages.draw(
        "problem.html",
        language,
        problem.status,
        desk=desk,
        switches=[],
        heading=word(title, language) if problem.status in SAID else word("problem", language),
        detail=detail_in(problem.detail, language),
        faults=[fault_in(each, language) for each in problem.errors],
    )
    answer.headers.update(problem.headers or {})
    return answer


SAID = frozenset({401, 403, 404, 409, 413, 422, 429, 503})
"""Problems that have a heading of their own."""
