"""From a text file's bytes to its text: UTF-8, UTF-16, and what came before them."""

import codecs
from typing import NamedTuple

from shared.sheets.legacy import CODINGS, detect
from shared.sheets.syllables import judge

_SAMPLE = 200_000


class Decoded(NamedTuple):
    """``coding`` is utf-8, utf-16, tcvn3, vni, windows-1258 or windows-1252."""

    text: str
    coding: str


def decode(data: bytes) -> Decoded | None:
    """The text of a file; None for what is no text at all."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _utf16(data, "utf-16")
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    order = _utf16_order(data)
    if order:
        return _utf16(data, order)
    if b"\0" in data[:_SAMPLE]:
        return None
    try:
        return _utf8(data)
    except UnicodeDecodeError:
        return _single_byte(data)


def _utf8(data: bytes) -> Decoded:
    text = data.decode("utf-8")
    # Legacy text saved by a newer program: the code points of Windows-1252, in UTF-8.
    coding = detect(text[:_SAMPLE])
    return Decoded(CODINGS[coding](text), coding) if coding else Decoded(text, "utf-8")


def _utf16(data: bytes, codec: str) -> Decoded | None:
    try:
        return Decoded(data.decode(codec), "utf-16")
    except UnicodeDecodeError:
        return None


def _utf16_order(data: bytes) -> str | None:
    """The byte order of UTF-16 without a mark, told by where the zero bytes stand."""
    sample = data[:2000]
    if len(sample) < 8 or len(data) % 2:
        return None
    odd, even = sample[1::2].count(0), sample[0::2].count(0)
    if odd > len(sample) * 0.2 and even == 0:
        return "utf-16-le"
    if even > len(sample) * 0.2 and odd == 0:
        return "utf-16-be"
    return None


def _single_byte(data: bytes) -> Decoded:
    western = _western(data)
    coding = detect(western[:_SAMPLE])
    if coding:
        return Decoded(CODINGS[coding](western), coding)
    try:
        vietnamese = data.decode("windows-1258")
    except UnicodeDecodeError:
        return Decoded(western, "windows-1252")
    words, syllables = judge(vietnamese[:_SAMPLE])
    _, as_western = judge(western[:_SAMPLE])
    if words and syllables > 0.6 * words and syllables > as_western:
        return Decoded(vietnamese, "windows-1258")
    return Decoded(western, "windows-1252")


def _western(data: bytes) -> str:
    """Windows-1252, with the five codes that it leaves open taken as Latin-1."""
    return data.decode("windows-1252", "open-as-latin-1")


def _as_latin_1(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("open-as-latin-1", _as_latin_1)
