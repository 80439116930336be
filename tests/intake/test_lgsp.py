"""The national sync address through its front door, by a client that behaves as real ones do."""

import contextlib
import json
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import httpx
import pytest

from tests.instance import ADMIN, instance, wait_for
from tests.intake.lgsp_client import LgspClient, dossier, golden, step
from tests.intake.sync_calls import (
    day,
    events_of,
    new_client,
    new_key,
    query,
    statuses_of,
    told,
)

VN = timezone(timedelta(hours=7))
STATUSES = [
    "registered", "received", "refused", "in_process", "supplement_requested",
    "payment_requested", "withdrawn", "stopped", "result_ready", "returned",
]  # fmt: skip


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("lgsp")) as made:
        made.start("intake")
        made.start("intake", replica=1)
        made.wait_ready("intake")
        made.wait_ready("intake", replica=1)
        yield made


@pytest.fixture(scope="module")
def client(running):
    return new_client(running, "motcua-461", units=["461"])


# -- sessions --------------------------------------------------------------------------------


def test_golden_calls(running):
    key = new_key(running, "motcua-461-vi-du", units=["461"])
    base = running.url("intake")
    body = golden("lgsp-login.request") | {"username": "motcua-461-vi-du", "password": key["key"]}
    answer = httpx.post(f"{base}/lgsp/login", json=body, headers={"dstcode": "x"})
    assert answer.status_code == 200
    assert answer.json()["error_code"] == golden("lgsp-login.response")["error_code"]
    for name in ("lgsp-DongBoHoSoMC.request", "lgsp-CapNhatTienDoHoSoMC.request"):
        body = golden(name) | {"session": answer.json()["session"]}
        for expected in ("accepted", "duplicate"):
            told_back = httpx.post(f"{base}/lgsp/service", json=body).json()
            assert told_back["error_code"] == "00", told_back
            assert statuses_of(told_back) == [expected]
    code = "000.00.24.H50-190805-0013"
    first, received, moved = events_of(running, code)
    assert first["data"]["channel"] == "counter"
    assert first["data"]["assumed"] == ["channel"]
    assert first["data"]["authority"] == "district"
    assert first["data"]["applicant_kind"] == "person"
    assert first["data"]["return_by"] == "counter"
    assert first["data"]["quality"] == {"name": "present", "phone": "present", "email": "missing"}
    assert first["source"] == "/lgsp/461"
    for name in ("submitted_at", "received_at"):
        assert day(first["data"][name]) == "2019-08-05 08:45"
    assert day(first["data"]["due_at"]) == "2019-08-12 17:00"
    assert (received["data"]["status"], day(received["data"]["at"])) == (
        "received", "2019-08-05 08:45",
    )  # fmt: skip
    assert (moved["data"]["status"], day(moved["data"]["at"])) == (
        "in_process", "2019-08-06 08:00",
    )  # fmt: skip


def test_login_by_the_secret_part_alone_and_wrong_ones(running):
    key = new_key(running, "Một cửa Đông Hà")
    base = running.url("intake")
    short = key["key"].split("_", 2)[2]
    decomposed = unicodedata.normalize("NFD", "Một cửa Đông Hà")
    good = LgspClient(base, decomposed, short)
    assert good.log_in()["error_code"] == "00"
    assert LgspClient(base, "admin", ADMIN).log_in()["error_code"] == "00"
    for name, password in (
        ("Một cửa Đông Hà", short + "x"),
        ("another", key["key"]),
        ("", ""),
        ("Một cửa Đông Hà\0", short),
        ("x" * 1000, "y" * 1000),
        (5, None),
    ):
        answer = LgspClient(base, name, password).log_in()
        assert answer["error_code"] == "01"
        assert "session" not in answer
        assert answer["message"].startswith("Tên đăng nhập")
    reader = new_key(running, "only-reads", scopes=["reports:read"])
    answer = LgspClient(base, "only-reads", reader["key"]).log_in()
    assert answer["error_code"] == "07"


