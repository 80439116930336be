"""The list of officers: whole or in part, as JSON or as a file from a spreadsheet."""

import httpx
import pytest

from tests.notify.test_people import key

CENTRE = {"unit": "QTR-TTHCC", "name": "Cán bộ mẫu", "phone": "0900000001"}
CITY = {"unit": "461", "name": "Cán bộ khác", "email": "can.bo@example.org"}


@pytest.fixture(scope="module")
def running(plain):
    return plain


def put(running, headers=None, **options):
    return running.http.put(running.url("notify", "/v1/officers"), headers=headers, **options)


def csv(running, text, encoding="utf-8", **params):
    kind = {"Content-Type": "text/csv"}
    return put(running, kind, content=text.encode(encoding), params=params)


def units(running, headers=None, **params):
    answer = running.http.get(running.url("notify", "/v1/officers"), headers=headers, params=params)
    return [officer["unit"] for officer in answer.json()["officers"]]


def test_a_part_is_replaced_and_the_rest_left(running):
    assert put(running, json=[CENTRE, CITY]).json() == {"officers": 2}
    assert put(running, json=[CENTRE, CENTRE | {"phone": "0900000002"}],
               params={"replace": "listed"}).json() == {"officers": 2}  # fmt: skip
    assert units(running) == ["461", "QTR-TTHCC", "QTR-TTHCC"]
    assert units(running, unit="461") == ["461"]
    assert put(running, json=[CITY]).json() == {"officers": 1}
    assert units(running) == ["461"]


def test_keys_of_a_unit_see_and_replace_its_own(running):
    put(running, json=[CENTRE, CITY])
    own = key(running, "admin", units=["461"])
    assert units(running, own) == ["461"]
    assert put(running, own, json=[CENTRE]).status_code == 403
    assert put(running, own, json=[]).json() == {"officers": 0}
    assert units(running) == ["QTR-TTHCC"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_from_a_spreadsheet(running, encoding):
    text = (
        "DANH SÁCH CÁN BỘ NHẬN NHẮC VIỆC;;;\n"
        "Đơn vị;Họ và tên;Số điện thoại;Đến hết ngày\n"
        "Thành phố Đông Hà;Cán bộ một;0900.000.001;31/12/2024\n"
        "QTR-TTHCC;Cán bộ hai;900000002;\n"
        ";;;\n"
    )
    assert csv(running, text, encoding).json() == {"officers": 2}
    found = running.get("notify", "/v1/officers")["officers"]
    assert [(o["unit"], o["phone"], o["valid_to"]) for o in found] == [
        ("461", "+84900000001", "2025-01-01"),
        ("QTR-TTHCC", "+84900000002", None),
    ]


@pytest.mark.parametrize(
    ("text", "pointers"),
    [
        ("unit,phone,valid_from\nnowhere,0900000001,31/02/2024\n461,0233 385 0001,\n",
         ["/0/unit", "/0/valid_from"]),
        ("unit,phone\n461,0233 385 0001\n", ["/0/phone"]),
        ("name,phone\nA,0900000001\n", ["/0"]),
        ("", ["/0"]),
    ],
)  # fmt: skip
def test_a_bad_file_changes_nothing(running, text, pointers):
    put(running, json=[CENTRE])
    answer = csv(running, text)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == pointers
    assert "0233" not in answer.text
    assert units(running) == ["QTR-TTHCC"]


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"{}", 422), (b"[5]", 422), (b'[{"unit": "461", "name": "\\u0000"}]', 422),
     (b'[{"unit": "461", "surprise": 1}]', 422)],
)  # fmt: skip
def test_rubbish(running, body, status):
    assert put(running, content=body).status_code == status


def test_who_may(running):
    url = running.url("notify", "/v1/officers")
    assert httpx.put(url, json=[]).status_code == 401
    reader = key(running, "notices:read", "contacts:read")
    assert httpx.get(url, headers=reader).status_code == 403
