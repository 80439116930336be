"""The pages for people, in a real browser: forms, faults, voids, a phone without signal."""

import json
import re

import httpx
import pytest
from playwright.sync_api import Page, expect
from python_calamine import CalamineWorkbook

from tests.browser import DESK, PHONE, barriers, chromium
from tests.instance import ADMIN, instance, wait_for

expect.set_options(timeout=15_000)
ROWS = """() => new Promise((resolve, reject) => {
  const request = indexedDB.open("motcua-intake");
  request.onerror = () => reject(request.error);
  request.onsuccess = () => {
    const rows = request.result.transaction("rows").objectStore("rows").getAll();
    rows.onsuccess = () => resolve(rows.result);
  };
})"""
KEPT_PAGES = """async () => {
  const cache = await caches.open("motcua-pages");
  return (await cache.keys()).map((request) => new URL(request.url).pathname);
}"""


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("pages")) as made:
        for name in ("quota", "reporting"):
            made.start(name)
        start_intake(made)
        for name in ("intake", "quota", "reporting"):
            made.wait_ready(name)
        made.apply_plan("quang-tri-rthome-2019")
        made.apply_plan("binh-phuoc-youth-2020")
        yield made


def start_intake(made):
    made.start(
        "intake",
        MOTCUA_QUOTA_URL=made.url("quota"),
        MOTCUA_REPORTING_URL=made.url("reporting"),
    )


@pytest.fixture(scope="module")
def browser():
    with chromium() as made:
        yield made


@pytest.fixture
def phone(browser, running):
    """A page of a phone with nothing kept on it yet."""
    context = browser.new_context(viewport=PHONE, locale="vi-VN", base_url=running.url("intake"))
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.faults = []
    page.on("pageerror", lambda fault: page.faults.append(str(fault)))
    yield page
    assert page.faults == []
    context.close()


