"""The document on reports names every report with exactly the columns that it has."""

import re
from pathlib import Path

import pytest

from services.reporting.api.words import columns_of
from services.reporting.handlers import GROUPINGS, REPORTS

TEXT = (Path(__file__).parents[2] / "docs" / "reports.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### `([a-z0-9-]+)`: (.*?)(?=^#|\Z)", TEXT, re.M | re.S))
UNIT = {"unit", "unit_name", "unit_valid_from"}


def test_every_report_has_its_section():
    assert set(SECTIONS) == set(REPORTS)


@pytest.mark.parametrize("report", sorted(REPORTS))
def test_the_columns_are_those_of_the_report(report):
    told = re.findall(r"^\| `(\w+)` \|", SECTIONS[report], re.M)
    assert sorted(told) == sorted(set(columns_of(report, None)) - UNIT)


@pytest.mark.parametrize("report", sorted(GROUPINGS))
def test_every_grouping_is_named(report):
    told = set(re.findall(r"`(?:by=)?(\w+)`", SECTIONS[report]))
    assert set(GROUPINGS[report]) <= told
