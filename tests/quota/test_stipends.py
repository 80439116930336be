"""Who is paid: decisions on what is held, months closed once, corrections in the next one."""

import csv
import io

import pytest
from python_calamine import CalamineWorkbook

from tests.builders import event, install, submitted
from tests.instance import instance
from tests.quota.plans import apply, counted, small

PLAN = "quang-tri-rthome-2019"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("stipends")) as made:
        for name in ("intake", "quota"):
            made.start(name)
        for name in ("intake", "quota"):
            made.wait_ready(name)
        made.apply_plan(PLAN)
        sent = [install(n, "461") for n in range(107)] + [install(n, "465") for n in range(54)]
        assert {result["status"] for result in made.post(sent)} == {"accepted"}
        made.settle(("quota",))
        yield made


def ask(running, method, path, status, key=None, **given):
    headers = given.pop("headers", {})
    if key:
        headers["Authorization"] = f"Bearer {key}"
    answer = running.http.request(method, running.url("quota", path), headers=headers, **given)
    assert answer.status_code == status, answer.text
    return answer


def bound_key(running, *units):
    answer = running.http.post(
        running.url("intake", "/v1/keys"),
        json={"name": "bound", "scopes": ["reports:read", "plans:write"], "units": list(units)},
    )
    assert answer.status_code == 201, answer.text
    return answer.json()["key"]


def by_unit(running):
    rows = running.get("quota", "/v1/stipends", plan=PLAN)["rows"]
    return {row["unit"]: row for row in rows}


def decide(running, status=200, key=None, **asked):
    return ask(running, "POST", "/v1/stipends/decisions", status, key, json=asked).json()


def close(running, month, status, key=None):
    return ask(
        running, "POST", "/v1/stipends/runs", status, key, json={"plan": PLAN, "month": month}
    ).json()


def ledger_sum(running):
    rows = running.get("quota", "/v1/stipends/ledger", plan=PLAN, limit=5000)["rows"]
    return sum(row["amount"] for row in rows)


def test_the_story_of_a_plan_that_pays(running):
    row = by_unit(running)["461"]
    assert (row["succeeded"], row["payable"], row["beyond_quota"]) == (107, 100, 7)
    assert (row["amount"], row["held"], row["currency"]) == (3_000_000, 7, "VND")

    # An official decides, in bulk and singly; again changes nothing.
    document = "12/QĐ-TĐ"
    asked = {"plan": PLAN, "unit": "461", "decision": "approve", "document": document}
    assert decide(running, **asked)["decided"] == 7
    assert decide(running, **asked) == {
        "plan": PLAN, "decision": "approve", "document": document,
        "decided": 0, "unchanged": 0, "not_held": 0,
    }  # fmt: skip
    row = by_unit(running)["461"]
    assert (row["payable"], row["beyond_quota"], row["amount"]) == (107, 7, 3_210_000)
    held = running.get("quota", "/v1/stipends/installs", plan=PLAN, state="held")["rows"]
    assert {row["unit"] for row in held} == {"465"}
    assert {row["id"] for row in held} == {f"install-465-{n}" for n in range(50, 54)}
    refs = [{"source": "/test", "id": "install-465-53"}, {"source": "/test", "id": "install-465-3"}]
    answer = decide(running, plan=PLAN, decision="refuse", document="13/QĐ", installs=refs)
    assert (answer["decided"], answer["not_held"]) == (1, 1)
    answer = decide(running, plan=PLAN, decision="refuse", document="13/QĐ", installs=refs)
    assert (answer["unchanged"], answer["not_held"]) == (1, 1)
    row = by_unit(running)["465"]
    assert (row["payable"], row["beyond_quota"], row["held"], row["refused"]) == (50, 4, 3, 1)
    assert ledger_sum(running) == 157 * 30_000

    # September is closed: once, whatever is sent again.
    run = close(running, "2019-09", 201)
    assert run["total"] == {
        "installs": 157, "amount": 4_710_000,
        "amount_in_words": "bốn triệu bảy trăm mười nghìn đồng",
    }  # fmt: skip
    assert len({(line["source"], line["id"]) for line in run["lines"]}) == 157
    assert sum(row["amount"] for row in run["payments"]) == 4_710_000
    again = close(running, "2019-09", 200)
    assert (again["run"], again["changed"]) == (run["run"], False)
    running.post([install(n, "461") for n in range(107)])
    running.settle(("quota",))
    assert close(running, "2019-09", 200)["lines"] == run["lines"]

    # An earlier success of one machine comes late: reversed and booked anew, in the next run.
    earlier = event(
        "install.recorded", "late-comer", "2019-09-01T06:00:00+07:00", unit="461", app="rtHome",
        installer="461-99", device="device-461-0", place="home", result="succeeded",
    )  # fmt: skip
    running.post([earlier])
    running.settle(("quota",))
    assert close(running, "2019-09", 200)["lines"] == run["lines"]
    asked = {"plan": PLAN, "decision": "approve", "document": "14/QĐ"}
    assert decide(running, **asked)["decided"] == 3
    second = close(running, "2019-10", 201)
    lines = {(line["id"], line["amount"], line["kind"]) for line in second["lines"]}
    assert lines == {
        ("install-461-0", -30_000, "correction"),
        ("late-comer", 30_000, "paid"),
        ("install-465-50", 30_000, "paid"),
        ("install-465-51", 30_000, "paid"),
        ("install-465-52", 30_000, "paid"),
    }
    assert second["total"]["amount"] == 90_000
    assert ledger_sum(running) == 4_800_000
    assert sum(row["amount"] for row in by_unit(running).values()) == 4_800_000
    listed = running.get("quota", "/v1/stipends/runs", plan=PLAN)["runs"]
    assert [(row["month"], row["amount"]) for row in listed] == [
        ("2019-09", 4_710_000),
        ("2019-10", 90_000),
    ]

    # A key that is bound to a unit sees its lines, and closes nothing.
    key = bound_key(running, "465")
    seen = ask(running, "GET", f"/v1/stipends/runs/{run['run']}", 200, key).json()
    assert {line["unit"] for line in seen["lines"]} == {"465"}
    assert seen["total"]["amount"] == 1_500_000
    close(running, "2019-11", 403, key)
    decide(running, 403, key, plan=PLAN, decision="refuse", document="1", unit="461",
           installs=[{"source": "/test", "id": "install-461-1"}])  # fmt: skip
    decide(running, 403, key, plan=PLAN, decision="refuse", document="1",
           installs=[{"source": "/test", "id": "install-461-106"}])  # fmt: skip


