"""Who reads reports: a key in the header, the one that a browser logged in with, or a user."""

import hashlib
import secrets
from collections.abc import Awaitable, Callable

from fastapi import Request

from services.reporting.handlers import Accounts
from shared.browser import SAFE, from_own_page, kept_key
from shared.keys import Key
from shared.problems import Problem
from shared.service import caller, needs

COOKIE = "motcua_key"
SESSION = "motcua_session"
"""The cookie of a user's session. It is lax where a key's is strict: a provider of identities sends
people back to us from elsewhere; what changes something is checked by page and token."""
SCOPE = "reports:read"
reader = needs(SCOPE)
"""The caller's key if it may read reports; raises `Problem` 401, 403."""
writer = needs("reports:write")
"""The caller's key if it may publish, confirm, order reports; raises `Problem` 401, 403."""


def resumer(accounts: Accounts) -> Callable[[Request], Awaitable[Key | None]]:
    """Who says whose session a request belongs to; raises `Problem` 403 for another site's page."""

    async def resume(request: Request) -> Key | None:
        token = request.cookies.get(SESSION)
        if not token:
            return None
        if request.method not in SAFE and not from_own_page(request):
            raise Problem(403, "A log-in in a browser serves only this service's own pages.")
        return await accounts.resume(token)

    return resume


def shown_key(request: Request, authorization: str | None) -> str | None:
    """The key that a request came with, in its header or its cookie; raises `Problem` 403."""
    return (authorization or "").partition(" ")[2] or kept_key(request, COOKIE)


def form_token(request: Request) -> str:
    """What a form of a page must send along: known only to who knows the cookie."""
    kept = request.cookies.get(COOKIE) or request.cookies.get(SESSION) or ""
    return hashlib.sha256(f"form:{kept}".encode()).hexdigest()[:32]


def check_form(request: Request, token: str) -> None:
    """Take a form only from a page that was made for this log-in; raises `Problem` 403."""
    if not from_own_page(request) or not secrets.compare_digest(token, form_token(request)):
        raise Problem(403, "This form was not made for this log-in: load the page again.")


__all__ = [
    "COOKIE",
    "SCOPE",
    "SESSION",
    "caller",
    "check_form",
    "form_token",
    "reader",
    "resumer",
    "shown_key",
    "writer",
]
