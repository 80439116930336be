"""What all pages for officials share: the caller, the language, the head."""

from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment

from services.notify.api.words import LANGUAGES, language_of, word
from shared.keys import Key
from shared.look import Look
from shared.problems import Problem
from shared.service import Service

COOKIE = "motcua_notices"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self';"
    " font-src 'self';"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Language, Cookie",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
TABS = ("notices", "costs", "calls", "texts")
"""The pages that the head leads to, by their end: ``/notices``, ``/notices/costs`` and so on."""


class Frame:
    """Renders pages and knows who asks."""

    def __init__(self, service: Service, environment: Environment, look: Look) -> None:
        self.service, self.environment = service, environment
        environment.globals["look"] = look.url

    def render(self, request: Request, name: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page in the language that was asked for."""
        asked = request.query_params.get("lang")
        language = language_of(asked, request.headers.get("accept-language"))
        kept = {k: v for k, v in request.query_params.items() if k != "lang"}
        switches = [
            (each, "?" + urlencode(kept | {"lang": each})) for each in LANGUAGES if each != language
        ]
        # Links keep the language where it was asked for, and only there.
        suffix = f"?lang={language}" if asked in LANGUAGES else ""
        text = self.environment.get_template(name).render(
            say=lambda text: word(text, language),
            language=language,
            asked_language=language if asked in LANGUAGES else "",
            switches=switches,
            suffix=suffix,
            tabs=TABS,
            here=name.removesuffix(".html"),
            **values,
        )
        return HTMLResponse(text, status, headers=HEADERS)

    async def identify(self, request: Request) -> Key | None:
        """The caller, by cookie or header; null where a login is needed."""
        try:
            kept = request.cookies.get(COOKIE)
            if kept:
                key = await self.service.keyring.identify(kept)
            else:
                key = await self.service.keyring.check(request.headers.get("authorization"))
        except Problem:
            return None
        return key if key.may("notices:read") else None


def given(request: Request, *names: str) -> dict[str, str]:
    """What a query says, cleaned; without what is empty."""
    return {
        name: value
        for name in names
        if (value := request.query_params.get(name, "").strip()[:300].replace("\0", ""))
    }
