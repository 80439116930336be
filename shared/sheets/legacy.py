"""Text in the codings of before Unicode: TCVN3 (the fonts named .Vn...) and VNI-Windows.

Both put Vietnamese letters on the code points of Western ones, so such a text reads as Windows-1252
at first: "ViÖt" and "Vieät" for "Việt". The tables follow TCVN 5712:1993 (VN3) and the layout of
VNI-Windows.
"""

import re
import unicodedata

from shared.sheets.syllables import judge

_TCVN3 = (
    "ăâđêôơư",
    "¨©®ª«¬\xad",
    # per vowel: grave, hook, tilde, acute, dot
    {
        "a": "µ¶·¸¹",
        "ă": "»¼½¾Æ",
        "â": "ÇÈÉÊË",
        "e": "ÌÎÏÐÑ",
        "ê": "ÒÓÔÕÖ",
        "i": "×ØÜÝÞ",
        "o": "ßáâãä",
        "ô": "åæçèé",
        "ơ": "êëìíî",
        "u": "ïñòóô",
        "ư": "õö÷øù",
        "y": "úûüýþ",
    },
)
_MARKS = "\u0300\u0309\u0303\u0301\u0323"
_TCVN3_CAPITALS = dict(zip("¡¢£¤¥¦§", "ĂÂÊÔƠƯĐ", strict=True))


def _tcvn3_table() -> dict[int, str]:
    plain, codes, toned = _TCVN3
    table = {ord(code): letter for code, letter in zip(codes, plain, strict=True)}
    for vowel, row in toned.items():
        for code, mark in zip(row, _MARKS, strict=True):
            table[ord(code)] = unicodedata.normalize("NFC", vowel + mark)
    return table | {ord(code): letter for code, letter in _TCVN3_CAPITALS.items()}


_TCVN3_TABLE = _tcvn3_table()

# In VNI a letter is followed by one code for its marks; some letters are one code by themselves.
_VNI_TONES = dict(zip("øûõùï", _MARKS, strict=True))
_VNI_CIRCUMFLEX = dict(zip("âàåãáä", ["", *_MARKS], strict=True))
_VNI_BREVE = dict(zip("êèúüéë", ["", *_MARKS], strict=True))
_VNI_SINGLE = {
    "ô": "ơ", "ö": "ư", "ñ": "đ", "ì": "ì", "æ": "ỉ", "ó": "ĩ", "í": "í", "ò": "ị", "î": "ỵ",
}  # fmt: skip


def _vni_table() -> dict[str, str]:
    table = dict(_VNI_SINGLE)
    for letter in ("a", "e", "o", "u", "y", "ô", "ö"):
        base = _VNI_SINGLE.get(letter, letter)
        for code, mark in _VNI_TONES.items():
            table[letter + code] = unicodedata.normalize("NFC", base + mark)
    for letter in "aeo":
        for code, mark in _VNI_CIRCUMFLEX.items():
            table[letter + code] = unicodedata.normalize("NFC", letter + "\u0302" + mark)
    for code, mark in _VNI_BREVE.items():
        table["a" + code] = unicodedata.normalize("NFC", "a\u0306" + mark)
    for given, letter in list(table.items()):
        table[given.upper()] = letter.upper()
        if len(given) == 2:  # a capital first, its marks in lower case, as some keyboards wrote
            table[given[0].upper() + given[1]] = letter.upper()
    return table


_VNI_TABLE = _vni_table()
_VNI_PAIR = re.compile("|".join(sorted(map(re.escape, _VNI_TABLE), key=len, reverse=True)))


def from_tcvn3(text: str) -> str:
    """TCVN3 text that was read as Windows-1252, as Unicode (NFC)."""
    return text.translate(_TCVN3_TABLE)


def from_vni(text: str) -> str:
    """VNI-Windows text that was read as Windows-1252, as Unicode (NFC)."""
    return _VNI_PAIR.sub(lambda match: _VNI_TABLE[match.group()], text)


CODINGS = {"tcvn3": from_tcvn3, "vni": from_vni}


def detect(text: str) -> str | None:
    """The legacy coding of a text that was read as Windows-1252: a key of ``CODINGS``, or None.

    A coding is named where nearly all words beyond ASCII become Vietnamese syllables by it, and
    clearly fewer are so without it.
    """
    words, as_it_is = judge(text)
    if not words or as_it_is >= 0.9 * words:
        return None
    best, share = None, max(0.6, as_it_is / words + 0.2)
    for name, convert in CODINGS.items():
        found, syllables = judge(convert(text))
        # A word that lost all its accents by the conversion would count for nothing.
        if found >= 0.8 * words and syllables / found > share:
            best, share = name, syllables / found
    return best
