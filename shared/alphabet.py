"""The order of the Vietnamese alphabet: đ after d, ă and â after a; tones decide last."""

import unicodedata

_AFTER = str.maketrans({"\u0306": "\x7f", "\u0302": "\x80", "\u031b": "\x81", "đ": "d\x7f"})
"""What makes another letter of one, as what follows on any letter: ă, then â; ô, then ơ."""
_TONES = dict.fromkeys(map(ord, "\u0300\u0309\u0303\u0301\u0323"))


def alphabetical(text: str) -> tuple[str, str]:
    """A key that sorts texts as a Vietnamese reader expects them; two are the same for the same text
    only."""
    letters = unicodedata.normalize("NFD", text.casefold()).translate(_TONES)
    return letters.translate(_AFTER), text