def test_session_holds_across_replicas_and_ends_with_its_key(running):
    key = new_key(running, "soon-revoked")
    one = LgspClient(running.url("intake"), "soon-revoked", key["key"])
    two = LgspClient(running.url("intake", "", 1), "soon-revoked", key["key"])
    one.log_in()
    two.session = one.session
    assert two.sync(dossier("R-1"))["error_code"] == "00"
    assert two.logins == 0
    assert running.http.delete(running.url("intake", f"/v1/keys/{key['id']}")).status_code == 200
    for each in (one, two):
        answer = each.send("TraCuuHoSo", mahoso="R-1")
        assert answer == {
            "error_code": "02",
            "message": "Phiên làm việc không hợp lệ hoặc đã hết hạn, hãy đăng nhập lại.",
        }
    assert query(running, "SELECT count(*) FROM lgsp_sessions")[0][0] > 0
    tokens = query(running, "SELECT convert_from(payload, 'UTF8') FROM outbox")
    assert one.session not in str(tokens)


@pytest.mark.parametrize("integer", [False, True])
def test_expired_session_is_renewed_by_the_client(running, integer):
    name = f"expiring-{integer}"
    client = new_client(running, name, integer=integer)
    client.log_in()
    old = client.session
    query(
        running,
        "UPDATE lgsp_sessions SET expires_at = now() - interval '1 second' FROM keys"
        " WHERE keys.id = key_id AND keys.name = $1",
        name,
    )
    assert client.sync(dossier(f"E-{integer}"))["error_code"] == "00"
    assert client.logins == 2
    assert client.session != old


# -- dossiers --------------------------------------------------------------------------------


def test_all_ten_statuses(running, client):
    before = datetime.now(VN)
    sent = [
        dossier(
            f"S-{number}",
            TrangThaiHoSo=str(number) if number % 2 else number,
            KenhThucHien="2",
            NgayKetThucXuLy="20190809100000" if number >= 9 else "",
            NgayTra="20190809153000" if number == 10 else "",
        )
        for number in range(1, 11)
    ]
    assert statuses_of(client.sync(*sent)) == ["accepted"] * 10
    assert statuses_of(client.sync(*sent, updating="True")) == ["duplicate"] * 10
    for number, name in enumerate(STATUSES, 1):
        first, *rest = events_of(running, f"S-{number}")
        assert (first["data"]["channel"], "assumed" in first["data"]) == ("online", False)
        assert ("received_at" in first["data"]) == (number not in (1, 3))
        names = [each["data"]["status"] for each in rest]
        assert names == (["result_ready", "returned"] if number == 10 else [name])
        at = datetime.fromisoformat(rest[-1]["data"]["at"])
        if number == 2:
            assert day(rest[-1]["data"]["at"]) == "2019-08-05 08:45"
        elif number == 9:
            assert day(rest[-1]["data"]["at"]) == "2019-08-09 10:00"
        elif number == 10:
            assert day(rest[0]["data"]["at"]) == "2019-08-09 10:00"
            assert day(rest[-1]["data"]["at"]) == "2019-08-09 15:30"
            assert day(rest[-1]["data"]["returned_at"]) == "2019-08-09 15:30"
        else:
            assert before - timedelta(seconds=1) <= at <= datetime.now(VN)


def test_progress_with_all_ten_statuses(running, client):
    client.sync(dossier("P-1"))
    entries = [step("P-1", number, f"201908{number + 5:02}080000") for number in range(1, 11)]
    assert statuses_of(client.progress(*entries)) == ["accepted"] * 10
    assert statuses_of(client.progress(*entries)) == ["duplicate"] * 10
    more = [*entries, step("P-1", 10, "20190816090000", PhongBanXuLy="Phòng TN&MT")]
    assert statuses_of(client.progress(*more)) == ["duplicate"] * 10 + ["accepted"]
    found = told(running, "P-1")
    assert [name for name, _ in found] == ["submitted", "received", *STATUSES, "returned"]
    assert day(found[4][1]) == "2019-08-08 08:00"
    last = events_of(running, "P-1")[-1]["data"]
    assert last["department"] == "Phòng TN&MT"
    assert "returned_at" not in last


def test_progress_before_its_dossier(running, client):
    assert statuses_of(client.progress(step("P-2", 4, "20190806080000"))) == ["accepted"]
    assert statuses_of(client.sync(dossier("P-2"))) == ["accepted"]
    assert [name for name, _ in told(running, "P-2")] == ["in_process", "submitted", "received"]


