"""Drawing a sample that anybody can draw again: by a seed, whatever order the dossiers come in."""

import hashlib
from collections.abc import Iterable
from datetime import date, timedelta


def drawn(codes: Iterable[str], seed: str, size: int) -> list[str]:
    """`size` of some dossier codes, all of them where there are fewer: those whose SHA-256 of
    seed, NUL, code is least, in that order."""
    return sorted(set(codes), key=lambda code: _rank(seed, code))[:size]


def listed_day(period: str | None, handed_in: date) -> date:
    """The day by which a list belongs to a period asked for: the last of its month, else the day on
    which it was handed in."""
    if not period:
        return handed_in
    first = date(int(period[:4]), int(period[5:7]), 1)
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _rank(seed: str, code: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{code}".encode("utf-8", "surrogatepass")).digest()
