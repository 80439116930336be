"""Pages for people: who looks, in which language, and how a page is drawn."""

import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

from services.intake.api.words import LANGUAGES, language_of, script_words, word
from shared.browser import kept_key
from shared.keys import Key
from shared.look import FOLDER as LOOK
from shared.problems import Problem
from shared.service import Service

PAGES = Path(__file__).parent.parent / "pages"
COOKIE = "motcua_intake"
SCOPE = "events:write"
MEDIA = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
SHARED = ("style.css", "icon.svg", "*.woff2")
"""What the pages take of the look that all services share; beside them, so that it is kept on a
phone with the forms."""
ASSETS = {
    path.name: path
    for path in sorted(
        [each for each in PAGES.iterdir() if each.suffix in MEDIA]
        + [each for pattern in SHARED for each in LOOK.glob(pattern)]
    )
}
"""What pages name, and where it lies."""
LABELS = {"difficulty": "difficulty_id", "time": "at", "of_id": "entries"} | {
    name: name
    for name in ("unit", "at", "day", "app", "installer", "citizen", "device", "place", "result",
                 "reason", "category", "text", "team", "member", "questionnaire", "mode", "dossier",
                 "plan", "obligation", "period", "document", "kind", "file")
}  # fmt: skip
"""What the fields that faults point to are called, by the last part of their pointer."""
FORMS = ("install", "difficulty", "activity", "survey", "report")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
        " font-src 'self';"
        " connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Accept-Language, Cookie",
}


class Pages:
    """Draws intake's pages. A page that says who is logged in is marked for keeping offline."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.environment = Environment(
            loader=FileSystemLoader(PAGES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        content = b"".join(path.read_bytes() for path in ASSETS.values())
        self.version = hashlib.sha256(content).hexdigest()[:12]

    def language(self, request: Request) -> str:
        """The language to answer a request in."""
        asked = request.query_params.get("lang")
        return language_of(asked, request.headers.get("accept-language"))

    async def caller(self, request: Request) -> Key | None:
        """The key that looks, if it may send events; None where a log-in is needed."""
        shown = self.shown_key(request)
        if not shown:
            return None
        try:
            key = await self.service.keyring.identify(shown)
        except Problem:
            return None
        return key if key.may(SCOPE) else None

    def shown_key(self, request: Request) -> str | None:
        """The key as its holder shows it: in the cookie, or in the header."""
        authorization = request.headers.get("authorization")
        if authorization is None:
            return kept_key(request, COOKIE)
        scheme, _, shown = authorization.partition(" ")
        return shown.strip() if scheme.lower() == "bearer" else None

    def draw(
        self, request: Request, template: str, key: Key | None, status: int = 200, **values: Any
    ) -> Response:
        """A page; ``values`` are its template's."""
        language = self.language(request)
        asked = request.query_params.get("lang") in LANGUAGES

        def say(text: str) -> str:
            return word(text, language)

        def link(path: str) -> str:
            return f"{path}?{urlencode({'lang': language})}" if asked else path

        told = {
            "language": language,
            "key": {"id": key.id, "name": key.name} if key else None,
            "source": source_of(key) if key else None,
            "words": script_words(language),
            "labels": {name: say(label) for name, label in LABELS.items()},
            "keep": [link(path) for path in ("/", "/lists", *(f"/forms/{f}" for f in FORMS))],
            "data": ["/offers/units", "/offers/plans", "/offers/difficulties"],
            "assets": [f"/assets/{self.version}/{name}" for name in ASSETS],
            "worker": f"/worker.js?v={self.version}",
            "start": link("/"),
        }
        body = self.environment.get_template(template).render(
            say=say,
            link=link,
            lang=language,
            path=request.url.path,
            assets=f"/assets/{self.version}",
            key=key,
            told=told,
            **values,
        )
        headers = HEADERS | ({"X-Motcua-Page": self.version} if key and status == 200 else {})
        return Response(body, status, headers, "text/html; charset=utf-8")

    def draw_login(self, request: Request, status: int = 200, wrong: bool = False) -> Response:
        """The log-in page; it leads back to the address that was asked for."""
        if COOKIE in request.cookies or request.headers.get("authorization"):
            status, wrong = 401, True
        return self.draw(
            request, "login.html", None, status, wrong=wrong, following=own_path(request.url.path)
        )


def source_of(key: Key) -> str:
    """The source under which a key's forms send: one that it is bound to, else one of its own."""
    return min(key.sources) if key.sources else f"/forms/{key.id}"


def own_path(path: str | None) -> str:
    """An address of this service to go on to; the start page for anything else."""
    plain = bool(path) and path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if plain and path not in ("/login", "/logout") and path.isprintable() else "/"
