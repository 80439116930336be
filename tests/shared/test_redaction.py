import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.redaction import MASK, looks_personal, scrub


@pytest.mark.parametrize(
    "secret",
    [
        "0900000001",
        "0900.000.001",
        "0900 000 001",
        "(0900) 000-001",
        "+84 900 000 001",
        "84900000001",
        "O9OOOOOOO1",
        "０９０００００００１",
        "01200000001",
        "0233 3000 001",
        "nguoi.nop@example.org",
        "123456789",
        "123 456 789",
        "044090001234",
        "044 090 001 234",
    ],
)
@pytest.mark.parametrize("frame", ["{}", "gọi {} nhé", "đt:{}.", "({})", "{}/{}", "a, {}; b"])
def test_takes_out(secret: str, frame: str) -> None:
    text = frame.replace("{}", secret)
    clean = scrub(text)
    assert secret not in clean
    assert MASK in clean


@pytest.mark.parametrize(
    "text",
    [
        "000.00.24.H50-190805-0012",
        "H15.50.05.13-261008-0975",
        "G09.20-20260609-0092637",
        "xem hồ sơ 000.00.24.H50-190805-0012, thủ tục 1.011442.000.00.00.H38",
        "hẹn 05/08/2019 08:45",
        "hẹn 05-08-2019 0845",
        "2019-08-05 10:00",
        "BP-HD-01-07 2019-08-05 10:00",
        "phí 30.000.000.000 đồng, 900 000 000 VND",
        "12/BC-ĐTN",
        "636/CV/TĐTN-TTNTH",
    ],
)
def test_leaves(text: str) -> None:
    assert scrub(text) == text


def test_leaves_what_it_is_told_to() -> None:
    assert scrub("hồ sơ 1234567890 và 1234567891", ["1234567890"]) == f"hồ sơ 1234567890 và {MASK}"


@pytest.mark.parametrize(
    "text",
    ["0900000001", "0900.000.001", "+84900000001", "a@example.org", "x-0900000001", "044090001234"],
)
def test_personal(text: str) -> None:
    assert looks_personal(text)


@pytest.mark.parametrize(
    "text", ["461-03", "BP-HD-01-07", "doi-thanh-nien-461", "doi-hinh-tinh-nguyen-01", "CB0123"]
)
def test_not_personal(text: str) -> None:
    assert not looks_personal(text)


@given(st.text())
def test_scrubbing_twice_changes_nothing_more(text: str) -> None:
    once = scrub(text)
    assert scrub(once) == once


@given(st.text(alphabet="abc đô,.\n", max_size=20), st.integers(0, 9_999_999))
def test_a_phone_never_stays(around: str, number: int) -> None:
    phone = f"090{number:07d}"
    assert phone not in scrub(f"{around}{phone}{around}")
