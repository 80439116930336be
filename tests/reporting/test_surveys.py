"""M.Score from door to sheet: scores by mode and quarter, reasons, samples, phone lists, answers."""

import hashlib
import io
import re

import httpx
import pytest
from python_calamine import CalamineWorkbook

from tests.builders import event, status, submitted
from tests.instance import wait_for

QUARTER = {"from": "2021-01-01", "to": "2021-03-31"}


@pytest.fixture(scope="module")
def running(office):
    office.post([*surveys(), *dossiers()])
    office.settle(("reporting", "notify"))
    return office


def survey(n, points=None, mode="phone", day="2021-03-10", unit="461", **more):
    return event(
        "survey.completed",
        f"mscore-{n}",
        f"{day}T09:00:00+07:00",
        unit=unit,
        domain=more.pop("domain", "public_administration"),
        mode=mode,
        questionnaire=more.pop("questionnaire", "mscore-hcc-2020"),
        answers=more.pop("answers", {"quality": points}),
        **more,
    )


def patient(n, reason, mode="tablet", level="dissatisfied"):
    answers = {"attitude": level, "unhappy_because": reason}
    kind = {"domain": "health", "questionnaire": "mscore-yte-2020", "unit": "QTR-BVDK"}
    return survey(n, mode=mode, answers=answers, **kind)


def surveys():
    return [
        *(survey(n, points) for n, points in enumerate((4, 6), 1)),
        *(survey(n, points, day="2020-11-05") for n, points in enumerate((8, 8, 9, 7), 10)),
        *(survey(n, points, mode="tablet") for n, points in enumerate((1, 2, 3), 20)),
        survey(30, 10),
        event("record.voided", "mscore-void-30", "2021-03-11T08:00:00+07:00",
              of_source="/test", of_id="mscore-30", reason="Phiếu thử"),
        patient(40, "waiting"),
        patient(41, "waiting"),
        patient(42, "cost"),
        patient(43, "Bác sĩ Nguyễn Văn Bê quát tôi"),
        patient(44, "waiting", mode="phone"),
        patient(45, "cost"),
        event("record.voided", "mscore-void-45", "2021-03-11T08:00:00+07:00",
              of_source="/test", of_id="mscore-45", reason="Phiếu thử"),
    ]  # fmt: skip


def dossiers():
    found = []
    for n in range(12):
        who = {"kind": "person", "name": "Người nộp mẫu", "phone": f"09000002{n:02}"}
        found.append(
            submitted(f"D-{n:02}", unit="461" if n < 8 else "462", day="2021-03-02", applicant=who)
        )
        found.append(
            status(f"D-{n:02}", "returned", "2021-03-20T10:00:00+07:00",
                   returned_at="2021-03-20T10:00:00+07:00")
        )  # fmt: skip
    nameless = {"kind": "person", "phone": "0900000299"}
    found += [
        submitted("NAMELESS", day="2021-03-02", applicant=nameless),
        status("NAMELESS", "returned", "2021-03-20T10:00:00+07:00"),
        submitted(
            "OPEN",
            day="2021-03-02",
            applicant={"kind": "person", "name": "Người mẫu", "phone": "0900000298"},
        ),
    ]
    return found


def test_scores_by_mode_with_the_quarter_before_and_few_answers_marked(running):
    answer = running.get("reporting", "/v1/reports/scorecard", unit="461", **QUARTER)
    assert answer["small_sample"] == 3
    names = ("mode", "n", "score", "small_n", "previous_n", "previous_score", "change")
    assert [tuple(row[name] for name in names) for row in answer["rows"]] == [
        ("phone", 2, 5.0, True, 4, 8.0, -3.0),
        ("tablet", 3, 2.0, False, None, None, None),
    ]


def test_coded_reasons_are_tallied_and_words_are_not_kept(running):
    rows = running.get("reporting", "/v1/reports/survey-reasons", domain="health", **QUARTER)[
        "rows"
    ]
    names = ("mode", "item", "cause", "cause_text", "n", "answered", "small_n")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("phone", "unhappy_because", "waiting", "Thời gian chờ", 1, 1, True),
        ("tablet", "unhappy_because", "waiting", "Thời gian chờ", 2, 3, False),
        ("tablet", "unhappy_because", "cost", "Chi phí", 1, 3, False),
    ]
    assert rows[1]["share"] == 2 / 3


