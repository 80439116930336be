"""Hints at the units that unknown codes may have meant."""

from collections.abc import Callable, Sequence

MOST_SEARCHED = 20
LONGEST = 64


class Hints:
    """The nearest codes, for one request.

    A search goes through the whole register, so that only so many different codes of a request
    are searched for, and none that is too long to be one.
    """

    def __init__(self, search: Callable[[str], Sequence[str]]) -> None:
        self.search = search
        self.found: dict[str, list[str]] = {}

    def __call__(self, code: str) -> list[str]:
        if code not in self.found:
            if len(code) > LONGEST or len(self.found) >= MOST_SEARCHED:
                return []
            self.found[code] = list(self.search(code))
        return self.found[code]
