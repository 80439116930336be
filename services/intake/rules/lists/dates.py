"""Dates as lists hold them: typed cells, serial numbers, and texts in the shapes that people use."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from shared.clock import VN

EARLIEST, LATEST = 1990, 2100
_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  what spreadsheets count their days from
_FIRST_SERIAL, _LAST_SERIAL = 32_874, 73_415
"""1990-01-01 to 2100-12-31: other numbers are no dates."""

_CLOCK = (
    r"(?P<hour>\d{1,2})\s*(?:[:hg]|giờ)\s*(?P<minute>\d{2})?\s*(?:phút)?"
    r"(?:[:.]?(?P<second>\d{2})(?:\.\d+)?)?"
)
_DAY_FIRST = (
    r"(?:ngày\s*)?(?P<day>\d{1,2})\s*(?:[/.\-]|tháng)\s*(?P<month>\d{1,2})"
    r"\s*(?:[/.\-]|năm)\s*(?P<year>\d{4}|\d{2})"
)
_YEAR_FIRST = r"(?P<year>\d{4})[\-/.](?P<month>\d{1,2})[\-/.](?P<day>\d{1,2})"
_SHAPES = [
    re.compile(shape, re.IGNORECASE)
    for day in (_DAY_FIRST, _YEAR_FIRST)
    for shape in (
        day,
        rf"{day}(?:\s+|\s*,\s*|T|\s*-\s*|\s+lúc\s+){_CLOCK}",
        rf"(?:lúc\s*)?{_CLOCK}(?:\s+|\s*,\s*|\s*-\s*){day}",
    )
]
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d))?")
_ZONED = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?\s*(Z|[+-]\d\d:?\d\d)", re.IGNORECASE
)
_SERIAL = re.compile(r"\d{5}(?:[.,]\d+)?")
_HALF = re.compile(r"\s*(sa|am|ch|pm)\b\.?", re.IGNORECASE)


class Moment(NamedTuple):
    """An instant as a list states it; ``dated`` says that only its day was given.

    ``repair`` is the code of what had to be read into it, or empty.
    """

    at: datetime
    dated: bool
    repair: str = ""


def read_moment(cell: Any) -> Moment | None:
    """The instant in a cell, in Viet Nam's time where it names no zone; None: it is no date."""
    if isinstance(cell, bool) or cell is None:
        return None
    if isinstance(cell, datetime):
        return Moment(cell.replace(tzinfo=VN), cell.time() == time())
    if isinstance(cell, date):
        return Moment(datetime(cell.year, cell.month, cell.day, tzinfo=VN), True)
    if isinstance(cell, int | float):
        return _serial(float(cell))
    if not isinstance(cell, str) or len(cell) > 60:
        return None
    text = " ".join(cell.split())
    if _SERIAL.fullmatch(text):
        return _serial(float(text.replace(",", ".")))
    return _zoned(text) or _compact(text) or _spelled(text)


def in_range(at: datetime) -> bool:
    """Whether an instant lies in the years that the contract takes."""
    return EARLIEST <= at.astimezone(UTC).year <= LATEST and at.year >= EARLIEST


def _serial(number: float) -> Moment | None:
    if not _FIRST_SERIAL <= number < _LAST_SERIAL:
        return None
    # Spreadsheets keep times as fractions of a day: half a second of error is theirs.
    at = _EPOCH + timedelta(seconds=round(number * 86_400))
    return Moment(at.replace(tzinfo=VN), at.time() == time(), "date_serial")


def _zoned(text: str) -> Moment | None:
    if not _ZONED.fullmatch(text):
        return None
    try:
        at = datetime.fromisoformat(text.replace("z", "Z"))
    except ValueError:
        return None
    return Moment(at, False)


def _compact(text: str) -> Moment | None:
    match = _COMPACT.fullmatch(text)
    if match is None:
        return None
    year, month, day, *clock = match.groups()
    hour, minute, second = (int(part or 0) for part in clock)
    moment = _made(int(year), int(month), int(day), hour, minute, second, clock[0] is None)
    return moment._replace(repair="date_text") if moment else None


def _spelled(text: str) -> Moment | None:
    half = _HALF.search(text)
    afternoon = bool(half) and half[1].lower() in ("ch", "pm") if half else False
    morning = bool(half) and not afternoon
    if half and re.search(r"\d", text):
        text = _HALF.sub("", text).strip()
    for shape in _SHAPES:
        match = shape.fullmatch(text)
        if match is None:
            continue
        parts = match.groupdict()
        year = int(parts["year"])
        if len(parts["year"]) == 2:
            year += 2000 if year <= 50 else 1900
        hour = int(parts.get("hour") or 0)
        if afternoon and hour < 12:
            hour += 12
        if morning and hour == 12:
            hour = 0
        moment = _made(
            year,
            int(parts["month"]),
            int(parts["day"]),
            hour,
            int(parts.get("minute") or 0),
            int(parts.get("second") or 0),
            parts.get("hour") is None,
        )
        repair = "date_short_year" if len(parts["year"]) == 2 else ""
        if half or re.search(r"[^\W\dT]", text):
            repair = "date_text"
        return moment._replace(repair=repair) if moment else None
    return None


