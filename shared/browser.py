"""Callers who are browsers: the key in a cookie, taken only from the service's own pages.

A cookie is sent by whatever page makes the browser call us. So it is kept from other sites
(SameSite), from scripts (HttpOnly), and what changes something with it must come from a page of
this very origin, by what the browser itself says of the request.
"""

from urllib.parse import urlsplit

from fastapi import Request
from starlette.responses import Response

from shared.keys import Key
from shared.problems import Problem

SESSION_SECONDS = 12 * 3600
SAFE = ("GET", "HEAD")
HOLDER = "x-motcua-key"
"""The header by which a page may say for whose log-in it was made: the id of a key."""


def from_own_page(request: Request) -> bool:
    """Whether the browser says that a page of this origin makes the request."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = urlsplit(request.headers.get("origin", ""))  # browsers without a secure context
    return bool(origin.netloc) and origin.netloc == request.headers.get("host", "").lower()


def kept_key(request: Request, cookie: str) -> str | None:
    """The key in a browser's cookie, or None.

    Raises:
        Problem: 403 where another origin's page would change something with it.
    """
    kept = request.cookies.get(cookie)
    if kept and request.method not in SAFE and not from_own_page(request):
        raise Problem(403, "A log-in in a browser serves only this service's own pages.")
    return kept or None


def check_holder(request: Request, key: Key) -> Key:
    """The key, where the page that asks was made for it.

    Raises:
        Problem: 401 where a page of another key's log-in is still open in the browser.
    """
    if request.headers.get(HOLDER, key.id) != key.id:
        raise Problem(401, "Another key has logged in since this page was opened.")
    return key


def keep_key(answer: Response, request: Request, cookie: str, shown: str) -> None:
    """Have the browser keep a key for the working day."""
    answer.set_cookie(
        cookie,
        shown,
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


def forget_key(answer: Response, cookie: str) -> None:
    """Have the browser forget it."""
    answer.delete_cookie(cookie, httponly=True, samesite="strict")
