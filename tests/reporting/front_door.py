"""Invented events posted to an instance, and its reports asked for as people ask for them."""

import csv
import datetime as dt
import io
import re

import pytest
from python_calamine import CalamineWorkbook

from tests.quota import recount as quota_recount
from tests.reporting.comparing import joined, next_place
from tests.reporting.invented import OUTCOMES, as_given
from tests.reporting.recount_rows import COLUMNS

FRESH = re.compile(rb'"data_as_of":(null|"[^"]*"),?')
MISSING = {"name": "missing", "phone": "missing", "email": "missing"}
NO_PLAN = {
    "name": "none",
    "from": dt.date(2100, 1, 1),
    "to": dt.date(2100, 1, 1),
    "titles": {},
    "grants": {},
    "versions": [
        {"since": dt.date.min, "duties": {}, "penalties": [], "merits": [], "public": True}
        | {"installs": {}, "credited": {}, "online": ([], None)}
    ],
}
"""What plans ask for where none was applied."""


def sent(events):
    """What a source sends of invented events, each with its event."""
    return [(as_given(each), each) for each in events if each["kind"] not in OUTCOMES]


def as_invented(posted):
    """Posted dossiers without applicants as the recount takes them."""
    return [
        {"department": None, "returned_at": None, "quality": MISSING} | each
        for each in quota_recount.told(posted)
    ]


def answer(running, report, asked, replica=0):
    """The text of an answer, of a list that goes on all pages, but for when it was made."""
    pages, texts, place = [], [], {}
    while place is not None:
        given = running.http.get(
            running.url("reporting", f"/v1/reports/{report}", replica), params=asked | place
        )
        assert given.status_code == 200, given.text
        texts.append(FRESH.sub(b"", given.content))
        pages.append(given.json())
        place = next_place(pages[-1])
    return joined(pages), b"\n".join(texts)


def file_rows(running, report, asked, form):
    """The rows of a report read back off its file, as {column: cell}; headings in English."""
    given = running.http.get(
        running.url("reporting", f"/v1/reports/{report}"),
        params=asked | {"format": form} | ({"lang": "en"} if form == "xlsx" else {}),
    )
    assert given.status_code == 200, given.text
    if form == "csv":
        assert given.content.startswith(b"\xef\xbb\xbf")
        return list(csv.DictReader(io.StringIO(given.content.decode("utf-8-sig"), newline="")))
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(given.content)).get_sheet_by_index(0)
    lines = sheet.to_python()
    empty = next(n for n, line in enumerate(lines) if not any(cell != "" for cell in line))
    return lines[empty + 2 :]


def check_files(running, report, asked, rows):
    """That the files of a report hold what its JSON answer does, cell by cell."""
    found = file_rows(running, report, asked, "csv")
    assert len(found) == len(rows)
    for line, row in zip(found, rows, strict=True):
        assert set(line) <= set(COLUMNS[report])
        missing = {name for name, value in row.items() if value is not None} - set(line)
        assert missing <= {"items"}, (report, missing)
        for name, cell in line.items():
            assert cell == plain(row.get(name)), (report, name, cell, row)
    lines = file_rows(running, report, asked, "xlsx")
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        numbers = [cell for cell in line if isinstance(cell, float)]
        told = [
            float(value)
            for name, value in row.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        ]
        # Sheets hold numbers of sixteen digits.
        assert sorted(numbers) == pytest.approx(sorted(told), rel=1e-15), (report, line, row)
        words = {cell for cell in line if isinstance(cell, str)}
        named = [row[name] for name in ("code", "unit_name", "field", "difficulty") if name in row]
        assert words >= set(named), (report, line, row)


def plain(value):
    """A value as a CSV file holds it."""
    if value is None:
        return ""
    if isinstance(value, str) and value.lstrip().startswith(("=", "+", "-", "@")):
        return f"'{value}"
    return str(value)


__all__ = ["NO_PLAN", "answer", "as_invented", "check_files", "sent"]
