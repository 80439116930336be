"""How a unit stands against a target."""

from fractions import Fraction

from shared.plans.amounts import Bound

STATES = ("met", "on_track", "behind", "missed", "not_applicable")


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


def judge(
    bound: Bound | None, numerator: int, denominator: int | None, pace: Fraction, ended: bool
) -> str:
    """How figures stand against what is asked for: see `state`. A count has no denominator."""
    ratio = denominator is not None
    met = bound.met(numerator, denominator) if bound else None
    share = numerator / bound.value if bound and bound.value and not ratio else None
    return state(met, ratio=ratio, ended=ended, pace=pace, share=share)
