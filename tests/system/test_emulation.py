"""Emulation from end to end: quota counts, reporting ranks, corrections included."""

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared import clock
from tests.builders import event, install, status, submitted
from tests.instance import Instance, instance, wait_for

PLAN = """
plan: thi-dua
title: Kế hoạch thử
issued: {number: 1/KH, date: 2019-08-05}
runs: {from: 2019-08-05, to: 2019-12-31}
indicators:
  installs:
    title: Số máy
    count: install.recorded
    where: {result: succeeded}
    target: {for: [461, 462, 464], at_least: 3}
  online:
    title: Hồ sơ trực tuyến
    ratio:
      of: {count: dossier.received, where: {channel: online}}
      over: {count: dossier.received}
    target: {for: [461, 462, 464], at_least: "30%"}
obligations:
  lists:
    title: Danh sách
    owed_by: [461, 462, 464]
    owed_to: RTA
    due: {every: month, day: 5, for: previous month, periods: {from: 2019-08, to: 2019-10}}
    fulfilled_by: {event: list.delivered, where: {list: clients}}
penalties:
  - {when: {indicator: installs, state: missed}, points: 5, once_per: plan}
  - {when: {obligation: lists, state: late}, points: 2}
  - {when: {obligation: lists, state: missing}, points: 4}
merits:
  - {when: {indicator: installs, state: met}, points: 3}
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    folder: Path = tmp_path_factory.mktemp("emulation")
    with instance(folder) as made:
        made.start("intake")
        made.start("quota")
        made.start("reporting", MOTCUA_QUOTA_URL=made.url("quota"))
        for name in ("intake", "quota", "reporting"):
            made.wait_ready(name)
        made.post([install(n, "461") for n in range(3)] + [install(n, "462") for n in range(2)])
        made.post(
            [delivered("461", month, "04") for month in ("2019-08", "2019-09", "2019-10")]
            + [delivered("462", "2019-08", "04"), delivered("462", "2019-09", "06")]
            + [delivered("464", month, "04") for month in ("2019-08", "2019-09", "2019-10")]
        )
        ways = {"TREN-MANG-1": "online", "TAI-QUAY": "counter", "TREN-MANG-2": "online"}
        made.post([submitted(code, day="2019-09-02", channel=ways[code]) for code in ways])
        made.post([status("TAI-QUAY", "returned", "2019-09-04T09:00:00+07:00")])
        apply(made, PLAN)
        yield made


def delivered(unit: str, month: str, day: str) -> dict[str, Any]:
    following = f"2019-{int(month[5:]) + 1:02}"
    return event("list.delivered", f"list-{unit}-{month}", f"{following}-{day}T09:00:00+07:00",
                 unit=unit, list="clients", period=month, rows=5)  # fmt: skip


def apply(running: Instance, text: str) -> None:
    answer = running.http.put(
        running.url("quota", "/v1/plans/thi-dua"), content=text.encode(), params={"restate": True}
    )
    assert answer.status_code in (200, 201), answer.text


def standings(running: Instance, **asked: str) -> dict[str, tuple[int, int, int, int | None]]:
    answer = running.http.get(
        running.url("reporting", "/v1/reports/emulation"), params={"plan": "thi-dua"} | asked
    )
    if answer.status_code == 422:  # reporting has not heard of the plan yet
        return {}
    rows = answer.json()["rows"]
    return {
        row["unit"]: (row["merits"], row["deductions"], row["points"], row["rank"]) for row in rows
    }


def test_points_are_given_and_taken_and_corrections_count(running: Instance) -> None:
    expected = {"461": (3, 0, 3, 1), "464": (0, 5, -5, 2), "462": (0, 11, -11, 3)}
    wait_for(lambda: standings(running) == expected, 30, lambda: str(standings(running)))
    rows = running.get("reporting", "/v1/reports/emulation", plan="thi-dua")["rows"]
    assert [row["unit"] for row in rows] == ["461", "464", "462"]
    last = next(row for row in rows if row["unit"] == "462")
    lines = {(each["title"], each["state"]): each for each in last["items"]}
    assert lines["Số máy", "missed"]["subtotal"] == -5
    assert lines["Danh sách", "late"]["periods"] == ["2019-09"]
    assert lines["Danh sách", "missing"]["subtotal"] == -4
    assert last["arithmetic"].count("×") == 3

    # An install that comes late lifts 462 over its target; another is withdrawn from 461.
    running.post([install(2, "462")])
    running.post([event("record.voided", "void-1", "2019-10-01T08:00:00+07:00",
                        of_source="/test", of_id="install-461-0", reason="Nhập nhầm")])  # fmt: skip
    expected = {"461": (0, 5, -5, 2), "464": (0, 5, -5, 2), "462": (3, 6, -3, 1)}
    wait_for(lambda: standings(running) == expected, 30, lambda: str(standings(running)))


def test_a_unit_confirms_its_points_of_a_month(running: Instance) -> None:
    month = {"report": "emulation", "period": "2019-12", "unit": "462"}
    answer = running.http.post(
        running.url("reporting", "/v1/confirmations"), json=month | {"state": "confirmed"}
    )
    assert answer.status_code == 201, answer.text
    # The lists were due in other months: December gives and takes for installs alone.
    told = {"plan": "thi-dua", "unit": "462", "merits": 3, "deductions": 0, "points": 3}
    assert answer.json()["confirmed_figures"]["rows"] == [told | {"undecided": 0}]
    running.http.post(
        running.url("reporting", "/v1/confirmations"),
        json=month | {"unit": "464", "state": "contested", "remark": "Đã có 3 máy"},
    )
    found = running.get("reporting", "/v1/confirmations", report="emulation", period="2019-12")
    assert {row["unit"]: row["state"] for row in found["rows"]} == {
        "461": "unanswered",
        "462": "confirmed",
        "464": "contested",
    }


def test_what_had_not_come_yet_gives_nothing_as_of_then(running: Instance) -> None:
    today = clock.today()
    wait_for(lambda: standings(running, as_of=today.isoformat()) == standings(running), 30)
    # Until yesterday nothing had been received: no install, and no list of three months.
    before = (today - timedelta(days=1)).isoformat()
    nothing = (0, 17, -17, 1)
    assert standings(running, as_of=before) == {"461": nothing, "462": nothing, "464": nothing}
    # In the midst of the plan its target had not been missed yet, and one list was not due.
    nothing = (0, 8, -8, 1)
    assert standings(running, as_of="2019-10-31") == dict.fromkeys(("461", "462", "464"), nothing)


def test_an_undecided_amount_leaves_the_rank_open_and_says_so(running: Instance) -> None:
    apply(running, PLAN.replace("points: 5", "points: undecided"))
    wait_for(lambda: standings(running).get("464") == (0, 0, 0, None), 30)
    answer = running.get("reporting", "/v1/reports/emulation", plan="thi-dua")
    assert answer["rank_open"] == ["thi-dua"]
    assert {row["unit"]: row["undecided"] for row in answer["rows"]} == {
        "461": 1,
        "462": 0,
        "464": 1,
    }
    assert {row["rank"] for row in answer["rows"]} == {None}


def test_it_opens_as_a_table(running: Instance) -> None:
    answer = running.http.get(
        running.url("reporting", "/v1/reports/emulation"), params={"format": "csv"}
    )
    head = answer.content.decode("utf-8-sig").splitlines()[0]
    assert head == "plan,unit,unit_name,merits,deductions,points,undecided,rank,arithmetic"


def page(running: Instance, path: str) -> str:
    answer = running.http.get(running.url("reporting", html.unescape(path)))
    assert answer.status_code == 200, answer.text
    return answer.text


def test_a_line_of_points_leads_to_each_machine_and_on_to_its_event(running: Instance) -> None:
    running.post([install(n, "464") for n in range(53)])
    running.post([install(99, "464", result="failed", reason="Máy cũ")])
    running.settle(("quota", "reporting"))
    wait_for(lambda: standings(running).get("464") == (3, 0, 3, None), 30)
    lines = page(running, "/reports/emulation/rows?column=merits&row.unit=464&row.plan=thi-dua")
    path = re.search(r'href="(/progress/rows\?[^"]+)"', lines)
    assert path is not None
    first = page(running, path[1])
    onward = re.search(r'rel="next" href="([^"]+)"', first)
    assert onward is not None
    second = page(running, onward[1])
    assert [len(re.findall('<th scope="rowgroup"', each)) for each in (first, second)] == [50, 3]
    # What failed counts nothing.
    events = re.findall(r'href="(/event\?[^"]+)"', first + second)
    assert len(set(events)) == 53
    assert 'data-figure="counted">53<' in first
    assert "install-464-99" not in first + second
    assert "rtHome" in page(running, events[0])


def test_a_share_leads_to_its_dossiers_and_their_events(running: Instance) -> None:
    figure = "/progress/rows?plan=thi-dua&indicator=online&unit=461&period=whole"
    of = page(running, figure)
    over = page(running, f"{figure}&part=denominator")
    named = [re.findall(r'rowspan="(\d)" class="mark"><a href="/dossiers/([^?]+)', each)
             for each in (of, over)]  # fmt: skip
    online = [("1", "TREN-MANG-1"), ("1", "TREN-MANG-2")]
    assert named == [online, [("2", "TAI-QUAY"), *online]]
    assert "part=denominator" in of
    events = re.findall(r'href="(/event\?[^"]+)"', over)
    assert "TAI-QUAY" in page(running, events[0])


def test_what_counts_is_shown_to_its_unit_alone(running: Instance) -> None:
    user = {"name": "donghadem", "role": "viewer", "units": ["461"], "password": "mật khẩu rất dài"}
    made = running.http.post(running.url("reporting", "/v1/users"), json=user)
    assert made.status_code == 201, made.text
    asked = {"plan": "thi-dua", "indicator": "installs", "period": "whole"}
    own = {"Sec-Fetch-Site": "same-origin"}
    with httpx.Client(base_url=running.url("reporting", ""), headers=own, timeout=30) as client:
        client.post("/login", data={"user": "donghadem", "password": user["password"]})
        mine = client.get("/progress/rows", params=asked | {"unit": "461"})
        # Of its three installs one was withdrawn, so its machine counts no more.
        assert (mine.status_code, mine.text.count('scope="rowgroup"')) == (200, 2)
        assert client.get("/progress/rows", params=asked | {"unit": "464"}).status_code == 403
        none = client.get("/progress/rows", params=asked | {"unit": "461", "period": "2031"})
        assert none.status_code == 422
        assert client.get("/progress/rows", params={"unit": "461"}).status_code == 422
        assert "/progress/rows?" in client.get("/progress").text
        running.kill("quota")
        away = client.get("/progress/rows", params=asked | {"unit": "461"})
        assert (away.status_code, "chưa trả lời" in away.text) == (200, True)
