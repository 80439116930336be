"""What a mistyped name may have meant."""

import difflib
from collections.abc import Iterable


def unknown(what: str, name: str, known: Iterable[str], message: str) -> dict[str, str]:
    """The fault of a name that nothing bears, with the nearest names that something does.

    ``what`` is the parameter; the code is ``unknown_<what>``.
    """
    near = difflib.get_close_matches(name, sorted(set(known)), n=3, cutoff=0.5)
    return fault(what, message, near)


def fault(what: str, message: str, near: Iterable[str]) -> dict[str, str]:
    """The same where the nearest names are found already."""
    names = ", ".join(near)
    hint = f" The nearest are: {names}." if names else ""
    return {"pointer": f"/{what}", "code": f"unknown_{what}", "message": message + hint}
