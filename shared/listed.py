"""How people of a list are called where nobody may know who they are: a reference for each.

`DS.<unit>.<mark>.<n>`: the n-th who can be asked on the list of a unit that bears a mark. It stands
for the person as a dossier's code does for the applicant: who may read contacts finds the number by
it, and a survey names it. It says nothing about the person.
"""

import re
from collections.abc import Iterator

_REFERENCE = re.compile(r"DS\.(?P<unit>.+)\.[a-p]{16}\.[0-9]{1,7}")
_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")


def mark_of(digest: str) -> str:
    """The mark of a list, of a digest in hex: letters alone, so that none looks like a number."""
    return digest[:16].translate(_LETTERS)


def references(unit: str, mark: str, count: int) -> Iterator[str]:
    """The references of those on a list who can be asked, in the order of the list."""
    return (f"DS.{unit}.{mark}.{number}" for number in range(1, count + 1))


def unit_of(reference: str) -> str | None:
    """The unit whose list it is; None for what is no such reference."""
    match = _REFERENCE.fullmatch(reference)
    return match["unit"] if match else None
