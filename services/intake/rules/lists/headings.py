"""Finding a list's heading row below its titles, and what each of its columns means."""

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from services.intake.rules.lists.kinds import Column, Kind
from services.intake.rules.lists.notes import FileFault
from shared.units import fold

DEEPEST = 40
"""Rows within which the heading row is looked for."""
_LIKE = 0.87
_LEAD = 0.06
_SHORTEST_LIKE = 6
_LONGEST = 120
_ITEM = re.compile(r"\w[\w.:\-]{0,63}")
_NUMBERED = re.compile(r"\(?\s*(\d{1,3}|[a-zA-Z])\s*\)?")


@dataclass(slots=True)
class Headings:
    """Where the columns of a list are. Positions count from 0, rows from 1.

    ``likely`` are headings that were taken for a column's by their likeness; ``unknown`` are
    those that mean nothing here; ``answers`` are items of a questionnaire.
    """

    row: int
    columns: dict[str, int]
    first_row: int
    likely: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)

    def place(self, name: str) -> str:
        """The letters of a column, or nothing where the list has no such column."""
        position = self.columns.get(name, self.answers.get(name))
        return "" if position is None else letters(position)


def letters(position: int) -> str:
    """The letters that a spreadsheet shows above a column: 0 is A, 26 is AA."""
    text = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        text = chr(65 + rest) + text
    return text


def find(
    rows: Sequence[tuple[int, Sequence[Any]]], kind: Kind, given: Collection[str]
) -> tuple[Headings | None, list[FileFault]]:
    """The headings of a list, or everything that is wrong with them.

    Args:
        rows: the first rows of the sheet, with their numbers.
        given: columns for which a value was given with the file.
    """
    best: tuple[int, list[str], int] | None = None
    for index, (number, cells) in enumerate(rows[:DEEPEST]):
        texts = [_text(cell) for cell in cells]
        score = len(_exact(texts, kind))
        if score and (best is None or score > best[0]):
            best = (score, texts, number)
        if score and index + 1 < len(rows):
            # Headings in two rows: groups above, their parts below.
            following, cells = rows[index + 1]
            below = [_text(cell) for cell in cells]
            both = _folded_together(texts, below)
            score = len(_exact(both, kind))
            if score > max(best[0] if best else 0, len(_exact(below, kind))):
                best = (score, both, following)
    if best is None or best[0] < min(2, len(kind.columns)):
        return None, [_no_header(kind, given)]
    _, texts, last = best
    headings, faults = _assign(texts, last, kind)
    faults += _missing(headings, texts, kind, given)
    after = [row for row in rows if row[0] > last]
    if after and _is_numbering(after[0][1]):
        headings.first_row = after[0][0] + 1
    return (None if faults else headings), faults


def _text(cell: Any) -> str:
    return " ".join(cell.split())[:_LONGEST] if isinstance(cell, str) else ""


def _folded_together(above: list[str], below: list[str]) -> list[str]:
    width = max(len(above), len(below))
    above = above + [""] * (width - len(above))
    below = below + [""] * (width - len(below))
    return [low or high for high, low in zip(above, below, strict=True)]


def _keys(text: str) -> list[str]:
    """A heading as it is compared: whole, and without what stands in brackets."""
    plain = fold(re.sub(r"[(\[{][^)\]}]*[)\]}]?", " ", text))
    return list(dict.fromkeys(key for key in (fold(text), plain) if key))


def _exact(texts: Sequence[str], kind: Kind) -> dict[int, str]:
    meanings = {key: column.name for column in kind.columns.values() for key in column.keys}
    found = {}
    for position, text in enumerate(texts):
        for key in _keys(text):
            if key in meanings:
                found[position] = meanings[key]
                break
    return found


def _assign(texts: Sequence[str], last: int, kind: Kind) -> tuple[Headings, list[FileFault]]:
    exact = _exact(texts, kind)
    places: dict[str, list[int]] = {}
    for position, name in exact.items():
        places.setdefault(name, []).append(position)
    headings = Headings(last, {}, last + 1)
    faults = []
    for name, positions in places.items():
        column = kind.columns[name]
        if len(positions) > 1 and column.value != "ignored":
            faults.append(_twice(column.heading, positions))
        headings.columns[name] = positions[0]
    free = [p for p, text in enumerate(texts) if text and p not in exact]
    for position in free:
        name = _likely(texts[position], kind, headings.columns)
        if name is not None:
            headings.columns[name] = position
            headings.likely[name] = texts[position]
        elif kind.answers:
            faults += _answer(headings, texts[position], position)
        else:
            headings.unknown.append(texts[position])
    return headings, faults


