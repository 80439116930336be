"""Whole lists as files: equal to the report, in flat memory, with progress, until cancelled."""

import asyncio
import csv
import io
import json
import os
from pathlib import Path

import asyncpg
import pytest
from python_calamine import CalamineWorkbook

from services.reporting.handlers.exporting import sweep
from shared import clock
from tests.instance import instance, wait_for

LIST = "/v1/reports/overdue"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("exports")) as made:
        made.start("reporting")
        made.wait_ready("reporting")
        yield made


def fill(running, rows):
    """So many overdue dossiers of one unit, and the sum that counts them."""

    async def run():
        connection = await asyncpg.connect(running.urls["reporting"])
        try:
            await connection.execute("DELETE FROM overdue_spells; DELETE FROM dossier_sums")
            await connection.execute(
                "INSERT INTO overdue_spells SELECT 'H' || n, '461', '=1+1', NULL,"
                " DATE '2020-01-01' + n % 900, DATE '2020-01-02' + n % 900, DATE 'infinity',"
                " DATE '2020-01-01', DATE 'infinity', DATE '2000-01-01'"
                f" FROM generate_series(1, {rows}) n",
                timeout=300,
            )
            await connection.execute(
                "INSERT INTO dossier_sums SELECT '461', '', 'district', DATE '2000-01-01', l,"
                " CASE l WHEN 0 THEN DATE '2020-03-05' - DATE '0001-01-01' ELSE 2020 * 12 + 2 END,"
                f" DATE 'infinity', 0, 0, 0, 0, 0, {rows}, 0, 0, 0, 0, 0, 0"
                " FROM generate_series(0, 1) l"
            )
            await connection.execute("ANALYZE overdue_spells", timeout=60)
        finally:
            await connection.close()

    asyncio.run(run())


def start(running, form, **parameters):
    answer = running.http.post(
        running.url("reporting", "/v1/exports"),
        json={"report": "overdue", "format": form, "parameters": parameters},
    )
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/v1/exports/{answer.json()['id']}"
    return answer.json()["id"]


def finish(running, id, seconds=60):
    seen = []

    def done():
        shown = running.get("reporting", f"/v1/exports/{id}")
        seen.append(shown["rows"])
        return shown if shown["state"] != "running" else None

    shown = wait_for(done, seconds)
    assert seen == sorted(seen)
    return shown


def fetch(running, id):
    answer = running.http.get(running.url("reporting", f"/v1/exports/{id}/file"))
    assert answer.status_code == 200, answer.text
    return answer.content


def memory(running):
    """The most that reporting's process ever held, in MiB."""
    pid = running.processes["reporting-0"].pid
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) >> 10
    raise AssertionError("no VmHWM")


def export(running, rows):
    fill(running, rows)
    listed = running.get("reporting", LIST, limit=1000)
    before = memory(running)
    for form in ("xlsx", "csv", "json"):
        shown = finish(running, id := start(running, form), 900)
        assert (shown["state"], shown["rows"], shown["total"]) == ("done", rows, rows)
        content = fetch(running, id)
        if form == "json":
            found = json.loads(content)
            assert found[:1000] == listed["rows"]
        elif form == "csv":
            assert content.startswith(b"\xef\xbb\xbf")
            found = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
            assert [row["code"] for row in found[:1000]] == [row["code"] for row in listed["rows"]]
            assert found[0]["field"] == "'=1+1"
        else:
            sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
            head, *found = sheet.to_python()
            assert head[0] == "Mã hồ sơ"
            assert [row[0] for row in found[:1000]] == [row["code"] for row in listed["rows"]]
            assert {row[4] for row in found} == {"=1+1"}
        assert len(found) == rows
    return memory(running) - before


def test_every_row_is_in_the_file(running):
    export(running, 1_200)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_million_rows_take_no_more_memory(running):
    assert export(running, 1_000_000) < 150


def test_a_cancelled_export_stops(running):
    fill(running, 150_000)
    id = start(running, "xlsx")
    wait_for(lambda: running.get("reporting", f"/v1/exports/{id}")["rows"] > 0, 60)
    assert running.http.delete(running.url("reporting", f"/v1/exports/{id}")).status_code == 204
    shown = running.get("reporting", f"/v1/exports/{id}")
    assert (shown["state"], shown["file"]) == ("cancelled", None)
    assert shown["rows"] < 150_000
    answer = running.http.get(running.url("reporting", f"/v1/exports/{id}/file"))
    assert answer.status_code == 409
    wait_for(lambda: parts(running) == 0, 30)
    assert running.get("reporting", f"/v1/exports/{id}")["rows"] == shown["rows"]


def parts(running):
    async def run():
        connection = await asyncpg.connect(running.urls["reporting"])
        try:
            return await connection.fetchval(
                "SELECT count(*) FROM export_parts JOIN exports ON id = export"
                " WHERE state = 'cancelled'"
            )
        finally:
            await connection.close()

    return asyncio.run(run())


def test_what_a_killed_export_left_is_swept_away(tmp_path):
    now = clock.now()
    for name, age in (("motcua-export-old", 25), ("motcua-export-new", 23), ("other", 25)):
        (tmp_path / name).mkdir()
        file = tmp_path / name / "export.xlsx"
        file.write_bytes(b"PK")
        for path in (file, tmp_path / name):
            os.utime(path, times=(now.timestamp() - age * 3600,) * 2)
    sweep(tmp_path, now)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["motcua-export-new", "other"]


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_a_killed_export_is_seen_to_be_interrupted(running):
    fill(running, 150_000)
    id = start(running, "xlsx")
    wait_for(lambda: running.get("reporting", f"/v1/exports/{id}")["rows"] > 0, 60)
    running.kill("reporting")
    running.start("reporting")
    running.wait_ready("reporting")

    def state():
        return running.get("reporting", f"/v1/exports/{id}")["state"]

    assert wait_for(lambda: state() != "running" and state(), 120) == "interrupted"
    answer = running.http.get(running.url("reporting", f"/v1/exports/{id}/file"))
    assert answer.status_code == 409
    assert finish(running, start(running, "xlsx"), 120)["rows"] == 150_000


def test_faults_of_an_export_are_named(running):
    def post(**body):
        return running.http.post(running.url("reporting", "/v1/exports"), json=body).status_code

    assert post(report="moon") == 404
    assert post(report="overdue", format="pdf") == 422
    assert post(report="overdue", parameters={"to": "tomorrow"}) == 422
    wrong = {"report": "overdue", "format": "pdf", "parameters": {"to": "x", "unit": "x"}}
    answer = running.http.post(running.url("reporting", "/v1/exports"), json=wrong).json()
    assert {one["pointer"] for one in answer["errors"]} == {"/format", "/to", "/unit"}
    assert running.http.get(running.url("reporting", "/v1/exports/none")).status_code == 404
