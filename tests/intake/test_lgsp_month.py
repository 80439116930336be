"""A month that reaches us by sync calls alone: the report counts what was counted by hand, and no
citizen's data lies anywhere but among the contacts."""

import asyncio
import json

import asyncpg
import pytest

from tests.instance import instance
from tests.intake.lgsp_client import dossier, step
from tests.intake.sync_calls import new_client

PHONE, EMAIL, NAME = "0900000133", "nguoi.nop.mau@example.org", "Người Nộp Hồ Sơ Kín"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("month")) as made:
        for name in ("intake", "reporting"):
            made.start(name)
        for name in ("intake", "reporting"):
            made.wait_ready(name)
        send_the_month(made)
        made.settle(("reporting",))
        yield made


def day(text, hour=9):
    """`09-05` as the calls write it."""
    return f"2019{text.replace('-', '')}{hour:02}0000" if text else ""


def filed(code, received, due, channel="1", status="2", **fields):
    made = dossier(
        code, NgayTiepNhan=day(received), NgayHenTra=day(due, 17), TrangThaiHoSo=status,
        ChuHoSo=NAME, SoDienThoai=PHONE, Email=EMAIL, TrichYeuHoSo=f"{NAME} {PHONE}",
        GhiChu=f"Gọi {PHONE}", MaDoiTuong="001090000133",
    )  # fmt: skip
    made["KenhThucHien"] = channel
    return made | fields


def ready(made, on, returned=""):
    status = "10" if returned else "9"
    return made | {
        "TrangThaiHoSo": status, "NgayKetThucXuLy": day(on, 15), "NgayTra": day(returned, 16),
    }  # fmt: skip


def supplement(asked, answered, old, new):
    return {
        "HoSoBoSungId": "1", "NoiDungBoSung": f"{NAME.upper()} thiếu giấy, gọi {PHONE}",
        "NgayBoSung": day(asked), "NgayTiepNhanBoSung": day(answered),
        "NgayHenTraTruoc": day(old, 17), "NgayHenTraMoi": day(new, 17),
    }  # fmt: skip


def send_the_month(running):
    client = new_client(running, "month", units=["461", "462"])

    def sync(*dossiers):
        for _ in range(2):
            assert client.sync(*dossiers)["error_code"] == "00"

    def progress(*entries):
        for _ in range(2):
            assert client.progress(*entries)["error_code"] == "00"

    old = filed("OLD", "08-10", "08-25")
    early, late = filed("A1", "08-20", "09-05"), filed("A2", "08-26", "08-30")
    exact, absent = filed("A3", "09-02", "09-10", "2"), filed("A4", "09-03", "09-12", "")
    post = filed("A5", "09-05", "09-15", "3")
    asked = filed("A6", "09-06", "09-13", "2")
    moved, mended = filed("A14", "09-16", "09-20", "2"), filed("A15", "09-17", "09-20")
    other = filed("B1", "09-04", "09-14", "2", DonViXuLy="TX QUANG TRI")
    sync(old, early, late, exact, absent, post, asked, moved, mended, other)
    sync(ready(old, "08-20"), ready(early, "09-04"), ready(late, "09-03"), ready(exact, "09-10"))
    sync(ready(absent, "09-11", "09-14"), ready(post, "09-20"))
    first = supplement("09-10", "", "09-13", "")
    sync(asked | {"TrangThaiHoSo": "5", "DanhSachHoSoBoSung": [first]})
    second = supplement("09-10", "09-16", "09-13", "09-19")
    sync(asked | {"TrangThaiHoSo": "4", "DanhSachHoSoBoSung": [second]})
    sync(ready(asked, "09-19") | {"DanhSachHoSoBoSung": [second]})
    sync(filed("A7", "09-08", "", status="1"), filed("A8", "09-08", "", status="3"))
    sync(filed("A9", "09-09", "", "2"), filed("A10", "09-10", "09-17"))
    sync(filed("A11", "09-20", "10-05", "2"), filed("A12", "09-12", "09-20"))
    sync(filed("A13", "09-30", "09-30"))
    sync(ready(moved | {"NgayHenTra": day("09-27", 17)}, "09-26"))
    sync(ready(mended, "09-25"))
    sync(ready(mended, "09-18"))
    progress(
        step("A9", 7, day("09-11"), NoiDungXuLy=f"{NAME} rút hồ sơ, {PHONE}"),
        step("A10", 4, day("09-11"), PhongBanXuLy="Phòng TN&MT", NguoiXuLy="Cán bộ mẫu"),
        step("A12", 5, day("09-18"), NoiDungXuLy=f"Người nộp: {NAME}, {EMAIL}"),
        step("B1", 8, day("09-12")),
    )
    bad = filed("BAD", "09-31", "", SoDienThoai=PHONE)
    assert client.sync(bad)["error_code"] == "06"
    assert client.sync(filed("HELD", "09-12", "", DonViXuLy=f"Nơi lạ {PHONE}"))["held"] == 1