def test_a_b_a_are_three_events_and_repeats_none(running, client):
    first, second = dossier("ABA"), dossier("ABA", NgayHenTra="20190820170000")
    for given in (first, first, second, second, first, first, second):
        client.sync(given)
    events = events_of(running, "ABA")
    dues = [day(each["data"]["due_at"]) for each in events if "due_at" in each["data"]]
    assert dues == ["2019-08-12 17:00", "2019-08-20 17:00"] * 2
    assert len({each["id"] for each in events}) == len(events) == 5
    times = [each["time"] for each in events if "due_at" in each["data"]]
    assert times == sorted(set(times))
    for status in (4, 5, 4, 4, 5):
        client.sync(dossier("ABA", NgayHenTra="20190820170000", TrangThaiHoSo=str(status)))
    names = [name for name, _ in told(running, "ABA")][5:]
    assert names == ["in_process", "supplement_requested"] * 2
    for status in (4, 6, 4, 4):
        client.progress(step("ABA", status))
    names = [name for name, _ in told(running, "ABA")][9:]
    assert names == ["in_process", "payment_requested", "in_process"]


def test_a_due_date_ahead_moves_from_now_on(running, client):
    now = datetime.now(VN)
    key = "%Y%m%d%H%M%S"
    filed, due, later = (now + timedelta(days=n) for n in (-3, 2, 9))
    new = new_client(running, "live", madonvi="19333")
    given = dossier(
        "LIVE", DonViXuLy="Phường Đông Hà", NgayTiepNhan=filed.strftime(key),
        NgayHenTra=due.strftime(key),
    )  # fmt: skip
    new.sync(given)
    new.sync(given | {"NgayHenTra": later.strftime(key)})
    new.sync(given | {"NgayHenTra": later.strftime(key)})
    first, received, moved = events_of(running, "LIVE")
    assert received["data"]["at"] < moved["data"]["at"]
    assert moved["data"]["status"] == "received"
    assert day(first["data"]["due_at"]) == due.strftime("%Y-%m-%d %H:%M")
    assert day(moved["data"]["due_at"]) == later.strftime("%Y-%m-%d %H:%M")
    assert datetime.fromisoformat(moved["data"]["at"]) >= now - timedelta(seconds=1)
    assert first["data"]["authority"] == "commune"


def test_supplements_with_old_and_new_due_dates(running, client):
    asked = {
        "HoSoBoSungId": "BS-1", "NoiDungBoSung": "Thiếu bản sao, gọi 0900000126",
        "NgayBoSung": "20190807100000", "NgayTiepNhanBoSung": "", "TrangThaiBoSung": "",
        "NgayHenTraTruoc": "20190812170000", "NgayHenTraMoi": "",
    }  # fmt: skip
    answered = asked | {
        "NgayTiepNhanBoSung": "20190809080000", "NgayHenTraMoi": "20190814170000",
    }  # fmt: skip
    client.sync(dossier("BS"))
    for _ in range(2):
        client.sync(dossier("BS", TrangThaiHoSo="5", DanhSachHoSoBoSung=[asked]))
    for _ in range(2):
        client.sync(dossier("BS", TrangThaiHoSo="4", DanhSachHoSoBoSung=[answered]))
    events = [each["data"] for each in events_of(running, "BS")][2:]
    assert [
        (each["status"], day(each["at"]), day(each["due_at"])) for each in events
    ] == [
        ("supplement_requested", "2019-08-07 10:00", "2019-08-12 17:00"),
        ("in_process", "2019-08-09 08:00", "2019-08-14 17:00"),
    ]  # fmt: skip
    assert events[0]["reason"] == "Thiếu bản sao, gọi […]"
    client.sync(dossier("BS-2", TrangThaiHoSo="4", DanhSachHoSoBoSung=[answered]))
    assert [name for name, _ in told(running, "BS-2")] == [
        "submitted", "supplement_requested", "in_process",
    ]  # fmt: skip


