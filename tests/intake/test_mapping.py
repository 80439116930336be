"""Names of units that nobody knows yet: held, shown, sealed, and taken in once they are mapped."""

import json
import unicodedata

import httpx
import pytest

from shared.sealing import Sealer
from tests.builders import submitted
from tests.instance import HASH_KEY, instance
from tests.intake.lgsp_client import dossier, step
from tests.intake.sync_calls import events_of, new_client, new_key, query, statuses_of, told

OFFICE = "Bộ phận TN&TKQ Đông Hà (cũ)"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("mapping")) as made:
        made.start("intake", MOTCUA_LGSP_SOURCES='{"DV10": "/one-stop/dv10"}')
        made.wait_ready("intake")
        yield made


def unmapped(running, source):
    rows = running.get("intake", "/v1/mappings", state="unmapped")["mappings"]
    return {row["theirs"]: row for row in rows if row["source"] == source}


def put(running, source, theirs, unit):
    return running.http.put(
        running.url("intake", "/v1/mappings"),
        json={"source": source, "theirs": theirs, "unit": unit},
    )


def test_held_shown_and_released_in_order(running):
    client = new_client(running, "holder", madonvi="DV01", units=["461"])
    first = dossier("M-1", DonViXuLy=OFFICE)
    second = dossier("M-1", DonViXuLy=unicodedata.normalize("NFD", OFFICE), TrangThaiHoSo="4")
    for _ in range(2):  # a repeat is not held twice
        answer = client.sync(first)
        assert answer["error_code"] == "00"
        assert statuses_of(answer) == ["held"]
        assert answer["result"][0]["message"].startswith("Đã nhận và đang giữ")
    assert statuses_of(client.sync(second, updating="True")) == ["held"]
    assert statuses_of(client.progress(step("M-1", 5, "20190807080000"))) == ["held"]
    assert statuses_of(client.sync(dossier("M-2", DonViXuLy=OFFICE.upper()))) == ["held"]
    assert statuses_of(client.sync(dossier("M-1"))) == ["held"]  # not past what waits before it
    assert client.knows("M-1")
    assert events_of(running, "M-1") == []
    where = running.get("intake", "/v1/events", source="/lgsp/DV01", id="M-1")
    assert (where["state"], where["waits_for"]) == ("held", OFFICE)

    shown = unmapped(running, "/lgsp/DV01")
    assert [row["count"] for row in shown.values()] == [5]
    (row,) = shown.values()
    assert "461" in [near["unit"] for near in row["nearest"]]
    kept = query(running, "SELECT * FROM held_items")
    assert "0900000126" not in str(kept)
    assert b"0900000126" not in b"".join(bytes(row[-1]) for row in kept)

    answer = put(running, "/lgsp/DV01", OFFICE, "461")
    assert answer.status_code == 200
    assert answer.json()["released"] == 5
    assert answer.json()["unit_name"] == "Thành phố Đông Hà"
    assert unmapped(running, "/lgsp/DV01") == {}
    assert [name for name, _ in told(running, "M-1")] == [
        "submitted", "received", "in_process", "supplement_requested", "received",
    ]  # fmt: skip
    assert {each["data"]["unit"] for each in events_of(running, "M-1")} == {"461"}
    assert len(events_of(running, "M-2")) == 2
    assert statuses_of(client.sync(dossier("M-1", DonViXuLy=OFFICE))) == ["duplicate"]
    mapped = running.get("intake", "/v1/mappings", state="mapped")["mappings"]
    assert [(row["source"], row["theirs"], row["unit"]) for row in mapped] == [
        ("/lgsp/DV01", OFFICE, "461")
    ]


def test_a_mapping_goes_before_codes_and_names_and_is_of_its_source_alone(running):
    put(running, "/lgsp/DV02", "Đông Hà", "462")
    put(running, "/lgsp/DV02", "469", "470")
    for number, (sender, name, unit) in enumerate(
        [("DV02", "ĐÔNG HÀ", "462"), ("DV02", "469", "470"), ("DV03", "Đông Hà", "461"),
         ("DV03", "469", "469")]
    ):  # fmt: skip
        client = new_client(running, f"own-{number}", madonvi=sender)
        client.sync(dossier(f"O-{number}", DonViXuLy=name))
        assert {each["data"]["unit"] for each in events_of(running, f"O-{number}")} == {unit}


