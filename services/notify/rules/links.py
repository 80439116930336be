"""The addresses of the pages on which citizens follow their dossiers.

A token is a keyed hash of the dossier's code: who lacks the key, which never leaves notify's store,
can neither guess one nor tell what code it stands for.
"""

import base64
import hmac
import re
import unicodedata
from hashlib import sha256

TOKEN_CHARACTERS = 13
"""65 bits; each saved character is one more for the text of an SMS."""
TOKEN = re.compile(rf"[a-z2-7]{{{TOKEN_CHARACTERS}}}")
_MISREAD = str.maketrans({"0": "o", "1": "l", "8": "b"})
SHOWN_CHARACTERS = 5


def token_of(key: bytes, code: str) -> str:
    """The token of a dossier's page: letters and digits that nobody confuses."""
    return _digest(key, "page", unicodedata.normalize("NFC", code))[:TOKEN_CHARACTERS]


def seal_of(key: bytes, token: str) -> str:
    """What a form of a page carries: only who was shown the page can send it."""
    return _digest(key, "form", token)[:16]


def stop_of(key: bytes, token: str) -> str:
    """What a letter's address for having no more of them ends with: who was only shown the page's
    address, on paper say, cannot tell it."""
    return _digest(key, "stop", token)[:16]


def read_token(text: str) -> str | None:
    """A token as it was typed or followed; null for what can be none."""
    token = text.strip().lower().translate(_MISREAD)
    return token if TOKEN.fullmatch(token) else None


def masked(code: str) -> str:
    """The end of a code: enough for its owner to know it, too little to look it up."""
    return "…" + code[-min(SHOWN_CHARACTERS, len(code) // 2) :] if len(code) > 1 else "…"


def _digest(key: bytes, purpose: str, text: str) -> str:
    made = hmac.new(key, f"{purpose}\0{text}".encode("utf-8", "surrogatepass"), sha256).digest()
    return base64.b32encode(made).decode().lower()
