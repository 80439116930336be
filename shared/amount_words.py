"""Amounts in Vietnamese words, as a payroll has them."""

DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
SCALES = ("", "nghìn", "triệu")
BILLION = "tỷ"


def dong_in_words(amount: int) -> str:
    """27000000 -> "hai mươi bảy triệu đồng"; below zero it begins with "âm"."""
    words = _number(abs(amount)) if amount else ["không"]
    return " ".join([*(["âm"] if amount < 0 else []), *words, "đồng"])


def _number(value: int) -> list[str]:
    """The words of a positive number: what is above a billion is itself a number of billions."""
    billions, rest = divmod(value, 10**9)
    words = [*_number(billions), BILLION] if billions else []
    return words + _below_billion(rest, leading=not billions)


def _below_billion(value: int, leading: bool) -> list[str]:
    words: list[str] = []
    for power in (2, 1, 0):
        group = value // 1000**power % 1000
        if group:
            first = leading and not words
            words += _group(group, first)
            words += [SCALES[power]] if SCALES[power] else []
    return words


def _group(value: int, first: bool) -> list[str]:
    """Up to 999; one that is not the first says its empty places, too."""
    hundreds, tens, units = value // 100, value // 10 % 10, value % 10
    words = [] if first and not hundreds else [DIGITS[hundreds], "trăm"]
    if tens == 1:
        words.append("mười")
    elif tens:
        words += [DIGITS[tens], "mươi"]
    elif units and words:
        words.append("linh")
    if units == 1 and tens > 1:
        words.append("mốt")
    elif units == 5 and tens:
        words.append("lăm")
    elif units:
        words.append(DIGITS[units])
    return words