def test_a_corrected_result_date_takes_the_wrong_one_back(running, client):
    wrong = dossier("FIX", TrangThaiHoSo="9", NgayKetThucXuLy="20190820100000")
    client.sync(wrong)
    client.sync(wrong | {"NgayKetThucXuLy": "20190810100000"})
    events = events_of(running, "FIX")
    ready = [each for each in events if each["data"].get("status") == "result_ready"]
    assert [day(each["data"]["at"]) for each in ready] == ["2019-08-20 10:00", "2019-08-10 10:00"]
    voids = query(
        running,
        "SELECT payload FROM outbox WHERE subject = 'motcua.events.record.voided._'",
    )
    taken_back = [json.loads(payload)["data"]["of_id"] for (payload,) in voids]
    assert taken_back.count(ready[0]["id"]) == 1
    assert ready[1]["id"] not in taken_back


def test_one_bad_dossier_leaves_ninety_nine(running, client):
    sent = [dossier(f"N-{number:03}") for number in range(100)]
    sent[41] |= {"NgayHenTra": "20190231170000", "SoDienThoai": "0900000141", "MaTTHC": ""}
    answer = client.sync(*sent)
    assert answer["error_code"] == "06"
    assert "1 bị từ chối" in answer["message"]
    bad = [item for item in answer["result"] if item["status"] == "refused"]
    assert [item["index"] for item in bad] == [41]
    assert bad[0]["MaHoSo"] == "N-041"
    assert [(e["field"], e["code"], e["kind"]) for e in bad[0]["errors"]] == [
        ("NgayHenTra", "bad_date", "text of 14 digits"),
        ("MaTTHC", "missing", "empty"),
    ]
    assert "0900000141" not in json.dumps(answer)
    found = query(running, "SELECT count(*) FROM lgsp_dossiers WHERE code LIKE 'N-%'")
    assert found == [(99,)]
    quarantined = running.get("intake", "/v1/quarantine", source="/lgsp/461")["quarantine"]
    assert "0900000141" not in json.dumps(quarantined)
    fields = [error["pointer"] for row in quarantined for error in row["errors"]]
    assert {"/NgayHenTra", "/MaTTHC"} <= set(fields)
    sent[41] |= {"NgayHenTra": "20190228170000", "MaTTHC": "1.005129"}
    again = client.sync(*sent)
    assert again["error_code"] == "00"
    assert statuses_of(again).count("duplicate") == 99
    assert statuses_of(again)[41] == "accepted"


def test_empty_strings_and_unknown_fields(running, client):
    bare = dict.fromkeys(dossier("x"), "") | {
        "MaHoSo": "EMPTY", "MaTTHC": "1.005129", "MaLinhVuc": "DD", "NgayTiepNhan": "20190805084500",
        "TrangThaiHoSo": "2", "KenhThucHien": "", "TaiLieuNop": "", "TruongLa": {"a": [1, None]},
    }  # fmt: skip
    answer = client.call("DongBoHoSoMC", isUpdating="", data=[bare], them="")
    assert answer["error_code"] == "00"
    assert [note["code"] for note in answer["result"][0]["notes"]] == ["assumed_counter"]
    first = events_of(running, "EMPTY")[0]["data"]
    assert first["unit"] == "461"
    assert first["field"] == "DD"
    assert first["quality"] == {"name": "missing", "phone": "missing", "email": "missing"}
    update = dict.fromkeys(bare, "") | {"MaHoSo": "EMPTY", "TrangThaiHoSo": "8"}
    assert statuses_of(client.sync(update, updating=True)) == ["accepted"]
    assert told(running, "EMPTY")[-1][0] == "stopped"
    answer = client.sync(update | {"MaHoSo": "NEVER-SEEN"})
    assert {e["field"] for e in answer["result"][0]["errors"]} == {
        "MaTTHC", "TenLinhVuc", "NgayTiepNhan",
    }  # fmt: skip


def test_unit_by_name_or_code(running, client):
    names = [
        "Thành phố Đông Hà",
        "THANH PHO DONG HA",
        unicodedata.normalize("NFD", "Thành phố Đông Hà"),
        "  tp.  Đông Hà ",
        "461",
        "",
    ]
    for number, name in enumerate(names):
        assert client.sync(dossier(f"U-{number}", DonViXuLy=name))["error_code"] == "00"
        assert events_of(running, f"U-{number}")[0]["data"]["unit"] == "461"