def test_a_mapping_to_a_unit_of_another_time_leaves_it_held(running):
    client = new_client(running, "other-time", madonvi="DV04")
    client.sync(dossier("W-1", DonViXuLy="Một cửa phường"))
    assert put(running, "/lgsp/DV04", "Một cửa phường", "19333").json()["released"] == 0
    assert unmapped(running, "/lgsp/DV04")["Một cửa phường"]["count"] == 1
    assert put(running, "/lgsp/DV04", "Một cửa phường", "461").json()["released"] == 1
    assert len(events_of(running, "W-1")) == 2


def test_progress_of_unknown_dossiers_is_held_by_its_sender(running):
    client = new_client(running, "unknown-sender", madonvi="H50.11")
    entries = [step("X-1", 4, "20190806080000"), step("X-1", 5, "20190807080000")]
    assert statuses_of(client.progress(*entries)) == ["held", "held"]
    assert unmapped(running, "/lgsp/H50.11")["H50.11"]["count"] == 2
    put(running, "/lgsp/H50.11", "H50.11", "461")
    assert [name for name, _ in told(running, "X-1")] == ["in_process", "supplement_requested"]
    assert statuses_of(client.progress(*entries)) == ["duplicate", "duplicate"]


def test_what_is_released_keeps_its_keys_bounds_and_its_faults(running):
    client = new_client(running, "bound-elsewhere", madonvi="DV05", units=["462"])
    client.sync(dossier("Y-1", DonViXuLy="Chỗ lạ"))
    assert put(running, "/lgsp/DV05", "Chỗ lạ", "461").json()["released"] == 1
    assert events_of(running, "Y-1") == []
    refused = running.get("intake", "/v1/quarantine", source="/lgsp/DV05")["quarantine"]
    assert [error["code"] for row in refused for error in row["errors"]] == ["unit_not_allowed"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"source": "/lgsp/a", "theirs": "x", "unit": "99999999"}, 422),
        ({"source": "/lgsp/a", "theirs": " ", "unit": "461"}, 422),
        ({"source": "", "theirs": "x", "unit": "461"}, 422),
        ({"source": "/lgsp/a", "unit": "461"}, 422),
        ({"source": "/lgsp/a", "theirs": "\0", "unit": "461"}, 422),
        ([], 422),
    ],
)
def test_bad_mappings(running, body, status):
    answer = running.http.put(running.url("intake", "/v1/mappings"), json=body)
    assert answer.status_code == status
    assert answer.json()["errors"]


def test_what_is_held_is_what_is_read(running):
    client = new_client(running, "bulky", madonvi="DV09")
    deep = "[" * 400 + "]" * 400
    bulky = dossier("F-1", DonViXuLy="Nơi xa", TaiLieuNop=["x" * 300_000], KenhThucHien="3")
    bulky |= {"MaLinhVuc": json.loads(deep), "TrichYeuHoSo": json.loads(deep)}
    bulky["DanhSachHoSoBoSung"] = {"HoSoBoSungId": 1, "NgayBoSung": "20190806080000", "La": "x"}
    assert statuses_of(client.sync(bulky)) == ["held"]
    ((size,),) = query(running, "SELECT length(sealed) FROM held_items WHERE code = 'F-1'")
    assert size < 2000
    put(running, "/lgsp/DV09", "Nơi xa", "461")
    first, *_, asked, received = events_of(running, "F-1")
    assert (first["data"]["channel"], first["data"]["field"]) == ("post", "Đất đai")
    assert {asked["data"]["status"], received["data"]["status"]} == {
        "received", "supplement_requested",
    }  # fmt: skip


def test_a_source_may_be_named_otherwise(running):
    client = new_client(running, "named", madonvi="DV10", sources=["/one-stop/dv10"])
    assert statuses_of(client.sync(dossier("G-1"))) == ["accepted"]
    assert events_of(running, "G-1")[0]["source"] == "/one-stop/dv10"
    assert client.sync(dossier("G-2", DonViXuLy="Nơi nào"))["held"] == 1
    assert list(unmapped(running, "/one-stop/dv10")) == ["Nơi nào"]


def test_only_admins_map(running):
    key = new_key(running, "no-admin")["key"]
    headers = {"Authorization": f"Bearer {key}"}
    url = running.url("intake", "/v1/mappings")
    assert httpx.get(url, headers=headers).status_code == 403
    assert httpx.put(url, headers=headers, json={}).status_code == 403
    assert httpx.get(url).status_code == 401


