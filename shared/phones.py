"""Vietnamese phone numbers as real lists spell them: dots, pairs, old prefixes, letter O for zero.

Only Vietnamese numbers count as valid: text messages go through Vietnamese carriers.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Literal, NamedTuple

import phonenumbers

Kind = Literal["mobile", "fixed", "invalid"]

OLD_PREFIXES = {
    "0120": "070", "0121": "079", "0122": "077", "0126": "076", "0128": "078",
    "0123": "083", "0124": "084", "0125": "085", "0127": "081", "0129": "082",
    "0162": "032", "0163": "033", "0164": "034", "0165": "035", "0166": "036",
    "0167": "037", "0168": "038", "0169": "039",
    "0186": "056", "0188": "058", "0199": "059",
}  # fmt: skip
"""Mobile prefixes of 11-digit numbers and what they became in the change of 2018-19."""

_LONGEST = 200
_SEPARATORS = re.compile(r"[\s.\-‐‑‒–—_()\[\]·•']+")
_ALTERNATIVES = re.compile(r"[/\\;,|&\n]|\bhoặc\b|\bor\b", re.IGNORECASE)
_SPREADSHEET_FLOAT = re.compile(r"^(\d{9,11})\.0+$")
_DIGITS = re.compile(r"^\+?[0-9]{8,15}$", re.ASCII)


class Phone(NamedTuple):
    """A number in one spelling.

    `repaired` says that digits had to be changed or added (letter O, an old prefix, a lost
    leading zero, full-width digits), so that a list's owner can be told; separators don't count.
    """

    e164: str | None
    kind: Kind
    repaired: bool = False


INVALID = Phone(None, "invalid")


@lru_cache(maxsize=4096)
def normalise(text: str | None) -> Phone:
    """The number that a text holds; of several, the first valid mobile, else the first fixed line.

    Never raises: what is no Vietnamese number is `invalid`.
    """
    if not text or len(text) > _LONGEST:
        return INVALID
    plain = unicodedata.normalize("NFKC", text)
    foreign_digits = any(c.isdigit() and not c.isascii() for c in text)
    best = INVALID
    for part in _ALTERNATIVES.split(plain):
        for candidate in (part, *(part.split() if " " in part.strip() else ())):
            phone = _one(candidate)
            if phone.kind == "mobile":
                return phone._replace(repaired=phone.repaired or foreign_digits)
            if phone.kind == "fixed" and best.kind == "invalid":
                best = phone._replace(repaired=phone.repaired or foreign_digits)
    return best


def is_mobile(text: str | None) -> bool:
    """Whether a text holds a Vietnamese mobile number, which can get text messages."""
    return normalise(text).kind == "mobile"


def _one(candidate: str) -> Phone:
    text = candidate.strip()
    repaired = False
    whole = _SPREADSHEET_FLOAT.match(text)
    if whole:
        text, repaired = whole.group(1), True
    text = _SEPARATORS.sub("", text)
    with_zeros = text.translate({ord("O"): "0", ord("o"): "0"})
    if with_zeros != text:
        text, repaired = with_zeros, True
    if not _DIGITS.match(text):
        return INVALID
    national, changed = _national(text)
    if national is None:
        return INVALID
    repaired = repaired or changed
    new = OLD_PREFIXES.get(national[:4]) if len(national) == 11 else None
    if new:
        national, repaired = new + national[4:], True
    return _classify(national, repaired)


def _national(text: str) -> tuple[str | None, bool]:
    if text.startswith("+"):
        if not text.startswith("+84"):
            return None, False
        rest = text[3:]
    elif text.startswith("0084"):
        rest = text[4:]
    elif text.startswith("0"):
        return text, False
    elif text.startswith("84") and len(text) in (11, 12, 13):
        rest = text[2:]
    elif len(text) == 9 and text[0] in "35789":
        return "0" + text, True
    else:
        return None, False
    return "0" + rest.removeprefix("0"), False


@lru_cache(maxsize=1024)
def _classify(national: str, repaired: bool) -> Phone:
    try:
        number = phonenumbers.parse(national, "VN")
    except phonenumbers.NumberParseException:
        return INVALID
    valid = phonenumbers.is_valid_number(number)
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    kind = phonenumbers.number_type(number) if valid else None
    if kind == phonenumbers.PhoneNumberType.MOBILE:
        return Phone(e164, "mobile", repaired)
    if kind == phonenumbers.PhoneNumberType.FIXED_LINE:
        return Phone(e164, "fixed", repaired)
    if national.startswith("02") and len(national) in (10, 11):
        return Phone(None, "fixed", repaired)
    return INVALID
