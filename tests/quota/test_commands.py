"""What officials do from the command line, on a running quota."""

import pytest
from typer.testing import CliRunner

from shared.cli.errors import CommandError
from shared.cli.main import app
from tests.builders import install
from tests.instance import ADMIN, instance

PLAN = "quang-tri-rthome-2019"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("commands")) as made:
        for name in ("intake", "quota"):
            made.start(name)
        for name in ("intake", "quota"):
            made.wait_ready(name)
        made.apply_plan(PLAN)
        made.post([install(n, "465") for n in range(52)])
        made.settle(("quota",))
        yield made


@pytest.fixture
def motcua(running, monkeypatch):
    """Runs the program; returns (exit code, output)."""
    monkeypatch.setenv("MOTCUA_QUOTA_URL", running.url("quota"))
    monkeypatch.setenv("MOTCUA_KEY", ADMIN)

    def run(*words):
        result = CliRunner().invoke(app, [str(word) for word in words])
        if isinstance(result.exception, CommandError):
            return result.exception.code, str(result.exception)
        return result.exit_code, result.output

    return run


def test_people_and_roster(motcua, tmp_path):
    people = tmp_path / "nguoi.csv"
    people.write_text(
        "code,name,role,unit,valid_from,valid_to\n465-01,Cán bộ 01,installer,QTR-DOAN-465,2019-08-05,\n",
        encoding="utf-8",
    )
    assert motcua("people", "put", people) == (0, "people 1, changed 1\n")
    code, text = motcua("people", "list", "--role", "installer")
    assert code == 0
    assert text.splitlines()[1].split() == (
        ["465-01", "Cán", "bộ", "01", "installer", "QTR-DOAN-465", "2019-08-05"]
    )
    roster = tmp_path / "truc.csv"
    roster.write_text("unit,day,session,member\n465,2019-09-02,am,465-01\n", encoding="utf-8")
    assert motcua("roster", "put", roster) == (0, "sessions 1, members 1\n")
    code, text = motcua("roster", "list", "--from", "2019-09-01", "--to", "2019-09-30")
    assert (code, text.splitlines()[-1]) == (0, "planned 1, due 1, covered 0, uncovered 1")
    printed = tmp_path / "truc.pdf"
    assert motcua("roster", "list", "--from", "2019-09-01", "--out", printed)[0] == 0
    assert printed.read_bytes().startswith(b"%PDF")
    roster.write_text("unit,day,session,member\nnope,2019-09-32,am,465-01\n", encoding="utf-8")
    code, text = motcua("roster", "put", roster)
    assert (code, text.count("dòng 2")) == (1, 2)


def test_a_month_is_closed_and_printed(motcua, tmp_path):
    code, text = motcua("stipends", "list", "--plan", PLAN, "--unit", "465")
    assert text.splitlines()[1].split() == ["465", "52", "50", "2", "2", "1500000", "VND"]
    assert code == 0
    code, text = motcua("stipends", "held", PLAN)
    assert len(text.splitlines()) == 3
    code, text = motcua("runs", "close", PLAN, "2019-09")
    assert code == 0
    assert "installs 50, amount 1500000" in text
    assert "một triệu năm trăm nghìn đồng" in text.lower()
    run = text.partition("run ")[2].partition(",")[0]
    assert motcua("runs", "list", "--plan", PLAN)[1].splitlines()[1].split()[:5] == (
        [run, PLAN, "2019-09", "50", "1500000"]
    )
    assert motcua("runs", "show", run)[1].count("465-0") == 8
    target = tmp_path / "bang.pdf"
    assert motcua("payroll", run, "--out", target)[0] == 0
    assert target.read_bytes().startswith(b"%PDF")
    assert motcua("payroll", run, "--out", tmp_path / "bang.doc")[0] == 2
    assert motcua("payroll", 99)[0] == 1
    code, text = motcua("stipends", "refuse", PLAN, "--document", "7/CV", "--unit", "465")
    assert (code, "decided 2" in text) == (0, True)
    assert motcua("stipends", "approve", PLAN, "--document", "8/CV", "--key", "nope")[0] == 1


def test_grants(motcua):
    asked = ("--obligation", "installer-list", "--unit", "QTR-DOAN-465", "--period", "once")
    code, text = motcua(
        "grants", "extend", PLAN, *asked, "--document", "9/CV", "--by", "2019-08-20"
    )
    assert (code, "version 2" in text) == (0, True)
    assert motcua("grants", "waive", PLAN, *asked, "--document", "10/CV")[0] == 0
    lines = motcua("grants", "list", PLAN)[1].splitlines()[1:]
    assert [line.split()[1] for line in lines] == ["extension", "waiver"]
    code, text = motcua("grants", "waive", "nope", *asked, "--document", "10/CV")
    assert code == 1


def test_an_instance_that_is_not_there(motcua, monkeypatch):
    monkeypatch.setenv("MOTCUA_QUOTA_URL", "http://127.0.0.1:1")
    assert motcua("stipends", "list")[0] == 3


def test_check_and_apply_say_the_same(motcua, tmp_path):
    file = tmp_path / "sai.yaml"
    file.write_text(
        "plan: sai\ntitle: Sai\nissued: {number: 1/KH}\nruns: {from: 2020-01-01, to: 2020-02-30}\n"
        "indicatrs: {}\n",
        encoding="utf-8",
    )
    code, checked = motcua("plan", "check", file)
    assert code == 1
    said = [line.removeprefix(f"{file}: ") for line in checked.splitlines()]
    assert [line.partition(":")[0] for line in said] == ["dòng 4", "dòng 5"]
    code, applied = motcua("plan", "apply", file)
    assert code == 1
    assert [line.strip() for line in applied.splitlines()[1:]] == said
