"""Texts are changed while everything runs, and both replicas write with them at once."""

import httpx
import pytest

from tests.notify.test_kannel import dossier, told
from tests.notify.test_people import key

NAME = "received.citizen.sms"


@pytest.fixture(scope="module")
def running(plain):
    return plain


def url(running, name=NAME, replica=0):
    return running.url("notify", f"/v1/templates/{name}", replica)


def body_of(running):
    raw = dossier("0900000001")
    running.post([raw])
    return told(running, raw, "outbox")["text"].replace(raw["data"]["code"], "CODE")


def test_a_text_is_changed_everywhere_at_once_and_back(running):
    first = running.get("notify", f"/v1/templates/{NAME}")
    assert (first["origin"], first["version"], first["faults"]) == ("file", 0, [])
    assert first["preview"]["segments"] == 1
    assert first["preview"]["encoding"] == "GSM-7"
    before = body_of(running)

    text = "{{ office }} đã nhận {{ code }}."
    answer = running.http.put(url(running), json={"text": text})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["origin"], answer.json()["version"]) == ("store", 1)
    assert running.http.get(url(running, replica=1)).json()["text"] == text
    wanted = "Trung tam Phuc vu hanh chinh cong tinh Quang Tri da nhan CODE. DT 0900000010"
    [warning] = answer.json()["preview"]["warnings"]
    assert "office_phone" in warning
    assert {body_of(running) for _ in range(4)} == {wanted}

    accented = "Accents: keep\n\n{{ office }}: đã nhận hồ sơ {{ code }}, ngày {{ on }}"
    put = running.http.put(url(running, replica=1), content=accented.encode(),
                           headers={"Content-Type": "text/plain; charset=utf-8"})  # fmt: skip
    assert put.json()["preview"]["encoding"] == "UCS-2"
    assert put.json()["preview"]["segments"] == 2
    assert "đã nhận hồ sơ" in body_of(running)
    again = running.http.put(url(running), json={"text": accented}).json()
    assert (again["version"], again["versions"][0]["by"]) == (2, "admin")

    running.kill("notify", 1)
    running.start("notify", 1)
    running.wait_ready("notify", 1)
    assert running.http.get(url(running, replica=1)).json()["version"] == 2

    reset = running.http.delete(url(running)).json()
    assert (reset["origin"], reset["version"], reset["text"]) == ("file", 3, first["text"])
    assert [v["version"] for v in reset["versions"]] == [3, 2, 1]
    assert body_of(running) == before


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{{ office }} {{ phone }}", "unknown variable 'phone'"),
        ("{{ office }} {{ 'a' * 10**9 }}", "Mul is not allowed"),
        ("{{ office }}{% for c in code %}x{% endfor %}", "For is not allowed"),
        ("{{ office ", "line 1"),
        ("hồ sơ {{ code }}", "names the office"),
        ("Subject: x\n\n{{ office }}", "an SMS has no subject"),
        ("{{ office }}{% if due < on %}!{% endif %}", "where values are absent"),
        ("{{ office }}" + "x" * 4000, "longer than 4000"),
        ("Accents: keep\n\n{{ office }}" + "ế" * 335, "longer than 5 segments"),
    ],
)
def test_a_bad_text_is_refused_with_its_faults(running, text, fault):
    before = running.get("notify", f"/v1/templates/{NAME}")
    answer = running.http.put(url(running), json={"text": text})
    assert answer.status_code == 422
    assert any(fault in error["message"] for error in answer.json()["errors"]), answer.text
    assert running.get("notify", f"/v1/templates/{NAME}") == before


def test_all_faults_are_named_at_once(running):
    text = "{{ phone }} {{ 2 * 3 }} {{ code|attr('x') }}"
    answer = running.http.put(url(running), json={"text": text, "values": {"nobody": "x"}})
    assert len(answer.json()["errors"]) == 4


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"{}", 422), (b'{"text": 5}', 422), (b'{"text": ""}', 422),
                         (b'{"text": "{{ office }}\\u0000"}', 422), (b"[]", 422)],
)  # fmt: skip
def test_rubbish(running, body, status):
    assert running.http.put(url(running), content=body).status_code == status


def test_a_preview_keeps_nothing(running):
    given = {"text": "{{ office }}: {{ code }}", "values": {"code": "X-1", "office": "Một cửa"}}
    shown = running.http.post(f"{url(running)}/preview", json=given).json()
    assert shown["preview"]["text"] == "Mot cua: X-1 DT 0900000010"
    tried = running.http.put(url(running), json=given | {"preview": True}).json()
    assert tried["preview"] == shown["preview"]
    assert running.http.put(url(running), params={"dry_run": True}, json=given).status_code == 200
    assert running.get("notify", f"/v1/templates/{NAME}")["origin"] == "file"


def test_names_and_scopes(running):
    listed = running.get("notify", "/v1/templates")["templates"]
    assert {"received.citizen.sms", "late.citizen.email"} <= {each["name"] for each in listed}
    assert all(each["preview"]["segments"] <= 1 for each in listed)
    assert running.http.get(url(running, "nothing.citizen.sms")).status_code == 404
    given = {"text": "{{ office }}"}
    reader, bound = key(running, "notices:read"), key(running, "admin", units=["461"])
    assert httpx.get(url(running), headers=reader).status_code == 200
    assert httpx.put(url(running), json=given, headers=reader).status_code == 403
    assert httpx.put(url(running), json=given, headers=bound).status_code == 403
    assert httpx.get(url(running)).status_code == 401
