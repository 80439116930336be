"""Who reads reports: a key in the header, or the one that a browser logged in with."""

from typing import Annotated

from fastapi import Depends, Header, Request

from shared.keys import Key
from shared.problems import Problem

COOKIE = "motcua_key"
SCOPE = "reports:read"


async def caller(request: Request, authorization: Annotated[str | None, Header()] = None) -> Key:
    """The key of the request, from the header or the browser's cookie; raises `Problem` 401."""
    keyring = request.app.state.service.keyring
    kept = request.cookies.get(COOKIE)
    if authorization is None and kept:
        return await keyring.identify(kept)
    return await keyring.check(authorization)


async def reader(key: Annotated[Key, Depends(caller)]) -> Key:
    """The caller's key if it may read reports; raises `Problem` 401, 403."""
    if not key.may(SCOPE):
        raise Problem(403, f"This needs the scope {SCOPE}.")
    return key