def make_key(running, name: str, units: list[str] = (), scopes=("events:write", "reports:read")):
    body = {"name": name, "scopes": list(scopes), "units": list(units)}
    answer = running.http.post(running.url("intake", "/v1/keys"), json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["key"]


def log_in(page: Page, key: str = ADMIN) -> None:
    """Have the browser keep a key, as the form does that a test of its own fills in."""
    page.context.request.post("/login", form={"key": key, "following": "/"})
    page.goto("/")
    expect(page.locator(".doors")).to_be_visible()


def open_form(page: Page, name: str, day: str | None = None) -> None:
    page.goto(f"/forms/{name}")
    page.wait_for_selector("form[data-ready]")
    if day:
        set_time(page, day)


def set_time(page: Page, time: str) -> None:
    at = page.locator("#at, #day")
    at.fill(time)
    at.dispatch_event("change")


def choose(page: Page, name: str, typed: str) -> None:
    page.fill(f"#{name}", typed)
    page.press(f"#{name}", "Enter")


def tick(page: Page, name: str, value: str) -> None:
    page.check(f'[name="{name}"][value="{value}"]', force=True)


def send(page: Page) -> None:
    page.click("#form button[type=submit]")


def fill_install(page: Page, number: int, installer: str = "461-03", at: str | None = None) -> None:
    if at:
        set_time(page, at)
    choose(page, "unit", "461")
    page.fill("#app", "rtHome")
    page.fill("#installer", installer)
    page.fill("#citizen", f"09000{number:05}")
    tick(page, "place", "home")
    tick(page, "result", "succeeded")


def counted(running) -> int:
    """The installs that quota has counted at Đông Hà, by the front door of quota."""
    rows = running.get(
        "quota", "/v1/progress", plan="quang-tri-rthome-2019", indicator="installs", unit="461"
    )
    return rows["rows"][0]["numerator"]


def installs(running) -> int:
    """The same, once everything that was sent is counted."""
    running.settle(("quota",))
    return counted(running)


def sent(running, key: str, kind: str) -> list[dict]:
    """The data of what a key has sent, as its holder sees it on the page."""
    page = httpx.get(running.url("intake", "/entries"), headers={"Authorization": f"Bearer {key}"})
    return re.findall(rf"<h2>{kind}</h2>", page.text)


# -- who may look ---------------------------------------------------------------------------------


def test_log_in_keeps_the_key_from_scripts_and_other_sites(phone, running):
    phone.goto("/forms/install")
    phone.fill("#key", "mc_wrong_key")
    phone.press("#key", "Enter")
    expect(phone.get_by_role("alert")).to_contain_text("Khóa không đúng")
    phone.fill("#key", ADMIN)
    phone.press("#key", "Enter")
    expect(phone.get_by_role("heading", name="Một lượt cài ứng dụng")).to_be_visible()
    (cookie,) = phone.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    policy = httpx.get(running.url("intake", "/")).headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    phone.get_by_role("button", name="Đăng xuất").click()
    expect(phone.locator("#key")).to_be_visible()
    assert phone.context.cookies() == []


def test_admin_maps_units_without_another_log_in(phone, running):
    log_in(phone)
    phone.get_by_role("link", name=re.compile("^Ghép mã đơn vị")).click()
    expect(phone.get_by_role("heading", name="Chưa ghép")).to_be_visible()
    phone.context.clear_cookies()
    log_in(phone, make_key(running, "not-admin"))
    expect(phone.get_by_role("link", name=re.compile("^Ghép mã đơn vị"))).to_have_count(0)
    phone.goto("/mapping")
    expect(phone.locator("#key")).to_be_visible()


def test_key_that_may_not_send_is_not_let_in(phone, running):
    phone.goto("/")
    phone.fill("#key", make_key(running, "reader", scopes=("reports:read",)))
    phone.press("#key", "Enter")
    expect(phone.get_by_role("alert")).to_be_visible()
    assert phone.context.cookies() == []


def test_log_in_leads_nowhere_else(running):
    for following in ("//example.org/", "https://example.org/", "/\\example.org", "/login"):
        answer = httpx.post(
            running.url("intake", "/login"), data={"key": ADMIN, "following": following}
        )
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_cookie_serves_own_pages_only(running):
    event = {
        "specversion": "1.0",
        "id": "strangers-page",
        "source": "/elsewhere",
        "type": "motcua.list.delivered.v1",
        "time": "2020-02-01T08:00:00+07:00",
        "data": {"unit": "461", "list": "clients", "rows": 1},
    }
    url = running.url("intake", "/v1/events")
    host = url.removeprefix("http://").partition("/")[0]

    def post(**headers: str) -> int:
        answer = httpx.post(
            url,
            content=json.dumps(event),
            headers={"Content-Type": "application/cloudevents+json", **headers},
            cookies={"motcua_intake": ADMIN},
        )
        return answer.status_code

    assert post() == 403
    assert post(**{"Sec-Fetch-Site": "cross-site"}) == 403
    assert post(**{"Sec-Fetch-Site": "same-site", "Origin": f"http://{host}"}) == 403
    assert post(Origin="http://example.org") == 403
    assert post(Origin="null") == 403
    assert post(Origin=f"http://{host}") == 202
    assert post(**{"Sec-Fetch-Site": "same-origin"}) == 202
    own = {"Sec-Fetch-Site": "same-origin"}
    assert post(**own, **{"X-Motcua-Key": "admin"}) == 202
    assert post(**own, **{"X-Motcua-Key": "0123456789ab"}) == 401
    assert post(Authorization="Bearer wrong", **{"Sec-Fetch-Site": "same-origin"}) == 401


def test_english_by_address_and_by_browser(running):
    url = running.url("intake", "/")
    vietnamese = httpx.get(url, headers={"Accept-Language": "fr"}).text
    assert '<html lang="vi">' in vietnamese
    assert "Đăng nhập" in vietnamese
    for english in (
        httpx.get(url, params={"lang": "en"}).text,
        httpx.get(url, headers={"Accept-Language": "en-GB,vi;q=0.5"}).text,
    ):
        assert '<html lang="en">' in english
        assert "Log in" in english


# -- each form ------------------------------------------------------------------------------------


def test_install_counts_against_the_quota(phone, running):
    before = installs(running)
    log_in(phone)
    open_form(phone, "install", "2019-09-02T09:00")
    choose(phone, "unit", "dong ha")
    assert phone.input_value("[name=unit]") == "461"
    fill_install(phone, 1)
    send(phone)
    expect(phone.locator("#outcome")).to_have_text("Đã ghi nhận.")
    assert installs(running) == before + 1
    assert phone.input_value("#citizen") == ""
    assert phone.input_value("#installer") == "461-03"
    assert phone.input_value("[name=unit]") == ""  # today that unit is no more
    set_time(phone, "2019-09-02T10:00")
    assert phone.input_value("[name=unit]") == "461"


def test_faults_stand_beside_their_fields(phone, running):
    before = counted(running)
    log_in(phone)
    open_form(phone, "install", "2019-09-02T09:30")
    send(phone)
    expect(phone.locator("#unit-fault")).to_have_text("Cần điền mục này.")
    expect(phone.locator("#result-fault")).to_be_visible()
    expect(phone.locator("#unit")).to_be_focused()
    assert phone.evaluate(ROWS) == []
    fill_install(phone, 2, installer="0900000002")
    phone.fill("#citizen", "")
    send(phone)
    expect(phone.locator("#device-fault")).to_contain_text("mỗi máy chỉ được tính một lần")
    phone.fill("#citizen", "09000")
    send(phone)
    expect(phone.locator("#citizen-fault")).to_contain_text("kiểm tra lại từng chữ số")
    phone.fill("#citizen", "0900.000.002")
    send(phone)
    expect(phone.locator("#installer-fault")).to_contain_text("hãy ghi mã")
    expect(phone.locator("#installer")).to_have_attribute("aria-invalid", "true")
    expect(phone.locator("#unit-fault")).to_be_hidden()
    assert installs(running) == before
    first = phone.evaluate(ROWS)[0]["events"][0]["event"]["id"]
    phone.fill("#installer", "461-04")
    send(phone)
    expect(phone.locator("#outcome")).to_have_text("Đã ghi nhận.")
    where = running.get("intake", "/v1/events", source="/forms/admin", id=first)
    assert where["type"] == "motcua.install.recorded.v1"
    assert installs(running) == before + 1


def test_units_are_those_of_the_key(phone, running):
    key = make_key(running, "dong-ha", ["461", "QTR-DOAN-461"])
    log_in(phone, key)
    open_form(phone, "install", "2019-09-02T09:00")
    phone.click("#unit")
    expect(phone.get_by_role("option")).to_have_count(2)
    open_form(phone, "install", "2026-01-05T09:00")
    phone.click("#unit")
    expect(phone.get_by_role("option")).to_have_count(0)


def test_difficulty_is_raised_and_resolved(phone, running):
    key = make_key(running, "difficulties", ["461"])
    log_in(phone, key)
    open_form(phone, "difficulty", "2020-03-02T09:00")
    tick(phone, "category", "connectivity")
    phone.fill("#text", "Thôn chưa có sóng")
    send(phone)
    expect(phone.locator("#outcome")).to_contain_text("Mã khó khăn: KK-461-")
    code = phone.locator("#outcome").text_content().split(": ")[1].rstrip(".")
    open_form(phone, "difficulty", "2020-03-05T09:00")
    tick(phone, "happening", "resolved")
    phone.click("#difficulty")
    expect(phone.get_by_role("option")).to_contain_text([code])
    choose(phone, "difficulty", code)
    tick(phone, "category", "connectivity")
    phone.fill("#text", "Đã đặt bộ phát wifi")
    send(phone)
    expect(phone.locator("#outcome")).to_have_text("Đã ghi nhận.")
    open_ones = httpx.get(
        running.url("intake", "/offers/difficulties"), headers={"Authorization": f"Bearer {key}"}
    ).json()
    assert open_ones == {"difficulties": []}
    assert len(sent(running, key, "Đã giải quyết khó khăn")) == 1


def test_day_counts_become_one_event_a_kind(phone, running):
    log_in(phone)
    open_form(phone, "activity", "2020-05-06")
    choose(phone, "unit", "BP-HD-01")
    phone.fill("#team", "doi-hinh-01")
    phone.fill("#member", "BP-01-01")
    send(phone)
    expect(phone.locator("#counts-fault, #form-fault").first).to_have_text("Ghi ít nhất một số.")
    phone.fill("#reached", "31")
    phone.fill("#supported", "7")
    phone.fill("#guided", "0")
    send(phone)
    expect(phone.locator("#outcome")).to_have_text("Đã ghi nhận.")
    running.settle(("quota",))
    progress = running.get("quota", "/v1/progress", plan="binh-phuoc-youth-2020", unit="BP-HD-01")
    actual = {
        row["indicator"]: row["numerator"]
        for row in progress["rows"]
        if row["period"] == "2020-05-06"
    }
    assert (actual["reached"], actual["supported"]) == (31, 7)
    assert actual.get("guided", 0) == 0


def test_survey_asks_what_its_questionnaire_says(phone, running):
    log_in(phone)
    open_form(phone, "survey", "2020-02-10T10:00")
    choose(phone, "unit", "461")
    tick(phone, "mode", "tablet")
    tick(phone, "mscore-hcc-2020--quality", "9")
    tick(phone, "mscore-hcc-2020--time", "10")
    tick(phone, "mscore-hcc-2020--attitude", "7")
    send(phone)
    expect(phone.locator("[id='mscore-hcc-2020--bribe-fault']")).to_be_visible()
    tick(phone, "mscore-hcc-2020--bribe", "no")
    send(phone)
    expect(phone.locator("#outcome")).to_have_text("Đã ghi nhận.")
    phone.select_option("#questionnaire", "mscore-yte-2020")
    choose(phone, "unit", "QTR-BVDK")
    for item in ("attitude", "waiting", "cleanliness"):
        tick(phone, f"mscore-yte-2020--{item}", "satisfied")
    send(phone)
    expect(phone.locator("#outcome")).to_have_text("Đã ghi nhận.")
    running.settle(("reporting",))
    report = running.get("reporting", "/v1/reports/scorecard")
    scores = {(r["unit"], r["domain"], r["mode"], r["item"]): r["score"] for r in report["rows"]}
    assert scores["461", "public_administration", "tablet", "quality"] == 9
    assert scores["461", "public_administration", "tablet", "time"] == 10
    assert scores["QTR-BVDK", "health", "tablet", "waiting"] == 4


def test_report_is_filed_beside_the_figures(phone, running):
    log_in(phone)
    open_form(phone, "report", "2020-05-20T10:00")
    choose(phone, "plan", "doi hinh thanh nien")
    choose(phone, "unit", "BP-HD-02")
    expect(phone.locator("#figures-body")).to_contain_text("Số tài khoản đã lập")
    expect(phone.locator("#figures-body")).to_contain_text("Khó khăn chưa giải quyết")
    choose(phone, "obligation", "bao cao thang")
    phone.fill("#period", "2020-05")
    phone.fill("#document", "12/BC-ĐTN")
    send(phone)
    expect(phone.locator("#outcome")).to_have_text("Đã ghi nhận.")
    running.settle(("reporting",))
    report = running.get(
        "reporting", "/v1/reports/timeliness", plan="binh-phuoc-youth-2020", unit="BP-HD-02"
    )
    states = {(row["obligation"], row["period"]): row["state"] for row in report["rows"]}
    assert states["monthly-report", "2020-05"] == "on_time"


def test_figures_of_a_union_are_those_of_its_district(running):
    key = make_key(running, "district", ["QTR-DOAN-461", "461"])
    answer = httpx.get(
        running.url("intake", "/offers/figures"),
        params={"plan": "quang-tri-rthome-2019", "unit": "QTR-DOAN-461"},
        headers={"Authorization": f"Bearer {key}"},
    ).json()
    [row] = answer["progress"]
    assert (row["numerator"], row["target"]) == (counted(running), 100)
    assert row["title"] == "Số điện thoại của người dân đã cài rtHome thành công"


def test_report_offers_what_the_keys_units_owe(running):
    def offered(**headers: str) -> dict:
        plans = httpx.get(running.url("intake", "/offers/plans"), headers=headers).json()["plans"]
        return {
            (plan["plan"], each["obligation"]): (each["units"], len(each["periods"]))
            for plan in plans
            for each in plan["obligations"]
        }

    union = make_key(running, "union", ["BP-HD-04"])
    assert offered(Authorization=f"Bearer {union}") == {
        ("binh-phuoc-youth-2020", "daily-report"): (["BP-HD-04"], 62),
        ("binh-phuoc-youth-2020", "monthly-report"): (["BP-HD-04"], 12),
        ("binh-phuoc-youth-2020", "yearly-report"): (["BP-HD-04"], 1),
    }
    silent = make_key(running, "no-reports", ["BP-HD-04"], scopes=("events:write",))
    assert offered(Authorization=f"Bearer {silent}") == {}


def test_report_needs_no_neighbour(phone, running):
    running.kill("quota")
    log_in(phone)
    open_form(phone, "report", "2020-06-20T10:00")
    choose(phone, "unit", "BP-HD-03")
    for name, value in (
        ("plan", "binh-phuoc-youth-2020"),
        ("obligation", "monthly-report"),
        ("period", "2020-06"),
    ):
        phone.fill(f"#{name}", value)
    send(phone)
    expect(phone.locator("#outcome")).to_have_text("Đã ghi nhận.")
    running.start("quota")
    running.wait_ready("quota")


def test_own_entry_is_voided(phone, running):
    before = counted(running)
    key = make_key(running, "voids", ["461"])
    log_in(phone, key)
    open_form(phone, "install", "2019-09-03T09:00")
    fill_install(phone, 3)
    send(phone)
    expect(phone.locator("#outcome")).to_have_text("Đã ghi nhận.")
    assert installs(running) == before + 1
    phone.goto("/entries")
    phone.wait_for_selector("form[data-ready]", state="attached")
    assert phone.locator(".entries li").count() == 1
    phone.get_by_role("button", name=re.compile("Thu hồi: Cài ứng dụng")).click()
    phone.get_by_role("dialog").get_by_role("button", name="Thu hồi").click()
    expect(phone.locator("#reason-fault")).to_be_visible()
    phone.fill("#reason", "Ghi nhầm đơn vị")
    phone.press("#reason", "Tab")
    phone.keyboard.press("Enter")
    expect(phone.locator("#outcome")).to_have_text("Đã thu hồi.")
    assert installs(running) == before
    phone.reload()
    expect(phone.locator(".entries .voided")).to_have_count(1)
    expect(phone.locator("[data-void]")).to_have_count(0)


def list_of_installs(*installers: str) -> dict:
    lines = ["Đơn vị;Ứng dụng;Mã người cài;Thiết bị;Nơi cài;Kết quả;Ngày cài"]
    lines += [
        f"461;rtHome;{installer};list-device-{number};một cửa;thành công;{number + 1:02}/09/2019"
        for number, installer in enumerate(installers)
    ]
    content = "\r\n".join(lines).encode()
    return {"name": "cai-dat.csv", "mimeType": "text/csv", "buffer": content}


def upload(page: Page, file: dict) -> list[str]:
    """Rows, accepted, duplicate, refused of an upload, once it is done."""
    page.set_input_files("#file", file)
    page.click("#upload button[type=submit]")
    expect(page.locator("#job-state")).to_have_text("Xong.")
    return [page.text_content(f"#job-{n}") for n in ("rows", "accepted", "duplicate", "refused")]


def test_list_is_uploaded_watched_and_mended(phone, running):
    before = counted(running)
    log_in(phone)
    phone.goto("/lists")
    phone.wait_for_selector("form[data-ready]")
    with phone.expect_download() as download:
        phone.get_by_role("link", name="Tải tệp mẫu").click()
    assert download.value.suggested_filename.endswith("installs.xlsx")
    phone.click("#upload button[type=submit]")
    expect(phone.locator("#file-fault")).to_have_text("Cần điền mục này.")

    assert upload(phone, list_of_installs("461-01", "0900000002", "461-03")) == ["3", "2", "0", "1"]
    with phone.expect_download() as download:
        phone.get_by_role("link", name="Tải tệp ghi lỗi từng dòng").click()
    sheet = CalamineWorkbook.from_path(str(download.value.path())).get_sheet_by_index(0)
    told = [" ".join(map(str, row)) for row in sheet.to_python()]
    assert [row for row in told if "list-device-1" in row and "Mã người cài" in row]
    phone.reload()  # a phone that slept still knows what it sent
    expect(phone.locator("#job-refused")).to_have_text("1")

    phone.wait_for_selector("form[data-ready]")
    assert upload(phone, list_of_installs("461-01", "461-02", "461-03")) == ["3", "1", "2", "0"]
    expect(phone.locator("#job-errors")).to_be_hidden()
    assert installs(running) == before + 3

    phone.select_option("#kind", "installs")
    file = {"name": "x.csv", "mimeType": "text/csv", "buffer": b"a;b\r\n1;2\r\n"}
    phone.set_input_files("#file", file)
    phone.click("#upload button[type=submit]")
    expect(phone.locator("#job-state")).to_contain_text("Không đọc được tệp này")
    expect(phone.locator("#job-faults, #file-fault").filter(visible=True)).not_to_be_empty()


# -- without signal -------------------------------------------------------------------------------


def wait_kept(page: Page) -> None:
    """Until the pages are kept on the phone and the worker serves them."""
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    wait_for(lambda: "/forms/install" in page.evaluate(KEPT_PAGES))
    wait_for(lambda: "/offers/units" in page.evaluate(KEPT_PAGES))


def test_rows_outlast_a_loss_of_signal(phone, running):
    before = counted(running)
    log_in(phone)
    open_form(phone, "install", "2019-09-04T09:00")
    wait_kept(phone)
    phone.context.set_offline(True)
    for number in (10, 11):
        fill_install(phone, number, at=f"2019-09-04T09:{number}")
        send(phone)
        expect(phone.locator("#outcome")).to_contain_text("Đã giữ trên máy này")
    expect(phone.locator("#signal")).to_contain_text("Mất mạng")
    expect(phone.locator("#signal")).to_contain_text("2 dòng chờ gửi")

    phone.reload()
    phone.wait_for_selector("form[data-ready]")
    expect(phone.locator(".row.waiting")).to_have_count(2)
    fill_install(phone, 12, at="2019-09-04T09:12")
    send(phone)
    expect(phone.locator(".row")).to_have_count(3)
    assert installs(running) == before

    phone.context.set_offline(False)
    expect(phone.locator(".row")).to_have_count(0)
    expect(phone.locator("#signal")).to_contain_text("không có dòng chờ gửi")
    assert installs(running) == before + 3
    assert phone.evaluate(ROWS) == []
    kept = phone.evaluate("() => JSON.stringify({...localStorage, ...sessionStorage})")
    assert "09000" not in kept


def test_lost_answer_makes_no_second_entry(phone, running):
    before = counted(running)
    log_in(phone)
    open_form(phone, "install", "2019-09-05T09:00")
    answers = []

    def lose(route):
        if answers:
            route.continue_()
            return
        answers.append(route.fetch().json())
        route.abort()

    phone.context.route("**/v1/events", lose)
    fill_install(phone, 20)
    send(phone)
    for _ in range(200):  # until it was sent: before that there is no row either
        if answers:
            break
        phone.wait_for_timeout(50)
    assert answers[0]["results"][0]["status"] == "accepted"
    expect(phone.locator(".row")).to_have_count(0)
    assert phone.evaluate(ROWS) == []
    assert installs(running) == before + 1


def test_killed_service_loses_and_doubles_nothing(phone, running):
    before = counted(running)
    log_in(phone)
    open_form(phone, "install", "2019-09-06T09:00")
    wait_kept(phone)
    running.kill("intake")
    fill_install(phone, 30)
    send(phone)
    expect(phone.locator("#outcome")).to_contain_text("Đã giữ trên máy này")
    expect(phone.locator(".row")).to_contain_text("Đã thử gửi")
    phone.reload()
    phone.wait_for_selector("form[data-ready]")
    expect(phone.locator(".row")).to_have_count(1)
    start_intake(running)
    running.wait_ready("intake")
    expect(phone.locator(".row")).to_have_count(0, timeout=20_000)
    assert installs(running) == before + 1


def test_row_refused_later_is_corrected_or_discarded(phone, running):
    before = counted(running)
    log_in(phone)
    open_form(phone, "install", "2019-09-07T09:00")
    wait_kept(phone)
    phone.context.set_offline(True)
    for number in (40, 41):
        fill_install(phone, number, f"09000000{number}", f"2019-09-07T09:{number}")
        send(phone)
        expect(phone.locator("#outcome")).to_contain_text("Đã giữ trên máy này")
    phone.context.set_offline(False)
    expect(phone.locator(".row.refused")).to_have_count(2)
    expect(phone.locator(".row.refused").first).to_contain_text("Mã người cài: Đừng ghi số")

    phone.get_by_role("link", name=re.compile("^Sửa dòng")).first.click()
    phone.wait_for_selector("form[data-ready]")
    expect(phone.locator("#installer-fault")).to_be_visible()
    assert phone.input_value("#citizen") == "0900000040"
    phone.fill("#installer", "461-05")
    send(phone)
    expect(phone.locator("#outcome")).to_have_text("Đã ghi nhận.")
    phone.on("dialog", lambda dialog: dialog.accept())
    phone.get_by_role("button", name=re.compile("^Bỏ dòng")).click()
    expect(phone.locator(".row")).to_have_count(0)
    assert phone.evaluate(ROWS) == []
    assert installs(running) == before + 1


def test_two_pages_send_each_row_once(phone, running):
    before = counted(running)
    log_in(phone)
    open_form(phone, "install", "2019-09-09T09:00")
    wait_kept(phone)
    other = phone.context.new_page()
    open_form(other, "install", "2019-09-09T09:00")
    phone.context.set_offline(True)
    for number, page in enumerate((phone, other), start=60):
        fill_install(page, number, at=f"2019-09-09T09:{number - 50}")
        send(page)
        expect(page.locator("#outcome")).to_contain_text("Đã giữ trên máy này")
    phone.context.set_offline(False)
    for page in (phone, other):
        expect(page.locator("#here")).to_contain_text("Không có dòng nào")
    assert phone.evaluate(ROWS) == []
    assert installs(running) == before + 2


def test_rows_wait_for_their_own_key(phone, running):
    before = counted(running)
    first, second = make_key(running, "first", ["461"]), make_key(running, "second", ["461"])
    log_in(phone, first)
    open_form(phone, "install", "2019-09-08T09:00")
    wait_kept(phone)
    phone.context.set_offline(True)
    fill_install(phone, 50)
    send(phone)
    expect(phone.locator(".row")).to_have_count(1)
    phone.context.clear_cookies()
    phone.context.set_offline(False)
    expect(phone.locator("#signal")).to_contain_text("Phiên đăng nhập đã hết")
    log_in(phone, second)
    expect(phone.locator("#here")).to_contain_text("1 dòng của khóa khác")
    phone.context.clear_cookies()
    log_in(phone, first)
    expect(phone.locator("#here")).to_contain_text("Không có dòng nào")
    assert len(sent(running, first, "Cài ứng dụng")) == 1
    assert sent(running, second, "Cài ứng dụng") == []
    assert installs(running) == before + 1


# -- for everybody --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "language", "scheme"),
    [(PHONE, "vi-VN", "light"), (DESK, "en-GB", "dark")],
    ids=["360", "1280"],
)
def test_pages_bar_nobody(browser, running, size, language, scheme):
    context = browser.new_context(
        viewport=size, locale=language, color_scheme=scheme, base_url=running.url("intake")
    )
    page = context.new_page()
    page.goto("/")
    assert barriers(page) == {}
    log_in(page)
    found = {}
    for path in ("/", "/lists", "/entries", *(f"/forms/{name}" for name in FORMS)):
        page.goto(path)
        if path != "/":
            page.wait_for_selector("form[data-ready]", state="attached")
        assert page.locator("h1").count() == 1
        if path.startswith("/forms/"):
            send(page)
            expect(page.locator("[aria-invalid]").first).to_be_visible()
        if found_here := barriers(page):
            found[path] = found_here
    context.close()
    assert found == {}