def test_look_up(running, client):
    assert not client.knows("LOOK")
    client.sync(dossier("LOOK", TrangThaiHoSo="4"))
    assert client.knows("LOOK")
    shown = {"MaHoSo": "LOOK", "TrangThaiHoSo": "4", "NgayHenTra": "20190812170000"}
    for body in ({"MaHoSo": "LOOK"}, {"data": {"mahoso": "LOOK"}}, {"data": [{"MaHoSo": "LOOK"}]}):
        answer = client.call("TraCuuHoSo", **body)
        assert (answer["error_code"], answer["result"]) == ("00", [shown])
    other = new_client(running, "looks-elsewhere", units=["462"])
    assert not other.knows("LOOK")
    assert client.send("TraCuuHoSo")["error_code"] == "05"


def test_keys_bounds_hold(running):
    bound = new_client(running, "bound-462", units=["462"])
    bound.log_in()
    given = [dossier("B-1"), dossier("B-2", DonViXuLy="Thị xã Quảng Trị")]
    answer = bound.send("DongBoHoSoMC", data=given)
    assert statuses_of(answer) == ["refused", "accepted"]
    assert answer["result"][0]["errors"][0]["code"] == "unit_not_allowed"
    assert events_of(running, "B-1") == []
    source = new_client(running, "bound-source", sources=["/lgsp/462"])
    assert source.sync(dossier("B-3"))["error_code"] == "07"
    source.madonvi = "462"
    assert source.sync(dossier("B-3"))["error_code"] == "00"


# -- rubbish ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "03"),
        (b"\xff\xfe", "03"),
        (b"{", "03"),
        (b"[]", "03"),
        (b"null", "03"),
        (b"[" * 5000, "03"),
        (b"{}", "02"),
        (b'{"session": 5}', "02"),
        (b'{"session": "\\u0000"}', "02"),
    ],
)
def test_rubbish_is_answered_with_200(running, body, code):
    for path, expected in (("service", code), ("login", "03" if code == "03" else "01")):
        answer = httpx.post(running.url("intake", f"/lgsp/{path}"), content=body)
        assert answer.status_code == 200
        assert answer.json()["error_code"] == expected
        assert answer.json()["message"]


def test_wrong_calls(client):
    assert client.send("XoaHoSo", data=[])["error_code"] == "04"
    assert client.send(None)["error_code"] == "04"
    assert client.send("DongBoHoSoMC")["error_code"] == "05"
    assert client.send("DongBoHoSoMC", data="x")["error_code"] == "05"
    assert client.send("DongBoHoSoMC", data=[])["error_code"] == "00"
    answer = client.send("DongBoHoSoMC", data=[None, 5, {}, {"MaHoSo": {"a": 1}}])
    assert answer["refused"] == 4
    assert client.post("/lgsp/service", {"session": client.session, "service": "TraCuuHoSo"})[
        "error_code"
    ] == "05"  # fmt: skip


def test_ten_megabytes_are_taken_and_more_is_answered(running, client):
    big = "x" * (10 << 20)
    answer = client.sync(dossier("BIG", TaiLieuNop=[{"NoiDung": big}]))
    assert answer["error_code"] == "00"
    assert len(events_of(running, "BIG")) == 2
    answer = httpx.post(running.url("intake", "/lgsp/service"), content=b"x" * (20 << 20))
    assert (answer.status_code, answer.json()["error_code"]) == (200, "08")


def test_hostile_texts(running, client):
    odd = dossier("ODD", ChuHoSo="A\0B C", TenLinhVuc="Đất\u0000đai\n")
    assert client.sync(odd)["error_code"] == "00"
    assert events_of(running, "ODD")[0]["data"]["field"] == "Đất đai"
    raw = (
        b'{"session": "%s", "madonvi": "461", "service": "DongBoHoSoMC",'
        b' "data": [{"MaHoSo": "\\ud800"}]}'
    )
    answer = httpx.post(
        running.url("intake", "/lgsp/service"), content=raw % client.session.encode()
    )
    assert answer.status_code == 200
    assert answer.json()["error_code"] != "00"


# -- at once, and over crashes ---------------------------------------------------------------


