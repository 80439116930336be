"""What surrounds every page of who has logged in: who it is, and the list of pages."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from services.reporting.handlers import REPORTS
from shared.keys import Key

KEPT = ("from", "to", "unit", "as_of")
"""Filters that stay while somebody goes from one page to another."""

Links = list[tuple[str, str]]
"""(address, name of its text)."""


def report_path(name: str) -> str:
    """Where the page of a report is."""
    return f"/reports/{name}"


GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("nav_dossiers", ("bieu-06", "on-time", "overdue", "online-share")),
    ("nav_plans", ("timeliness", "emulation", "installs")),
    (
        "nav_service",
        (
            "scorecard",
            "survey-reasons",
            "interview-list",
            "data-quality",
            "notices",
            "difficulties",
            "activity",
        ),
    ),
)
"""The reports, as officials look for them; one that is not named here comes last."""

AFTER: Mapping[str, Links] = {
    "nav_dossiers": [("/confirmations", "confirming")],
    "nav_service": [("/samples", "samples")],
}
"""Heading -> pages that are no reports, which come after these."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The frame of a page.

    Args:
        holder: who has logged in, as shown.
        path: of the page itself, to mark it in the list.
        groups: the pages, under their headings.
        query: what every link of the list carries on.
        token: to be sent with every form that changes something.
        account: whether it is a user, with a password to change, rather than a key.
    """

    holder: str
    path: str
    groups: list[tuple[str | None, Links]]
    query: str
    token: str = ""
    account: bool = False


def desk_of(key: Key, path: str, language: str, typed: Mapping[str, str], token: str = "") -> Desk:
    """The frame of a page for the holder of a key or a session."""
    kept = {"lang": language} | {name: typed[name] for name in KEPT if typed.get(name)}
    return Desk(
        holder=key.name,
        path=path,
        groups=list(_groups()),
        query=f"?{urlencode(kept)}",
        token=token,
        account=key.id.startswith("user:"),
    )


def _groups() -> Iterable[tuple[str | None, Links]]:
    yield None, [("/", "overview")]
    named = {name for _, names in GROUPS for name in names}
    for title, names in GROUPS:
        links = [(report_path(name), name) for name in names if name in REPORTS]
        before = [("/progress", "progress")] if title == "nav_plans" else []
        after = AFTER.get(title, [])
        yield title, [*before, *links, *after]
    others = [(report_path(name), name) for name in REPORTS if name not in named]
    yield "nav_more", [*others, ("/schedules", "schedules"), ("/publications", "publications")]
