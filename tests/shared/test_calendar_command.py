"""`motcua calendar`: what people see of the days, and of files before they are used."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shared import clock
from shared.cli.errors import CommandError
from shared.cli.main import app

DEPLOY = Path(__file__).parents[2] / "deploy"
HALF = """
hours:
  - kinds: [one_stop]
    weekdays: 07:30-11:30, 13:00-17:00
    saturday: 07:30-11:30
  - units: [462]
    weekdays: 07:00-11:30, 13:30-17:00
    friday: ''
"""


@pytest.fixture
def deploy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation's folder of its own, late in 2026."""
    for name in ("units", "calendar"):
        shutil.copytree(DEPLOY / name, tmp_path / name)
    monkeypatch.setenv("MOTCUA_DEPLOY_DIR", str(tmp_path))
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 11, 25, 3, tzinfo=UTC))
    return tmp_path


def run(*argv: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["calendar", *map(str, argv)])
    if isinstance(done.exception, CommandError):
        return done.exception.code, str(done.exception)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def rows(*argv: object) -> list[tuple[str, str, int]]:
    code, said = run(*argv, "--json")
    assert code == 0
    return [(row["day"][5:], row["state"], row["minutes"]) for row in json.loads(said)["days"]]


def test_a_year_shows_what_is_not_as_its_weekday_says(deploy: Path) -> None:
    assert rows("--year", 2026) == [
        ("01-01", "holiday", 0), ("01-02", "holiday", 0), ("01-10", "swapped", 480),
        ("02-16", "holiday", 0), ("02-17", "holiday", 0), ("02-18", "holiday", 0),
        ("02-19", "holiday", 0), ("02-20", "holiday", 0), ("04-26", "holiday", 0),
        ("04-27", "holiday", 0), ("04-30", "holiday", 0), ("05-01", "holiday", 0),
        ("08-22", "swapped", 480), ("08-31", "holiday", 0), ("09-01", "holiday", 0),
        ("09-02", "holiday", 0), ("11-24", "holiday", 0),
    ]  # fmt: skip
    code, said = run("--year", 2026)
    assert code == 0
    assert "365 ngày: làm việc 247, làm bù 2, nghỉ lễ 15, cuối tuần 101" in said
    assert "năm 2027 chưa có" in said
    assert len(rows("--all")) == 365


def test_names_and_where_they_come_from(deploy: Path) -> None:
    _, said = run("--from", "2026-01-01", "--to", "2026-12-31", "--json")
    days = {row["day"]: (row["name"], row["source"]) for row in json.loads(said)["days"]}
    assert days["2026-01-10"] == ("Làm bù cho ngày 02/01/2026", "2026.yaml:6")
    assert days["2026-02-17"][0] == "Tết Nguyên Đán"
    assert days["2026-08-22"][0] == "Làm bù cho ngày 31/08/2026"
    assert days["2026-08-22"][1].startswith("holidays ")
    assert days["2026-08-24"] == (None, "office-hours.yaml:7")
    # A swap over the turn of the year.
    _, said = run("--from", "2019-01-05", "--to", "2019-01-05", "--json")
    assert json.loads(said)["days"][0]["name"] == "Làm bù cho ngày 31/12/2018"


def test_half_days_of_an_office(deploy: Path) -> None:
    (deploy / "calendar" / "half.yaml").write_text(HALF, encoding="utf-8")
    week = ("--from", "2026-08-21", "--to", "2026-08-23")
    later = ("--from", "2026-09-04", "--to", "2026-09-06")
    assert rows("--unit", "QTR-TTHCC", *week) == [
        ("08-21", "working", 480), ("08-22", "swapped", 480), ("08-23", "weekend", 0),
    ]  # fmt: skip
    assert rows("--unit", "QTR-TTHCC", *later) == [
        ("09-04", "working", 480), ("09-05", "half", 240), ("09-06", "weekend", 0),
    ]  # fmt: skip
    assert rows("--unit", "462", *later)[0] == ("09-04", "closed", 0)
    assert rows("--unit", "Thị xã Quảng Trị", *later)[0] == ("09-04", "closed", 0)
    assert rows(*later)[1] == ("09-05", "weekend", 0)


def test_a_year_that_was_announced_is_not_asked_for(deploy: Path) -> None:
    (deploy / "calendar" / "2027.yaml").write_text("announced: [2027]\n", encoding="utf-8")
    assert "chưa có" not in run()[1]
    assert "năm 2028 chưa có" in run("--year", 2028)[1]
    assert "năm 2023" not in run("--year", 2023)[1]


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("--year", 2026, "--from", "2026-01-01"), 2),
        (("--from", "2026-02-30"), 2),
        (("--from", "2026-02-02", "--to", "2026-02-01"), 2),
        (("--from", "1990-01-01", "--to", "2110-12-31"), 2),
        (("--year", 3000), 2),
        (("--unit", "Đông Hàa"), 1),
        (("check", "/nonexistent/x.yaml"), 2),
    ],
)
def test_what_makes_no_sense_is_said(deploy: Path, argv: tuple, code: int) -> None:
    found, said = run(*argv)
    assert found == code, said
    assert len(said.splitlines()) == 1


def test_files_are_checked_alone_and_beside_the_others(deploy: Path, tmp_path: Path) -> None:
    def check(name: str, text: str) -> tuple[int, list[str]]:
        file = tmp_path / name
        file.write_text(text, encoding="utf-8")
        code, said = run("check", file)
        return code, [line.removeprefix(f"{file}: ") for line in said.splitlines()]

    assert check("2027.yaml", "closed: [2027-01-04]\nworked: [2027-01-16]\n") == (0, ["ok"])
    assert check("2027.yaml", "closed:\n  - 2027-01-01\n") == (
        0, ["dòng 2: lưu ý: 2027-01-01 vốn đã là ngày nghỉ: dòng này không đổi gì (/closed)", "ok"],
    )  # fmt: skip
    code, said = check("x.yaml", "worked: [2026-01-02]\nhours: [{weekdays: '7', kinds: [moon]}]")
    assert code == 1
    assert [line.split(":")[0] for line in said] == ["dòng 1", "dòng 2", "dòng 2", "x.yaml"]
    assert "2026.yaml dòng 4" in said[-1]
    # A new version of a file that is in use takes its place.
    assert check("2026.yaml", "worked: [2026-01-10]\n") == (0, ["ok"])
    assert run("check", DEPLOY / "calendar" / "2026.yaml")[0] == 0