def test_same_call_at_once_on_two_replicas(running):
    first = new_client(running, "twice")
    first.log_in()
    second = LgspClient(running.url("intake", "", 1), first.username, first.password)
    second.session = first.session
    for turn in range(5):
        sent = [dossier(f"T-{turn}-{n}", TrangThaiHoSo="4") for n in range(20)]
        with ThreadPoolExecutor(8) as pool:
            jobs = [
                pool.submit((first, second)[n % 2].send, "DongBoHoSoMC", data=sent)
                for n in range(8)
            ]
            answers = [job.result() for job in jobs]
        assert {answer["error_code"] for answer in answers} == {"00"}
        assert sum(answer["accepted"] for answer in answers) == 20
    rows = query(running, "SELECT count(*), count(DISTINCT event_id) FROM events"
                 " WHERE event_id LIKE 'T-%'")  # fmt: skip
    assert rows == [(200, 200)]
    assert query(running, "SELECT count(*) FROM quarantine WHERE kind = 'conflict'") == [(0,)]


def test_killed_in_between(running):
    """A client that resends blindly while intake dies: nothing lost, nothing told twice, and the
    session holds."""
    client = new_client(running, "kills", replica=1)
    client.log_in()

    def send(turn):
        sent = [dossier(f"K-{turn:02}-{n:02}", TrangThaiHoSo="4") for n in range(25)]
        while True:
            with contextlib.suppress(httpx.HTTPError):
                answer = client.send("DongBoHoSoMC", data=sent)
                if client.fine(answer):
                    return answer["accepted"] + answer["duplicate"]

    with ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(send, turn) for turn in range(12)]
        wait_for(lambda: sum(job.done() for job in jobs) >= 3)
        running.kill("intake", 1)
        running.start("intake", replica=1)
        assert [job.result() for job in jobs] == [25] * 12
    assert client.logins == 1
    assert statuses_of(client.sync(dossier("K-00-00", TrangThaiHoSo="4"))) == ["duplicate"]
    counts = query(
        running,
        "SELECT type, count(*) FROM events WHERE event_id LIKE 'K-%' GROUP BY type ORDER BY type",
    )
    assert counts == [
        ("motcua.dossier.status_changed.v1", 300),
        ("motcua.dossier.submitted.v1", 300),
    ]
    assert query(running, "SELECT count(*) FROM quarantine WHERE kind = 'conflict'") == [(0,)]


def test_limit_of_a_source(running):
    client = new_client(running, "limited", madonvi="LIMITED")
    answer = running.http.put(
        running.url("intake", "/v1/sources//lgsp/LIMITED"), json={"events_per_minute": 60}
    )
    assert answer.status_code in (200, 201), answer.text
    client.log_in()

    def limited():
        sent = [dossier(f"L-{n}", DonViXuLy="461") for n in range(40)]
        answer = client.send("DongBoHoSoMC", data=sent)
        return answer["error_code"] == "09" and answer["message"]

    assert "gửi lại sau" in wait_for(limited)


def test_ids_in_the_answer_lead_to_the_events(running, client):
    given = dossier("IDS", TrangThaiHoSo="4")
    item = client.sync(given)["result"][0]
    assert len(item["events"]) == 2
    for each in item["events"]:
        found = running.get("intake", "/v1/events", source="/lgsp/461", id=each)
        assert found["unit"] == "461"
    assert client.sync(given)["result"][0]["events"] == []


def test_a_trial_goes_no_further(running):
    trial = new_client(running, "trial", sandbox=True, madonvi="TRIAL")
    assert statuses_of(trial.sync(dossier("TR-1"))) == ["accepted"]
    assert statuses_of(trial.sync(dossier("TR-1"))) == ["duplicate"]
    assert statuses_of(trial.sync(dossier("TR-2", DonViXuLy="Nơi lạ"))) == ["held"]
    assert trial.knows("TR-1")
    assert events_of(running, "TR-1") == []
    real = new_client(running, "no-trial", madonvi="TRIAL")
    assert not real.knows("TR-1")
    assert statuses_of(real.sync(dossier("TR-1"))) == ["accepted"]
    rows = running.get("intake", "/v1/mappings", state="unmapped")["mappings"]
    assert "/lgsp/TRIAL" not in [row["source"] for row in rows]
