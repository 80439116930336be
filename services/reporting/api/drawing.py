"""Pages drawn on the server from templates, without scripts."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

from services.reporting.api.words import shown, word

PAGES = Path(__file__).parent.parent / "pages"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Accept-Language, Cookie",
}


class Pages:
    """Draws the templates of a folder; texts and values in the reader's language."""

    def __init__(self) -> None:
        self.environment = Environment(
            loader=FileSystemLoader(PAGES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def draw(self, name: str, language: str, status: int = 200, **values: Any) -> Response:
        """A page as an answer."""

        def say(text: str) -> str:
            return word(text, language)

        def show(column: str, value: Any) -> str:
            return shown(column, value, language)

        template = self.environment.get_template(name)
        body = template.render(say=say, show=show, lang=language, **values)
        return Response(body, status, HEADERS, "text/html; charset=utf-8")