def draw(running, **more):
    answer = running.http.post(
        running.url("reporting", "/v1/samples"), json={**QUARTER, "size": 5, **more}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def expected(seed, codes, size):
    """The draw as it is described, done again."""
    return sorted(codes, key=lambda code: hashlib.sha256(f"{seed}\0{code}".encode()).hexdigest())[
        :size
    ]


def test_the_page_of_who_can_be_asked_goes_on_to_the_last_one(running):
    who = {"kind": "person", "name": "Người nộp mẫu", "phone": "0900000298"}
    at = "2022-05-20T10:00:00+07:00"
    codes = [f"P-{n:02}" for n in range(53)]
    running.post([submitted(code, unit="462", day="2022-05-02", applicant=who) for code in codes])
    running.post([status(code, "returned", at, returned_at=at) for code in codes])
    running.settle(("reporting",))
    admin = running.http.headers["Authorization"].removeprefix("Bearer ")
    with httpx.Client(base_url=running.url("reporting", ""), follow_redirects=True) as client:
        own = {"Sec-Fetch-Site": "same-origin"}
        assert client.post("/login", data={"key": admin}, headers=own).status_code == 200
        page = client.get("/reports/interview-list?from=2022-05-01&to=2022-05-31").text
        seen = re.findall(r"/dossiers/(P-\d\d)", page)
        onward = re.search(r'rel="next" href="([^"]+)"', page)[1].replace("&amp;", "&")
        last = client.get(onward).text
        seen += re.findall(r"/dossiers/(P-\d\d)", last)
        assert list(dict.fromkeys(seen)) == codes
        assert 'rel="next"' not in last
        back = re.search(r'rel="prev" href="([^"]+)"', last)[1].replace("&amp;", "&")
        assert "P-00" in client.get(back).text


def test_a_sample_can_be_drawn_again_and_names_nobody(running):
    listed = running.get("reporting", "/v1/reports/interview-list", limit=7, **QUARTER)
    more = running.get("reporting", "/v1/reports/interview-list", after=listed["next"], **QUARTER)
    codes = [row["code"] for row in listed["rows"] + more["rows"]]
    assert codes == [f"D-{n:02}" for n in range(12)]
    assert (listed["total"]["eligible"], more["next"]) == (12, None)

    ordered = {
        "report": "interview-list",
        "format": "json",
        "parameters": {**QUARTER, "limit": "5"},
    }
    id = running.http.post(running.url("reporting", "/v1/exports"), json=ordered).json()["id"]
    path = f"/v1/exports/{id}"
    wait_for(lambda: running.get("reporting", path)["state"] == "done", 30)
    whole = running.get("reporting", f"{path}/file")
    assert [row["code"] for row in whole] == codes  # a file holds all, whatever a page does

    made = draw(running, seed="quý-1")
    assert [
        (one["unit"], one["eligible"], one["drawn"], one["short"]) for one in made["units"]
    ] == [
        ("461", 8, 5, False),
        ("462", 4, 4, True),
    ]
    drawn = [one["code"] for one in made["dossiers"]]
    assert drawn == expected("quý-1", codes[:8], 5) + expected("quý-1", codes[8:], 5)
    assert [one["code"] for one in draw(running, seed="quý-1")["dossiers"]] == drawn
    assert draw(running)["seed"] != draw(running)["seed"]
    text = running.http.get(running.url("reporting", f"/v1/samples/{made['id']}")).text
    assert "0900000" not in text
    assert "Người nộp" not in text

    sheet = running.http.get(
        running.url("reporting", f"/v1/samples/{made['id']}/call-sheet"), params={"format": "xlsx"}
    ).content
    lines = CalamineWorkbook.from_filelike(io.BytesIO(sheet)).get_sheet_by_index(0).to_python()
    assert [line[1] for line in lines[-9:]] == drawn
    pdf = running.http.get(
        running.url("reporting", f"/v1/samples/{made['id']}/call-sheet"), params={"format": "pdf"}
    ).content
    assert pdf.startswith(b"%PDF-")


def test_the_phone_list_is_handed_out_by_notify_and_recorded(running):
    def key(*scopes):
        made = running.http.post(
            running.url("intake", "/v1/keys"), json={"name": "rta", "scopes": list(scopes)}
        ).json()["key"]
        running.settle(("reporting", "notify"))
        return {"Authorization": f"Bearer {made}"}

    address = running.url("notify", "/v1/contacts/phones")
    asked = {"codes": ["D-00", "D-01", "OPEN-NOT", "D-02"], "why": "Khảo sát quý I", "sample": "s1"}
    assert httpx.post(address, json=asked, headers=key("notices:read")).status_code == 403
    agency = key("contacts:read")
    assert httpx.post(address, json=asked | {"why": " "}, headers=agency).status_code == 422
    consent = {"code": "D-02", "purpose": "survey", "opt_out": True}
    running.http.post(running.url("notify", "/v1/consents"), json=consent).raise_for_status()
    answer = httpx.post(address, json=asked, headers=agency).json()["contacts"]
    assert [(one["code"], one["state"], one["phone"]) for one in answer] == [
        ("D-00", "present", "+84900000200"),
        ("D-01", "present", "+84900000201"),
        ("OPEN-NOT", "unknown", None),
        ("D-02", "declined", None),
    ]
    token = running.get("notify", "/v1/contacts", code="D-01", why="Kiểm tra")["token"]
    seen = running.get("notify", f"/v1/contacts/{token}/access")["access"]
    assert [(one["who"], one["action"], one["why"]) for one in seen if one["who"] == "rta"] == [
        ("rta", "phones", "Khảo sát quý I (sample s1)")
    ]


def test_response_rates_count_dossiers_that_surveys_name(running):
    made = draw(running, seed="phản hồi", unit="461", size=4)
    codes = [one["code"] for one in made["dossiers"]]
    running.post(
        [
            survey(60, 9, dossier=codes[0]),
            survey(61, 9, dossier=codes[0]),
            survey(62, 9, mode="tablet", dossier=codes[1]),
            survey(63, 9, dossier="NAMELESS"),
            survey(64, 9, dossier=codes[2]),
            event("record.voided", "mscore-void-64", "2021-03-11T08:00:00+07:00",
                  of_source="/test", of_id="mscore-64", reason="Phiếu thử"),
        ]
    )  # fmt: skip
    running.settle(("reporting",))
    answer = running.get("reporting", f"/v1/samples/{made['id']}/responses")
    row = answer["rows"][0]
    assert (row["unit"], row["eligible"], row["drawn"], row["answered"], row["rate"]) == (
        "461", 8, 4, 2, 0.5
    )  # fmt: skip
    assert row["by_mode"] == {"phone": 1, "tablet": 1}
    assert answer["total"] == {"drawn": 4, "answered": 2, "rate": 0.5}


def hand_in(running, rows, unit="QTR-BVDK", month="2021-01"):
    """A list of patients as a hospital hands it in."""
    lines = ["Đơn vị,Tháng,Họ tên,Số điện thoại,Mã người bệnh"]
    lines += [f"{unit},{month},{name},{phone},{code}" for name, phone, code in rows]
    job = running.http.post(
        running.url("intake", "/v1/imports"),
        files={"file": ("danh sách.csv", "\n".join(lines).encode())},
        data={"kind": "patients"},
    ).json()

    def done():
        told = running.get("intake", f"/v1/imports/{job['id']}")
        return told if told["state"] in ("done", "failed") else None

    told = wait_for(done)
    assert told["state"] == "done", told
    running.settle(("reporting", "notify"))
    return told


def test_patients_of_a_list_are_drawn_called_and_counted_without_being_known(running):
    people = [("Người bệnh mẫu", f"09000004{n:02}", f"BN-{n}") for n in range(9)]
    hand_in(running, [*people[:4], ("Người bệnh cố định", "02333850001", "BN-90")])
    hand_in(running, [*people, ("Người bệnh không số", "", "BN-91")])  # the mended list counts
    asked = {"of": "patients", "seed": "người bệnh", "size": 5, "unit": "QTR-BVDK"}
    made = draw(running, **asked)
    codes = [one["code"] for one in made["dossiers"]]
    assert made["units"] == [
        {"unit": "QTR-BVDK", "unit_name": made["units"][0]["unit_name"], "eligible": 9,
         "drawn": 5, "short": False}
    ]  # fmt: skip
    stem = codes[0].rpartition(".")[0]
    assert codes == expected("người bệnh", [f"{stem}.{n}" for n in range(1, 10)], 5)
    assert [one["code"] for one in draw(running, **asked)["dossiers"]] == codes
    assert draw(running, **asked | {"unit": "461"})["dossiers"] == []
    assert "0900" not in str(made)
    assert "mẫu" not in str(made["dossiers"])

    phones = running.url("notify", "/v1/contacts/phones")
    body = {"codes": codes, "why": "Khảo sát người bệnh", "sample": made["id"]}
    sheet = running.http.post(phones, params={"format": "xlsx"}, json=body).content
    lines = CalamineWorkbook.from_filelike(io.BytesIO(sheet)).get_sheet_by_index(0).to_python()
    numbers = {code: f"+849000004{int(code.rpartition('.')[2]) - 1:02}" for code in codes}
    assert [tuple(line[1:5]) for line in lines[-5:]] == [
        (code, "Người bệnh mẫu", numbers[code], "gọi được") for code in codes
    ]
    for units, state in ((["QTR-BVDK"], "present"), (["462"], "unknown")):
        key = running.http.post(
            running.url("intake", "/v1/keys"),
            json={"name": "agency", "scopes": ["contacts:read"], "units": units},
        ).json()["key"]
        running.settle(("notify",))
        bound = {"Authorization": f"Bearer {key}"}
        told = httpx.post(phones, json=body, headers=bound).json()["contacts"]
        assert {one["state"] for one in told} == {state}

    running.post(
        [survey(70, mode="phone", unit="QTR-BVDK", domain="health",
                questionnaire="mscore-yte-2020", answers={"attitude": "satisfied"},
                dossier=codes[2])]
    )  # fmt: skip
    running.settle(("reporting",))
    rates = running.get("reporting", f"/v1/samples/{made['id']}/responses")
    assert rates["total"] == {"drawn": 5, "answered": 1, "rate": 0.2}
    assert rates["rows"][0]["by_mode"] == {"phone": 1}

    why = "Người bệnh yêu cầu"
    found = running.get("notify", "/v1/contacts", code=codes[0], why=why)
    address = running.url("notify", f"/v1/contacts/{found['token']}")
    assert running.http.delete(address, params={"why": why}).json()["known"] is True
    told = running.http.post(phones, json=body).json()["contacts"]
    assert [one["state"] for one in told] == ["erased"] + ["present"] * 4
    notices = running.get("notify", "/v1/notices", subject=codes[1])
    assert not notices.get("notices")


def say(running, status_=201, **body):
    answer = running.http.post(
        running.url("reporting", "/v1/confirmations"),
        json={"report": "scorecard", "period": "2021-03", **body},
    )
    assert answer.status_code == status_, answer.text
    return answer.json()


def states(running, **asked):
    found = running.get(
        "reporting", "/v1/confirmations", report="scorecard", period="2021-03", **asked
    )
    return {row["unit"]: row["state"] for row in found["rows"]}


def survey_named(n):
    return {"source": "/test", "id": f"mscore-{n}"}


def test_scores_are_confirmed_by_domain_and_contested_survey_by_survey(running):
    assert states(running) == {"461": "unanswered", "QTR-BVDK": "unanswered"}
    assert states(running, domain="health") == {"QTR-BVDK": "unanswered"}
    for wrong in (
        {"event": survey_named(40)},  # of another unit
        {"event": survey_named(99)},
        {"event": survey_named(1), "domain": "health"},
        {"event": survey_named(1), "report": "bieu-06"},
        {"event": survey_named(10)},  # of another month
        {"domain": "health", "report": "bieu-06"},
        {"domain": "weather"},
        {},
    ):
        say(running, 422, unit="461", state="contested", **wrong)
    made = say(
        running, unit="461", state="contested", dossier="D-03", remark="Chưa ai gọi",
        events=[{"event": survey_named(1), "remark": "Không phải hồ sơ của thị xã"}],
    )  # fmt: skip
    assert [(one["dossier"], one["event"], one["domain"]) for one in made["contested"]] == [
        ("D-03", None, "public_administration"),
        (None, survey_named(1), "public_administration"),
    ]
    say(running, unit="461", state="confirmed", dossier="D-03")
    assert states(running, domain="public_administration") == {"461": "contested"}
    say(running, unit="461", state="confirmed", event=survey_named(1))
    assert states(running)["461"] == "unanswered"  # never of the whole
    made = say(running, unit="461", state="confirmed")
    names = ("domain", "mode", "item", "n", "score")
    assert [tuple(row[name] for name in names) for row in made["confirmed_figures"]["rows"]] == [
        ("public_administration", "phone", "quality", 5, 7.4),  # 4, 6, 9, 9, 9
        ("public_administration", "tablet", "quality", 4, 3.75),  # 1, 2, 3, 9
    ]
    assert states(running) == {"461": "confirmed", "QTR-BVDK": "unanswered"}


def test_a_month_of_scores_is_locked_one_domain_at_a_time(running):
    month = {"from": "2021-03-01", "to": "2021-03-31", "domain": "health"}
    say(running, unit="QTR-BVDK", state="confirmed", domain="health")
    locked = running.http.post(
        running.url("reporting", "/v1/publications"),
        json={"report": "scorecard", "parameters": month, "title": "Tháng 3", "lock": True,
              "slug": "y-te-thang-3"},
    )  # fmt: skip
    assert locked.status_code == 201, locked.text
    shown = running.get("reporting", "/v1/reports/scorecard", **month)
    assert (shown["confirmations"], shown["locked_as"]) == (
        {"QTR-BVDK": "confirmed"},
        "/p/y-te-thang-3",
    )
    del month["domain"]  # the other domain's month is open still
    shown = running.get("reporting", "/v1/reports/scorecard", **month)
    assert (shown["confirmations"], shown["locked_as"]) == (
        {"461": "confirmed", "QTR-BVDK": "confirmed"},
        None,
    )
    for more in ({}, {"domain": "health"}, {"event": survey_named(40)}):
        say(running, 409, unit="QTR-BVDK", state="contested", remark="Sai", **more)
    say(running, unit="461", state="contested", remark="Thiếu phiếu giấy")
    assert states(running) == {"461": "contested", "QTR-BVDK": "confirmed"}


def test_a_page_shows_a_unit_its_scores_and_lets_it_contest_surveys(running):
    admin = running.http.headers["Authorization"].removeprefix("Bearer ")
    own = {"Sec-Fetch-Site": "same-origin"}
    with httpx.Client(base_url=running.url("reporting", ""), headers=own) as client:
        assert client.post("/login", data={"key": admin}).status_code == 303
        address = "/confirmations?report=scorecard&period=2021-03&unit=461"
        page = client.get(address, follow_redirects=True).text
        # The survey that was withdrawn is not among them, nor are those about health.
        assert page.count('name="s.source=%2Ftest&amp;id=mscore-') == 9
        assert ("mscore-30" in page, "mscore-40" in page) == (False, False)
        assert ">NAMELESS</a>" in page
        token = re.search(r'name="token" value="([0-9a-f]{32})"', page)[1]
        form = {"token": token, "report": "scorecard", "period": "2021-03", "unit": "461",
                "domain": "public_administration", "state": "contested", "scope": "picked",
                "s.source=%2Ftest&id=mscore-21": "1", "remark": "Nhập hai lần"}  # fmt: skip
        assert client.post("/confirmations", data=form).status_code == 303
        assert "mscore-21</a>: Nhập hai lần" in client.get(address, follow_redirects=True).text
        behind = client.get(
            "/reports/scorecard/rows?column=score&row.unit=461&row.mode=tablet&row.item=quality"
            "&from=2021-01-01&to=2021-03-31"
        )
        assert (behind.status_code, "mscore-21" in behind.text) == (200, True)


def test_a_page_asks_each_item_as_its_own_questionnaire_does(running):
    """Both questionnaires have an item `attitude`."""
    running.post([survey(2060, answers={"attitude": 7}, day="2022-02-10")])
    running.settle(("reporting",))
    page = running.http.get(
        running.url("reporting", "/reports/scorecard?from=2022-01-01&to=2022-03-31&lang=vi")
    ).text
    assert page.count("Ông/bà chấm thái độ của cán bộ tiếp nhận mấy điểm?") == 2
    assert "nhân viên y tế" not in page
    reasons = running.http.get(
        running.url("reporting", "/reports/survey-reasons?from=2021-01-01&to=2021-03-31&lang=vi")
    ).text
    assert "điều gì khiến ông/bà chưa hài lòng nhất?" in reasons
    assert "survey-reasons</p>" not in reasons