def _answer(headings: Headings, text: str, position: int) -> list[FileFault]:
    item = text if _ITEM.fullmatch(text) else fold(text).replace(" ", "_")[:64]
    if not item:
        headings.unknown.append(text)
        return []
    if item in headings.answers:
        return [_twice(item, [headings.answers[item], position])]
    headings.answers[item] = position
    return []


def _twice(heading: str, positions: Sequence[int]) -> FileFault:
    places = ", ".join(letters(position) for position in positions)
    return FileFault("duplicate_heading", heading, f"Cột “{heading}” có nhiều lần: {places}.")


def _likely(text: str, kind: Kind, taken: Mapping[str, int]) -> str | None:
    """The one column that a heading resembles clearly more than any other."""
    scores: list[tuple[float, str]] = []
    for column in kind.columns.values():
        best = max(
            (
                difflib.SequenceMatcher(None, key, alias).ratio()
                for key in _keys(text)
                for alias in column.keys
                if min(len(key), len(alias)) >= _SHORTEST_LIKE
            ),
            default=0.0,
        )
        scores.append((best, column.name))
    scores.sort(reverse=True)
    if not scores or scores[0][0] < _LIKE or scores[0][1] in taken:
        return None
    if len(scores) > 1 and scores[1][0] > scores[0][0] - _LEAD:
        return None
    return scores[0][1]


def _missing(
    headings: Headings, texts: Sequence[str], kind: Kind, given: Collection[str]
) -> list[FileFault]:
    faults = []
    free = [
        (p, text) for p, text in enumerate(texts) if text and p not in headings.columns.values()
    ]
    present = set(headings.columns) | set(given)
    for column in kind.columns.values():
        if column.needed and column.name not in present:
            faults.append(
                FileFault(
                    "missing_heading",
                    column.heading,
                    f"Thiếu cột “{column.heading}”.{_nearest(column, free)}",
                )
            )
    for group in kind.any_of:
        if not present.intersection(group):
            shown = " hoặc ".join(f"“{kind.columns[name].heading}”" for name in group)
            faults.append(
                FileFault("missing_heading", kind.columns[group[0]].heading, f"Thiếu cột {shown}.")
            )
    if kind.answers and not headings.answers:
        faults.append(
            FileFault(
                "missing_heading",
                "answers",
                "Không có cột câu trả lời nào: đặt tên cột bằng mã câu hỏi.",
            )
        )
    return faults


def _nearest(column: Column, free: Sequence[tuple[int, str]]) -> str:
    best: tuple[float, int, str] | None = None
    for position, text in free:
        for alias in column.keys:
            likeness = difflib.SequenceMatcher(None, fold(text), alias).ratio()
            if likeness >= 0.6 and (best is None or likeness > best[0]):
                best = (likeness, position, text)
    return f" Gần nhất: “{best[2]}” ở cột {letters(best[1])}." if best else ""


def _no_header(kind: Kind, given: Collection[str]) -> FileFault:
    wanted = "; ".join(
        column.heading
        for column in kind.columns.values()
        if column.needed and column.name not in given
    )
    return FileFault(
        "no_headings",
        "",
        f"Không tìm thấy dòng tiêu đề trong {DEEPEST} dòng đầu. Cần các cột: {wanted}.",
    )


def _is_numbering(cells: Sequence[Any]) -> bool:
    """A row that only numbers the columns: 1, 2, 3 or (1), (2) or A, B, C."""
    shown = [_label(cell) for cell in cells if cell is not None]
    if len(shown) < 2 or not all(shown):
        return False
    numbers = [int(text) for text in shown if text.isdigit()]
    steps = all(b - a == 1 for a, b in pairwise(numbers))
    return steps and len(numbers) != 1 and (len(numbers) >= 2 or shown == sorted(shown))


def _label(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    match = _NUMBERED.fullmatch(str(cell).strip())
    return match[1] if match else ""
