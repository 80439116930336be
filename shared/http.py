"""Small helpers for HTTP."""

from fastapi import Request

from shared.problems import Problem


async def read_body(request: Request, limit: int) -> bytes:
    """The body of a request, never holding more than ``limit`` bytes; raises ``Problem`` 413."""
    too_large = Problem(413, f"Send at most {limit} bytes a request.")
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise too_large
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise too_large
    return bytes(body)
