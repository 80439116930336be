"""Values of cells: read, mended where there is no doubt, and every mending said.

Each function takes a cell and gives (value, codes of repairs, fault); with a fault the value is
None. What a cell holds is never part of a fault.
"""

import re
import unicodedata
from datetime import date, datetime
from typing import Any, NamedTuple

from services.intake.rules.lists.dates import Moment, in_range, read_moment
from services.intake.rules.lists.kinds import Column
from services.intake.rules.lists.notes import Note
from shared import phones
from shared.units import fold

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_WHOLE = re.compile(r"\d{1,10}(?:[.,]0+)?|\d{1,3}(?:[.,\s]\d{3})+")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+")
_ORGANISATION = re.compile(
    r"^(?:BAN|SỞ|PHÒNG|TRƯỜNG|HỘI|TRUNG TÂM|CHI NHÁNH|TỔ CHỨC|BỆNH VIỆN|NGÂN HÀNG)\b"
    r"|\b(?:CÔNG TY|CTY|TNHH|DOANH NGHIỆP|DNTN|HTX|HỢP TÁC XÃ|UBND|ỦY BAN|UỶ BAN|HỘ KINH DOANH)\b",
    re.IGNORECASE,
)


class Value(NamedTuple):
    """What a cell says."""

    value: Any = None
    repairs: tuple[str, ...] = ()
    fault: str = ""
    hint: str = ""


EMPTY = Value()


