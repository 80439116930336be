"""Reports as Excel files that can be printed and handed in: real numbers and days, nothing runs."""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_range
from xlsxwriter.worksheet import Worksheet

from shared.clock import VN
from shared.forms import HEADING_LINES, Form

OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
A4 = 9
WIDEST = 60
LONGEST_CELL = 32_767
MANY = 20_000
"""From so many rows on a sheet is written row by row, and its file is made without holding it."""
FONT = {"font_name": "Times New Roman", "font_size": 11}
DAYS = frozenset({"day", "due", "due_date", "until", "returned"})
MOMENTS = frozenset({"due_at", "fulfilled_at", "makeup_at", "raised_at", "resolved_at"})
PERCENTS = frozenset({"share", "rate", "target"})
NAME_WIDTH = 34
LINE_HEIGHT = 15.0
CHARTED = 60
"""A chart of more rows would show nothing."""

Row = Mapping[str, Any]
Words = Callable[[str, Any], Any]
"""(column, value) to what stands in a cell of text."""


class Styles:
    """The formats of one workbook."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        line = {"border": 1, "valign": "vcenter"}
        make = self._make = lambda *parts: book.add_format(
            {key: value for part in (FONT, *parts) for key, value in part.items()}
        )
        center = {"align": "center", "text_wrap": True}
        self.plain = make()
        self.bold = make({"bold": True})
        self.title = make({"bold": True, "font_size": 14})
        self.middle_title = make({"bold": True, "font_size": 14, "align": "center"})
        self.middle = make(center)
        self.middle_bold = make(center, {"bold": True})
        self.small = make({"italic": True, "font_size": 10})
        self.small_right = make({"italic": True, "font_size": 10, "align": "right"})
        self.head = make(line, center, {"bold": True, "bg_color": "#E7EEF7"})
        self.note = make(line, center, {"italic": True, "font_size": 9})
        self.text = make(line, {"text_wrap": True, "indent": 1})
        self.serial = make(line, {"align": "center"})
        self.whole = make(line, {"num_format": "#,##0"})
        self.broken = make(line, {"num_format": "#,##0.00"})
        self.percent = make(line, {"num_format": "0.0%"})
        self.day = make(line, {"num_format": "dd/mm/yyyy", "align": "center"})
        self.moment = make(line, {"num_format": "dd/mm/yyyy hh:mm", "align": "center"})
        self.total_text = make(line, {"bold": True, "indent": 1})
        self.total = make(line, {"bold": True, "num_format": "#,##0"})


def table_book(
    name: str,
    title: Sequence[str],
    columns: Sequence[str],
    headings: Sequence[str],
    rows: Sequence[Row],
    words: Words,
    chart: tuple[str, Sequence[str]] | None = None,
    page: str = "Trang",
) -> bytes:
    """A report as a table: lines of title, a blank one, headings, rows.

    Args:
        name: of the sheet.
        words: what stands in cells of text.
        chart: the column of names and those of figures to draw on a second sheet.
    """
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, OPTIONS | {"constant_memory": len(rows) > MANY}) as book:
        styles = Styles(book)
        sheet = book.add_worksheet(name[:31])
        _print_setup(sheet, page)
        top = len(title) + 1
        widths = [
            _width(column, heading, rows, words)
            for column, heading in zip(columns, headings, strict=True)
        ]
        for place, width in enumerate(widths):
            sheet.set_column(place, place, width)
        for line, text in enumerate(title):
            sheet.write_string(line, 0, text, styles.title if line == 0 else styles.plain)
        sheet.set_row(top, 32)
        for place, heading in enumerate(headings):
            sheet.write_string(top, place, heading, styles.head)
        sheet.repeat_rows(top)
        sheet.freeze_panes(top + 1, 2 if columns[:1] == ["unit"] else 1)
        for line, row in enumerate(rows, top + 1):
            texts = [words(column, row.get(column)) for column in columns]
            if (height := _height(zip(texts, widths, strict=True))) > LINE_HEIGHT:
                sheet.set_row(line, height)
            for place, column in enumerate(columns):
                _write(sheet, line, place, column, row.get(column), styles, words)
        if rows:
            sheet.autofilter(top, 0, top + len(rows), len(columns) - 1)
        if chart and 1 < len(rows) <= CHARTED:
            names, figures = chart
            places = [columns.index(figure) for figure in figures]
            _chart(
                book, sheet, title[0], top + 1, len(rows), columns.index(names), places, headings
            )
    return file.getvalue()


def form_book(
    form: Form,
    by: str,
    lines: Mapping[str, str],
    names: Sequence[str],
    rows: Sequence[Row],
) -> bytes:
    """An official form, ready to print and sign.

    Args:
        lines: `office`, `period`, `fresh`: what stands above the table.
        names: of the rows, in their order.
    """
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, OPTIONS) as book:
        styles = Styles(book)
        sheet = book.add_worksheet(form.numbers[by][:31])
        last = 1 + len(form.columns)
        _print_setup(sheet, "Trang")
        sheet.set_column(0, 0, 6)
        sheet.set_column(1, 1, NAME_WIDTH)
        sheet.set_column(2, last, 11)
        half = last // 2
        sheet.merge_range(0, 0, 0, half, form.numbers[by], styles.bold)
        sheet.merge_range(0, half + 1, 0, last, lines["office"], styles.bold)
        sheet.merge_range(1, 0, 1, half, f"({form.regime})", styles.small)
        sheet.merge_range(1, half + 1, 1, last, lines["fresh"], styles.small)
        sheet.merge_range(3, 0, 3, last, form.title, styles.middle_title)
        sheet.merge_range(4, 0, 4, last, lines["period"], styles.middle)
        sheet.merge_range(5, 0, 5, last, form.measure, styles.small_right)
        top = 6
        for cell in form.headings(by):
            style = styles.note if cell.line == HEADING_LINES - 1 else styles.head
            line = top + cell.line
            if cell.lines > 1 or cell.columns > 1:
                end, right = line + cell.lines - 1, cell.column + cell.columns - 1
                sheet.merge_range(line, cell.column, end, right, cell.text, style)
            else:
                sheet.write_string(line, cell.column, cell.text, style)
        sheet.set_row(top + 2, 45)
        first = top + HEADING_LINES
        sheet.repeat_rows(top, first - 1)
        sheet.freeze_panes(first, 2)
        for line, (name, row) in enumerate(zip(names, rows, strict=True), first):
            sheet.set_row(line, _height([(name, NAME_WIDTH)]))
            sheet.write_number(line, 0, line - first + 1, styles.serial)
            sheet.write_string(line, 1, name[:LONGEST_CELL], styles.text)
            for place, column in enumerate(form.columns, 2):
                sheet.write_number(line, place, row[column.key], styles.whole)
        end = first + len(rows)
        sheet.write_blank(end, 0, None, styles.total_text)
        sheet.write_string(end, 1, form.total, styles.total_text)
        for place, column in enumerate(form.columns, 2):
            whole = sum(row[column.key] for row in rows)
            if rows:
                span = xl_range(first, place, end - 1, place)
                sheet.write_formula(end, place, f"=SUM({span})", styles.total, whole)
            else:
                sheet.write_number(end, place, 0, styles.total)
        _signatures(sheet, form, end + 2, last, styles)
        sheet.print_area(0, 0, end + 8, last)
        if 0 < len(rows) <= CHARTED:
            figures = {column.key: place for place, column in enumerate(form.columns, 2)}
            drawn = [
                "resolved_early",
                "resolved_on_time",
                "resolved_late",
                "pending_within_due",
                "pending_overdue",
            ]
            if figures.keys() >= set(drawn):
                heads = {figures[c.key]: f"{c.group}: {c.heading.lower()}" for c in form.columns}
                places = [figures[key] for key in drawn]
                _chart(book, sheet, form.title, first, len(rows), 1, places, heads, stacked=True)
    return file.getvalue()


def _signatures(sheet: Worksheet, form: Form, line: int, last: int, styles: Styles) -> None:
    if form.place_and_day:
        sheet.merge_range(line, last // 2 + 1, line, last, form.place_and_day, styles.middle)
    count = len(form.signatures)
    for number, signature in enumerate(form.signatures):
        left = number * (last + 1) // count
        right = (number + 1) * (last + 1) // count - 1
        sheet.merge_range(line + 1, left, line + 1, right, signature.role, styles.middle_bold)
        sheet.merge_range(line + 2, left, line + 2, right, signature.hint, styles.middle)


def _print_setup(sheet: Worksheet, page: str) -> None:
    sheet.set_landscape()
    sheet.set_paper(A4)
    sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    sheet.fit_to_pages(1, 0)
    sheet.set_footer(f"&R{page} &P/&N")


def _width(column: str, heading: str, rows: Sequence[Row], words: Words) -> int:
    if column in DAYS:
        return 12
    if column in MOMENTS:
        return 17
    longest = max((len(str(words(column, row.get(column)) or "")) for row in rows), default=0)
    longest_word = max(map(len, heading.split()), default=0)
    return min(WIDEST, max(10, longest + 2, longest_word + 2, len(heading) // 2 + 2))


def _height(cells: Iterable[tuple[Any, int]]) -> float:
    """How high a row has to be for its texts, given the widths of their columns."""
    lines = max((-(-(len(str(text or "")) + 2) // width) for text, width in cells), default=1)
    return LINE_HEIGHT * min(max(lines, 1), 12)


def _write(
    sheet: Worksheet, line: int, place: int, column: str, value: Any, styles: Styles, words: Words
) -> None:
    if value is None:
        sheet.write_blank(line, place, None, styles.text)
    elif isinstance(value, bool):
        sheet.write_string(line, place, words(column, value), styles.text)
    elif isinstance(value, int | float):
        sheet.write_number(line, place, value, _number(column, value, styles))
    elif column in DAYS and (day := _day(value)) is not None:
        sheet.write_datetime(line, place, day, styles.day)
    elif column in MOMENTS and (moment := _moment(value)) is not None:
        sheet.write_datetime(line, place, moment, styles.moment)
    else:
        sheet.write_string(line, place, str(words(column, value))[:LONGEST_CELL], styles.text)


def _number(column: str, value: float, styles: Styles) -> Format:
    if column in PERCENTS:
        return styles.percent
    return styles.whole if isinstance(value, int) else styles.broken


def _day(text: str) -> date | None:
    """A day of a report; None where Excel has no such day, or it is a word."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.year > 1900 else None


