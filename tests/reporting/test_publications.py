"""Published reports: frozen, readable by everybody, revised in plain sight, never deleted."""

import io
import json

import httpx
import pytest
from python_calamine import CalamineWorkbook

from tests.builders import event, status, submitted

MARCH = {"from": "2020-03-01", "to": "2020-03-31"}
FORM = "/v1/reports/bieu-06"


@pytest.fixture(scope="module")
def running(office):
    office.apply_plan("quang-tri-mscore-2020")
    office.post(
        [
            submitted("A-1"),
            status("A-1", "result_ready", "2020-03-05T10:00:00+07:00"),
            submitted("A-2", field="Hộ tịch", channel="counter", return_by="counter"),
            submitted("B-1", unit="462"),
            survey(1, "461", 8),
            survey(2, "461", 6),
            survey(3, "461", 2, mode="tablet"),
        ]
    )
    office.settle(("reporting", "quota", "notify"))
    return office


def survey(n, unit, points, mode="phone"):
    return event(
        "survey.completed",
        f"survey-{n}",
        "2020-03-10T09:00:00+07:00",
        unit=unit,
        domain="public_administration",
        mode=mode,
        questionnaire="mscore-hcc-2020",
        answers={"quality": points},
    )


def publish(running, status=201, **body):
    answer = running.http.post(running.url("reporting", "/v1/publications"), json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def anybody(running, path, **more):
    """What somebody without a key reads."""
    return httpx.get(running.url("reporting", path), timeout=30, **more)


def revise(running, slug, reason, status=201):
    answer = running.http.post(
        running.url("reporting", f"/v1/publications/{slug}/revisions"), json={"reason": reason}
    )
    assert answer.status_code == status, answer.text
    return answer.json()


def test_published_figures_stay_and_a_revision_shows_what_changed(running):
    live = running.get("reporting", FORM, by="unit", **MARCH)
    made = publish(
        running, report="bieu-06", parameters={**MARCH, "by": "unit"}, title="Biểu 06 tháng 3"
    )
    slug = made["slug"]
    assert made["address"] == f"https://motcua.example.vn/p/{slug}"
    assert made["told_units"] == ["461", "462"]
    first = anybody(running, f"/p/{slug}.json").json()
    assert first["rows"] == live["rows"]
    assert [row["received_total"] for row in first["rows"]] == [2, 1]
    assert first["publication"]["revision"] == 1
    page = anybody(running, f"/p/{slug}")
    assert page.status_code == 200
    assert "Biểu 06 tháng 3" in page.text
    sheet = anybody(running, f"/p/{slug}.xlsx")

    # A dossier of that month that is told of late, and one that is taken back.
    running.post(
        [
            submitted("A-3", day="2020-03-20"),
            event("record.voided", "void-b1", "2020-04-02T08:00:00+07:00",
                  of_source="/test", of_id="B-1-submitted", reason="Nhập nhầm"),
        ]
    )  # fmt: skip
    running.settle(("reporting",))
    rows = running.get("reporting", FORM, by="unit", **MARCH)["rows"]
    assert [row["received_total"] for row in rows] == [3]
    assert anybody(running, f"/p/{slug}.json").json() == first
    assert anybody(running, f"/p/{slug}.xlsx").content == sheet.content

    shown = revise(running, slug, "Bổ sung hồ sơ nhập muộn, gọi 0900000125 để hỏi")
    assert shown["revision"] == 2
    changes = {
        (json.dumps(one["row"]), one["column"]): (one["before"], one["after"], one["kind"])
        for one in shown["revisions"][1]["differences"]
    }
    place, gone = '{"unit": "461"}', '{"unit": "462"}'
    total = '{"total": true}'
    assert changes == {
        (place, "received_total"): (2, 3, "changed"),
        (place, "received_online"): (1, 2, "changed"),
        (place, "pending_total"): (1, 2, "changed"),
        (place, "pending_within_due"): (1, 2, "changed"),
        (gone, "received_total"): (1, None, "removed"),
        (gone, "received_online"): (1, None, "removed"),
        (gone, "received_counter_post"): (0, None, "removed"),
        (gone, "carried_over"): (0, None, "removed"),
        (gone, "resolved_total"): (0, None, "removed"),
        (gone, "resolved_early"): (0, None, "removed"),
        (gone, "resolved_on_time"): (0, None, "removed"),
        (gone, "resolved_late"): (0, None, "removed"),
        (gone, "pending_total"): (1, None, "removed"),
        (gone, "pending_within_due"): (1, None, "removed"),
        (gone, "pending_overdue"): (0, None, "removed"),
    }
    assert total not in {row for row, _ in changes}  # one more, one less
    assert shown["revisions"][1]["reason"] == "Bổ sung hồ sơ nhập muộn, gọi […] để hỏi"
    newest, old = anybody(running, f"/p/{slug}"), anybody(running, f"/p/{slug}/1")
    assert "<del>2</del> <ins>3</ins>" in newest.text
    assert "Bổ sung hồ sơ nhập muộn" in newest.text
    assert "Đây là bản cũ" in old.text
    assert "<ins>" not in old.text
    assert anybody(running, f"/p/{slug}/1.xlsx").content == sheet.content
    assert revise(running, slug, "Lần nữa", status=200)["revision"] == 2

    gone = running.http.post(
        running.url("reporting", f"/v1/publications/{slug}/withdrawal"),
        json={"reason": "Công bố nhầm kỳ"},
    )
    assert gone.json()["withdrawn"]["reason"] == "Công bố nhầm kỳ"
    page = anybody(running, f"/p/{slug}")
    assert page.status_code == 200
    assert "Công bố nhầm kỳ" in page.text
    assert anybody(running, f"/p/{slug}.json").json()["publication"]["withdrawn"]["at"]
    assert revise(running, slug, "Lại", status=409)["status"] == 409
    running.settle(("reporting", "notify"))
    told = {
        (one["kind"], one["unit"])
        for one in running.get("notify", "/v1/notices", subject=f"/p/{slug}")["notices"]
    }
    assert told == {
        (kind, unit)
        for kind in ("report_published", "report_revised", "report_withdrawn")
        for unit in ("461", "462")
    }


def test_the_plan_publishes_domain_by_domain_without_pooling_modes(running):
    made = publish(running, plan="quang-tri-mscore-2020", parameters=MARCH)["publications"]
    assert [one["parameters"]["domain"] for one in made] == ["public_administration", "health"]
    shown = anybody(running, f"/p/{made[0]['slug']}.json").json()
    assert [(row["mode"], row["n"], row["score"]) for row in shown["rows"]] == [
        ("phone", 2, 7.0),
        ("tablet", 1, 2.0),
    ]
    assert anybody(running, f"/p/{made[1]['slug']}.json").json()["rows"] == []
    again = publish(running, 200, plan="quang-tri-mscore-2020", parameters=MARCH)["publications"]
    assert [one["slug"] for one in again] == [one["slug"] for one in made]
    listed = anybody(running, "/p")
    assert all(one["slug"] in listed.text for one in made)


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"report": "overdue"}, "/report", "not_public"),
        ({"report": "installs", "parameters": {"by": "installer"}}, "/report", "not_public"),
        ({"report": "scorecard"}, "/parameters/domain", "missing"),
        ({"report": "on-time", "slug": "Ồ la"}, "/slug", "invalid"),
        ({"report": "on-time", "lock": True}, "/lock", "whole_month"),
        ({"report": "on-time", "plan": "to-tung-2023"}, "/report", "one_of"),
        ({"plan": "khong-co"}, "/plan", "unknown_plan"),
        ({"report": "on-time", "parameters": {"unit": "99999"}}, "/unit", "unknown_unit"),
    ],
)
def test_what_cannot_be_published(running, body, pointer, code):
    faults = publish(running, 422, **body)["errors"]
    assert (pointer, code) in {(fault["pointer"], fault["code"]) for fault in faults}


