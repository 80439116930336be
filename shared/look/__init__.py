"""What all pages share to look at: one style sheet, one font, an icon, htmx.

Everything is served from here under names that hold a digest of the content, so a browser keeps a
file for good and asks for another name when the content has changed. Nothing comes from elsewhere.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import Response

from shared.problems import Problem

FOLDER = Path(__file__).parent
KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
FOR_EVER = "public, max-age=31536000, immutable"
_NAMED = re.compile(r'url\("([^"/]+)"\)')


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is served."""

    name: str
    """With its digest."""
    content: bytes
    kind: str


class Look:
    """The files of the shared folder and of a service's own ones.

    Args:
        folders: the service's own; a file there stands before a shared one of its name.
        prefix: below which address they are served.
    """

    def __init__(self, *folders: Path, prefix: str = "/look") -> None:
        self.prefix = prefix
        self.assets: dict[str, Asset] = {}
        self.served: dict[str, Asset] = {}
        paths = {path.name: path for folder in (FOLDER, *folders) for path in _files(folder)}
        # Style sheets last: they name other files.
        for name in sorted(paths, key=lambda each: (each.endswith(".css"), each)):
            content = paths[name].read_bytes()
            if name.endswith(".css"):
                content = self._with_digests(content)
            digest = hashlib.sha256(content).hexdigest()[:12]
            stem, _, end = name.rpartition(".")
            asset = Asset(f"{stem}.{digest}.{end}", content, KINDS[f".{end}"])
            self.assets[name] = self.served[asset.name] = asset

    def _with_digests(self, content: bytes) -> bytes:
        def served(match: re.Match[str]) -> str:
            return f'url("{self.assets[match[1]].name}")'

        return _NAMED.sub(served, content.decode()).encode()

    def url(self, name: str) -> str:
        """The address of a file."""
        return f"{self.prefix}/{self.assets[name].name}"

    def router(self) -> APIRouter:
        """The route that serves them; they need no log-in."""
        router = APIRouter(include_in_schema=False)

        @router.get(self.prefix + "/{name}")
        async def asset(name: str) -> Response:
            found = self.served.get(name)
            if found is None:
                raise Problem(404)
            headers = {"Cache-Control": FOR_EVER, "X-Content-Type-Options": "nosniff"}
            return Response(found.content, headers=headers, media_type=found.kind)

        return router


def _files(folder: Path) -> Iterable[Path]:
    return [path for path in folder.iterdir() if path.suffix in KINDS]
