"""Whether words are spelled as Vietnamese is: how a file's coding is told from another."""

import re
import unicodedata
from functools import lru_cache

TONES = frozenset("\u0300\u0301\u0303\u0309\u0323")
"""The five tone marks as combining characters; a syllable bears at most one."""

_ONSET = r"(?:ngh|ng|nh|ch|gh|gi|kh|ph|qu|th|tr|[bcdđghklmnpqrstvx])?"
_NUCLEUS = (
    r"(?:iêu|yêu|ươi|ươu|uôi|oai|oay|oeo|uây|uya|uyê|uyu|oao|"
    r"ai|ao|au|ay|âu|ây|eo|êu|ia|iê|iu|oa|oă|oe|oi|oo|ôi|ơi|ua|uâ|ue|uê|ui|uô|uơ|uy|ưa|ưi|ươ|ưu|yê|"
    r"a|ă|â|e|ê|i|o|ô|ơ|u|ư|y)"
)
_CODA = r"(?:ng|nh|ch|[cmnpt])?"
_SYLLABLE = re.compile(_ONSET + _NUCLEUS + _CODA)
_WORD = re.compile(r"[^\s\d!-/:-@\[-`{-~]+")


@lru_cache(maxsize=16384)
def is_syllable(word: str) -> bool:
    """Whether a word has the shape of a Vietnamese syllable, whatever its case."""
    letters = "".join(c for c in unicodedata.normalize("NFD", word.lower()) if c not in TONES)
    tones = sum(c in TONES for c in unicodedata.normalize("NFD", word))
    return tones <= 1 and bool(_SYLLABLE.fullmatch(unicodedata.normalize("NFC", letters)))


def judge(text: str, most: int = 4000) -> tuple[int, int]:
    """(words with letters beyond ASCII, how many of these are syllables), up to ``most`` words."""
    words = syllables = 0
    for match in _WORD.finditer(text):
        word = match.group()
        if word.isascii():
            continue
        words += 1
        syllables += is_syllable(word)
        if words >= most:
            break
    return words, syllables
