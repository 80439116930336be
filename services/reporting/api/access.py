"""Who reads reports: a key in the header, or the one that a browser logged in with."""

from shared.service import caller, needs

COOKIE = "motcua_key"
SCOPE = "reports:read"
reader = needs(SCOPE)
"""The caller's key if it may read reports; raises `Problem` 401, 403."""
writer = needs("reports:write")
"""The caller's key if it may publish, confirm, order reports; raises `Problem` 401, 403."""

__all__ = ["COOKIE", "SCOPE", "caller", "reader", "writer"]
