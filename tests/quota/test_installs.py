"""The 2019 plan: 900 installs, 30,000 VND for each, through the front door."""

import pytest

from tests.builders import install
from tests.instance import instance

PLAN = "quang-tri-rthome-2019"
QUOTAS = dict.fromkeys(["QTR-TTHCC", "461", "462", "464", "466", "468", "469", "470"], 100)
QUOTAS |= {"465": 50, "467": 50}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("installs")) as made:
        for name in ("intake", "quota"):
            made.start(name)
        for name in ("intake", "quota"):
            made.wait_ready(name)
        yield made


def test_full_quota_pays_27_million(running):
    early = [install(n, unit) for unit, quota in QUOTAS.items() for n in range(quota // 2)]
    late = [install(n, unit) for unit, quota in QUOTAS.items() for n in range(quota // 2, quota)]
    beyond = [install(n, "461") for n in range(100, 107)]
    failed = [install(n, "461", result="failed", device=f"f{n}") for n in range(200, 203)]
    repeated = [install(300, "462", device="device-462-0")]
    assert {r["status"] for r in running.post(early)} == {"accepted"}
    assert running.apply_plan(PLAN)["version"] == 1
    assert {r["status"] for r in running.post(late + beyond + failed + repeated)} == {"accepted"}
    assert {r["status"] for r in running.post(early)} == {"duplicate"}
    running.settle(("quota",))

    answer = running.get("quota", "/v1/stipends", plan=PLAN)
    rows = {row["unit"]: row for row in answer["rows"]}
    assert {unit: row["payable"] for unit, row in rows.items()} == QUOTAS
    assert rows["461"]["succeeded"] == 107
    assert rows["461"]["beyond_quota"] == 7
    assert rows["462"]["succeeded"] == 100
    assert answer["total"]["amount"] == 27_000_000
    progress = running.get("quota", "/v1/progress", plan=PLAN, indicator="installs")["rows"]
    assert sum(row["target"] for row in progress) == 900
    assert {row["state"] for row in progress} == {"met"}
    assert {row["denominator"] for row in progress} == {None}

    asked = {"plan": PLAN, "indicator": "installs", "unit": "461", "period": "whole"}
    behind = [
        running.get("quota", "/v1/progress/behind", **asked, limit=60, offset=start)
        for start in (0, 60)
    ]
    assert [one["total"]["next_offset"] for one in behind] == [60, None]
    found = [row for one in behind for row in one["rows"]]
    figure = next(row["numerator"] for row in progress if row["unit"] == "461")
    assert len(found) == sum(row["n"] for row in found) == behind[0]["total"]["n"] == figure
    marks = sorted(event["id"] for row in found for event in row["events"])
    assert marks == sorted(f"install-461-{n}" for n in range(figure))
    machines = {event["device"] for row in found for event in row["events"]}
    assert (len(machines), {len(each) for each in machines}) == (figure, {12})
    shared = running.get("quota", "/v1/progress/behind", **asked | {"unit": "462"}, limit=1000)
    assert shared["total"]["n"] == 100
    assert max(len(row["events"]) for row in shared["rows"]) == 2  # one machine, twice
    lost = running.http.get(
        running.url("quota", "/v1/progress/behind"), params=asked | {"period": "2031"}
    )
    assert lost.json()["errors"][0]["pointer"] == "/period"

    before = (answer, progress)
    assert running.apply_plan(PLAN)["changed"] is False
    again = running.get("quota", "/v1/stipends", plan=PLAN)
    assert again == before[0]
    ledger = running.get("quota", "/v1/stipends/ledger", plan=PLAN)["rows"]
    assert sum(entry["amount"] for entry in ledger) == 27_000_000


def test_same_id_with_another_body_conflicts(running):
    changed = install(0, "461", place="public")
    assert running.post([changed])[0]["status"] == "conflict"
    answer = running.http.post(
        running.url("intake", "/v1/events"),
        json=changed,
        headers={"Content-Type": "application/cloudevents+json"},
    )
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
