"""A plan that nobody wrote code for, made from the documents alone, from the command line to the ranks."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders import event, install, submitted
from tests.instance import ADMIN, ROOT, Instance, instance, wait_for

PLAN = """\
plan: cam-lo-so-hoa-2024
title: Chuyển đổi số bộ phận một cửa huyện Cam Lộ năm 2024
issued: {number: 12/KH-UBND, date: 2024-01-10, by: UBND huyện Cam Lộ}
runs: {from: 2024-01-15, to: 2024-12-31}
contact: {office: Văn phòng UBND huyện Cam Lộ}
lists:
  thu-tuc: {from: mau}
indicators:
  online:
    title: Tỷ lệ hồ sơ trực tuyến theo quý
    ratio:
      of: {count: dossier.received, where: {channel: online, procedure: {in: thu-tuc}}}
      over: {count: dossier.received, where: {procedure: {in: thu-tuc}}}
    period: quarter
    target: {for: 468, at_least: 50%}
  vneid:
    title: Số máy cài VNeID
    count: install.recorded
    where: {all: [{app: VNeID}, {result: succeeded}], place: {in: [one_stop, home]}}
    once_per: [citizen]
    target: {for: 468, more_than: 3}
    stipend: {amount: 20000, currency: VND, to: unit, beyond_target: pay}
obligations:
  monthly:
    title: Báo cáo tháng
    owed_by: 468
    owed_to: QTR-TTHCC
    due: {every: month, day: 3, days: working, for: previous month}
    fulfilled_by: {event: report.filed}
penalties:
  - {when: {obligation: monthly, state: late}, points: 1}
merits:
  - {when: {indicator: vneid, state: met}, points: 10, once_per: plan}
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with instance(tmp_path_factory.mktemp("sixth")) as made:
        for name in ("intake", "quota", "reporting"):
            made.start(name)
        for name in ("intake", "quota", "reporting"):
            made.wait_ready(name)
        yield made


def motcua(running: Instance, *words: str) -> subprocess.CompletedProcess[str]:
    urls = {f"MOTCUA_{name.upper()}_URL": running.url(name) for name in ("intake", "quota")}
    return subprocess.run(
        [sys.executable, "-m", "shared.cli.main", *words],
        env={**os.environ, **urls, "MOTCUA_KEY": ADMIN},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def filed(month: str, at: str) -> dict:
    return event("report.filed", f"report-{month}", at, unit="468", plan="cam-lo-so-hoa-2024",
                 obligation="monthly", period=month)  # fmt: skip


def test_from_a_file_to_targets_pay_and_ranks(running: Instance, tmp_path: Path) -> None:
    def app(n: int, **data: str) -> dict:
        given = {"app": "VNeID", "citizen": f"09000000{n:02}"} | data
        made = install(n, "468", **given)
        return made | {"time": f"2024-02-01T09:{n:02}:00+07:00"}

    def dossier(n: int, channel: str, procedure: str = "9.000001") -> dict:
        return submitted(f"CL-{n}", "468", "2024-02-05", channel=channel, procedure=procedure)

    running.post(
        [app(n) for n in range(1, 5)]
        + [app(5, citizen="0900000001"), app(6, place="public"), app(7, app="rtHome")]
        + [dossier(1, "online"), dossier(2, "counter"), dossier(3, "counter", "1.005129")]
        # The third working day of February is the 5th, of March the 5th: the day itself is late.
        + [
            filed("2024-01", "2024-02-02T16:00:00+07:00"),
            filed("2024-02", "2024-03-05T08:00:00+07:00"),
        ]
    )
    file = tmp_path / "ke-hoach.yaml"
    file.write_text(PLAN, encoding="utf-8")
    checked = motcua(running, "plan", "check", str(file))
    assert checked.returncode == 0, checked.stdout
    applied = motcua(running, "plan", "apply", str(file))
    assert applied.returncode == 0, applied.stderr
    assert "Huyện Cam Lộ: trên 3." in applied.stdout
    running.settle(("quota", "reporting"))

    rows = running.get("quota", "/v1/progress", plan="cam-lo-so-hoa-2024")["rows"]
    found = {(row["indicator"], row["period"]): row for row in rows}
    online = found["online", "2024-Q1"]
    assert (online["numerator"], online["denominator"], online["state"]) == (1, 2, "met")
    assert found["online", "2024-Q2"]["state"] == "not_applicable"
    assert (found["vneid", "whole"]["numerator"], found["vneid", "whole"]["state"]) == (4, "met")
    paid = running.get("quota", "/v1/stipends", plan="cam-lo-so-hoa-2024")["rows"]
    assert [(row["unit"], row["succeeded"], row["amount"]) for row in paid] == [("468", 4, 80_000)]

    duties = running.get("reporting", "/v1/reports/timeliness", plan="cam-lo-so-hoa-2024")["rows"]
    states = {row["period"]: row["state"] for row in duties}
    assert (states["2024-01"], states["2024-02"], states["2024-03"]) == (
        "on_time", "late", "missing",
    )  # fmt: skip

    def points() -> list[tuple[int, int]]:
        answer = running.get("reporting", "/v1/reports/emulation", plan="cam-lo-so-hoa-2024")
        return [(row["points"], row["rank"]) for row in answer["rows"]]

    wait_for(lambda: points() == [(9, 1)], 30, lambda: str(points()))