FORMS = ("install", "difficulty", "activity", "survey", "report")


def test_keyboard_alone_sends_a_row(phone, running):
    phone.goto("/forms/activity")
    expect(phone.locator("#key")).to_be_focused()
    phone.keyboard.type(ADMIN)
    phone.keyboard.press("Enter")
    phone.wait_for_selector("form[data-ready]")

    def tab_to(name: str) -> None:
        for _ in range(40):
            if phone.evaluate("() => document.activeElement.id") == name:
                return
            phone.keyboard.press("Tab")
        raise AssertionError(f"{name} is not reached by Tab")

    tab_to("unit")
    phone.keyboard.type("quang tri")
    expect(phone.get_by_role("listbox")).to_be_visible()
    phone.keyboard.press("Escape")
    expect(phone.get_by_role("listbox")).to_be_hidden()
    phone.keyboard.press("ArrowDown")
    phone.keyboard.press("ArrowDown")
    second = phone.locator("[aria-selected=true] span").text_content()
    phone.keyboard.press("Enter")
    assert phone.input_value("#unit") == second
    assert phone.input_value("[name=unit]") in second
    tab_to("team")
    phone.keyboard.type("doi-hinh-01")
    tab_to("member")
    phone.keyboard.type("BP-01-02")
    tab_to("guided")
    phone.keyboard.type("5")
    phone.keyboard.press("Enter")
    expect(phone.locator("#outcome")).to_have_text("Đã ghi nhận.")