def test_what_cannot_be_closed_or_decided(running):
    assert close(running, "2019-08", 422)["errors"][0]["code"] == "later_month_closed"
    assert close(running, "2999-01", 422)["errors"][0]["code"] == "month_not_over"
    assert close(running, "2019-07", 422)["errors"][0]["code"] == "before_plan"
    assert close(running, "2019-13", 422)["errors"][0]["pointer"] == "/month"
    for month in ("9999-12", "0000-01", "2019-9"):
        assert close(running, month, 422)["errors"][0]["pointer"] == "/month"
    for path in ("runs/99999999999999999999", "ledger?after=99999999999999999999"):
        ask(running, "GET", f"/v1/stipends/{path}", 422)
    answer = decide(running, 422, plan=PLAN, decision="approve", document="\0", keys=["\0"])
    assert {fault["pointer"] for fault in answer["errors"]} == {"/document", "/keys/0"}
    answer = decide(
        running, 422, plan=PLAN, decision="approve", document="1", keys=["device:none"],
        installs=[{"source": "/test", "id": "none"}],
    )  # fmt: skip
    assert [fault["pointer"] for fault in answer["errors"]] == ["/keys/0", "/installs/0"]
    answer = decide(running, 422, plan=PLAN, decision="maybe", document="")
    assert {fault["pointer"] for fault in answer["errors"]} == {"/decision", "/document"}
    decide(running, 404, plan="none", decision="approve", document="1")


def test_people_and_the_payroll(running):
    seen = running.get("quota", "/v1/stipends/unassigned", plan=PLAN)["rows"]
    assert len(seen) == 10
    people = io.StringIO()
    writer = csv.writer(people)
    writer.writerow(["code", "name", "role", "unit", "valid_from", "valid_to"])
    districts = ["461", "462", "464", "465", "466", "467", "468", "469", "470"]
    for unit in districts:
        for n in range(1, 9):
            writer.writerow(
                [f"{unit}-0{n}", f"Đoàn viên {unit}.{n}", "installer", unit, "2019-08-01", ""]
            )
    body = people.getvalue().encode()
    headers = {"Content-Type": "text/csv"}
    answer = ask(running, "PUT", "/v1/people", 200, content=body, headers=headers).json()
    assert answer == {"people": 72, "changed": 72}
    answer = ask(running, "PUT", "/v1/people", 200, content=body, headers=headers).json()
    assert answer == {"people": 72, "changed": 0}
    seen = running.get("quota", "/v1/stipends/unassigned", plan=PLAN)["rows"]
    assert [(row["unit"], row["target"], row["assigned"]) for row in seen] == [
        ("QTR-TTHCC", 100, 0)
    ]
    assert running.get("quota", "/v1/people", unit="465")["total"] == 8

    run = running.get("quota", "/v1/stipends/runs", plan=PLAN)["runs"][0]["run"]
    shown = running.get("quota", f"/v1/stipends/runs/{run}")
    names = {row["installer"]: row["name"] for row in shown["payments"]}
    assert names["465-03"] == "Đoàn viên 465.3"
    table = ask(running, "GET", f"/v1/stipends/runs/{run}", 200, params={"format": "csv"}).content
    rows = list(csv.DictReader(io.StringIO(table.decode("utf-8-sig"))))
    assert sum(int(row["amount"]) for row in rows) == 4_710_000
    sheet = ask(running, "GET", f"/v1/stipends/runs/{run}", 200, params={"format": "xlsx"}).content
    cells = CalamineWorkbook.from_filelike(io.BytesIO(sheet)).get_sheet_by_index(0).to_python()
    assert cells[0][0] == "Bảng thanh toán tiền hỗ trợ"
    assert cells[-1][4:6] == [157, 4_710_000]
    pdf = ask(running, "GET", f"/v1/stipends/runs/{run}", 200, params={"format": "pdf"})
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF")


