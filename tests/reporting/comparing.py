"""Holds a report's whole answer against what was recounted: every cell, and no column unknown."""

from collections import Counter

from tests.reporting.recount_rows import COLUMNS, GROUPINGS, ORDERED

CELLS = Counter()
"""How many cells were compared, per report."""
NAMES = ("code", "difficulty", "plan", "unit", "unit_valid_from", "field", "authority", "month",
         "place", "installer", "domain", "mode", "quarter", "item", "questionnaire", "cause",
         "obligation", "period", "team", "member", "day", "kind", "channel", "group")  # fmt: skip
"""What rows are told apart by."""
WITH_REASON = ("rate", "share", "score", "cost", "points", "rank")
"""What is empty only for a reason that stands beside it."""
WHOLES = {
    "received_total": ("received_online", "received_counter_post", "carried_over"),
    "resolved_total": ("resolved_early", "resolved_on_time", "resolved_late"),
    "pending_total": ("pending_within_due", "pending_overdue"),
}
AROUND = {"report", "from", "to", "unit", "by", "judged_on", "as_of", "data_as_of", "level", "field",
          "not_applied", "warnings", "rows", "total", "confirmations", "locked_as"}  # fmt: skip
"""What stands in every document, beside what belongs to one report."""


def asked_of_each():
    """(report, by) of every report in each of its groupings."""
    for report in COLUMNS:
        for by in (None, *GROUPINGS.get(report, ())[1:]):
            yield report, by


def next_place(page):
    """Where a list goes on after one of its pages; None at its end."""
    for name, told in (("offset", "next_offset"), ("after", "next")):
        if page.get(told) is not None:
            return {name: str(page[told])}
    return None


def joined(pages):
    """One document of all pages of a list: each says which units changed of its own rows."""
    rows = [row for page in pages for row in page["rows"]]
    changes = {one["unit"]: one for page in pages for one in page["unit_changes"]}
    ordered = sorted(changes.values(), key=lambda one: (one["until"], one["unit"]))
    return pages[-1] | {"rows": rows, "unit_changes": ordered}


def same(kind, asked, found, expected, names):
    """That two lists of rows are the same but for their order; says which rows are not."""
    found, expected = ({tuple(map(str, map(row.get, names))): row for row in rows} for rows in
                       (found, expected))  # fmt: skip
    wrong = [key for key in found.keys() | expected.keys() if found.get(key) != expected.get(key)]
    told = [(key, found.get(key), expected.get(key)) for key in sorted(wrong)[:5]]
    assert not told, (kind, asked, len(wrong), told)


def compare(document, answers, typed, asked, by):
    """A whole document against the recount of the same question."""
    report, found, total = document["report"], document["rows"], document["total"]
    rows, expected, beside = answers.of(report, asked, by)
    about = (report, by, typed)
    strange = {name for row in found for name in row} - set(COLUMNS[report])
    assert not strange, (about, "columns that nobody recounts", strange)
    if report == "data-quality":  # a unit may have had something, and have nothing left
        figures = COLUMNS[report][3:-1]
        found = [row for row in found if any(row[name] for name in figures)]
    names = [name for name in NAMES if any(name in row for row in found)]
    keys = [tuple(map(row.get, names)) for row in found]
    assert len(set(keys)) == len(keys), (about, "rows that nothing tells apart")
    same(about, asked, found, rows, names)
    if report in ORDERED:
        assert [tuple(map(row.get, names)) for row in rows] == keys, about
    assert total == expected, (about, total, expected)
    told = {name: value for name, value in document.items() if name not in AROUND}
    assert told.keys() == beside.keys(), about
    for name, value in beside.items():
        if name.startswith("by_"):
            same((about, name), asked, told[name], value, NAMES)
        else:
            assert told[name] == value, (about, name, told[name], value)
    for row in [*found, total]:
        empty = [name for name in WITH_REASON if name in row and row[name] is None]
        assert not empty or row.get("reason"), (about, row)
        if report == "bieu-06":
            invariants(row)
    CELLS[report] += sum(map(len, found))


def invariants(row):
    """What form 06 promises of every row and of the total."""
    for total, parts in WHOLES.items():
        assert row[total] == sum(row[part] for part in parts), row
        assert min(row[part] for part in parts) >= 0, row
    assert row["received_total"] == row["resolved_total"] + row["pending_total"], row
