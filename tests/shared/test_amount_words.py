"""Amounts in words."""

import pytest

from shared.amount_words import dong_in_words


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0, "không đồng"),
        (1, "một đồng"),
        (10, "mười đồng"),
        (15, "mười lăm đồng"),
        (21, "hai mươi mốt đồng"),
        (105, "một trăm linh năm đồng"),
        (110, "một trăm mười đồng"),
        (555, "năm trăm năm mươi lăm đồng"),
        (30_000, "ba mươi nghìn đồng"),
        (1_500_000, "một triệu năm trăm nghìn đồng"),
        (27_000_000, "hai mươi bảy triệu đồng"),
        (27_030_000, "hai mươi bảy triệu không trăm ba mươi nghìn đồng"),
        (1_000_001, "một triệu không trăm linh một đồng"),
        (2_000_000_000, "hai tỷ đồng"),
        (12_000_000_000_005, "mười hai nghìn tỷ không trăm linh năm đồng"),
        (-60_000, "âm sáu mươi nghìn đồng"),
    ],
)
def test_words(amount, words):
    assert dong_in_words(amount) == words