def _moment(text: str) -> datetime | None:
    """An instant as the clocks of Viet Nam showed it: Excel knows no zones."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(VN).replace(tzinfo=None) if moment.year > 1900 else None


def _chart(
    book: xlsxwriter.Workbook,
    sheet: Worksheet,
    title: str,
    first: int,
    count: int,
    names: int,
    places: Sequence[int],
    headings: Mapping[int, str] | Sequence[str],
    *,
    stacked: bool = False,
) -> None:
    """A sheet of its own with a bar for each row."""
    page = book.add_worksheet("Biểu đồ")
    page.set_landscape()
    page.set_paper(A4)
    page.fit_to_pages(1, 1)
    chart = book.add_chart({"type": "bar", **({"subtype": "stacked"} if stacked else {})})
    for place in places:
        chart.add_series(
            {
                "name": headings[place],
                "categories": [sheet.get_name(), first, names, first + count - 1, names],
                "values": [sheet.get_name(), first, place, first + count - 1, place],
            }
        )
    chart.set_title({"name": title, "name_font": {"size": 12}})
    chart.set_y_axis({"reverse": True})
    chart.set_legend({"position": "bottom"})
    chart.set_size({"width": 960, "height": max(320, 60 + 26 * count)})
    page.insert_chart(0, 0, chart)
