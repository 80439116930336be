"""Numbers as a plan writes them, and their comparison without rounding."""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Comparison = Literal[">=", ">"]

_PERCENT = re.compile(r"(\d{1,6})(?:[.,](\d{1,6}))?\s*%")


def exact(text: int | str) -> Fraction:
    """A whole number, or a percentage such as "25%" or "12,5%", as an exact fraction of 1.

    Raises ValueError for anything else.
    """
    if isinstance(text, int):
        if isinstance(text, bool) or text < 0:
            raise ValueError("not a whole number")
        return Fraction(text)
    match = _PERCENT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is neither a whole number nor a percentage")
    decimals = match[2] or ""
    return Fraction(int(match[1] + decimals), 100 * 10 ** len(decimals))


@dataclass(frozen=True, slots=True)
class Bound:
    """What a unit must reach: `value` is a number, or a share of 1 for a ratio."""

    comparison: Comparison
    value: Fraction

    def met(self, numerator: int, denominator: int | None = None) -> bool | None:
        """Whether numerator (over denominator, for a ratio) reaches it, by cross-multiplication.

        None where the denominator is 0: there was nothing to do.
        """
        if denominator == 0:
            return None
        left = numerator * self.value.denominator
        right = self.value.numerator * (1 if denominator is None else denominator)
        return left >= right if self.comparison == ">=" else left > right
