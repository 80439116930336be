"""Pages drawn on the server from templates; scripts only make them livelier."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

from services.reporting.api.words import shown, word
from shared.look import Look

PAGES = Path(__file__).parent.parent / "pages"
STILL = (
    "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
"""What a page may load: files of our own, no scripts."""
LIVELY = f"{STILL}; script-src 'self'; connect-src 'self'"
"""The same with our own scripts, for pages of who has logged in."""
HEADERS = {
    "Content-Security-Policy": STILL,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Accept-Language, Cookie",
}


class Pages:
    """Draws the templates of a folder; texts and values in the reader's language.

    `look` holds the files that pages link to. A page of who has logged in gets a `desk` (see
    `api.desk`): its head and its list of pages.
    """

    def __init__(self) -> None:
        self.look = Look(PAGES)
        self.environment = Environment(
            loader=FileSystemLoader(PAGES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.globals["look"] = self.look.url

    def draw(self, name: str, language: str, status: int = 200, **values: Any) -> Response:
        """A page as an answer."""

        def say(text: str) -> str:
            return word(text, language)

        def show(column: str, value: Any) -> str:
            return shown(column, value, language)

        template = self.environment.get_template(name)
        given = {"desk": None} | values
        body = template.render(say=say, show=show, lang=language, **given)
        headers = HEADERS | ({"Content-Security-Policy": LIVELY} if given["desk"] else {})
        return Response(body, status, headers, "text/html; charset=utf-8")
