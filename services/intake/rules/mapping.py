"""Which unit a source means by the code or name that it uses."""

import unicodedata
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from shared.units import fold

MOST_NEAREST = 5
SHORTEST_INSIDE = 4


def mapping_key(theirs: str) -> str:
    """How a source's name for a unit is compared: composed, without case and extra blanks."""
    return " ".join(unicodedata.normalize("NFC", theirs).casefold().split())


def resolve_unit(
    theirs: str,
    at: datetime,
    mapped: Mapping[str, str],
    find: Callable[[str, datetime], Any],
    resolve: Callable[[str, datetime], str | None],
) -> str | None:
    """The code of the unit meant at an instant: as mapped, else as a code, else by its name.

    A mapping to a unit that did not exist then does not count. None where nothing fits.
    """
    unit = mapped.get(mapping_key(theirs))
    if unit is not None and find(unit, at) is not None:
        return unit
    if find(theirs, at) is not None:
        return theirs
    return resolve(theirs, at)


def nearest_units(
    theirs: str, names: Mapping[str, Collection[str]], nearest: Callable[[str, int], list[str]]
) -> list[str]:
    """Codes of units that a name may mean, likeliest first.

    First those whose own name lies inside it, the longest first, as in "One-stop desk of Đông Hà";
    then those that are spelt alike. `names` are folded names with the codes that bear them.
    """
    text = f" {fold(theirs)} "
    inside = [name for name in names if len(name) >= SHORTEST_INSIDE and f" {name} " in text]
    inside.sort(key=lambda name: (-len(name), name))
    found = dict.fromkeys(code for name in inside for code in sorted(names[name]))
    found |= dict.fromkeys(nearest(theirs, MOST_NEAREST))
    return list(found)[:MOST_NEAREST]
