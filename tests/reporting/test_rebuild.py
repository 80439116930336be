"""`motcua rebuild reporting`: equal figures from the streams, while the present store answers."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time

import asyncpg
import pytest

from tests.builders import event, install, status, submitted
from tests.instance import ROOT, instance, wait_for

REPORTS = ("bieu-06", "on-time", "online-share", "data-quality", "overdue", "installs", "scorecard",
           "timeliness", "activity", "notices")  # fmt: skip


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("rebuild")) as made:
        for name in ("intake", "quota", "reporting"):
            made.start(name)
        for name in ("intake", "quota", "reporting"):
            made.wait_ready(name)
        made.apply_plan("quang-tri-mscore-2020")
        made.post(told(0))
        made.post(
            [event("record.voided", "v-1", "2020-03-09T08:00:00+07:00", of_source="/test",
                   of_id="D0-3-submitted", reason="Nhập nhầm")]
        )  # fmt: skip
        made.settle(("quota", "reporting"))
        yield made


def told(run):
    due = {"due_at": "2020-03-10T17:00:00+07:00"}
    made = []
    for n in range(60):
        made.append(submitted(f"D{run}-{n}", field=("Đất đai", "Hộ tịch")[n % 2], **due))
        if n % 3:
            made.append(
                status(f"D{run}-{n}", "result_ready", f"2020-03-{5 + n % 9:02}T10:00:00+07:00")
            )
    return made + [install(n + 100 * run, "462") for n in range(20)]


def answers(running):
    return {
        name: {key: answer[key] for key in ("rows", "total")}
        for name in REPORTS
        for answer in [running.get("reporting", f"/v1/reports/{name}", limit=1000)]
    }


def start(running):
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("MOTCUA_")},
        "DATABASE_URL": running.urls["reporting"],
        "NATS_URL": running.urls["nats"],
    }
    return subprocess.Popen(
        [sys.executable, "-m", "shared.cli.main", "rebuild", "reporting"],
        env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def store(running, statement):
    async def run():
        connection = await asyncpg.connect(running.urls["reporting"])
        try:
            return await connection.fetch(statement)
        finally:
            await connection.close()

    return asyncio.run(run())


def test_a_spoilt_store_is_rebuilt_while_it_answers(running):
    before = answers(running)
    assert before["bieu-06"]["total"]["received_total"] == 59
    running.http.post(
        running.url("reporting", "/v1/publications"),
        json={"report": "bieu-06", "title": "Biểu 06", "parameters": {"to": "2020-12-31"}},
    ).raise_for_status()
    store(running, "DELETE FROM statuses WHERE code LIKE 'D0-1%'")
    store(running, "TRUNCATE installs, pending, dossier_sums")
    spoilt = answers(running)
    assert spoilt["installs"] != before["installs"]
    assert spoilt["bieu-06"]["rows"] == []

    killed = start(running)  # at whatever it is doing after a moment
    time.sleep(1.5)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert answers(running)["on-time"]["total"] is not None

    process = start(running)
    while process.poll() is None:
        assert running.http.get(running.url("reporting", "/v1/reports/bieu-06")).status_code == 200
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
    output = process.stdout.read()
    assert process.returncode == 0, output
    assert "rebuilt from" in output
    assert answers(running) == before
    published = running.get("reporting", "/v1/publications")["publications"]
    assert len(published) == 1
    assert [row["nspname"] for row in store(
        running, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'reporting%'")
    ] == ["reporting"]  # fmt: skip


def test_what_comes_after_is_added_once(running):
    before = answers(running)["bieu-06"]["total"]["received_total"]
    running.post(told(0) + told(1))
    running.settle(("quota", "reporting"))
    wait_for(
        lambda: answers(running)["bieu-06"]["total"]["received_total"] == before + 60,
        30,
        lambda: str(answers(running)["bieu-06"]["total"]),
    )


def test_it_refuses_when_the_streams_lack_what_was_seen(running):
    store(running, "INSERT INTO inbox VALUES ('\\x00112233445566778899aabbccddeeff', now())")
    before = answers(running)
    process = start(running)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "motcua replay" in " ".join(output.split())
    assert answers(running) == before


def test_only_reporting_can_be_rebuilt(running):
    done = subprocess.run(
        [sys.executable, "-m", "shared.cli.main", "rebuild", "quota"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
