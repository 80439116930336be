"""Drawing a sample that anybody can draw again: by a seed, whatever order the dossiers come in."""

import hashlib
from collections.abc import Iterable


def drawn(codes: Iterable[str], seed: str, size: int) -> list[str]:
    """`size` of some dossier codes, all of them where there are fewer: those whose SHA-256 of
    seed, NUL, code is least, in that order."""
    return sorted(set(codes), key=lambda code: _rank(seed, code))[:size]


def _rank(seed: str, code: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{code}".encode("utf-8", "surrogatepass")).digest()
