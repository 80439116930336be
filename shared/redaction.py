"""Takes phone numbers, e-mail addresses and identity numbers out of texts that people typed."""

import re
import unicodedata
from collections.abc import Iterable

MASK = "[…]"
"""What stands where something was taken out."""

# Looked for at the start of a word only: from each of its letters would be quadratic.
_EMAIL = r"(?<![^\s@<>()\[\],;:\"'])[^\s@<>()\[\],;:\"']+[@＠][^\s@<>()\[\],;:\"']+"
# A dossier or procedure code, a date or a sum of money has as many digits as a phone number.
_KEPT = (
    r"(?<![\w.])(?:[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.)?[A-Z][0-9]{2}(?:\.[0-9]{2,3})*"
    r"-[0-9]{6,8}-[0-9]{4,7}(?!\w)"
    r"|(?<![\w.])[0-9]\.[0-9]{6}\.[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.[A-Z][0-9]{2}(?!\w)"
    r"|(?<!\d)(?:0?[1-9]|[12][0-9]|3[01])[/.-](?:0?[1-9]|1[0-2])[/.-](?:19|20)[0-9]{2}(?!\d)"
    r"|(?<!\d)(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])(?!\d)"
    r"|(?<![\d.])[1-9][0-9]{0,2}(?:[.,\s][0-9]{3}){1,4}(?=\s*(?:đồng|đ\b|vnđ|vnd))"
)
_DATE_NEXT = r"(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])-[0-3][0-9](?!\d)"
_PHONE = (
    r"(?<!\d)(?:\(?\+?\s?8\s?4\)?|\(?[0oO])"
    rf"(?:(?:[\s.\-–—_()·]{{1,3}}(?!{_DATE_NEXT}))?[\doO]){{8,10}}(?!\d)"
)
_IDENTITY = (
    r"(?<!\d)\d{3}(?:[\s.\-]\d{3}){3}(?!\d)"
    r"|(?<!\d)\d{3}(?:[\s.\-]\d{3}){2}(?!\d)"
    r"|\d{9,}"
)
_FINDER = re.compile(
    rf"(?P<email>{_EMAIL})|(?P<kept>{_KEPT})|(?P<phone>{_PHONE})|(?P<identity>{_IDENTITY})",
    re.IGNORECASE,
)
_WHOLE_PHONE = re.compile(r"\(?\+?(?:84|0084|[0oO])(?:[\s.\-–()]{0,2}[\doO]){8,10}", re.ASCII)
_PHONE_INSIDE = re.compile(r"(?<![0-9A-Za-z])(?:\+?84|0)[0-9]{9,10}(?![0-9A-Za-z])")
_WHOLE_IDENTITY = re.compile(r"[0-9]{9}|[0-9]{12}")


def scrub(text: str, keep: Iterable[str] = ()) -> str:
    """The text, in NFC, with a mask for each phone number, e-mail address and identity number.

    Identity numbers are those of 9 or 12 digits; any longer run of digits goes as well. Dossier
    and procedure codes, dates and sums of money stay, and so does each string of `keep`.
    """
    text = unicodedata.normalize("NFC", text)
    kept = [re.escape(unicodedata.normalize("NFC", k)) for k in keep if k]
    if not kept:
        return _FINDER.sub(_mask, text)
    parts = re.split(rf"(?<!\w)({'|'.join(kept)})(?!\w)", text)
    return "".join(
        part if index % 2 else _FINDER.sub(_mask, part) for index, part in enumerate(parts)
    )


def looks_personal(text: str) -> bool:
    """Whether something that ought to be a code is a phone number, an address or an identity."""
    plain = unicodedata.normalize("NFKC", text).strip()
    return bool(
        "@" in plain
        or _WHOLE_PHONE.fullmatch(plain)
        or _PHONE_INSIDE.search(plain)
        or _WHOLE_IDENTITY.fullmatch(plain)
    )


def _mask(match: re.Match[str]) -> str:
    return match.group() if match.lastgroup == "kept" else MASK
