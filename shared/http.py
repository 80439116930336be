"""Small helpers for HTTP."""

import zlib

from fastapi import Request

from shared.problems import Problem

IDENTITY = ("", "identity")
GZIP = ("gzip", "x-gzip")


async def read_body(request: Request, limit: int) -> bytes:
    """The body of a request as it was before ``Content-Encoding: gzip``.

    Never holds more than ``limit`` bytes, packed or unpacked.

    Raises:
        Problem: 413 beyond the limit, 415 for another encoding, 400 where it is not gzip.
    """
    body = await read_packed(request, limit)
    return unpack(request.headers.get("content-encoding", ""), body, limit)


async def read_packed(request: Request, limit: int) -> bytes:
    """The body of a request as it was sent; raises as `read_body` does."""
    check_encoding(request.headers.get("content-encoding", ""))
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body)


def check_encoding(encoding: str) -> None:
    """Raise ``Problem`` 415 for a content encoding other than gzip."""
    if encoding.strip().lower() not in IDENTITY + GZIP:
        error = {
            "pointer": "",
            "code": "content_encoding",
            "message": "Send the body as it is, or packed with gzip, once.",
        }
        raise Problem(415, errors=[error], headers={"Accept-Encoding": "gzip, identity"})


def unpack(encoding: str, body: bytes, limit: int) -> bytes:
    """A body without its encoding; raises ``Problem`` 400, 413, 415 as `read_body` does."""
    check_encoding(encoding)
    if encoding.strip().lower() in IDENTITY:
        return body
    unpacked = bytearray()
    rest = body
    while rest:  # a file of gzip may have several members
        member = zlib.decompressobj(wbits=31)
        try:
            unpacked += member.decompress(rest, limit + 1 - len(unpacked))
        except zlib.error:
            raise _not_gzip() from None
        if len(unpacked) > limit:
            raise _too_large(limit)
        if not member.eof:
            raise _not_gzip()
        rest = member.unused_data
    if not body:
        raise _not_gzip()
    return bytes(unpacked)


def _too_large(limit: int) -> Problem:
    return Problem(413, f"Send at most {limit} bytes a request, unpacked.")


def _not_gzip() -> Problem:
    error = {"pointer": "", "code": "not_gzip", "message": "The body is not whole gzip data."}
    return Problem(400, errors=[error])
