"""The dashboard as people use it: logging in, looking, and seeing figures change."""

import contextlib
import io
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from axe_playwright_python.sync_playwright import Axe
from cryptography.hazmat.primitives.asymmetric import rsa
from playwright.sync_api import expect
from python_calamine import CalamineWorkbook

from tests.browser import DESK, OVERFLOW, PHONE, chromium
from tests.builders import event, install, status, submitted
from tests.instance import instance
from tests.reporting.oidc import CLIENT, provider

PASSWORD = "đúng mật khẩu 2020"
DUE = {"due_at": "2020-03-10T17:00:00+07:00"}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("dashboard")) as made, provider() as identities:
        made.identities = identities
        made.start("intake")
        made.extra["MOTCUA_INTAKE_URL"] = made.url("intake")
        made.start("quota")
        made.start("reporting")
        oidc = {"MOTCUA_OIDC_ISSUER": identities.issuer, "MOTCUA_OIDC_CLIENT_ID": CLIENT}
        made.wait_ready("reporting")
        made.start("reporting", 1, **oidc)
        made.wait_ready("intake")
        made.wait_ready("quota")
        made.wait_ready("reporting", 1)
        made.post(
            [
                submitted("LATE-1", **DUE),
                submitted("LATE-2", **DUE),
                submitted("LATE-3", "462", **DUE),
                submitted("DONE", "462", **DUE),
                status("DONE", "result_ready", "2020-03-09T10:00:00+07:00", "462"),
                *(install(n, "461") for n in range(4)),
            ]
        )
        for plan in ("quang-tri-rthome-2019", "quang-tri-mscore-2020"):
            made.apply_plan(plan)
        made.settle(("quota", "reporting"))
        for name, role, units in (
            ("donghaxem", "viewer", ["461"]),
            ("tinhxem", "viewer", ["45"]),
            ("quangtri", "officer", ["462"]),
        ):
            user = {"name": name, "role": role, "units": units, "password": PASSWORD}
            assert made.http.post(made.url("reporting", "/v1/users"), json=user).status_code == 201
        yield made


def visitor(running, replica=0):
    """A browser without a key; it says of itself what browsers say."""
    headers = {"Sec-Fetch-Site": "same-origin"}
    return httpx.Client(base_url=running.url("reporting", "", replica), headers=headers, timeout=30)


