"""What a printed report calls plans, duties and questions, by the data that is set on paper."""

from pathlib import Path

from services.reporting.api.files import called
from services.reporting.api.words import texts_of
from shared.questionnaires import load_questionnaires

FOLDER = Path(__file__).parents[2] / "deploy" / "questionnaires"


def test_paper_has_words_where_programs_get_codes():
    items = texts_of(load_questionnaires(FOLDER), "vi")
    titles = {("k", ""): "Kế hoạch", ("k", "p"): "Danh sách người bệnh"}
    rows = [
        {"plan": "k", "obligation": "p", "rows": 3},
        {"plan": "x", "obligation": "p"},
        {"item": "attitude", "questionnaire": "mscore-hcc-2020", "domain": "public_administration"},
        {"item": "unhappy_because", "domain": "health"},
        {"code": "H-1"},
    ]
    told = called(rows, titles, items)
    assert told[0] == {"plan": "Kế hoạch", "obligation": "Danh sách người bệnh", "rows": 3}
    assert told[1] == rows[1]
    assert told[2]["item"] == "Ông/bà chấm thái độ của cán bộ tiếp nhận mấy điểm?"
    assert told[3]["item"] == "Nếu chưa hài lòng, điều gì khiến ông/bà chưa hài lòng nhất?"
    assert told[4] is rows[4]
