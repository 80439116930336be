"""How bodies that are read by hand are described."""

from typing import Any


def body_of(*kinds: str) -> dict[str, Any]:
    """What a route that takes one of some media types says of its body."""
    content = {kind: {"schema": {"type": "string"}} for kind in kinds if "json" not in kind}
    content |= {kind: {"schema": {"type": "object"}} for kind in kinds if "json" in kind}
    return {"requestBody": {"required": True, "content": content}}
