"""The pages in a real browser: found by keyboard, read on a phone, safe from what is written."""

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.browser import DESK, PHONE, barriers, chromium
from tests.builders import status as changed
from tests.instance import ADMIN, instance, wait_for
from tests.notify.test_kannel import dossier, refusing, told
from tests.notify.test_people import key

STATES = ("ready", "sending", "retrying", "failed")
NAME = "Người <b>Nộp</b> Hồ Sơ"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("page")) as made, refusing() as down:
        made.extra = {
            "MOTCUA_NOTIFY_KANNEL_URL": down,
            "MOTCUA_NOTIFY_ATTEMPTS": "1",
            "MOTCUA_NOTIFY_QUIET_HOURS": "",
            "MOTCUA_NOTIFY_PUBLIC_URL": "https://mc.example.vn",
        }
        for name in ("intake", "notify"):
            made.start(name)
        for name in ("intake", "notify"):
            made.wait_ready(name)
        yield made


@pytest.fixture(scope="module")
def browser():
    with chromium() as made:
        yield made


@pytest.fixture
def page(browser, running):
    context = browser.new_context(locale="vi-VN", viewport=PHONE)
    made = context.new_page()
    made.faults = []
    made.on("console", lambda said: made.faults.append(said.text) if said.type == "error" else None)
    made.on("pageerror", lambda fault: made.faults.append(str(fault)))
    yield made
    context.close()


def log_in(page, running, lang=""):
    page.goto(running.url("notify", f"/notices{lang}"))
    page.wait_for_function("document.activeElement.id === 'key'")  # without a click
    page.keyboard.type(ADMIN)
    page.keyboard.press("Enter")
    page.wait_for_selector("form.filters")


def post(running):
    applicant = {"name": NAME, "phone": "0900000001", "email": "nop@example.org"}
    sms = dossier("0900000001", applicant=applicant | {"notify": ["sms"]})
    mail = dossier(None, applicant=applicant | {"notify": ["email"]})
    running.post([sms, mail])
    return told(running, sms, "failed"), told(running, mail, "outbox")


def test_an_empty_outbox_says_so(page, running):
    log_in(page, running)
    assert page.locator("html").get_attribute("lang") == "vi"
    page.fill("#subject", "không có hồ sơ này")
    page.keyboard.press("Enter")
    page.wait_for_selector(".empty")
    assert page.inner_text(".empty") == "Không có tin nhắn nào khớp với bộ lọc."
    assert barriers(page) == {}
    page.click("text=Bỏ lọc")
    page.wait_for_load_state()
    assert page.input_value("#subject") == ""
    assert page.faults == []


def test_a_wrong_key_is_said_to_be_wrong(page, running):
    page.goto(running.url("notify", "/notices"))
    assert barriers(page) == {}
    page.fill("#key", "mc_x_y")
    page.click("button")
    assert "Khóa không đúng" in page.inner_text("[role=alert]")
    assert barriers(page) == {}


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_from_the_list_to_the_whole_history_and_another_attempt(page, running, size):
    failed, kept = post(running)
    page.set_viewport_size(size)
    log_in(page, running)
    page.fill("#subject", failed["subject"])
    page.select_option("#state", "failed")
    page.click("form.filters button")
    page.wait_for_url(re.compile("state=failed"))
    assert page.locator("ol.notices li").count() == 1
    assert "Không gửi được: đã thử nhiều lần" in page.inner_text("ol.notices")
    assert barriers(page) == {}
    page.focus("ol.notices a")
    page.keyboard.press("Enter")
    page.wait_for_selector("dl")
    whole = page.inner_text("main")
    for wanted in ("Diễn biến", "Đang gửi", "Các lần gửi", "kannel", "chưa nhận, thử lại sau",
                   "Trung tâm Phục vụ hành chính công tỉnh Quảng Trị", "+84900000001"):  # fmt: skip
        assert wanted in whole
    assert barriers(page) == {}
    page.click("text=Gửi lại")
    page.wait_for_url(re.compile(failed["id"] + "$"))
    told_again = running.get("notify", f"/v1/notices/{failed['id']}")
    assert "ordered" in {entry["reason"] for entry in told_again["history"]}

    page.goto(running.url("notify", f"/notices/{kept['id']}"))
    assert "chưa cấu hình nhà cung cấp" in page.inner_text(".state")
    assert NAME in page.inner_text("blockquote")  # as it was written, not as markup
    assert page.locator("blockquote b").count() == 0
    assert page.locator("text=Gửi lại").count() == 0
    assert barriers(page) == {}
    assert page.faults == []


def test_what_is_not_there(page, running):
    log_in(page, running)
    for odd in ("0b7f0f5e-0000-4000-8000-000000000001", "nothing"):
        answer = page.goto(running.url("notify", f"/notices/{odd}"))
        assert answer.status == 404
        assert page.inner_text("h1") == "Không có tin nhắn này."


