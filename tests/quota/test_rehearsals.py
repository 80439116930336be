"""A draft run over what is stored: who would have met it, its pay, its messages; nothing stays."""

import asyncio
import json

import asyncpg
import pytest
from typer.testing import CliRunner

from shared.cli.errors import CommandError
from shared.cli.main import app
from tests.builders import event, install
from tests.instance import ADMIN, instance
from tests.quota.plans import small

DRAFT = small(
    plan="draft",
    indicators={
        "installs": {
            "title": "Số máy đã cài",
            "count": "install.recorded",
            "where": {"result": "succeeded"},
            "once_per": ["device"],
            "target": {"for": ["461", "462"], "at_least": 10},
            "stipend": {"amount": 30000, "currency": "VND", "to": "installer"},
        }
    },
    obligations={
        "list": {
            "owed_by": ["461", "462"],
            "owed_to": "QTR-TINHDOAN",
            "due": {"before": "2019-08-08"},
            "fulfilled_by": {"event": "report.filed"},
            "remind": [{"before_due": "1 working day", "to": "unit"}],
            "escalate": [{"after_due": "1 working day", "to": ["unit", "parent"]}],
        }
    },
    notices=[
        {"when": "quota.reached", "to": ["unit", "QTR-TINHDOAN"]},
        {"when": "deadline.slipped", "to": "unit"},
    ],
)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("rehearsals")) as made:
        for name in ("intake", "quota"):
            made.start(name)
        for name in ("intake", "quota"):
            made.wait_ready(name)
        filed = event(
            "report.filed", "list-461", "2019-08-05T10:00:00+07:00",
            unit="461", plan="draft", obligation="list", period="once",
        )  # fmt: skip
        sent = [install(n, "461") for n in range(12)] + [install(n, "462") for n in range(4)]
        assert {result["status"] for result in made.post([filed, *sent])} == {"accepted"}
        made.settle(("quota",))
        yield made


def rehearse(running, draft, status=200):
    answer = running.http.post(
        running.url("quota", "/v1/plans/rehearsals"), content=json.dumps(draft)
    )
    assert answer.status_code == status, answer.text
    return answer.json()


def tables(running):
    async def count():
        connection = await asyncpg.connect(running.urls["quota"])
        try:
            await connection.execute("SET search_path TO quota")
            names = ("plans", "counters", "counted", "memberships", "winners", "ledger", "outbox")
            return {
                name: await connection.fetchval(f"SELECT count(*) FROM {name}") for name in names
            }
        finally:
            await connection.close()

    return asyncio.run(count())


def test_a_draft_is_judged_and_forgotten(running):
    before = tables(running)
    answer = rehearse(running, DRAFT)
    assert {row["unit"]: (row["numerator"], row["state"]) for row in answer["rows"]} == {
        "461": (12, "met"),
        "462": (4, "missed"),
    }
    (summary,) = answer["indicators"]
    assert (summary["results"], summary["met"], summary["missed"]) == (2, 1, 1)
    stipends = answer["stipends"]
    assert (stipends["succeeded"], stipends["payable"], stipends["held"]) == (16, 14, 2)
    assert stipends["amount"] == 420_000
    # 462 hands nothing in: one reminder, then its office and what is above it are told.
    assert answer["messages"] == {
        "reminders": 1,
        "escalations": 2,
        "notices": {"deadline.slipped": 1, "quota.reached": 2},
        "total": 6,
    }
    assert tables(running) == before
    assert running.http.get(running.url("quota", "/v1/plans/draft")).status_code == 404
    assert rehearse(running, DRAFT) == answer


def test_a_bad_draft_is_refused(running):
    answer = rehearse(running, DRAFT | {"indicatoren": {}}, status=422)
    assert answer["errors"][0]["pointer"] == "/indicatoren"


def test_from_the_command_line(running, tmp_path, monkeypatch):
    file = tmp_path / "draft.yaml"
    file.write_text(json.dumps(DRAFT), encoding="utf-8")
    monkeypatch.setenv("MOTCUA_QUOTA_URL", running.url("quota"))
    monkeypatch.setenv("MOTCUA_KEY", ADMIN)
    said = CliRunner().invoke(app, ["plan", "rehearse", str(file)])
    assert said.exit_code == 0, said.output
    assert "Số máy đã cài: 1 đạt, 1 không đạt" in said.output
    assert "Chi trả: 14 lượt, 420.000 đồng; chờ quyết định: 2" in said.output
    assert "Tin nhắn: 6" in said.output

    said = CliRunner().invoke(app, ["plan", "apply", str(file)])
    assert said.exit_code == 0, said.output
    lines = said.output.splitlines()
    assert "thêm /title: " in said.output
    assert lines[-1] == "draft version 1 from 2019-08-05"
    file.write_text(json.dumps(DRAFT | {"title": "Tên khác"}), encoding="utf-8")
    said = CliRunner().invoke(app, ["plan", "apply", str(file), "--restate"])
    assert said.output.splitlines()[0] == 'đổi /title: "Cài ứng dụng" → "Tên khác"'
    assert said.output.splitlines()[-1] == "draft version 2 from 2019-08-05"


def test_a_day_that_no_calendar_has_is_a_fault_with_its_line(running, tmp_path, monkeypatch):
    file = tmp_path / "draft.yaml"
    file.write_text("plan: draft\ntitle: Thử\nruns: {from: 2027-02-30, to: 2027-12-31}\n", "utf-8")
    monkeypatch.setenv("MOTCUA_QUOTA_URL", running.url("quota"))
    monkeypatch.setenv("MOTCUA_KEY", ADMIN)
    said = CliRunner().invoke(app, ["plan", "apply", str(file)])
    assert isinstance(said.exception, CommandError)
    assert said.exception.code == 1
    assert "dòng 3: lỗi: 'from'" in str(said.exception)
