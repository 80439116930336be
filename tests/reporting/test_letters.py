"""The official reminder: read back from the Word file, figure by figure."""

import io
from datetime import date, timedelta

import httpx
import pytest
from docx import Document
from docxtpl import DocxTemplate
from hypothesis import given
from hypothesis import strategies as st

from services.reporting import rules
from services.reporting.api.letters import TEMPLATE, VARIABLES, Letters
from shared import clock
from shared.plans.amounts import Bound, exact
from shared.settings import deploy_dir
from shared.units import UnitRegistry
from tests.builders import event, install, submitted
from tests.instance import ADMIN, instance, wait_for
from tests.quota.plans import apply

TODAY = clock.today()
PLAN = {
    "plan": "nhac",
    "title": "Kế hoạch {{ 7*7 }} <b>A & B</b>",
    "issued": {"number": "12/KH-UBND", "date": "2019-07-01", "by": "UBND thành phố Đông Hà"},
    "runs": {"from": "2019-08-05", "to": "2019-12-31"},
    "contact": {"office": "Văn phòng điều phối"},
    "indicators": {
        "installs": {
            "title": "Cài ứng dụng",
            "count": "install.recorded",
            "where": {"result": "succeeded"},
            "once_per": ["device"],
            "target": {"for": ["461", "462"], "at_least": 5},
        },
        "online": {
            "title": "Hồ sơ trực tuyến",
            "ratio": {
                "of": {"count": "dossier.received", "where": {"channel": "online"}},
                "over": {"count": "dossier.received"},
            },
            "target": {"for": ["461"], "more_than": "50%"},
        },
    },
    "obligations": {
        "lists": {
            "title": "Danh sách khách hàng",
            "owed_by": ["461", "462"],
            "owed_to": "RTA",
            "due": {
                "every": "month",
                "day": 5,
                "for": "previous month",
                "periods": {"from": "2019-08", "to": "2019-09"},
            },
            "fulfilled_by": {"event": "list.delivered", "where": {"list": "clients"}},
        },
    },
}


def handed_in(unit, month, day):
    return event(
        "list.delivered", f"{unit}-{month}", f"{day}T09:00:00+07:00",
        unit=unit, list="clients", period=month, rows=5,
    )  # fmt: skip


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("letters")) as made:
        made.start_all()
        sent = [install(n, "461") for n in range(5)] + [install(n, "462") for n in range(10, 13)]
        due = "2019-09-20T17:00:00+07:00"
        sent += [
            submitted(
                f"D-{n}", day="2019-09-10", channel="online" if n < 4 else "counter", due_at=due
            )
            for n in range(8)
        ]
        sent += [
            handed_in("461", "2019-08", "2019-09-04"),
            handed_in("461", "2019-09", "2019-10-09"),
            handed_in("462", "2019-08", "2019-09-03"),
        ]
        assert {one["status"] for one in made.post(sent)} == {"accepted"}
        apply(made, PLAN)
        made.settle()

        def short():
            rows = fetch(made, plan="nhac", format="json").json()["short"]
            return sorted(row["missing"] for row in rows)

        wait_for(lambda: short() == ["1", "2"], explain=lambda: str(short()))
        yield made


def fetch(running, **asked):
    return httpx.get(
        f"{running.url('reporting')}/v1/letters",
        params=asked,
        headers={"Authorization": f"Bearer {ADMIN}"},
    )


def tables(content):
    found = Document(io.BytesIO(content)).tables
    return [[[cell.text for cell in row.cells] for row in table.rows] for table in found]


def words(content):
    made = Document(io.BytesIO(content))
    cells = [cell.text for table in made.tables for row in table.rows for cell in row.cells]
    return "\n".join([each.text for each in made.paragraphs] + cells)