def test_english_where_it_is_asked_for(page, running):
    log_in(page, running, "?lang=en")
    assert page.inner_text("h1") == "Notices"
    page.fill("#subject", "nothing")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=No notice matches the filters.")
    page.click("a[hreflang=vi]")
    page.wait_for_selector("text=Không có tin nhắn nào khớp")
    assert page.input_value("#subject") == "nothing"


def test_the_whole_page_by_keyboard_alone(page, running):
    raw = dossier("0900000001")
    running.post([raw])
    told(running, raw, *STATES)
    log_in(page, running)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert {"unit", "subject", "state", "BUTTON", "A"} <= reached


# -- the page of one dossier, for its applicant ----------------------------------------------


@pytest.fixture
def dossier_page(running):
    """(address of a dossier's page, its code)."""
    raw = dossier("0900000001", applicant={"name": NAME, "phone": "0900000001"})
    running.post([raw])
    text = told(running, raw, *STATES)["text"]
    token = re.search(r"https://mc\.example\.vn/s/([a-z2-7]{13})$", text)
    assert token, text
    return running.url("notify", f"/s/{token[1]}"), raw["data"]["code"]


def test_a_dossiers_page_without_scripts_on_an_old_phone(browser, running, dossier_page):
    address, code = dossier_page
    width = 240
    context = browser.new_context(
        locale="vi-VN", viewport={"width": width, "height": 320}, java_script_enabled=False
    )
    page = context.new_page()
    answer = page.goto(address)
    assert len(answer.body()) < 6000
    whole = page.inner_text("body")
    assert "Đã tiếp nhận" in whole
    assert "0900000010" in whole
    assert f"…{code[-5:]}" in whole
    for secret in (code, "Nộp</b>", NAME, "0900000001", "+84900000001"):
        assert secret not in page.content().replace("0900000010", "")
    page.check("input[value=none]")
    page.select_option("#language", "en")
    page.click("text=Lưu lựa chọn")
    assert "Đã ngừng gửi tin về hồ sơ này" in page.inner_text("[role=status]")
    [kept] = running.get("notify", "/v1/consents", code=code)["consents"]
    assert (kept["opt_out"], kept["how"], kept["language"]) == (True, "link", "en")
    assert kept["text_version"] == "status-page/1:en"
    page.click("a[hreflang=en]")
    assert page.is_checked("input[value=none]")
    page.uncheck("input[name=everywhere]")  # other tests write to this number too
    page.click("text=Not mine: stop")
    assert "We have stopped" in page.inner_text("[role=status]")
    context.close()
    seen = browser.new_context(viewport={"width": width, "height": 320}).new_page()
    seen.goto(address)
    assert barriers(seen) == {}
    seen.context.close()


def test_reading_changes_nothing_and_forms_need_their_seal(running, dossier_page):
    address, code = dossier_page
    for path in ("", "?do=choose&channel=none&language=vi", "?do=wrong&channel=sms"):
        assert httpx.get(address + path).status_code == 200
    assert httpx.head(address).status_code == 200
    form = {"do": "choose", "channel": "none", "language": "vi"}
    seal = re.search(r'name="seal" value="([a-z2-7]+)"', httpx.get(address).text)[1]
    for bad, headers in (
        (form, {}),
        (form | {"seal": "x"}, {}),
        (form | {"seal": seal}, {"Sec-Fetch-Site": "cross-site"}),
        (form | {"seal": seal}, {"Origin": "https://elsewhere.example"}),
        (form | {"seal": seal, "channel": "fax"}, {}),
    ):
        answer = httpx.post(address, data=bad, headers=headers)
        assert answer.status_code == 303
        assert "fault=form" in answer.headers["location"]
    assert running.get("notify", "/v1/consents", code=code)["consents"] == []
    answer = httpx.post(address, data=form | {"seal": seal}, headers={"Origin": "null"})
    assert "done=none" in answer.headers["location"]
    assert len(running.get("notify", "/v1/consents", code=code)["consents"]) == 1