def _made(
    year: int, month: int, day: int, hour: int, minute: int, second: int, dated: bool
) -> Moment | None:
    try:
        at = datetime(year, month, day, hour, minute, second, tzinfo=VN)
    except ValueError:
        return None
    return Moment(at, dated)


_MONTH = re.compile(r"(?:tháng\s*|t)?(\d{1,2})\s*(?:[/.\-]|năm)\s*(\d{4})", re.IGNORECASE)
_MONTH_ISO = re.compile(r"(\d{4})[\-/.](\d{1,2})")
_QUARTER = re.compile(r"(?:quý|q)\s*([1-4]|iv|i{1,3})\s*(?:[/.\-]|năm)?\s*(\d{4})", re.IGNORECASE)
_QUARTER_ISO = re.compile(r"(\d{4})-?Q([1-4])", re.IGNORECASE)
_YEAR = re.compile(r"(?:năm\s*)?(\d{4})", re.IGNORECASE)
_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4}
_PLAIN = re.compile(
    r"\d{4}(?:-Q[1-4]|-H[12]|-W\d\d|-\d\d(?:-\d\d(?:-(?:am|pm))?)?)?|[A-Za-z][A-Za-z0-9_.\-]*"
)


def read_month(cell: Any) -> str | None:
    """The month in a cell as YYYY-MM; a day stands for its month. None: it is no month."""
    if isinstance(cell, str):
        text = " ".join(cell.split())
        for shape, month, year in ((_MONTH, 1, 2), (_MONTH_ISO, 2, 1)):
            match = shape.fullmatch(text)
            if match:
                return _month(int(match[year]), int(match[month]))
    moment = read_moment(cell)
    return _month(moment.at.year, moment.at.month) if moment else None


def read_period(cell: Any) -> str | None:
    """The period in a cell as plans write it: YYYY, YYYY-Qn, YYYY-MM, YYYY-MM-DD or a name."""
    if isinstance(cell, float) and cell.is_integer() and EARLIEST <= cell <= LATEST:
        return str(int(cell))
    if isinstance(cell, int) and not isinstance(cell, bool) and EARLIEST <= cell <= LATEST:
        return str(cell)
    if not isinstance(cell, str):
        moment = read_moment(cell)
        return moment.at.date().isoformat() if moment else None
    text = " ".join(cell.split())
    quarter = _QUARTER.fullmatch(text)
    if quarter:
        number = _ROMAN.get(quarter[1].lower()) or int(quarter[1])
        return f"{quarter[2]}-Q{number}"
    quarter = _QUARTER_ISO.fullmatch(text)
    if quarter:
        return f"{quarter[1]}-Q{quarter[2]}"
    year = _YEAR.fullmatch(text)
    if year:
        return year[1] if EARLIEST <= int(year[1]) <= LATEST else None
    for shape, month_group, year_group in ((_MONTH, 1, 2), (_MONTH_ISO, 2, 1)):
        match = shape.fullmatch(text)
        if match:
            return _month(int(match[year_group]), int(match[month_group]))
    moment = read_moment(text)
    if moment:
        return moment.at.date().isoformat()
    return text if _PLAIN.fullmatch(text) else None


def end_of_period(period: str) -> date | None:
    """The last day of a period; None where its name holds no date."""
    match = re.match(r"(\d{4})(?:-(?:Q([1-4])|H([12])|W(\d\d)|(\d\d)(?:-(\d\d))?))?", period)
    if match is None:
        return None
    year = int(match[1])
    try:
        if match[6]:
            return date(year, int(match[5]), int(match[6]))
        if match[4]:
            return date.fromisocalendar(year, int(match[4]), 7)
        month = (
            int(match[2]) * 3
            if match[2]
            else int(match[3]) * 6
            if match[3]
            else int(match[5])
            if match[5]
            else 12
        )
        following = date(year + month // 12, month % 12 + 1, 1)
    except ValueError:
        return None
    return following - timedelta(days=1)


def _month(year: int, month: int) -> str | None:
    return f"{year}-{month:02}" if 1 <= month <= 12 and EARLIEST <= year <= LATEST else None
