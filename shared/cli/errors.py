"""How a command ends when it does not end well."""

from __future__ import annotations

REFUSED = 1
USAGE = 2
UNREACHABLE = 3


class CommandError(Exception):
    """One readable text and the exit code: 1 refused, 2 wrong usage, 3 unreachable."""

    def __init__(self, text: str, code: int = REFUSED) -> None:
        super().__init__(text)
        self.code = code
