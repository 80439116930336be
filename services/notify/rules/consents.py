"""Which decisions about being told are proof enough to undo that an address is somebody else's."""

LINK, API = "link", "api"
"""How decisions are made on a dossier's page, and how where nobody said so."""


def proves(how: str, note: str | None, text_version: str | None) -> bool:
    """Whether a decision says how the person gave it and what shows it: a paper, a form's version.

    Whoever has the page's address may be the wrong person, so a decision there proves nothing.
    """
    return how not in (LINK, API) and bool((note or "").strip() or (text_version or "").strip())