def test_the_letter_names_who_is_short_and_late_and_by_how_much(running):
    answer = fetch(running, plan="nhac", new_date=str(TODAY + timedelta(days=9)))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].endswith("wordprocessingml.document")
    _, short, duties, _ = tables(answer.content)
    ha, tx = "Thành phố Đông Hà", "Thị xã Quảng Trị"
    assert sorted(row[1:] for row in short[1:]) == [
        [ha, "Hồ sơ trực tuyến", "Cả kế hoạch", "50,0% (4/8)", "trên 50,0%", "1"],
        [tx, "Cài ứng dụng", "Cả kế hoạch", "3", "từ 5", "2"],
    ]
    since = (TODAY - date(2019, 10, 5)).days
    assert [row[1:] for row in duties[1:]] == [
        [ha, "Danh sách khách hàng", "2019-09", "05/10/2019", "09/10/2019", "4"],
        [tx, "Danh sách khách hàng", "2019-09", "05/10/2019", "chưa nộp", str(since)],
    ]
    text = words(answer.content)
    assert "UBND THÀNH PHỐ ĐÔNG HÀ" in text
    # What a plan is called is text, never a mark of the template or of Word.
    ground = "văn bản số 12/KH-UBND ngày 01/07/2019 của UBND thành phố Đông Hà"
    assert f"Căn cứ {ground} (Kế hoạch {{{{ 7*7 }}}} <b>A & B</b>)." in text
    assert f"{TODAY + timedelta(days=9):%d/%m/%Y}" in text
    assert f"- {ha};\n- {tx}." in text
    assert "- Đơn vị khảo sát độc lập RTA;\n- Văn phòng điều phối;\n- Lưu: VT." in text


def test_the_overdue_are_named_without_a_plan(running):
    asked = {"about": "overdue", "format": "json"}
    rows = fetch(running, **asked).json()["overdue"]
    told = running.get("reporting", "/v1/reports/overdue")
    assert [(one["unit"], one["overdue"]) for one in told["by_unit"]] == [("461", 8)]
    assert rows == [{"unit": "Thành phố Đông Hà", "dossiers": "8", "since": "20/09/2019"}]


def test_where_nobody_is_late_there_is_no_letter(running):
    answer = fetch(running, plan="nhac", unit="464")
    assert answer.status_code == 404
    assert "Không có đơn vị nào" in answer.json()["detail"]
    assert fetch(running, plan="nhac", unit="464", format="json").json()["short"] == []


def test_all_that_is_wrong_with_a_request_is_said_at_once(running):
    answer = fetch(running, plan="nhax", about="all", new_date="2019-01-01", to="yesterday")
    assert answer.status_code == 422
    named = {each["pointer"] for each in answer.json()["errors"]}
    assert named == {"/about", "/new_date", "/to"}
    assert fetch(running, plan="nhax").json()["errors"][0]["pointer"] == "/plan"
    assert httpx.get(f"{running.url('reporting')}/v1/letters").status_code == 401


def test_a_template_that_names_what_there_is_not_is_refused(tmp_path):
    registry = UnitRegistry([])
    Letters(deploy_dir() / "letters" / TEMPLATE, registry)
    made = Document()
    made.add_paragraph("{{ phone }} {{ office }}")
    made.save(tmp_path / "own.docx")
    with pytest.raises(ValueError, match=r"own\.docx names what there is not: phone;"):
        Letters(tmp_path / "own.docx", registry)
    (tmp_path / "text.docx").write_text("no letter")
    with pytest.raises(ValueError, match="cannot be read as a letter"):
        Letters(tmp_path / "text.docx", registry)
    named = DocxTemplate(deploy_dir() / "letters" / TEMPLATE).get_undeclared_template_variables()
    assert named == VARIABLES  # the shipped one shows all there is


@given(
    st.sampled_from([">=", ">"]),
    st.integers(1, 10_000),
    st.integers(0, 2000),
    st.one_of(st.none(), st.integers(1, 2000)),
)
def test_what_is_missing_is_the_least_that_reaches_the_target(sign, hundredths, have, over):
    text = f"{hundredths / 100:.2f}%" if over else hundredths
    bound = Bound(sign, exact(text))
    more = rules.missing(bound, have, over)
    assert bound.met(have + more, over)
    assert more == 0 or not bound.met(have + more - 1, over)