def test_who_wanted_nothing_agrees_anew_by_the_page_or_at_the_office(running, dossier_page):
    address, code = dossier_page
    consents = running.url("notify", "/v1/consents")
    # A neighbour: changes are counted by where they come from.
    citizen = httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.7"))

    def post(**form):
        seal = re.search(r'name="seal" value="([a-z2-7]+)"', citizen.get(address).text)[1]
        return citizen.post(address, data={"seal": seal, "language": "vi"} | form)

    def kept():
        found = running.get("notify", "/v1/consents", code=code)["consents"]
        return [(each["channels"], each["how"], each["text_version"]) for each in found]

    def tell(minutes, status):
        at = (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()
        raw = changed(code, status, at, unit="QTR-TTHCC") | {"source": "/test"}
        running.post([raw])
        [found] = wait_for(
            lambda: running.get("notify", "/v1/notices", subject=code, kind=status)["notices"]
        )
        return found["state"], found["reason"]

    post(do="choose", channel="none")
    assert tell(7, "in_process") == ("withheld", "declined")
    asked = post(do="choose", channel="sms")
    assert (asked.status_code, "Đồng ý nhận lại" in asked.text) == (200, True)
    for path in ("", "?do=choose&channel=sms&language=vi&confirm=yes"):
        assert "lại nhận tin" not in citizen.get(address + path).text
    assert kept() == [([], "link", "status-page/1:vi")]
    agreed = post(do="choose", channel="sms", confirm="yes")
    assert (agreed.status_code, "done=again" in agreed.headers["location"]) == (303, True)
    assert kept()[1:] == [(["sms"], "link", "status-page/1:again:vi")]
    assert tell(6, "supplement_requested")[0] in STATES

    # "Not my number" is only undone by the office, which has to say what shows it.
    post(do="wrong", channel="sms")  # for this dossier alone: other tests write to the number too
    assert "done=barred" in post(do="choose", channel="sms").headers["location"]
    assert tell(5, "payment_requested") == ("unreachable", "wrong_number")
    given = {"code": code, "channels": ["sms"], "how": "counter"}
    refused = running.http.post(consents, json=given)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "proof")
    bare = given | {"how": "link", "note": "giấy hẹn"}
    assert running.http.post(consents, json=bare).status_code == 201
    assert tell(4, "result_ready") == ("unreachable", "wrong_number")
    proven = running.http.post(consents, json=given | {"note": "đơn số 12 ngày 25/11/2026"})
    assert proven.status_code == 201
    assert tell(3, "returned")[0] in STATES
    assert len(kept()) == 5

    token = running.get("notify", "/v1/contacts", code=code, why="x")["token"]
    running.http.delete(running.url("notify", f"/v1/contacts/{token}")).raise_for_status()
    again = running.http.post(consents, json=given | {"note": "đơn số 13"})
    assert again.status_code == 409
    assert citizen.get(address).status_code == 404
    citizen.close()


