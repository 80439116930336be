"""`motcua import`, and what becomes of a list when intake is killed under it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import python_calamine

from tests.instance import ADMIN, ROOT, instance, wait_for
from tests.intake.lists import (
    INSTALLS,
    counts,
    finished,
    install_row,
    own_source,
    published,
    save,
    send,
    sheet,
    work,
    workbook,
)

ROWS = 6000


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("command")) as made:
        made.extra["MOTCUA_IMPORT_LEASE_SECONDS"] = "3"
        for name in ("intake", "quota", "notify"):
            made.start(name)
        for name in ("intake", "quota", "notify"):
            made.wait_ready(name)
        yield made


def motcua(running, *argv):
    urls = {f"MOTCUA_{n.upper()}_URL": running.url(n) for n in ("intake", "quota", "notify")}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MOTCUA_")}
    return subprocess.Popen(
        [sys.executable, "-m", "shared.cli.main", "import", *map(str, argv)],
        cwd=ROOT,
        env={**kept, **urls, "MOTCUA_KEY": ADMIN},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(running, *argv):
    process = motcua(running, *argv)
    out, err = process.communicate(timeout=90)
    return process.returncode, out.splitlines(), err


def test_counts_and_the_sheet_of_errors(running, tmp_path):
    rows = [INSTALLS, install_row(1), install_row(2, result="chịu"), install_row(1)]
    file = save(tmp_path, workbook(rows), "tháng 8.xlsx")
    code, out, _ = run(running, file, "--as", "installs", "--source", "/command/one")
    assert code == 1
    beside = tmp_path / "tháng 8-loi.xlsx"
    assert out == [
        "rows 3", "accepted 1", "duplicate 1", "refused 1", "repaired 0", f"errors {beside}",
    ]  # fmt: skip
    book = python_calamine.CalamineWorkbook.from_path(str(beside))
    given = book.get_sheet_by_index(0).to_python()
    assert given[2][9] == "Kết quả: chỉ nhận: Thành công, Không thành công"

    given[2][8] = "Thành công"
    mended = save(tmp_path, workbook(given), "mended.xlsx")
    elsewhere = tmp_path / "out.xlsx"
    argv = (mended, "--as", "installs", "--source", "/command/one", "--errors", elsewhere)
    code, out, _ = run(running, *argv)
    assert code == 0
    assert out == [
        "rows 3", "accepted 1", "duplicate 2", "refused 0", "repaired 0", f"errors {elsewhere}",
    ]  # fmt: skip


async def test_a_list_loaded_afterwards_marks_its_events(running, tmp_path):
    file = save(tmp_path, workbook([INSTALLS, install_row(1), install_row(2)]))
    argv = (file, "--as", "installs", "--source", "/command/backfill", "--backfill")
    assert run(running, *argv)[0] == 0
    running.settle(())
    events = own_source(await published(running), "/command/backfill")
    assert [event.get("backfill") for event in events] == [True, True]
    argv = (file, "--as", "installs", "--source", "/command/x", "--set", "backfill=yes")
    code, _, err = run(running, *argv)
    assert code == 1
    assert "/backfill" in err


def test_people_columns_given_and_whole_files_refused(running, tmp_path):
    file = save(
        tmp_path, "Họ tên;SĐT\nNgười Mẫu;0900000001\nNgười Hai;0900000002\n".encode(), "a.csv"
    )
    argv = (file, "--as", "patients", "--unit", "QTR-BVDK", "--period", "2020-01")
    code, out, _ = run(running, *argv, "--delivered", "03/02/2020")
    assert (code, out) == (
        0, ["rows 2", "accepted 2", "duplicate 0", "refused 0", "repaired 0", "eligible 2"],
    )  # fmt: skip
    code, out, _ = run(running, file, "--as", "reports", "--set", "plan=p")
    assert code == 1
    assert out[0] == "failed: Không tìm thấy dòng tiêu đề trong 40 dòng đầu. Cần các cột: Đơn vị;" \
        " Ngày nộp; Mã nghĩa vụ; Kỳ báo cáo."  # fmt: skip
    code, out, err = run(running, file, "--as", "pupils")
    assert (code, out) == (2, [])
    assert "installs" in err
    pdf = save(tmp_path, b"%PDF-1.7", "b.xlsx")
    code, out, err = run(running, pdf, "--as", "installs")
    assert (code, out) == (1, [])
    assert "PDF" in err
    assert run(running, tmp_path / "none.xlsx", "--as", "installs")[0] == 2
    assert run(running, file, "--as", "patients", "--set", "rubbish")[0] == 2


def test_installers_and_officers_are_registered_where_they_are_kept(running, tmp_path):
    headings = ["Mã người cài", "Họ tên", "Nơi công tác", "Số điện thoại", "Địa chỉ"]
    rows = [
        ["461-01", "NGƯỜI CÀI MỘT", "Đoàn phường", "0900000001", "Khu phố 1"],
        ["461-02", "Người Cài Hai", "Đoàn phường", "0900000002", "Khu phố 2"],
        ["461-02", "Người Cài Hai", "Đoàn phường", "0900000002", "Khu phố 2"],
        ["461-03", "Người Cài Ba", "Đoàn phường", None, "Khu phố 3"],
        [None, "Người Cài Bốn", "Đoàn phường", "0900000004", "Khu phố 4"],
    ]
    file = save(tmp_path, workbook([headings, *rows]))
    code, out, _ = run(running, file, "--as", "installers", "--unit", "461")
    assert (code, out[:4]) == (1, ["rows 5", "accepted 3", "duplicate 1", "refused 1"])
    assert out[-1] == "registered 2"
    people = running.get("quota", "/v1/people", unit="461")["people"]
    assert [(p["code"], p["name"], p["role"], p["valid_from"]) for p in people] == [
        ("461-01", "Người Cài Một", "installer", "2000-01-01"),
        ("461-02", "Người Cài Hai", "installer", "2000-01-01"),
    ]

    def officers(*listed):
        rows = [["Đơn vị", "Họ tên", "Số điện thoại", "Đến hết ngày"], *map(list, listed)]
        return save(tmp_path, workbook(rows), "officers.xlsx")

    first = officers(
        ("461", "Cán Bộ Một", "0900000011", "31/12/2024"), ("462", "Cán Bộ Hai", 900000012, None)
    )
    code, out, _ = run(running, first, "--as", "officers")
    assert (code, out[-1]) == (0, "registered 2")
    code, out, _ = run(
        running, officers(("462", "Cán Bộ Ba", "0900000013", None)), "--as", "officers"
    )
    assert (code, out[-1]) == (0, "registered 1")
    kept = running.get("notify", "/v1/officers")["officers"]
    assert sorted((o["unit"], o["name"], o["phone"], o["valid_to"]) for o in kept) == [
        ("461", "Cán Bộ Một", "+84900000011", "2025-01-01"),
        ("462", "Cán Bộ Ba", "+84900000013", None),
    ]


def many(first, count):
    rows = [install_row(n, unit="466") for n in range(first, first + count)]
    rows[10][8] = "chịu"
    return workbook([INSTALLS, *rows])


async def test_a_killed_intake_goes_on_and_no_row_counts_twice(running):
    id = send(running, many(1, ROWS), "installs", source="/command/killed").json()["id"]

    def begun():
        return running.get("intake", f"/v1/imports/{id}")["progress"]["done"]

    for killed in range(2):
        before = wait_for(begun, 60)
        assert killed or before < ROWS  # killed the first time in the middle
        running.kill("intake")
        running.start("intake")
        running.wait_ready("intake")
        assert running.get("intake", f"/v1/imports/{id}")["progress"]["done"] >= before
    job = finished(running, id, 120)
    assert (job["state"], counts(job)) == ("done", (ROWS, ROWS - 1, 0, 1))
    running.settle(("intake",))
    events = own_source(await published(running), "/command/killed")
    assert len(events) == ROWS - 1
    assert len({event["id"] for event in events}) == ROWS - 1


def resident(running):
    """The most memory that intake has held, in bytes."""
    status = (Path("/proc") / str(running.processes["intake-0"].pid) / "status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


def leave_memory(running, first, count, most):
    """A list of ``count`` rows is read, checked and marked in less than ``most`` bytes more."""
    source = f"/command/large-{count}"
    small = work(running, many(first, 400), "installs", source=source)
    assert counts(small) == (400, 399, 0, 1)
    before = resident(running)
    content = many(first + 1000, count)
    id = send(running, content, "installs", source=source).json()["id"]
    job = finished(running, id, 250)
    assert counts(job) == (count, count - 1, 0, 1)
    assert resident(running) - before < most
    marked = sheet(running, id)
    assert len(marked) == count + 1
    assert [row[9] != "" for row in marked].count(True) == 2


def test_a_long_list_leaves_memory_as_it_was(running):
    leave_memory(running, 100_001, 5_000, 8 << 20)


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_a_hundred_thousand_rows_leave_memory_as_it_was(running):
    leave_memory(running, 200_001, 10_000, 8 << 20)
    leave_memory(running, 300_001, 100_000, 64 << 20)


def test_a_break_of_the_command_is_mended_by_running_it_again(running, tmp_path):
    file = save(tmp_path, many(20_001, 1500))
    argv = (file, "--as", "installs", "--source", "/command/break")
    process = motcua(running, *argv)

    def jobs():
        listed = running.get("intake", "/v1/imports")["imports"]
        return [job for job in listed if job["given"].get("source") == "/command/break"]

    wait_for(jobs, 60)
    process.kill()
    process.wait()
    code, out, _ = run(running, *argv)
    accepted = sum(job["accepted"] for job in jobs())
    assert (code, accepted) == (1, 1499)
    assert out[3] == "refused 1"


async def test_one_of_two_replicas_works_a_list_and_the_other_takes_it_over(running):
    running.start("intake", 1)
    running.wait_ready("intake", 1)
    content = many(50_001, 1500)
    first = send(running, content, "installs", source="/command/two", replica=0).json()["id"]
    second = send(running, content, "installs", source="/command/two", replica=1).json()["id"]
    other = work(running, workbook([INSTALLS, install_row(99_999)]), "installs")
    assert counts(other) == (1, 1, 0, 0)
    if second != first:  # it was quick: the second upload came after the end of the first
        assert counts(finished(running, second)) == (1500, 0, 1499, 1)
    running.kill("intake", 1)
    job = finished(running, first, 120)
    assert counts(job) == (1500, 1499, 0, 1)
    running.settle(("intake",))
    assert len(own_source(await published(running), "/command/two")) == 1499
