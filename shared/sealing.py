"""Seals what only few may read: AES-256-GCM under a key derived from a secret."""

import os
import zlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12


class Sealed(ValueError):
    """What cannot be opened: sealed with another secret, for another purpose, or damaged."""


class Sealer:
    """Seals and opens bytes.

    Args:
        secret: what the key is derived from (HKDF-SHA256).
        purpose: sets seals of different kinds apart: one cannot be opened as another.
    """

    def __init__(self, secret: bytes, purpose: str) -> None:
        key = HKDF(hashes.SHA256(), 32, salt=None, info=f"motcua {purpose}".encode()).derive(secret)
        self._cipher = AESGCM(key)

    def seal(self, content: bytes) -> bytes:
        """The content compressed and sealed, under a nonce of its own."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, zlib.compress(content, 1), None)

    def open(self, sealed: bytes) -> bytes:
        """The content; raises ``Sealed``."""
        try:
            return zlib.decompress(
                self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
            )
        except (InvalidTag, ValueError, zlib.error):
            raise Sealed("this was sealed with another secret, or is damaged") from None
