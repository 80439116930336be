"""The invented year: what it holds, that it is plausible, and that nobody real is in it."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from datetime import date, datetime

import pytest

from services.quota.rules import read_people, read_roster
from shared import events
from shared.clock import local_day
from shared.demo import Scenario, read_scenario, tell
from shared.demo.envelope import taken
from shared.demo.register import people, roster
from shared.demo.scenario import ScenarioFault
from shared.events import IncomingEvent
from shared.plans import Plan
from shared.plans.duties import deliveries, duties, judge
from shared.plans.reading import load_plan
from shared.settings import deploy_dir
from shared.units import UnitRegistry

SUBMITTED = "motcua.dossier.submitted.v1"
STATUS = "motcua.dossier.status_changed.v1"
INSTALL = "motcua.install.recorded.v1"
SURVEY = "motcua.survey.completed.v1"
LATE_CENTRES = {"QTR-TTYT-464", "QTR-TTYT-469", "QTR-TTYT-470", "QTR-TTYT-466"}


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return read_scenario(deploy_dir() / "demo.yaml")


@pytest.fixture(scope="module")
def year(scenario: Scenario) -> list[dict]:
    return list(tell(scenario))


@pytest.fixture(scope="module")
def registry() -> UnitRegistry:
    return UnitRegistry.load(deploy_dir() / "units")


@pytest.fixture(scope="module")
def plans(scenario: Scenario, registry: UnitRegistry) -> dict[str, Plan]:
    found = {}
    for name in scenario.plans:
        text = (deploy_dir() / "plans" / f"{name}.yaml").read_text(encoding="utf-8")
        plan, faults = load_plan(text, registry=registry)
        assert plan is not None, faults
        found[name] = plan
    return found


def of(year: list[dict], kind: str) -> list[dict]:
    return [event for event in year if event["type"] == kind]


def test_it_holds_what_was_promised(year: list[dict]) -> None:
    kinds = Counter(event["type"] for event in year)
    assert kinds[SUBMITTED] == 20_000
    assert kinds[INSTALL] == 1_100
    assert kinds[SURVEY] == 2_000
    assert kinds[STATUS] > 40_000
    assert len({event["data"]["code"] for event in of(year, SUBMITTED)}) == 20_000
    assert set(kinds) == set(events.INCOMING)


def test_each_id_is_told_once_and_the_same_at_every_call(
    scenario: Scenario, year: list[dict]
) -> None:
    by_id = {(event["source"], event["id"]): event for event in year}
    assert len(by_id) == len(year)
    share = list(tell(scenario, 0.02))
    assert share == list(tell(scenario, 0.02))
    assert all(by_id[event["source"], event["id"]] == event for event in share)
    assert len(of(share, SUBMITTED)) == 400
    assert len(of(share, INSTALL)) == 22
    assert len(of(share, SURVEY)) == 40


@pytest.mark.parametrize("scale", [0.0, 0.02, 1 / 3, 0.5, 1.0])
def test_a_share_is_spread_evenly(scale: float) -> None:
    chosen = [number for number in range(3000) if taken(number, scale)]
    assert len(chosen) == round(3000 * scale)
    assert len([number for number in chosen if number < 1500]) == round(1500 * scale)


def test_every_event_keeps_the_contract(scenario: Scenario, registry: UnitRegistry) -> None:
    for event in tell(scenario, 0.1):
        checked, faults = events.check(event)
        assert checked is not None, (event, faults)
        for name in ("unit", "credited_unit"):
            if code := event["data"].get(name):
                assert registry.find(code, checked.time), (code, event)
        assert len(json.dumps(event, ensure_ascii=False)) < 2000


def test_nobody_real_is_in_it(scenario: Scenario, year: list[dict]) -> None:
    assert all(event["source"].startswith("/demo/") for event in year)
    people = [event["data"].get("applicant", {}) for event in of(year, SUBMITTED)]
    phones = [person["phone"] for person in people if "phone" in person]
    phones += [event["data"]["citizen"] for event in of(year, INSTALL)]
    for phone in set(phones):
        digits = re.sub(r"\D", "", phone).removeprefix("84").removeprefix("0")
        assert len(digits) < 9 or digits.startswith("900000"), phone
    names = {person["name"] for person in people if "name" in person}
    assert all(re.fullmatch(r"(Người|Tổ chức) nộp hồ sơ mẫu \d+", name) for name in names)
    emails = {person["email"] for person in people if "email" in person}
    assert all(email.endswith("@example.org") for email in emails)


def test_all_ends_of_a_dossier_occur_and_stories_make_sense(year: list[dict]) -> None:
    statuses = defaultdict(list)
    for event in of(year, STATUS):
        statuses[event["data"]["code"]].append(event["data"])
    ends: Counter[str] = Counter()
    for event in of(year, SUBMITTED):
        data = event["data"]
        story = statuses[data["code"]]
        times = [datetime.fromisoformat(each["at"]) for each in story]
        filed = datetime.fromisoformat(data["submitted_at"])
        assert times == sorted(times)
        assert all(filed < time for time in times)
        if "received_at" not in data:
            ends["refused" if story else "registered"] += 1
            continue
        received = datetime.fromisoformat(data["received_at"])
        assert filed < received < datetime.fromisoformat(data["due_at"])
        assert all(received < time for time in times)
        due = [data["due_at"], *(each["due_at"] for each in story if "due_at" in each)][-1]
        done = [each for each in story if each["status"] in ("result_ready", "returned")]
        names = [each["status"] for each in story]
        if done:
            day, limit = done[0]["at"][:10], due[:10]
            ends["early" if day < limit else "late" if day > limit else "on time"] += 1
        elif names and names[-1] in ("withdrawn", "stopped", "supplement_requested"):
            ends[names[-1]] += 1
        else:
            ends["open"] += 1
        if "returned" in names and "returned_at" not in story[-1]:
            ends["no return date"] += 1
    assert all(
        ends[end] >= 100
        for end in (
            *("refused", "registered", "withdrawn", "stopped", "supplement_requested"),
            *("early", "on time", "late", "open", "no return date"),
        )
    )
    assert 0.05 < ends["late"] / (ends["early"] + ends["on time"] + ends["late"]) < 0.2


def test_offices_differ_around_their_targets(year: list[dict]) -> None:
    online: Counter[str] = Counter()
    received: Counter[str] = Counter()
    for event in of(year, SUBMITTED):
        data = event["data"]
        if "received_at" in data:
            received[data["unit"]] += 1
            online[data["unit"]] += data["channel"] == "online"
    communes = [unit for unit in received if unit.startswith("18")]
    assert len(communes) == 16
    reached = [unit for unit in communes if online[unit] * 4 >= received[unit]]
    assert 2 <= len(reached) <= 14
    assert online["23665"] / received["23665"] > 0.30


def test_installs_fail_repeat_and_exceed_the_quota(year: list[dict], plans: dict) -> None:
    plan = plans["quang-tri-rthome-2019"]
    installs = [event["data"] for event in of(year, INSTALL)]
    assert 60 <= sum(data["result"] == "failed" for data in installs) <= 120
    succeeded = defaultdict(list)
    for data in installs:
        if data["result"] == "succeeded":
            succeeded[data["unit"]].append(data.get("device") or data["citizen"])
    assert all(len(set(keys)) < len(keys) for keys in succeeded.values())
    first = date(2019, 9, 1)
    beyond = {
        unit: len(set(keys)) - int(plan.target_for("installs", unit, first).value)
        for unit, keys in succeeded.items()
    }
    assert len(beyond) == 10
    assert sum(more > 0 for more in beyond.values()) >= 3
    assert sum(more < 0 for more in beyond.values()) >= 3
    citizens = defaultdict(set)
    for data in installs:
        if "device" in data:
            citizens[data["citizen"]].add(data["device"])
    assert any(len(devices) > 1 for devices in citizens.values())


def test_only_the_lists_named_in_the_document_are_late(year: list[dict], plans: dict) -> None:
    plan = plans["quang-tri-mscore-2020"]
    handed_in = [delivery for event in year for delivery in delivered(plan, event)]
    found = {
        (duty.unit, duty.period): judge(duty, handed_in, checked("2020-07-31T23:00:00+07:00")).state
        for duty in duties(plan, date(2020, 7, 31))
        if duty.obligation == "patient-lists" and duty.period <= "2020-06"
    }
    assert len(found) == 70
    late = {key for key, state in found.items() if state != "on_time"}
    assert late == {(unit, month) for unit in LATE_CENTRES for month in ("2019-12", "2020-01")}
    assert {found[key] for key in late} == {"late"}
    made_up = [each.at for each in handed_in if (each.unit, each.period) in late]
    assert all(local_day(at) < date(2020, 2, 13) for at in made_up)


def test_installers_are_named_in_time_and_reports_mostly(year: list[dict], plans: dict) -> None:
    now = checked("2024-12-31T00:00:00+07:00")
    states: dict[str, Counter[str]] = defaultdict(Counter)
    for name in ("quang-tri-rthome-2019", "binh-phuoc-youth-2020", "to-tung-2023"):
        handed_in: dict[tuple, list] = defaultdict(list)
        for event in year:
            for each in delivered(plans[name], event):
                handed_in[each.obligation, each.unit, each.period].append(each)
        for duty in duties(plans[name], plans[name].runs.to):
            mine = handed_in[duty.obligation, duty.unit, duty.period]
            states[duty.obligation][judge(duty, mine, now).state] += 1
    assert states["installer-list"] == {"on_time": 9}
    assert states["review"] == {"on_time": 1}
    assert states["yearly-report"] == {"on_time": 10}
    daily = states["daily-report"]
    assert daily["on_time"] > 2_000
    assert daily["late"] > 30
    assert daily["missing"] > 30


def test_surveys_are_of_two_domains_and_two_modes(year: list[dict]) -> None:
    returned = {
        event["data"]["code"]: datetime.fromisoformat(event["data"]["at"])
        for event in of(year, STATUS)
        if event["data"]["status"] == "returned"
    }
    kinds: Counter[tuple[str, str]] = Counter()
    dissatisfied: Counter[str] = Counter()
    about = 0
    for event in of(year, SURVEY):
        data = event["data"]
        kinds[data["domain"], data["mode"]] += 1
        dissatisfied[data["mode"]] += "very_dissatisfied" in data["answers"].values()
        if "dossier" in data:
            about += 1
            assert returned[data["dossier"]] < datetime.fromisoformat(event["time"])
    assert len(kinds) == 4
    assert min(kinds.values()) > 400
    assert dissatisfied["tablet"] > 3 * dissatisfied["phone"]
    assert about > 600


def test_events_lie_in_the_time_of_their_plans(year: list[dict]) -> None:
    spans = {
        "H50": (date(2019, 8, 5), date(2020, 7, 31)),
        "H27": (date(2020, 1, 1), date(2020, 12, 31)),
        "H10": (date(2020, 1, 1), date(2020, 12, 31)),
        "H21": (date(2023, 1, 1), date(2023, 12, 31)),
    }
    for event in year:
        if code := event["data"].get("code"):
            first, last = spans[code.split("-")[0][-3:]]
            assert first <= local_day(datetime.fromisoformat(event["time"])) <= last, event


def test_the_district_targets_of_binh_phuoc_are_reached_but_one(year: list[dict]) -> None:
    members: dict[str, set[str]] = defaultdict(set)
    supported = gatherings = 0
    for event in of(year, "motcua.activity.recorded.v1"):
        data = event["data"]
        supported += data["people"] if data["kind"] == "supported" else 0
        gatherings += data["kind"] == "trained"
        members[data["kind"]].add(data["member"])
    assert supported >= 3000
    assert len(members["trained"]) == 213
    assert gatherings == 222  # nine came to both
    assert len(members["core"]) == 165  # one target is missed, as life goes


def test_numbered_people_hold_the_payroll_and_the_roster(
    scenario: Scenario, registry: UnitRegistry, year: list[dict]
) -> None:
    rows = people(scenario)
    entries, faults = read_people(rows, registry)
    assert faults == []
    assert {re.sub(r" \d\d$", "", each.name) for each in entries} == {"Cán bộ", "Đoàn viên"}
    codes = {each.code for each in entries}
    installers = {e["data"]["installer"] for e in year if "install.recorded" in e["type"]}
    assert installers <= codes
    roles = {each.unit: each.role for each in entries}
    assert (roles["QTR-DOAN-461"], roles["QTR-TTHCC"]) == ("installer", "staff")
    planned = [row for rows in roster(scenario) for row in rows]
    sessions, faults = read_roster(planned, registry)
    assert faults == []
    assert {each.member for each in sessions} <= codes
    assert len({each.unit for each in sessions}) == 1 + len(scenario.activities.units)
    assert len(planned) == len({(row["unit"], row["day"], row["session"]) for row in planned})


def test_a_bad_scenario_says_where(tmp_path) -> None:
    text = (deploy_dir() / "demo.yaml").read_text(encoding="utf-8")
    bad = tmp_path / "demo.yaml"
    bad.write_text(text.replace("source: /demo ", "source: /real "), encoding="utf-8")
    with pytest.raises(ScenarioFault, match=r"source: .*/demo"):
        read_scenario(bad)
    with pytest.raises(ScenarioFault, match="No such file"):
        read_scenario(tmp_path / "none.yaml")


def checked(text: str) -> datetime:
    return datetime.fromisoformat(text)


def delivered(plan: Plan, event: dict) -> list:
    made: IncomingEvent | None = None
    if event["type"] in ("motcua.list.delivered.v1", "motcua.report.filed.v1"):
        made, _ = events.check(event)
    if made is None:
        return []
    return deliveries(plan, made.type, made.data.model_dump(exclude_none=True), made.time)