def text_of(cell: Any) -> str:
    """A cell as a person sees it: numbers without a decimal point where they are whole."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        return cell.strftime("%d/%m/%Y %H:%M")
    if isinstance(cell, date):
        return cell.strftime("%d/%m/%Y")
    return str(cell)


def read_text(cell: Any, longest: int = 4000) -> Value:
    """A text in NFC with single blanks."""
    if type(cell) is str and cell.isascii() and cell.isprintable() and len(cell) <= longest:
        return Value(" ".join(cell.split()) or None)  # what most cells are
    given = text_of(cell)
    if _CONTROL.search(given):
        return Value(fault="control_character")
    text = " ".join(unicodedata.normalize("NFC", given).split())
    if len(text) > longest:
        return Value(fault="too_long")
    composed = not unicodedata.is_normalized("NFC", given)
    return Value(text or None, ("text_composed",) if composed and text else ())


def read_code(cell: Any) -> Value:
    """A code: what is a number in the sheet becomes its digits."""
    found = read_text(cell, 128)
    if found.value is None:
        return found
    repairs = found.repairs
    if isinstance(cell, int | float):
        repairs += ("code_number",)
    if re.search(r"\s", found.value):
        return Value(fault="invalid_code")
    return Value(found.value, repairs)


def read_name(cell: Any) -> Value:
    """A person's name: NFC, single blanks; all capitals or all small become Like This.

    What looks like an organisation keeps its capitals.
    """
    found = read_text(cell, 256)
    if found.value is None:
        return found
    given, text = text_of(cell), found.value
    repairs = ["name_composed"] if found.repairs else []
    if unicodedata.normalize("NFC", given) != text:
        repairs.append("name_spaces")
    one_case = text.isupper() or text.islower()
    if one_case and " " in text and not _ORGANISATION.search(text):
        text = " ".join(word.capitalize() for word in text.split())
        repairs.append("name_capitals")
    return Value(text, tuple(repairs))


class PhoneValue(NamedTuple):
    """A phone number in one spelling; ``text`` is what the list gave where there is none."""

    phone: phones.Phone
    text: str
    repairs: tuple[str, ...]


def read_phone(cell: Any) -> PhoneValue | None:
    """The phone number in a cell, and how it was mended; None: the cell is empty."""
    text = text_of(cell).strip()
    if not text:
        return None
    phone = phones.normalise(text)
    if phone.e164 is None:
        return PhoneValue(phone, text, ())
    repairs = []
    plain = unicodedata.normalize("NFKC", text)
    if isinstance(cell, int | float) or re.fullmatch(r"\d+\.0+", plain):
        repairs.append("phone_number")
        plain = re.sub(r"\.0+$", "", plain)
    if any(c.isdigit() and not c.isascii() for c in text):
        repairs.append("phone_digits")
    parts = [part for part in re.split(r"[/\\;,|&\n]|\bhoặc\b|\bor\b", plain) if part.strip()]
    if len(parts) > 1 or len(re.findall(r"\d{9,}", plain)) > 1:
        repairs.append("phone_first")
        plain = next((p for p in parts if phones.normalise(p).e164 == phone.e164), plain)
    if re.search(r"[oO]", plain):
        repairs.append("phone_letter")
        plain = re.sub(r"[oO]", "0", plain)
    digits = re.sub(r"\D", "", plain)
    if digits != plain.strip().lstrip("+"):
        repairs.append("phone_separators")
    national = "0" + phone.e164[3:]
    if digits.startswith("84") or digits.startswith("0084"):
        repairs.append("phone_country")
        digits = "0" + re.sub(r"^(?:00)?84", "", digits).lstrip("0")
    elif not digits.startswith("0"):
        if "phone_number" not in repairs:  # a cell that is a number can't keep its zero
            repairs.append("phone_zero")
        digits = "0" + digits
    if digits != national and len(digits) == 11:
        repairs.append("phone_prefix")
    return PhoneValue(phone, text, tuple(dict.fromkeys(repairs)))


def read_email(cell: Any) -> tuple[str, bool] | None:
    """(the address, whether it is one); None: the cell is empty."""
    text = text_of(cell).strip()
    if not text:
        return None
    return text, len(text) <= 254 and bool(_EMAIL.fullmatch(text))


def read_instant(cell: Any) -> tuple[Moment | None, str]:
    """(the instant, its fault)."""
    moment = read_moment(cell)
    if moment is None:
        return None, "invalid_date"
    if not in_range(moment.at):
        return None, "date_out_of_range"
    return moment, ""


def read_whole(cell: Any) -> Value:
    """A whole number from 0."""
    if isinstance(cell, bool):
        return Value(fault="invalid_number")
    if isinstance(cell, int | float):
        whole = float(cell).is_integer() and 0 <= cell <= 1_000_000_000
        return Value(int(cell)) if whole else Value(fault="invalid_number")
    text = text_of(cell).strip()
    if not _WHOLE.fullmatch(text):
        return Value(fault="invalid_number")
    digits = re.sub(r"[.,]0{1,2}$", "", text)
    number = int(re.sub(r"\D", "", digits))
    if number > 1_000_000_000:
        return Value(fault="invalid_number")
    return Value(number, ("number_text",) if text != str(number) else ())


def read_choice(cell: Any, column: Column) -> Value:
    """The value that a word stands for; what is misspelled by a letter or two is mended."""
    folded = fold(text_of(cell))
    if folded in column.choices:
        return Value(column.choices[folded])
    close = {
        column.choices[word]
        for word in column.choices
        if len(word) >= 5 and len(folded) >= 5 and _differ_by_one(word, folded)
    }
    if len(close) == 1:
        return Value(close.pop(), ("choice_word",))
    return Value(fault="not_allowed", hint=", ".join(column.words))


def _differ_by_one(a: str, b: str) -> bool:
    """Whether one letter added, lost or changed makes one word the other."""
    if abs(len(a) - len(b)) > 1:
        return False
    if len(a) > len(b):
        a, b = b, a
    for index, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return a[index:] == b[index + 1 :] or a[index + 1 :] == b[index + 1 :]
    return True


def read_answer(cell: Any) -> Any:
    """An answer of a questionnaire as events carry it: number, text or boolean."""
    if isinstance(cell, bool):
        return cell
    if isinstance(cell, float):
        return int(cell) if cell.is_integer() else cell
    if isinstance(cell, int):
        return cell
    text = " ".join(unicodedata.normalize("NFC", text_of(cell)).split())
    if re.fullmatch(r"\d{1,4}", text):
        return int(text)
    if re.fullmatch(r"\d{1,4}[.,]\d{1,3}", text):
        return float(text.replace(",", "."))
    return text


def notes(column: str, codes: tuple[str, ...]) -> list[Note]:
    """Notes of a column, one for each code."""
    return [Note(column, code) for code in codes]
