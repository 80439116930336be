"""Logging in and out: by user name and password, by a provider of identities, by a key."""

import json
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import parse_qs, urlencode

import structlog
from fastapi import APIRouter, Header, Request
from starlette.responses import RedirectResponse, Response

from services.reporting.api.access import COOKIE, SCOPE, SESSION, caller, check_form, form_token
from services.reporting.api.desk import desk_of
from services.reporting.api.drawing import Pages
from services.reporting.api.words import LANGUAGES, language_of
from services.reporting.clients.oidc import Provider, Refused, Start
from services.reporting.handlers import SESSION_HOURS, Accounts, Throttled
from shared import browser
from shared.http import read_body
from shared.keys import Key
from shared.problems import Problem

log = structlog.get_logger()

LONGEST_FORM = 4096
STARTED = "motcua_oidc"
"""The cookie that says what a provider's answer must fit to."""
START_SECONDS = 600


class Entrance:
    """The door to the pages."""

    def __init__(
        self, accounts: Accounts, pages: Pages, provider: Provider | None, base: str
    ) -> None:
        self.accounts, self.pages = accounts, pages
        self.provider, self.base = provider, base

    def page(
        self, request: Request, language: str, status: int = 200, fault: str | None = None
    ) -> Response:
        """The log-in page; afterwards people come to where they wanted to go."""
        wanted = request.query_params.get("next")
        if request.method == "GET" and request.url.path != "/login":
            query = f"?{request.url.query}" if request.url.query else ""
            wanted = request.url.path + query
        return self.draw(language, status, fault, safe(wanted))

    def draw(self, language: str, status: int, fault: str | None, following: str) -> Response:
        """The log-in page with what went wrong."""
        return self.pages.draw(
            "login.html",
            language,
            status,
            switches=[(each, urlencode({"lang": each, "next": following})) for each in LANGUAGES],
            fault=fault,
            next=following,
            oidc=self.provider is not None,
        )

    async def reader(self, request: Request, authorization: str | None) -> Key | None:
        """Who looks, if they may read reports; null where a log-in is needed."""
        try:
            key = await caller(request, authorization)
        except Problem:
            return None
        return key if key.may(SCOPE) else None

    def refuse(self, request: Request, language: str, authorization: str | None) -> Response:
        """What somebody gets who may not look."""
        tried = COOKIE in request.cookies or authorization is not None
        fault = "bad_key" if tried else None
        return self.page(request, language, 401 if tried else 200, fault)


