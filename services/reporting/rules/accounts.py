"""What users may do and how they may be called."""

import re
import unicodedata
from collections.abc import Mapping

ROLES: Mapping[str, frozenset[str]] = {
    "viewer": frozenset({"reports:read"}),
    "officer": frozenset({"reports:read", "reports:write"}),
    "admin": frozenset({"admin"}),
}
"""A role -> the scopes that a key would have."""

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 500
_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{1,98}[a-z0-9]")


def tidy_name(text: str) -> str:
    """A user name as it is kept: case does not matter."""
    return unicodedata.normalize("NFC", text).strip().casefold()


def tidy_password(text: str) -> str:
    """A password as it is hashed: the same however a keyboard composes its accents."""
    return unicodedata.normalize("NFC", text)


def name_fault(name: str) -> str | None:
    """What is wrong with a user name, or None."""
    if _NAME.fullmatch(name):
        return None
    return "Use 3 to 100 letters a-z, digits and . _ @ + - in between."


def password_fault(password: str, name: str) -> str | None:
    """What is wrong with a password, or None."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        return f"Use {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters."
    if name and name in password.casefold():
        return "Leave the user name out of it."
    if len(set(password)) < 4:
        return "Use more than three different characters."
    return None


def role_fault(role: str, units: list[str]) -> str | None:
    """What is wrong with a role, or None. An admin stands above all units."""
    if role not in ROLES:
        return f"There are: {', '.join(ROLES)}."
    if role == "admin" and units:
        return "An admin is not bound to units."
    return None