@contextlib.contextmanager
def logged_in(running, name="donghaxem"):
    with visitor(running) as client:
        answer = client.post("/login", data={"user": name, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        yield client


def test_a_user_of_a_unit_sees_it_alone_on_pages_and_in_reports(running):
    with logged_in(running) as client:
        rows = client.get("/v1/reports/on-time").json()["rows"]
        assert [(row["unit"], row["open_overdue"]) for row in rows] == [("461", 2)]
        assert client.get("/v1/reports/on-time?unit=462").status_code == 403
        for path in ("/", "/reports/on-time", "/progress"):
            page = client.get(path).text
            assert "Thành phố Đông Hà" in page
            assert "Thị xã Quảng Trị" not in page
        assert client.get("/dossiers/LATE-1").status_code == 200
        assert client.get("/dossiers/LATE-3").status_code == 404
        assert client.get("/v1/whoami").json()["units"] == ["461"]
        assert client.get("/v1/users").status_code == 403
        assert client.get("/v1/dead").status_code == 403


def test_a_page_says_which_filter_is_wrong_and_how_to_mend_it(running):
    with logged_in(running) as client:
        page = client.get("/reports/bieu-06?from=2020-02-30&unit=x9&lang=vi").text
        assert "Từ ngày: Ghi ngày dạng NĂM-THÁNG-NGÀY. Đơn vị: Không có đơn vị này." in page
        page = client.get("/progress?from=2020-03-02&to=2020-03-01&lang=vi").text
        assert "Đến ngày: Ngày cuối trước ngày đầu." in page


@pytest.mark.parametrize(
    ("path", "plans"),
    [
        ("/progress", {"", "quang-tri-rthome-2019", "quang-tri-mscore-2020"}),
        ("/reports/timeliness", {"", "quang-tri-rthome-2019", "quang-tri-mscore-2020"}),
        ("/reports/on-time", set()),
    ],
)
def test_a_page_is_filtered_by_plan_and_period_and_stays(running, path, plans):
    with logged_in(running, "tinhxem") as client:
        page = client.get(path, params={"plan": "quang-tri-rthome-2019", "lang": "vi"}).text
    choice = re.search(r'<select id="plan".*?</select>', page, re.DOTALL)
    offered = re.findall(r'<option value="([^"]*)"', choice[0]) if choice else []
    assert set(offered) == plans
    assert not plans or '"quang-tri-rthome-2019" selected' in choice[0]
    spans = re.search(r'<nav class="spans".*?</nav>', page, re.DOTALL)[0]
    links = [urlsplit(each.replace("&amp;", "&")) for each in re.findall(r'href="([^"]+)"', spans)]
    assert len(links) == 6
    for link in links:
        assert link.path == path
        assert parse_qs(link.query)["plan"] == ["quang-tri-rthome-2019"]


def test_what_changes_something_comes_from_our_own_pages(running):
    with logged_in(running, "tinhxem") as client:
        page = client.get("/reports/on-time?unit=461").text
        token = re.search(r'name="token" value="([0-9a-f]{32})"', page)[1]
        kept = {"token": token, "here": "/reports/on-time?unit=461", "name": "Đông Hà"}
        foreign = {"Sec-Fetch-Site": "cross-site"}
        assert client.post("/filters", data=kept, headers=foreign).status_code == 403
        assert client.post("/filters", data=kept | {"token": "0" * 32}).status_code == 403
        assert client.post("/filters", data=kept).headers["location"] == kept["here"]
        elsewhere = client.post("/filters", data=kept | {"here": "//example.org/", "name": "x"})
        assert elsewhere.headers["location"] == "/"
        assert "Đông Hà</a>" in client.get("/").text
        client.post("/filters/forget", data=kept)
        assert "Đông Hà</a><form" not in client.get("/").text
        with logged_in(running) as other:
            assert 'value="x"' not in other.get("/").text


def deed(client, **typed):
    """Send the form of an event's page, as a browser does; returns the answer."""
    page = client.get("/event", params={"source": "/test", "id": typed["id"]})
    token = re.search(r'name="token" value="([0-9a-f]{32})"', page.text)[1]
    return client.post("/event", data={"token": token, "source": "/test", **typed})


def test_an_officer_withdraws_and_corrects_what_the_unit_told(running):
    ready = "FIX-1-result_ready-2020-03-20T10:00:00+07:00"
    running.post(
        [
            submitted("FIX-1", "462", **DUE),
            status("FIX-1", "result_ready", "2020-03-20T10:00:00+07:00", "462"),
            submitted("FIX-2", "462", **DUE),
        ]
    )
    running.settle(("reporting",))
    with logged_in(running) as viewer, logged_in(running, "quangtri") as client:
        behind = "/reports/bieu-06/rows?column=resolved_late&row.field=%C4%90%E1%BA%A5t+%C4%91ai"
        assert "/dossiers/FIX-1?" in client.get(behind).text
        assert "FIX-1" not in viewer.get(behind).text
        lost = client.get("/reports/bieu-06/rows?column=rate")
        assert (lost.status_code, "<h1" in lost.text) == (422, True)
        assert viewer.get("/event", params={"source": "/test", "id": ready}).status_code == 404
        own = viewer.get("/event", params={"source": "/test", "id": "LATE-1-submitted"})
        assert (own.status_code, 'action="/event' in own.text) == (200, False)
        token = re.search(r'name="token" value="([0-9a-f]{32})"', own.text)[1]
        told = {"source": "/test", "id": "LATE-1-submitted", "reason": "x", "sure": "1"}
        assert viewer.post("/event", data=told | {"token": token}).status_code == 403
        assert client.post("/event", data=told | {"token": token}).status_code == 403
        foreign = {"Sec-Fetch-Site": "cross-site"}
        assert client.post("/event", data=told, headers=foreign).status_code == 403

        wrong = {"id": ready, "correct": "1", "status": "result_ready"}
        assert deed(client, **wrong, at="2020-03-20T10:00", reason="x").status_code == 422
        assert deed(client, **wrong, at="20/3", reason="x").status_code == 422
        right = {"at": "2020-03-09T15:00", "reason": "Ghi nhầm, gọi 0900000123"}
        asked = deed(client, **wrong, **right)
        assert (asked.status_code, "Chắc chắn đính chính" in asked.text) == (200, True)
        assert "0900000123" not in asked.text
        sent = deed(client, **wrong, **right, sure="1")
        assert sent.status_code == 303, sent.text
        gone = deed(client, id="FIX-2-submitted", reason="Nhập trùng", sure="1")
        assert gone.status_code == 303, gone.text
        running.settle(("reporting",))
        told = client.get("/v1/dossiers/FIX-1").json()
        assert (told["story"]["resolved"], told["story"]["outcome"]) == ("2020-03-09", "early")
        assert sorted((one["source"], one["stands"]) for one in told["events"]) == [
            ("/motcua/reporting", True),
            ("/test", False),
            ("/test", True),
        ]
        page = client.get("/event", params={"source": "/test", "id": ready}).text
        assert "người thu hồi quangtri, lý do: Ghi nhầm, gọi […]" in page
        assert client.get("/v1/dossiers/FIX-2").json()["story"] is None
        again = {"source": "/test", "id": ready, "reason": "Lần nữa"}
        twice = client.post("/v1/dossiers/FIX-1/voids", json=again)
        assert twice.status_code == 409, twice.text


def test_an_officer_corrects_any_event_and_sees_nothing_personal(running):
    applicant = {"name": "Người dân thử", "phone": "0900000456", "kind": "person"}
    running.post(
        [
            submitted("MEND-1", "462", "2020-05-04", applicant=applicant),
            event("activity.recorded", "mend-activity", "2020-05-04T09:00:00+07:00", unit="462",
                  team="d1", member="462-01", kind="guided", people=400),
            event("total.recorded", "mend-total", "2020-05-04T09:00:00+07:00", unit="462",
                  plan="quang-tri-rthome-2019", indicator="installs", period="whole", value=7),
            event("survey.completed", "mend-survey", "2020-05-04T09:00:00+07:00", unit="462",
                  domain="health", mode="phone", questionnaire="mscore-yte-2020",
                  answers={"attitude": "satisfied"}),
            install(900, "462", citizen="0900000456"),
        ]
    )  # fmt: skip
    running.settle(("reporting",))

    def people(client):
        query = "?from=2020-05-01&to=2020-05-31"
        return client.get(f"/v1/reports/activity{query}").json()["total"]["people"]

    bad = {**submitted("REFUSED-1", "462"), "data": {"unit": "462", "code": "REFUSED-1"}}
    running.post([bad])
    running.settle(("reporting",))
    with logged_in(running, "quangtri") as client:
        days = client.get("/reports/data-quality/rows?column=refused_events").text
        link = re.search(r'href="(/refusals[^"]+)"', days)[1].replace("&amp;", "&")
        told = client.get(link).text
        assert ("REFUSED-1-submitted" in told, "Cần điền." in told) == (True, True)
    with logged_in(running) as viewer, logged_in(running, "quangtri") as client:
        assert viewer.get(link).status_code in (200, 403)
        assert "REFUSED-1" not in viewer.get(link).text
        seen = {"source": "/test", "id": "mend-activity"}
        assert 'name="f.people"' not in viewer.get("/event", params=seen).text
        page = client.get("/event", params=seen).text
        assert 'name="f.people" value="400"' in page
        survey = client.get("/event", params={"source": "/test", "id": "mend-survey"}).text
        assert "Trả lời: Ông/bà có hài lòng với thái độ của nhân viên y tế không?" in survey
        made = client.get("/event", params={"source": "/test", "id": "install-462-900"}).text
        assert ("Không thành công" in made, "Không đến nơi" in made) == (True, False)
        assert "Ghi tháng dạng NĂM-THÁNG." in client.get("/confirmations?period=2026-13").text
        wrong = {"id": "mend-activity", "correct": "1", "reason": "Gõ thừa số 0"}
        assert "Chưa sửa gì" in deed(client, **wrong).text
        refused = deed(client, **wrong, **{"f.people": "-4"}, sure="1")
        assert (refused.status_code, "Lượt người: Không nhỏ hơn 0." in refused.text) == (422, True)
        beyond = deed(client, **wrong, **{"f.unit": "461"}, sure="1")
        assert beyond.status_code == 403
        unedited = {"f.time": "2020-05-04T09:00"}  # as browsers write 09:00:00
        assert "Chưa sửa gì" in deed(client, **wrong, **unedited).text
        asked = deed(client, **wrong, **unedited, **{"f.people": "40"})
        assert (asked.status_code, "Chắc chắn đính chính" in asked.text) == (200, True)
        assert "<dt>Thời điểm</dt>" not in asked.text
        before = people(client)
        assert deed(client, **wrong, **{"f.people": "40"}, sure="1").status_code == 303
        running.settle(("reporting",))
        assert people(client) == before - 360
        twice = deed(client, **wrong, **{"f.people": "41"}, sure="1")
        assert twice.status_code in (403, 409)

        filed = {"id": "MEND-1-submitted", "correct": "1", "reason": "Sai lĩnh vực"}
        page = client.get("/event", params={"source": "/test", "id": filed["id"]}).text
        assert not {"0900000456", "Người dân thử", "f.contact", "f.applicant"} & set(
            re.findall(r"0900000456|Người dân thử|f\.contact|f\.applicant", page)
        )
        assert deed(client, **filed, **{"f.field": "Hộ tịch"}, sure="1").status_code == 303
        for id, field, value in (
            ("mend-total", "value", "9"),
            ("mend-survey", "answers.attitude", "dissatisfied"),
            ("install-462-900", "result", "failed"),
        ):
            done = deed(client, id=id, correct="1", reason="Nhập nhầm", sure="1",
                        **{f"f.{field}": value})  # fmt: skip
            assert done.status_code == 303, done.text
        running.settle(("reporting", "quota"))
        told = client.get("/v1/dossiers/MEND-1").json()
        assert told["story"]["field"] == "Hộ tịch"
        standing = [one for one in told["events"] if one["stands"]]
        assert [one["quality"]["phone"] for one in standing] == ["present"]
        quality = client.get("/v1/reports/data-quality?from=2020-05-01&to=2020-05-31").json()
        assert quality["total"]["missing_phone"] == 0
        scores = client.get("/v1/reports/scorecard?from=2020-05-01&to=2020-05-31").json()["rows"]
        assert [(row["n"], row["score"]) for row in scores] == [(1, 2.0)]
        seen = {"source": "/test", "id": "mend-total"}
        assert "Xem sự kiện thay thế" in client.get("/event", params=seen).text
    kept = running.get("intake", "/v1/events", source="/test", id="install-462-900")
    assert "device" not in kept["data"]
    assert "citizen" not in kept["data"]


def test_a_mark_from_outside_names_nobody(running):
    told = event("list.delivered", "marked", "2020-05-04T09:00:00+07:00", unit="462",
                 list="patients", period="2020-04", rows=9, eligible=9, mark="a" * 16)  # fmt: skip
    assert running.post([told])[0]["status"] == "accepted"
    assert "mark" not in running.get("intake", "/v1/events", source="/test", id="marked")["data"]
    running.settle(("reporting",))
    asked = {"of": "patients", "from": "2020-04-01", "to": "2020-04-30", "unit": "462"}
    made = running.http.post(running.url("reporting", "/v1/samples"), json=asked).json()
    assert made["dossiers"] == []


def test_intake_takes_a_correction_once_and_says_all_that_is_wrong(running):
    running.post([install(901, "462"), install(902, "461")])
    address = running.url("intake", "/v1/events/corrections")
    asked = {"of_source": "/test", "of_id": "install-462-901", "reason": "Nhầm nơi cài"}

    def correct(**more):
        return running.http.post(address, json=asked | more)

    faults = correct(data={"place": "moon", "unit": "nowhere", "device": "x"}).json()["errors"]
    assert [one["pointer"] for one in faults] == ["/data/device"]
    faults = correct(data={"place": "moon", "unit": "nowhere"}).json()["errors"]
    assert {one["pointer"] for one in faults} == {"/data/place", "/data/unit"}
    assert correct(data={"place": "home"}).json()["errors"][0]["code"] == "nothing_changed"
    assert correct(of_id="nix", data={"place": "public"}).status_code == 404
    first = correct(data={"place": "public"})
    assert (first.status_code, first.json()["status"]) == (202, "accepted")
    again = correct(data={"place": "public"})
    assert (again.status_code, again.json()["status"]) == (202, "duplicate")
    assert correct(data={"place": "other"}).status_code == 409
    assert correct(data={"place": "public"}, reason="Lý do khác").status_code == 409
    elsewhere = correct(data={"place": "public"}, source="/motcua/reporting")
    assert elsewhere.status_code == 409
    body = asked | {"of_id": "install-461-902", "data": {"place": "public"}}
    with ThreadPoolExecutor(4) as together:
        sent = together.map(lambda _: running.http.post(address, json=body), range(4))
        assert sorted(one.json()["status"] for one in sent) == ["accepted", *["duplicate"] * 3]
    key = running.http.post(
        running.url("intake", "/v1/keys"),
        json={"name": "k", "scopes": ["events:write"], "units": ["462"]},
    ).json()["key"]
    other = httpx.post(
        address,
        json=asked | {"of_id": "install-461-902", "data": {"place": "public"}},
        headers={"Authorization": f"Bearer {key}"},
    )
    assert other.status_code == 403


def test_a_unit_contests_its_month_and_a_publication_shows_what_a_revision_changes(running):
    with logged_in(running) as viewer, logged_in(running, "quangtri") as client:
        page = client.get("/confirmations?period=2020-03")
        assert 'name="d.DONE"' in page.text
        token = re.search(r'name="token" value="([0-9a-f]{32})"', page.text)[1]
        form = {"token": token, "period": "2020-03", "unit": "462", "state": "contested"}
        assert client.post("/confirmations", data=form).status_code == 422  # says nothing
        picked = form | {"scope": "picked", "d.DONE": "1", "remark": "Trả ngày 8"}
        assert client.post("/confirmations", data=form | {"scope": "picked"}).status_code == 422
        assert client.post("/confirmations", data=picked | {"unit": "461"}).status_code == 403
        kept = client.post("/confirmations", data=picked)
        assert kept.status_code == 303, kept.text
        assert "DONE</a>: Trả ngày 8" in client.get("/confirmations?period=2020-03").text
        seen = viewer.get("/confirmations?period=2020-03").text
        assert ("Trả ngày 8" in seen, 'name="d.' in seen) == (False, False)
        duties = "/confirmations?period=2020-03&report=timeliness"
        page = client.get(duties).text
        assert ('name="d.' in page, "Nộp danh sách, báo cáo · " in page) == (False, True)
        other = form | {"report": "timeliness", "state": "confirmed"}
        assert client.post("/confirmations", data=other).status_code == 303
        told = client.get("/v1/confirmations?period=2020-03&report=timeliness&unit=462").json()
        assert told["total"] == {"confirmed": 1, "contested": 0, "unanswered": 0}
        assert client.get("/confirmations?report=overdue").status_code == 422
        unsure = client.post("/confirmations/lock", data={"token": token, "period": "2020-03"})
        assert unsure.status_code == 422

        wanted = {"report": "bieu-06", "from": "2020-03-01", "to": "2020-03-31", "unit": "462"}
        assert viewer.get("/publications/new", params=wanted).status_code == 403
        assert "Công bố: Biểu 06" in client.get("/publications/new", params=wanted).text
        made = client.post("/publications", data=wanted | {"token": token, "slug": "thang-3"})
        assert made.headers["location"].startswith("/publications/thang-3?"), made.text
        assert "không khác bản đã công bố" in client.get("/publications/thang-3").text
        running.post([submitted("MORE", "462", channel="post", return_by="post", **DUE)])
        running.settle(("reporting",))
        assert "<del>0</del>" in client.get("/publications/thang-3").text
        reason = {"token": token, "reason": "Bổ sung hồ sơ đến muộn"}
        revised = client.post("/publications/thang-3/revise", data=reason)
        assert revised.headers["location"].startswith("/publications/thang-3?told=revised")
        assert "Bổ sung hồ sơ đến muộn" in httpx.get(running.url("reporting", "/p/thang-3")).text
        assert client.post("/publications/thang-3/withdraw", data=reason).status_code == 422
        gone = client.post("/publications/thang-3/withdraw", data=reason | {"sure": "1"})
        assert gone.status_code == 303
        assert "Thu hồi công bố" not in client.get("/publications/thang-3").text


def test_a_sample_is_drawn_again_from_its_seed(running):
    with logged_in(running) as viewer, logged_in(running, "quangtri") as client:
        page = client.get("/samples").text
        token = re.search(r'name="token" value="([0-9a-f]{32})"', page)[1]
        asked = {"token": token, "from": "2020-03-01", "to": "2020-03-31", "size": "5"}
        assert client.post("/samples", data=asked | {"size": "0"}).status_code == 422
        assert viewer.post("/samples", data=asked).status_code == 403
        made = client.post("/samples", data=asked | {"seed": "công khai"})
        assert made.status_code == 303, made.text
        shown = client.get(made.headers["location"]).text
        assert "công khai" in shown
        assert "/call-sheet?format=xlsx" in shown
        assert viewer.get(made.headers["location"]).status_code == 404


def test_log_ins_are_throttled_and_tell_nothing_of_who_exists(running):
    user = {"name": "bithu", "role": "officer", "units": [], "password": PASSWORD}
    made = running.http.post(running.url("reporting", "/v1/users"), json=user)
    assert made.status_code == 201
    assert PASSWORD not in made.text
    assert running.http.post(running.url("reporting", "/v1/users"), json=user).status_code == 409
    wrong = {"name": "x", "role": "boss", "units": ["nowhere"], "password": "short"}
    faults = running.http.post(running.url("reporting", "/v1/users"), json=wrong).json()["errors"]
    assert {each["pointer"] for each in faults} == {"/name", "/role", "/units", "/password"}
    with visitor(running) as client:
        for name in ("bithu", "khongco"):
            answers = [
                client.post("/login", data={"user": name, "password": "sai mật khẩu"})
                for _ in range(6)
            ]
            assert [each.status_code for each in answers] == [401] * 5 + [429]
            assert "retry-after" in answers[-1].headers
        first, second = (
            re.sub("(bithu|khongco)", "", each.text) for each in (answers[0], answers[1])
        )
        assert first == second
        right = client.post("/login", data={"user": "bithu", "password": PASSWORD})
        assert right.status_code == 429
    # A composed and a decomposed accent are the same password, and a session ends with its user.
    with visitor(running) as client:
        import unicodedata

        typed = unicodedata.normalize("NFD", PASSWORD)
        entered = client.post("/login", data={"user": "TinhXem ", "password": typed})
        cookie = entered.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert entered.status_code == 303
        assert client.get("/v1/reports/on-time").status_code == 200
        out = client.post("/logout")
        assert out.status_code == 303
        assert client.get("/v1/reports/on-time").status_code == 401
    gone = {"name": "tamthoi", "role": "viewer", "units": [], "password": PASSWORD}
    running.http.post(running.url("reporting", "/v1/users"), json=gone)
    with logged_in(running, "tamthoi") as client:
        assert client.get("/v1/reports/on-time").status_code == 200
        shut = running.http.delete(running.url("reporting", "/v1/users/tamthoi"))
        assert shut.status_code == 200
        assert client.get("/v1/reports/on-time").status_code == 401
        again = client.post("/login", data={"user": "tamthoi", "password": PASSWORD})
        assert again.status_code == 401


def oidc(running, client, **claims):
    """Go through a log-in at the provider; returns the last answer."""
    running.identities.claims = claims
    start = client.get("/oidc/login?next=/reports/overdue")
    assert start.status_code == 303
    sent = {
        name: many[0] for name, many in parse_qs(urlsplit(start.headers["location"]).query).items()
    }
    assert sent["code_challenge_method"] == "S256"
    assert sent["client_id"] == CLIENT
    code = running.identities.authorize(sent)
    return client.get("/oidc/callback", params={"code": code, "state": sent["state"]})


def test_a_provider_vouches_for_users_it_was_told_of(running):
    users = running.url("reporting", "/v1/users")
    running.http.post(users, json={"name": "nguoi.xem", "role": "viewer", "units": ["461"]})
    identities = running.identities
    with visitor(running, 1) as client:
        assert "tài khoản cơ quan" in client.get("/login").text
        for wrong in (
            {"aud": "another-client"},
            {"iss": "https://example.org"},
            {"nonce": "replayed"},
            {"exp": int(time.time()) - 3600},
            {"aud": [CLIENT, "another-client"], "azp": "another-client"},
        ):
            assert oidc(running, client, **wrong).status_code == 401, wrong
        identities.signer = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        assert oidc(running, client).status_code == 401
        identities.signer, identities.algorithm = "s" * 64, "HS256"
        assert oidc(running, client).status_code == 401
        identities.signer, identities.algorithm = identities.key, "RS256"
        assert oidc(running, client, sub="s-9", preferred_username="la").status_code == 403
        assert oidc(running, client, sub="s-9", preferred_username="donghaxem").status_code == 403
        forged = client.get("/oidc/callback", params={"code": "code-0", "state": "guessed"})
        assert forged.status_code == 401
        entered = oidc(running, client)
        assert entered.status_code == 303
        assert entered.headers["location"] == "/reports/overdue?lang=vi"
        assert client.get("/v1/whoami").json()["units"] == ["461"]
        # Bound to the provider's own mark: a new name changes nothing, another mark gets nothing.
        assert oidc(running, client, preferred_username="doi.ten").status_code == 303
        assert oidc(running, client, sub="subject-2").status_code == 403
    assert jwt  # what signs is the library that checks in production


def test_listeners_are_told_of_changes_and_let_a_service_stop(running):
    live = running.url("reporting", "/v1/live", 1)
    assert httpx.get(live).status_code == 401
    process = running.processes["reporting-1"]
    with running.http.stream("GET", live, timeout=20) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        first = next(line for line in lines if line.startswith("data:"))
        running.post([submitted("NEWS", "462", **DUE)])
        began = time.monotonic()
        second = next(line for line in lines if line.startswith("data:"))
        assert first != second
        assert time.monotonic() - began < 10
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=4)  # with a listener still open
    del running.processes["reporting-1"]


def test_a_browser_logs_in_filters_drills_down_and_sees_figures_change(running):
    base = running.url("reporting")
    with chromium() as engine:
        context = engine.new_context(viewport=DESK, locale="vi-VN", accept_downloads=True)
        page = context.new_page()
        foreign, troubles = [], []
        page.on("request", lambda one: one.url.startswith(base) or foreign.append(one.url))
        page.on("console", lambda one: one.type == "error" and troubles.append(one.text))
        page.on("pageerror", lambda fault: troubles.append(str(fault)))
        page.goto(base + "/reports/on-time")
        page.fill("#user", "tinhxem")
        page.fill("#password", PASSWORD)
        page.locator("form button").first.click()
        page.wait_for_url(base + "/reports/on-time?lang=vi")
        page.fill("#unit", "Thành phố Đông Hà (461)")
        page.click(".filters button")
        page.wait_for_url(re.compile("unit=461"))
        assert page.locator("tbody th a, tbody th").last.inner_text() == "Thành phố Đông Hà"
        page.locator("td.bad a").last.click()
        page.wait_for_url(re.compile("/reports/overdue"))
        assert page.locator("tbody tr").count() == 2
        page.click("text=LATE-1")
        page.wait_for_url(re.compile("/dossiers/LATE-1"))
        assert "Nộp hồ sơ" in page.inner_text(".story")

        page.goto(base + "/reports/bieu-06?unit=461&by=unit")
        page.locator("tbody td.number a").first.click()
        page.wait_for_url(re.compile("column=received_total"))
        assert page.locator("tbody tr").count() == 2
        page.click("text=LATE-2")
        page.click(".story a")
        assert "LATE-2-submitted" in page.inner_text("dl.pairs")
        event = page.url.removeprefix(base)

        page.goto(base + "/?unit=461")
        page.wait_for_selector('#signal[data-state="live"]')
        overdue = page.locator('[data-figure="pending_overdue"]')
        assert overdue.inner_text() == "2"
        page.evaluate("window.loaded = true")
        running.post([submitted("LATE-4", **DUE)])
        expect(overdue).to_have_text("3", timeout=10_000)
        assert page.evaluate("window.loaded")  # the same page: nothing was loaded anew

        page.goto(base + "/reports/bieu-06?by=unit")
        with page.expect_download() as download:
            page.click("text=Excel")
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(download.value.path().read_bytes()))
        cells = [cell for row in sheet.get_sheet_by_index(0).to_python() for cell in row]
        rows = running.get("reporting", "/v1/reports/bieu-06", by="unit")["rows"]
        for row in rows:
            start = cells.index(row["unit_name"])
            line = cells[start + 1 : start + 12]
            told = [value for name, value in row.items() if name.split("_")[0] in PARTS]
            assert line == [float(value) for value in told], row

        paths = ["/", "/progress", "/dossiers/LATE-1", "/account", event]
        paths += [
            "/confirmations?period=2020-03&unit=461",
            "/publications",
            "/publications/thang-3",
            "/schedules",
        ]
        paths += ["/reports/bieu-06/rows?column=received_total"]
        names = running.get("reporting", "/v1/reports")["reports"]
        paths += [f"/reports/{one['report']}" for one in names]
        axe = Axe()
        for path in paths:
            page.set_viewport_size(DESK)
            assert page.goto(base + path).status == 200, path
            found = axe.run(page).response["violations"]
            assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], path
            page.set_viewport_size(PHONE)
            assert page.evaluate(OVERFLOW) == 0, path
        assert page.locator("#side").is_hidden()
        page.click("#menu")
        assert page.locator("#side").is_visible()
        page.goto(base + "/?lang=en")
        assert page.locator("h1").inner_text() == "Overview"
        assert foreign == []
        assert troubles == []


PARTS = frozenset({"received", "carried", "resolved", "pending"})