def test_an_erased_dossier_and_a_guess_look_alike_and_guessing_is_slowed(running, dossier_page):
    address, code = dossier_page
    shown = httpx.get(address)
    assert shown.headers["cache-control"] == "no-store"
    assert shown.headers["referrer-policy"] == "no-referrer"
    token = running.get("notify", "/v1/contacts", code=code, why="x")["token"]
    assert running.http.delete(running.url("notify", f"/v1/contacts/{token}")).status_code == 200
    root = running.url("notify", "/s/")
    answers = [httpx.get(each) for each in (address, root + "a" * 13, root + "nothing")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert httpx.post(address, data={"do": "choose"}).text == answers[0].text
    with httpx.Client() as client:
        late = [client.get(f"{root}{'b' * 13}") for _ in range(90)]
    busy = [answer for answer in late if answer.status_code == 429]
    assert busy
    assert 1 <= int(busy[0].headers["retry-after"]) <= 60


# -- what is printed ---------------------------------------------------------------------------


def test_a_receipt_and_a_letter_of_apology_are_printed(running):
    applicant = {"name": NAME, "phone": "0900000003"}
    days = {
        "submitted_at": "2026-01-02T08:00:00+07:00",
        "received_at": "2026-01-02T08:30:00+07:00",
        "due_at": "2026-01-05T17:00:00+07:00",
    }
    raw = dossier(None, applicant=applicant, **days)
    running.post([raw])
    told(running, raw, "failed", "ready", "retrying", "withheld")
    code = raw["data"]["code"]
    reader, blind = key(running, "contacts:read"), key(running, "notices:read")
    other = key(running, "admin", units=["461"])

    def fetch(name, headers, **given):
        address = running.url("notify", f"/v1/dossiers/{name}.pdf")
        return httpx.get(address, params={"code": code} | given, headers=headers)

    for lang in ("vi", "en"):
        slip = fetch("receipt", blind, lang=lang)
        assert (slip.status_code, slip.content[:5]) == (200, b"%PDF-"), slip.text
        assert slip.headers["content-type"] == "application/pdf"
    assert fetch("receipt", reader).status_code == 403
    assert fetch("receipt", other).status_code == 404
    assert fetch("receipt", blind, code="X-0").status_code == 404
    letter = fetch("apology", reader, why="xin lỗi dân").content
    assert letter[:5] == b"%PDF-"
    assert fetch("apology", reader).status_code == 422
    assert fetch("apology", blind, why="x").status_code == 403
    assert fetch("apology", other, why="x").status_code == 404
    assert fetch("apology", reader, why="x", code="X-0").status_code == 404
    token = running.get("notify", "/v1/contacts", code=code, why="x")["token"]
    access = running.get("notify", f"/v1/contacts/{token}/access")["access"]
    assert ("letter", "xin lỗi dân") in {(entry["action"], entry["why"]) for entry in access}


# -- costs, calls, texts -----------------------------------------------------------------------


def test_costs_calls_and_texts_beside_the_outbox(page, running):
    sms = dossier("0900000001")
    lost = dossier(None, applicant={"name": NAME})
    running.post([sms, lost])
    failed = told(running, sms, *STATES)
    unreachable = told(running, lost, "unreachable")
    log_in(page, running)
    page.select_option("#kind", "received")
    page.select_option("#channel", "sms")
    page.click("form.filters button")
    page.wait_for_url(re.compile("kind=received"))
    assert failed["subject"] in page.inner_text("ol.notices")
    assert barriers(page) == {}

    page.click("nav >> text=Chi phí")
    page.wait_for_selector("tfoot")
    row = page.inner_text("tbody tr:has-text('SMS')")
    assert "Trung tâm Phục vụ hành chính công tỉnh Quảng Trị" in row
    assert barriers(page) == {}
    page.fill("#month", "2001-01")
    page.keyboard.press("Enter")
    page.wait_for_selector(".empty")
    page.goto(running.url("notify", "/notices/costs?month=x&unit=nowhere"))
    assert page.locator("[role=alert]").count() == 2

    page.click("nav >> text=Cần gọi điện")
    page.wait_for_selector("ol.notices li")
    whole = page.inner_text("main")
    assert NAME in whole
    assert unreachable["subject"] in whole
    assert "không có số di động hoặc email hợp lệ" in whole
    assert barriers(page) == {}
    with page.expect_download() as sheet:
        page.click("text=CSV")
    assert sheet.value.suggested_filename.startswith("call-list-")

    page.click("nav >> text=Mẫu tin")
    page.wait_for_selector("#appointment_soon")
    assert "TTPVHCC tinh Quang Tri" in page.inner_text("main")
    assert barriers(page) == {}
    page.click("li:has(#withdrawn) a >> nth=0")
    page.wait_for_selector("textarea")
    assert page.locator("h1").inner_text().startswith("Đã rút hồ sơ")
    page.fill("textarea", "{{ office }} {{ secret }} {{ 'a' * 10**9 }}")
    page.click("button[value=preview]")
    page.wait_for_selector("[role=alert]")
    assert "unknown variable 'secret'" in page.inner_text("[role=alert]")
    assert barriers(page) == {}
    page.fill("textarea", "{{ office }}: đã rút {{ code }}. <b>ĐT {{ office_phone }}</b>")
    page.click("button[value=preview]")
    page.wait_for_selector("text=da rut 000.00.24.H50-261012-0012. <b>DT 0900000010</b>")
    assert running.get("notify", "/v1/templates/withdrawn.citizen.sms")["origin"] == "file"
    page.click("button[value=save]")
    page.wait_for_selector("[role=status]")
    assert running.get("notify", "/v1/templates/withdrawn.citizen.sms")["origin"] == "store"
    running.http.delete(running.url("notify", "/v1/templates/withdrawn.citizen.sms"))


def test_filters_costs_and_masked_pages_over_http(running):
    sms = dossier("0900000001")
    running.post([sms])
    failed = told(running, sms, *STATES)
    blind = key(running, "notices:read")

    def ask(path="", **given):
        address = running.url("notify", f"/v1/notices{path}")
        return httpx.get(address, params=given, headers=blind)

    found = ask(
        subject=failed["subject"], channel="sms", kind="received", audience="citizen"
    ).json()
    assert [notice["id"] for notice in found["notices"]] == [failed["id"]]
    assert "/s/***" in found["notices"][0]["text"]
    assert ask(subject=failed["subject"], channel="email").json()["notices"] == []
    assert ask(subject=failed["subject"], to="2001-01-01").json()["notices"] == []
    for wrong in (
        {"kind": "x"}, {"channel": "fax"}, {"audience": "all"}, {"from": "yesterday"},
        {"from": "0001-01-01"}, {"to": "9999-12-31"},
    ):  # fmt: skip
        assert ask(**wrong).status_code == 422, wrong
    first = ask(limit=1).json()
    second = ask(limit=1, cursor=first["next"]).json()
    assert first["notices"][0]["id"] != second["notices"][0]["id"]
    sums = ask("/costs", unit="QTR-TTHCC").json()
    [row] = [row for row in sums["rows"] if row["channel"] == "sms"]
    assert row["notices"] >= 1
    assert (row["segments"], row["cost"]) == (0, None)
    assert sums["total"]["notices"] == sum(row["notices"] for row in sums["rows"])
    assert ask("/costs", month="2026-13").status_code == 422
    assert ask("/costs", month="2020-01", until="2026-01").status_code == 422
