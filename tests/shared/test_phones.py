import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import phones

ONE = "+84900000001"


@pytest.mark.parametrize(
    ("text", "e164", "repaired"),
    [
        ("0900000001", ONE, False),
        (" 0900.000.001 ", ONE, False),
        ("0900-000-001", ONE, False),
        ("(090) 000 0001", ONE, False),
        ("+84 900 000 001", ONE, False),
        ("+84(0)900000001", ONE, False),
        ("84900000001", ONE, False),
        ("0084900000001", ONE, False),
        ("O9OOOOOOO1", ONE, True),
        ("０９０００００００１", ONE, True),
        ("900000001", ONE, True),
        ("900000001.0", ONE, True),
        ("0900000001/0900000002", ONE, False),
        ("02333000001 / 0900000001", ONE, False),
        ("sai / 0900000001", ONE, False),
        ("0900000001 0900000002", ONE, False),
        ("0900000001 hoặc 0900000002", ONE, False),
    ],
)
def test_spellings_of_a_mobile_number(text: str, e164: str, repaired: bool) -> None:
    assert phones.normalise(text) == phones.Phone(e164, "mobile", repaired)
    assert phones.is_mobile(text)


@pytest.mark.parametrize(("old", "new"), phones.OLD_PREFIXES.items())
def test_old_prefixes_become_new_ones(old: str, new: str) -> None:
    assert phones.normalise(f"{old}0000001") == phones.Phone(f"+84{new[1:]}0000001", "mobile", True)
    assert phones.normalise(f"+84{old[1:]}0000001").e164 == f"+84{new[1:]}0000001"


def test_all_old_prefixes_are_known() -> None:
    assert len(phones.OLD_PREFIXES) == 5 + 5 + 8 + 2 + 1


def test_fixed_lines_get_no_messages() -> None:
    assert phones.normalise("0233.3000.001") == phones.Phone("+842333000001", "fixed", False)
    assert not phones.is_mobile("0233 3000 001")


@pytest.mark.parametrize(
    "text", [None, "", "0", "không có", "12345", "044090001234", "+1 202 555 0100", "1" * 300]
)
def test_what_is_no_vietnamese_number(text: str | None) -> None:
    assert phones.normalise(text) == phones.INVALID


@given(st.text())
def test_never_raises(text: str) -> None:
    phone = phones.normalise(text)
    assert (phone.kind == "mobile") <= (phone.e164 is not None)


@given(st.integers(0, 9_999_999), st.sampled_from(["", " ", ".", "-"]))
def test_separators_do_not_matter(number: int, separator: str) -> None:
    digits = f"090{number:07d}"
    spelt = separator.join((digits[:4], digits[4:7], digits[7:]))
    assert phones.normalise(spelt).e164 == f"+84{digits[1:]}"
