"""Questionnaires: those that ship are good, and a bad file says everything that is wrong."""

import pytest

from shared.questionnaires import QuestionnaireFaults, Scales, load_questionnaires
from shared.settings import deploy_dir

GOOD = """
questionnaire: {code}
domain: health
title: {{vi: Thử, en: Trial}}
items:
  - {{code: attitude, scale: levels, text: {{vi: Hỏi, en: Ask}}}}
"""


def test_those_that_ship():
    found = load_questionnaires(deploy_dir() / "questionnaires")
    assert [(each.questionnaire, each.domain) for each in found] == [
        ("mscore-hcc-2020", "public_administration"),
        ("mscore-yte-2020", "health"),
    ]
    assert [(item.code, item.scale) for item in found[0].items] == [
        ("quality", "points"),
        ("time", "points"),
        ("attitude", "points"),
        ("bribe", "yes_no"),
    ]


def test_no_folder_is_no_questionnaire(tmp_path):
    assert load_questionnaires(tmp_path / "none") == []


def test_every_fault_at_once(tmp_path):
    (tmp_path / "a.yaml").write_text(GOOD.format(code="same"), encoding="utf-8")
    (tmp_path / "b.yaml").write_text(GOOD.format(code="same"), encoding="utf-8")
    bad = GOOD.format(code="c").replace("levels", "stars").replace("health", "sport")
    (tmp_path / "c.yaml").write_text(bad, encoding="utf-8")
    (tmp_path / "d.yaml").write_text("- :\n\t- x", encoding="utf-8")
    with pytest.raises(QuestionnaireFaults) as caught:
        load_questionnaires(tmp_path)
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[0].rpartition("/")[2] for line in lines] == [
        "b.yaml",
        "c.yaml",
        "c.yaml",
        "d.yaml",
    ]


@pytest.mark.parametrize(
    ("scale", "good", "bad"),
    [
        ("points", [1, 10, 7.5], [0, 11, -1, 10.1, "8", "very_satisfied", True, float("nan")]),
        ("levels", ["neutral", 1, 5], ["sad", 0, 6, 2.5, True, ""]),
        ("yes_no", ["yes", "no", True, False], ["perhaps", 1, 0]),
    ],
)
def test_which_answers_lie_on_a_scale(tmp_path, scale, good, bad):
    text = GOOD.format(code="thu").replace("levels", scale)
    (tmp_path / "thu.yaml").write_text(text, encoding="utf-8")
    scales = Scales(load_questionnaires(tmp_path))
    for answer in good:
        assert scales.outside("thu", {"attitude": answer}) == frozenset(), answer
    for answer in bad:
        assert scales.outside("thu", {"attitude": answer}) == {"attitude"}, answer
    assert scales.outside("thu", {"attitude": None, "other": 99}) == frozenset()
    assert scales.outside("another", {"attitude": 99}) == frozenset()
