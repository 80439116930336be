"""How far a unit is."""

from fractions import Fraction


def state(
    met: bool | None, *, ratio: bool, ended: bool, pace: Fraction, share: Fraction | None
) -> str:
    """How a unit stands: met, on_track, behind, missed, not_applicable.

    Args:
        met: whether the target is reached now; None where nothing can be said.
        ratio: a ratio can fall again, so it is met only once its period has ended.
        ended: whether the period is over.
        pace: the part of the period that has passed, 0 to 1.
        share: of a count, the part of the target that is reached.
    """
    if met is None:
        return "not_applicable"
    if met:
        return "met" if ended or not ratio else "on_track"
    if ended:
        return "missed"
    if ratio or share is None:
        return "behind"
    return "on_track" if share >= pace else "behind"


def project(numerator: int, pace: Fraction, ended: bool) -> int | None:
    """What a count comes to at the period's end if it goes on as until now."""
    if ended:
        return numerator
    if pace <= 0:
        return None
    return round(numerator / pace)