def test_page(running):
    client = new_client(running, "pager", madonvi="DV06")
    odd = "<b>Quầy & Bàn</b> số 3"
    client.sync(dossier("Z-1", DonViXuLy=odd))
    base = running.url("intake")
    with httpx.Client(base_url=base) as browser:
        page = browser.get("/mapping")
        assert (page.status_code, 'name="key"' in page.text) == (200, True)
        assert browser.post("/mapping", data={"source": "x"}).status_code == 401
        assert browser.post("/mapping/session", data={"key": "mc_x_y"}).status_code == 401
        admin = running.http.headers["authorization"].removeprefix("Bearer ")
        entered = browser.post("/mapping/session", data={"key": admin})
        assert entered.status_code == 303
        assert "HttpOnly" in entered.headers["set-cookie"]
        page = browser.get("/mapping")
        assert "&lt;b&gt;Quầy &amp; Bàn&lt;/b&gt; số 3" in page.text
        assert "/lgsp/DV06 · 1 mục đang giữ · từ " in page.text
        assert "script" not in page.headers["content-security-policy"].replace("'none'", "")
        assert "Names of units" in browser.get("/mapping?lang=en").text
        form = {"source": "/lgsp/DV06", "theirs": odd, "unit": "no such unit"}
        assert browser.post("/mapping", data=form).status_code == 422
        form["unit"] = "thành phố đông hà"
        foreign = {"Sec-Fetch-Site": "cross-site"}
        assert browser.post("/mapping", data=form, headers=foreign).status_code == 403
        done = browser.post("/mapping", data=form)
        assert done.status_code == 200
        assert "1 mục đã được đưa vào" in done.text
        style = page.text.split('rel="stylesheet" href="')[1].split('"')[0]
        assert browser.get(style).headers["content-type"].startswith("text/css")
        browser.post("/mapping/session/end")
        assert 'name="key"' in browser.get("/mapping").text
    assert len(events_of(running, "Z-1")) == 2


def test_plain_events_with_a_sources_own_code(running):
    own = submitted("V-1", unit="QN-07", credited_unit="QN-08") | {"source": "/their/software"}
    assert running.post([own])[0]["errors"][0]["code"] == "unknown_unit"
    put(running, "/their/software", "QN-07", "461")
    (result,) = running.post([own])
    assert [error["pointer"] for error in result["errors"]] == ["/data/credited_unit"]
    put(running, "/their/software", "qn-08", "462")
    assert running.post([own])[0]["status"] == "accepted"
    assert running.post([own])[0]["status"] == "duplicate"
    data = events_of(running, "V-1")[0]["data"]
    assert (data["unit"], data["credited_unit"]) == ("461", "462")
    assert running.post([own | {"source": "/other"}])[0]["status"] == "refused"
    bound = new_key(running, "bound-to-462", units=["462"])["key"]
    answer = httpx.post(
        running.url("intake", "/v1/events"),
        json=own | {"id": "another"},
        headers={"Authorization": f"Bearer {bound}"},
    )
    assert answer.status_code == 403


def test_erasure_reaches_what_is_held(running):
    client = new_client(running, "eraser", madonvi="DV08")
    client.sync(dossier("ER-1"))
    later = dossier("ER-1", DonViXuLy="Nơi nữa", TrangThaiHoSo="4", SoDienThoai="0900000199")
    assert statuses_of(client.sync(later)) == ["held"]
    token = events_of(running, "ER-1")[0]["data"]["contact"]
    url = running.url("intake", f"/v1/contacts/{token}")
    assert running.http.delete(url, params={"reason": "yêu cầu"}).status_code in (200, 202)
    sealer = Sealer(HASH_KEY.encode(), "held items")
    ((sealed,),) = query(running, "SELECT sealed FROM held_items WHERE code = 'ER-1'")
    opened = sealer.open(bytes(sealed)).decode()
    assert "ER-1" in opened
    assert "0900000199" not in opened
    assert query(running, "SELECT told ->> 'name' FROM lgsp_dossiers WHERE code = 'ER-1'") == [
        ("[]",)
    ]
    put(running, "/lgsp/DV08", "Nơi nữa", "461")
    assert [name for name, _ in told(running, "ER-1")][-1] == "in_process"


def test_many_held_are_released_at_once(running):
    client = new_client(running, "many", madonvi="DV07")
    client.sync(*[dossier(f"C-{n}", DonViXuLy="Nơi khác") for n in range(450)])
    for number in (0, 449, 7):  # more of the same dossiers, far behind in the line
        client.sync(dossier(f"C-{number}", DonViXuLy="Nơi khác", TrangThaiHoSo="4"))
    assert put(running, "/lgsp/DV07", "Nơi khác", "461").json()["released"] == 453
    for number in (0, 449, 7):
        names = [name for name, _ in told(running, f"C-{number}")]
        assert names == ["submitted", "received", "in_process"]
    assert query(running, "SELECT count(*) FROM lgsp_dossiers WHERE code LIKE 'C-%'") == [(450,)]
    assert unmapped(running, "/lgsp/DV07") == {}