def test_who_may_publish(running):
    def key(*scopes, units=()):
        made = running.http.post(
            running.url("intake", "/v1/keys"),
            json={"name": "k", "scopes": list(scopes), "units": list(units)},
        ).json()["key"]
        running.settle(("reporting",))
        return {"Authorization": f"Bearer {made}"}

    address = running.url("reporting", "/v1/publications")
    body = {"report": "on-time", "parameters": MARCH, "slug": "dung-han-thang-3"}
    assert httpx.post(address, json=body).status_code == 401
    assert httpx.post(address, json=body, headers=key("reports:read")).status_code == 403
    bound = key("reports:read", "reports:write", units=["461"])
    mine = httpx.post(address, json=body, headers=bound)
    assert mine.status_code == 201
    assert [row["unit"] for row in anybody(running, "/p/dung-han-thang-3.json").json()["rows"]] == [
        "461"
    ]
    whole = publish(running, report="online-share", parameters=MARCH)["slug"]
    refused = httpx.post(f"{address}/{whole}/revisions", json={"reason": "x"}, headers=bound)
    assert refused.status_code == 403
    other = httpx.post(address, json=body | {"parameters": {"to": "2020-04-30"}}, headers=bound)
    assert other.status_code == 409


def test_files_in_both_languages_and_what_is_not_there(running):
    slug = publish(
        running, report="bieu-06", parameters={"from": "2020-02-01", "to": "2020-03-31"}
    )["slug"]
    rows = anybody(running, f"/p/{slug}.json").json()["rows"]
    sheet = anybody(running, f"/p/{slug}.xlsx", params={"lang": "en"}).content
    lines = CalamineWorkbook.from_filelike(io.BytesIO(sheet)).get_sheet_by_index(0).to_python()
    assert len(rows) == 2
    assert any("Đất đai" in map(str, line) for line in lines)
    assert anybody(running, f"/p/{slug}.csv").content.startswith(b"\xef\xbb\xbf")
    assert anybody(running, f"/p/{slug}.pdf").content.startswith(b"%PDF-")
    page = anybody(running, f"/p/{slug}")
    again = anybody(running, f"/p/{slug}", headers={"If-None-Match": page.headers["etag"]})
    assert again.status_code == 304
    assert anybody(running, "/p/khong-co").status_code == 404
    assert anybody(running, f"/p/{slug}/7").status_code == 404
    assert anybody(running, f"/p/{slug}/x").status_code == 404
    assert anybody(running, f"/p/{slug}.exe").status_code == 404