def build_entering(entrance: Entrance) -> APIRouter:
    """The routes of logging in and out, and of one's own account."""
    router = APIRouter(include_in_schema=False)
    accounts, pages = entrance.accounts, entrance.pages

    @router.get("/login")
    async def show_login(
        request: Request, accept_language: Annotated[str | None, Header()] = None
    ) -> Response:
        return entrance.page(request, _language(request, accept_language))

    @router.post("/login")
    async def log_in(
        request: Request,
        accept_language: Annotated[str | None, Header()] = None,
        sec_fetch_site: Annotated[str | None, Header()] = None,
    ) -> Response:
        language = _language(request, accept_language)
        if sec_fetch_site not in (None, "same-origin", "none"):
            raise Problem(403)
        form = await read_form(request)
        following = safe(form.get("next"))
        if "key" in form:
            shown = form["key"].strip()
            key = await _holder(request, shown)
            if key is None:
                return entrance.draw(language, 401, "bad_key", following)
            answer = RedirectResponse(_with(following, language), 303)
            browser.keep_key(answer, request, COOKIE, shown)
            answer.delete_cookie(SESSION, httponly=True, samesite="lax")
            return answer
        address = request.client.host if request.client else ""
        try:
            token = await accounts.log_in(form.get("user", ""), form.get("password", ""), address)
        except Throttled:
            refused = entrance.draw(language, 429, "too_many", following)
            refused.headers["Retry-After"] = "900"
            return refused
        if token is None:
            return entrance.draw(language, 401, "bad_login", following)
        return _entered(request, token, _with(following, language))

    @router.post("/logout")
    async def log_out(request: Request) -> Response:
        if token := request.cookies.get(SESSION):
            await accounts.log_out(token)
        answer = RedirectResponse("/", 303)
        browser.forget_key(answer, COOKIE)
        answer.delete_cookie(SESSION, httponly=True, samesite="lax")
        return answer

    @router.get("/account")
    async def account(
        request: Request,
        accept_language: Annotated[str | None, Header()] = None,
    ) -> Response:
        language = _language(request, accept_language)
        key = await entrance.reader(request, None)
        if key is None:
            return entrance.refuse(request, language, None)
        return show_account(request, key, language, 200, None)

    def show_account(
        request: Request, key: Key, language: str, status: int, told: str | None
    ) -> Response:
        return pages.draw(
            "account.html",
            language,
            status,
            desk=desk_of(key, "/account", language, {}, form_token(request)),
            switches=[(each, f"lang={each}") for each in LANGUAGES],
            told=told,
            good=told == "password_changed",
            key=key,
        )

    @router.post("/account")
    async def change_password(
        request: Request, accept_language: Annotated[str | None, Header()] = None
    ) -> Response:
        language = _language(request, accept_language)
        key = await entrance.reader(request, None)
        form = await read_form(request)
        check_form(request, form.get("token", ""))
        if key is None or not key.id.startswith("user:"):
            raise Problem(403)
        name = key.id.removeprefix("user:")
        address = request.client.host if request.client else ""
        try:
            fits = await accounts.check_password(name, form.get("old", ""), address)
        except Throttled:
            return show_account(request, key, language, 429, "too_many")
        if not fits:
            return show_account(request, key, language, 422, "bad_old_password")
        mark = accounts.session_mark(request.cookies.get(SESSION, ""))
        try:
            await accounts.set_password(name, form.get("new", ""), but=mark)
        except Problem:
            return show_account(request, key, language, 422, "weak_password")
        return show_account(request, key, language, 200, "password_changed")

    @router.get("/oidc/login")
    async def ask_provider(
        request: Request, accept_language: Annotated[str | None, Header()] = None
    ) -> Response:
        language = _language(request, accept_language)
        following = _with(safe(request.query_params.get("next")), language)
        if entrance.provider is None:
            raise Problem(404)
        try:
            start = await entrance.provider.start(_redirect(request, entrance.base))
        except Refused as fault:
            log.warning("oidc_refused", part=str(fault))
            return entrance.draw(language, 503, "oidc_away", following)
        answer = RedirectResponse(start.address, 303)
        _remember(answer, request, start, following)
        return answer

    @router.get("/oidc/callback")
    async def hear_provider(
        request: Request, accept_language: Annotated[str | None, Header()] = None
    ) -> Response:
        started = _started(request)
        following = safe(started.get("next"))
        language = _language(request, accept_language)
        told = request.query_params
        same = started and told.get("state") == started.get("state")
        if entrance.provider is None or not same or not told.get("code"):
            return _forgetting(entrance.draw(language, 401, "oidc_refused", following))
        try:
            person = await entrance.provider.finish(
                told["code"],
                started["verifier"],
                started["nonce"],
                _redirect(request, entrance.base),
            )
        except Refused as fault:
            log.warning("oidc_refused", part=str(fault))
            return _forgetting(entrance.draw(language, 401, "oidc_refused", following))
        token = await accounts.vouched(person.issuer, person.subject, person.name)
        if token is None:
            return _forgetting(entrance.draw(language, 403, "oidc_unknown", following))
        return _forgetting(_entered(request, token, following))

    return router


async def _holder(request: Request, shown: str) -> Key | None:
    try:
        key: Key = await request.app.state.service.keyring.identify(shown)
    except Problem:
        return None
    return key if key.may(SCOPE) else None


async def read_form(request: Request, longest: int = LONGEST_FORM) -> dict[str, str]:
    """What a page's form sends, of at most so many bytes; raises `Problem` 413."""
    body = await read_body(request, longest)
    found = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[0].replace("\0", "") for name, values in found.items()}


def _entered(request: Request, token: str, following: str) -> Response:
    answer = RedirectResponse(following, 303)
    answer.set_cookie(
        SESSION,
        token,
        max_age=SESSION_HOURS * 3600,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    browser.forget_key(answer, COOKIE)
    return answer


def safe(text: str | None) -> str:
    """Where to go after a log-in: a path of this service, never another site."""
    path = (text or "/").strip()
    plain = path.startswith("/") and not path.startswith(("//", "/\\"))
    doors = path.split("?")[0] in ("/login", "/logout")
    return path if plain and not doors and path.isprintable() and len(path) < 2000 else "/"


def _with(following: str, language: str) -> str:
    """A path with the language, where it does not name one."""
    if "lang=" in following:
        return following
    return f"{following}{'&' if '?' in following else '?'}lang={language}"


def _language(request: Request, accepted: str | None) -> str:
    return language_of(request.query_params.get("lang"), accepted)


def _redirect(request: Request, base: str) -> str:
    """Where a provider sends people back to: the address that they reach us at."""
    return f"{base or str(request.base_url).rstrip('/')}/oidc/callback"


def _remember(answer: Response, request: Request, start: Start, following: str) -> None:
    kept = {
        "state": start.state,
        "nonce": start.nonce,
        "verifier": start.verifier,
        "next": following,
    }
    answer.set_cookie(
        STARTED,
        json.dumps(kept).encode().hex(),
        max_age=START_SECONDS,
        path="/oidc",
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )


def _started(request: Request) -> Mapping[str, str]:
    try:
        kept = json.loads(bytes.fromhex(request.cookies.get(STARTED, "")))
    except ValueError:
        return {}
    whole = isinstance(kept, dict) and {"state", "nonce", "verifier", "next"} <= kept.keys()
    return kept if whole else {}


def _forgetting(answer: Response) -> Response:
    answer.delete_cookie(STARTED, path="/oidc", httponly=True, samesite="lax")
    return answer
