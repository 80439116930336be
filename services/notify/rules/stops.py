"""Why a dossier's clock stands still, as the citizen is told.

The national codes know three stops: 5 a supplement is awaited, 6 a payment, 8 "processing stopped".
The eighth covers two things that mean different things to a citizen, who has nothing to do while
another agency is asked: a stop is told as waiting for another agency where it names a department
that does not hold the dossier, or where its reason says so in one of the words that the
installation lists (``deploy/clock-stops.yaml``).
"""

from collections.abc import Sequence

from shared.dossiers import StatusChange
from shared.units import fold


def stop_of(
    change: StatusChange, holder: str | None, reason: str | None, words: Sequence[str]
) -> str:
    """``stopped``, or ``consulting`` while another agency is awaited.

    Args:
        holder: the department that held the dossier before; null while none was named.
        reason: what the office says.
        words: phrases, compared without case and accents.
    """
    if holder and change.department and fold(change.department) != fold(holder):
        return "consulting"
    said = f" {fold(reason)} " if reason else ""
    return "consulting" if any(f" {fold(word)} " in said for word in words) else "stopped"
