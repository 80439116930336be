"""Trials: messages that are written and shown, and reach nobody or only some."""

from collections.abc import Iterable
from dataclasses import dataclass

from shared import phones

DRY_RUN = "dry_run"
NOT_ALLOWED = "not_allowed"


@dataclass(frozen=True, slots=True)
class Trial:
    """``dry_run``: nothing leaves. ``allowed``: only these phone numbers, email addresses and
    domains (``@example.org``) are sent anything; null: everybody."""

    dry_run: bool = False
    allowed: frozenset[str] | None = None

    def bars(self, address: str | None) -> str | None:
        """Why an address is sent nothing; null where it may be."""
        if self.dry_run:
            return DRY_RUN
        if self.allowed is None or address is None:
            return None
        lower = address.lower()
        domain = "@" + lower.rpartition("@")[2] if "@" in lower else None
        return None if {address, lower, domain} & self.allowed else NOT_ALLOWED


def read_allowed(lines: Iterable[str]) -> frozenset[str]:
    """Addresses as they are compared; raises ``ValueError`` without repeating one."""
    found = set()
    for line in lines:
        entry = line.partition("#")[0].strip()
        if not entry:
            continue
        number = phones.normalise(entry)
        if number.e164 is not None:
            found.add(number.e164)
        elif "@" in entry and "." in entry.rpartition("@")[2] and " " not in entry:
            found.add(entry.lower())
        else:
            raise ValueError("list mobile numbers, email addresses and @domains")
    return frozenset(found)