def test_faults_of_people_come_at_once(running):
    wrong = [
        {"code": "0900000001", "name": "A", "role": "installer", "unit": "461",
         "valid_from": "2019-08-01"},
        {"code": "x-1", "name": "Người 0900000002", "role": "Installer", "unit": "0000",
         "valid_from": "2019-02-30"},
        {"code": "x-2", "name": "B", "role": "installer", "unit": "461",
         "valid_from": "2019-08-01", "phone": "0900000003"},
    ]  # fmt: skip
    answer = ask(running, "PUT", "/v1/people", 422, json={"people": wrong})
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [
        "/people/0/code",
        "/people/1/name",
        "/people/1/role",
        "/people/1/valid_from",
        "/people/1/unit",
        "/people/2/phone",
    ]
    assert "0900000" not in answer.text
    assert running.get("quota", "/v1/people", unit="461")["total"] == 8
    ask(
        running,
        "PUT",
        "/v1/people",
        400,
        content=b"{",
        headers={"Content-Type": "application/json"},
    )
    key = bound_key(running, "465")
    fine = {
        "code": "y",
        "name": "B",
        "role": "installer",
        "unit": "461",
        "valid_from": "2019-08-01",
    }
    ask(running, "PUT", "/v1/people", 403, key, json={"people": [fine]})


def test_a_cap_for_each_installer(running):
    plan = small(plan="capped")
    stipend = {"amount": 1000, "currency": "VND", "to": "installer", "cap": 2}
    apply(running, counted(plan, period="whole", stipend=stipend,
                           target={"for": ["465"], "at_least": 50}))  # fmt: skip
    row = next(iter(running.get("quota", "/v1/stipends", plan="capped")["rows"]))
    assert (row["payable"], row["held"], row["amount"]) == (16, 38, 16_000)


def test_odd_installs_are_flagged_and_counted(running):
    plan = small(plan="odd")
    stipend = {"amount": 1000, "currency": "VND", "to": "installer"}
    apply(running, counted(plan, target={"for": ["468", "470"], "at_least": 100}, stipend=stipend))
    phone = "0900000011"
    filed = submitted(
        "H50-190901-0001", unit="468", day="2019-09-01",
        applicant={"name": "Người Nộp", "phone": phone, "kind": "person"},
    )  # fmt: skip
    quick = [
        event(
            "install.recorded", f"quick-{n}", f"2019-11-04T08:{n:02}:00+07:00", unit="470",
            app="rtHome", installer="470-77", device=f"quick-{n}", place="home",
            result="succeeded",
        )
        for n in range(23)
    ]  # fmt: skip
    same = [
        install(n, unit, citizen=phone, device=f"same-{unit}-{n}")
        for n, unit in ((701, "468"), (702, "468"), (703, "470"))
    ]
    running.post([filed, *quick, *same])
    running.settle(("quota",))
    answer = running.get("quota", "/v1/stipends/flags", plan="odd")
    flagged = {(row["reason"], row["id"]) for row in answer["rows"]}
    assert flagged == {
        *(("several_devices", f"install-{u}-{n}") for n, u in ((701, "468"), (702, "468"))),
        ("several_devices", "install-470-703"),
        *(("burst", f"quick-{n}") for n in (20, 21, 22)),
        ("no_dossier", "install-470-703"),
    }
    assert phone not in str(answer)
    rows = {r["unit"]: r for r in running.get("quota", "/v1/stipends", plan="odd")["rows"]}
    assert (rows["468"]["payable"], rows["470"]["payable"]) == (2, 24)
