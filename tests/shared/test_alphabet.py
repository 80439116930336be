"""Texts in the order of the Vietnamese alphabet."""

from random import Random

from shared.alphabet import alphabetical


def test_letters_of_their_own_follow_the_plain_ones_and_tones_decide_last():
    ordered = ["An sinh", "Ảnh", "Ăn uống", "Âm nhạc", "Dân tộc", "Dược", "Đất đai", "Đầu tư",
               "Hộ tịch", "Ổn định", "Ở trọ", "Thuế", "Thừa kế", "Ưu đãi", "Xây dựng"]  # fmt: skip
    mixed = list(ordered)
    Random(1).shuffle(mixed)
    assert sorted(mixed, key=alphabetical) == ordered
    assert sorted(["mạ", "má", "ma"], key=alphabetical)[0] == "ma"
