"""The words by which a stop of the clock is known to wait for another agency, read from a file."""

from pathlib import Path

import yaml

from shared.settings import FolderFaults


class ClockStopFaults(FolderFaults):
    """A file of words that cannot be used."""


def load_agency_words(path: Path) -> tuple[str, ...]:
    """The phrases under ``another_agency``; none where there is no such file.

    Raises:
        ClockStopFaults: it is not a list of texts under that one key.
    """
    if not path.exists():
        return ()
    try:
        content = yaml.safe_load(path.read_text("utf-8")) or {}
    except (yaml.YAMLError, ValueError, OSError):
        raise ClockStopFaults(f"{path.name}: không đọc được") from None
    words = content.get("another_agency", []) if isinstance(content, dict) else None
    good = isinstance(words, list) and all(isinstance(word, str) and word.strip() for word in words)
    if not good or set(content) - {"another_agency"}:
        raise ClockStopFaults(f"{path.name}: chỉ có khoá another_agency, một danh sách cụm từ")
    return tuple(words)