def test_form_06_counts_what_was_counted_by_hand(running):
    asked = {"from": "2019-09-01", "to": "2019-09-30"}
    answer = running.get("reporting", "/v1/reports/bieu-06", by="unit", **asked)
    figures = {row["unit"]: row for row in answer["rows"]}
    assert {name: value for name, value in figures["461"].items() if isinstance(value, int)} == {
        "received_total": 13, "received_online": 5, "received_counter_post": 6, "carried_over": 2,
        "resolved_total": 9, "resolved_early": 4, "resolved_on_time": 3, "resolved_late": 2,
        "pending_total": 4, "pending_within_due": 3, "pending_overdue": 1,
    }  # fmt: skip
    assert {name: value for name, value in figures["462"].items() if isinstance(value, int)} == {
        "received_total": 1, "received_online": 1, "received_counter_post": 0, "carried_over": 0,
        "resolved_total": 0, "resolved_early": 0, "resolved_on_time": 0, "resolved_late": 0,
        "pending_total": 1, "pending_within_due": 1, "pending_overdue": 0,
    }  # fmt: skip
    by_field = running.get("reporting", "/v1/reports/bieu-06", by="field", **asked)
    assert by_field["total"]["received_total"] == 14


def test_citizens_data_lie_among_the_contacts_alone(running):
    secrets = [PHONE, PHONE[1:], EMAIL, NAME, NAME.upper(), "001090000133"]

    async def dump():
        found = {}
        for service in ("intake", "reporting"):
            connection = await asyncpg.connect(running.urls[service])
            names = await connection.fetch(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = $1", service
            )
            for (name,) in names:
                where = "WHERE stream = 'CONTACTS'" if name == "outbox" else "WHERE false"
                query = f'SELECT * FROM "{service}"."{name}"'
                rows = await connection.fetch(query)
                private = await connection.fetch(f"{query} {where}") if name == "outbox" else []
                private = {row["id"] for row in private}
                for row in rows:
                    kind = "contacts" if name == "outbox" and row["id"] in private else "open"
                    text = " ".join(
                        bytes(v).decode("utf-8", "replace") if isinstance(v, bytes) else str(v)
                        for v in row.values()
                    )
                    found.setdefault((service, name, kind), []).append(text)
            await connection.close()
        return found

    tables = {place: "\n".join(rows) for place, rows in asyncio.run(dump()).items()}
    assert {"lgsp_dossiers", "held_items", "quarantine"} <= {name for _, name, _ in tables}
    for place, text in tables.items():
        leaked = [secret for secret in secrets if secret in text]
        if place[2] == "contacts":
            assert {PHONE[1:], EMAIL, NAME} <= set(leaked)
        else:
            assert leaked == [], place
    for service in ("intake", "reporting"):
        shown = running.log(service) + running.http.get(running.url(service, "/metrics")).text
        assert not [secret for secret in secrets if secret in shown]
    answers = [
        running.get("intake", "/v1/quarantine"),
        running.get("intake", "/v1/mappings"),
        running.get("reporting", "/v1/reports/overdue"),
    ]
    assert not [secret for secret in secrets if secret in json.dumps(answers, ensure_ascii=False)]
