"""Official forms: their headings fill their place, versions go by day, faults are all named."""

from datetime import date

import pytest
import yaml

from shared.forms import FormFaults, Forms
from shared.settings import deploy_dir

OURS = deploy_dir() / "forms" / "bieu-06.yaml"


@pytest.mark.parametrize("by", ["field", "unit"])
def test_headings_cover_each_cell_once(by):
    form = Forms.load(OURS.parent).find("bieu-06", by, date(2026, 1, 31))
    covered = [
        (cell.line + down, cell.column + right)
        for cell in form.headings(by)
        for down in range(cell.lines)
        for right in range(cell.columns)
    ]
    assert sorted(covered) == [(line, column) for line in range(4) for column in range(13)]


def test_the_form_in_force_on_the_day_is_taken(tmp_path):
    given = yaml.safe_load(OURS.read_text(encoding="utf-8"))
    newer = dict(given["versions"][0], regime="Thông tư thử", valid_from=date(2030, 1, 1))
    given["versions"].append(newer)
    (tmp_path / "f.yaml").write_text(yaml.safe_dump(given, allow_unicode=True), encoding="utf-8")
    forms = Forms.load(tmp_path)
    assert forms.find("bieu-06", "unit", date(2029, 12, 31)).regime.startswith(
        "Thông tư số 01/2020"
    )
    assert forms.find("bieu-06", "unit", date(2030, 1, 1)).regime == "Thông tư thử"
    assert forms.find("bieu-06", "procedure", date(2030, 1, 1)) is None
    assert forms.find("on-time", "unit", date(2030, 1, 1)) is None


def test_every_fault_is_named(tmp_path):
    (tmp_path / "a.yaml").write_text("form: a\nversions: []\n", encoding="utf-8")
    (tmp_path / "b.yaml").write_text("form: [", encoding="utf-8")
    text = OURS.read_text(encoding="utf-8").replace("serial:", "seriel:")
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(FormFaults) as caught:
        Forms.load(tmp_path)
    lines = str(caught.value).split("\n")
    assert any("a.yaml: versions" in line for line in lines)
    assert any("b.yaml: cannot be read" in line for line in lines)
    assert any("c.yaml: versions.0.serial" in line for line in lines)
    assert any("c.yaml: versions.0.seriel" in line for line in lines)
    assert Forms.load(tmp_path / "nothing").find("bieu-06", "unit", date(2020, 1, 1)) is None
