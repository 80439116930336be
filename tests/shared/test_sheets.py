"""Reading files as offices keep them: codings, delimiters, formats, and what is no list."""

import io
import unicodedata
import zipfile

import pytest
import xlsxwriter
import xlwt

from shared.sheets import legacy, opening, reader, texts, writing
from shared.sheets.faults import Unreadable
from shared.sheets.opening import Limits
from shared.sheets.syllables import is_syllable

UNICODE = "Cộng hòa xã hội chủ nghĩa Việt Nam Độc lập - Tự do - Hạnh phúc"
TCVN3 = "Céng hßa x· héi chñ nghÜa ViÖt Nam §éc lËp - Tù do - H¹nh phóc"
VNI = "Coäng hoøa xaõ hoäi chuû nghóa Vieät Nam Ñoäc laäp - Töï do - Haïnh phuùc"


def workbook(*sheets: list[list[object]]) -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"strings_to_formulas": False}) as book:
        for rows in sheets:
            page = book.add_worksheet()
            for number, row in enumerate(rows):
                for position, value in enumerate(row):
                    page.write(number, position, value)
    return content.getvalue()


def rows_of(data: bytes, sheet: str | None = None, limits: Limits | None = None) -> list[list]:
    return [list(row) for row in opening.open_list(data, sheet, limits or Limits()).rows]


def fault_of(data: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(Unreadable) as caught:
        rows_of(data, limits=limits)
    return caught.value.code


# -- codings of before Unicode -----------------------------------------------------------------


def test_the_motto_in_each_coding_is_the_motto():
    assert legacy.from_tcvn3(TCVN3) == UNICODE
    assert legacy.from_vni(VNI) == UNICODE
    assert legacy.detect(TCVN3) == "tcvn3"
    assert legacy.detect(VNI) == "vni"


@pytest.mark.parametrize(
    ("coded", "plain"),
    [
        ("NguyÔn V¨n Hïng", "Nguyễn Văn Hùng"),
        ("TrÇn ThÞ Mü LÖ", "Trần Thị Mỹ Lệ"),
        ("Ph¹m Ngäc ¸nh, x· Tr­êng S¬n", "Phạm Ngọc ánh, xã Trường Sơn"),
        ("§¨ng ký khai sinh, quÈy sè 5", "Đăng ký khai sinh, quẩy số 5"),
    ],
)
def test_names_in_tcvn3(coded, plain):
    assert legacy.from_tcvn3(coded) == plain


@pytest.mark.parametrize(
    ("coded", "plain"),
    [
        ("Nguyeãn Vaên Huøng", "Nguyễn Văn Hùng"),
        ("Traàn Thò Myõ Leä", "Trần Thị Mỹ Lệ"),
        ("NGUYEÃN THÒ ÑAØO", "NGUYỄN THỊ ĐÀO"),
        ("Löu Ñöùc Thöôûng, xaõ Tröôøng Sôn", "Lưu Đức Thưởng, xã Trường Sơn"),
    ],
)
def test_names_in_vni(coded, plain):
    assert legacy.from_vni(coded) == plain


@pytest.mark.parametrize(
    "text", [UNICODE, "plain ASCII, 0900000001", "José Müller, café, naïve", ""]
)
def test_what_is_not_coded_is_left_alone(text):
    assert legacy.detect(text) is None


def test_every_letter_of_vietnamese_is_in_both_tables():
    letters = {
        unicodedata.normalize("NFC", base + tone)
        for base in "aăâeêioôơuưy"
        for tone in ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
    } - set("aeiouy") | {"đ"}
    assert len(letters) == 67
    western = "".join(map(chr, range(0x80, 0x100)))
    assert letters <= set(legacy.from_tcvn3(western))
    pairs = " ".join(a + b for a in "aeiouyôöAEIOUY" for b in western) + western
    assert letters <= set(legacy.from_vni(pairs))


SYLLABLES = "nghiêng quyển giếng khuỷu nguyễn thuở xoong giặt ủy uỷ"


@pytest.mark.parametrize("word", SYLLABLES.split())
def test_syllables(word):
    assert is_syllable(word)
    assert is_syllable(unicodedata.normalize("NFD", word))
    assert not is_syllable(word + "ä")


@pytest.mark.parametrize(
    ("data", "coding"),
    [
        (UNICODE.encode(), "utf-8"),
        (UNICODE.encode("utf-8-sig"), "utf-8"),
        (unicodedata.normalize("NFD", UNICODE).encode(), "utf-8"),
        (UNICODE.encode("utf-16"), "utf-16"),
        (UNICODE.encode("utf-16-le"), "utf-16"),
        (UNICODE.encode("utf-16-be"), "utf-16"),
        (TCVN3.encode("latin-1"), "tcvn3"),
        (VNI.encode("windows-1252"), "vni"),
        (TCVN3.encode(), "tcvn3"),
    ],
)
def test_text_files_are_decoded(data, coding):
    decoded = texts.decode(data)
    assert decoded is not None
    assert unicodedata.normalize("NFC", decoded.text) == UNICODE
    assert decoded.coding == coding


# -- CSV ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_below_a_title(delimiter):
    lines = ["Danh sách, tháng 8", "", *(delimiter.join(row) for row in (["a", "b", "c"],) * 4)]
    assert rows_of("\r\n".join(lines).encode())[2:] == [["a", "b", "c"]] * 4


def test_quotes_hold_delimiters_and_lines():
    assert rows_of(b'a;b\r\n"x; y";"1\n2"\r\n') == [["a", "b"], ["x; y", "1\n2"]]


def test_a_line_that_names_the_delimiter_is_an_empty_row():
    assert rows_of(b"sep=;\r\na,1;b\r\n") == [[], ["a,1", "b"]]


# -- workbooks ---------------------------------------------------------------------------------


def test_old_workbooks_and_opendocument_are_read():
    old = xlwt.Workbook(encoding="utf-8")
    page = old.add_sheet("Trang 1")
    page.write(0, 0, "Họ tên")
    page.write(1, 0, 912345678)
    content = io.BytesIO()
    old.save(content)
    assert opening.recognise(content.getvalue(), Limits()) == "xls"
    assert rows_of(content.getvalue()) == [["Họ tên"], [912345678.0]]
    assert rows_of(opendocument([["Họ tên", "Số"], ["Lê", "7"]])) == [["Họ tên", "Số"], ["Lê", "7"]]


def opendocument(rows: list[list[str]]) -> bytes:
    cells = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>'
            for cell in row
        )
        + "</table:table-row>"
        for row in rows
    )
    names = "urn:oasis:names:tc:opendocument:xmlns"
    body = (
        f'<office:document-content xmlns:office="{names}:office:1.0" xmlns:table="{names}:table:1.0"'
        f' xmlns:text="{names}:text:1.0"><office:body><office:spreadsheet><table:table'
        f' table:name="T">{cells}</table:table></office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    )
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", body)
        archive.writestr("META-INF/manifest.xml", manifest)
    return content.getvalue()


def test_the_first_sheet_with_data_is_read_unless_one_is_named():
    data = workbook([], [["a"]], [["b"]])
    assert rows_of(data) == [["a"]]
    assert rows_of(data, "Sheet3") == [["b"]]
    assert rows_of(data, "3") == [["b"]]
    with pytest.raises(Unreadable, match="no_such_sheet"):
        rows_of(data, "Sheet9")


def test_formulas_give_what_they_had_come_to():
    content = io.BytesIO()
    with xlsxwriter.Workbook(content) as book:
        page = book.add_worksheet()
        page.write_formula(0, 0, "=1+1", None, 2)
        page.write_string(0, 1, "=HYPERLINK(1)")
    assert rows_of(content.getvalue()) == [[2.0, "=HYPERLINK(1)"]]


def test_old_fonts_are_converted_column_by_column():
    rows = [[TCVN3, UNICODE, VNI, "José"]] * 3
    assert rows_of(workbook(*[rows])) == [[UNICODE, UNICODE, UNICODE, "José"]] * 3


def test_short_columns_follow_the_others():
    rows = [["Ngaøy caøi", VNI], ["43697", VNI], ["x", VNI]]
    assert rows_of(workbook(rows))[0] == ["Ngày cài", UNICODE]
    assert rows_of(workbook([["Ngaøy caøi", "Đông Hà"]])) == [["Ngaøy caøi", "Đông Hà"]]


def test_empty_rows_keep_their_numbers_and_the_end_is_cut():
    assert rows_of(workbook([["a"], [], [""], ["b", "", " "]])) == [["a"], [], [], ["b"]]


# -- what is no list ---------------------------------------------------------------------------


def bomb(declared: int | None = None) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"")
        archive.writestr("xl/worksheets/sheet1.xml", bytes(3 << 20))
    data = content.getvalue()
    if declared is not None:  # the directory lies about what the entry holds
        true = (3 << 20).to_bytes(4, "little")
        data = data.replace(true, declared.to_bytes(4, "little"))
    return data


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"  \r\n \r\n", "empty_sheet"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "not_a_list"),
        (b"<html><body><table><tr><td>1</td></tr></table>", "not_a_list"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not_a_list"),
        (b"PK\x03\x04 and then nothing of the kind", "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "not_a_list"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Workbook".encode("utf-16-le"), "damaged"),
    ],
)
def test_what_is_no_list_is_said(data, code):
    assert fault_of(data) == code


def test_an_empty_workbook_is_empty():
    assert fault_of(workbook([], [])) == "empty_sheet"


def test_a_document_of_another_kind_is_no_list():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    assert fault_of(content.getvalue()) == "not_a_list"


def test_an_archive_is_measured_before_it_is_parsed():
    small = Limits(unpacked=1 << 20)
    assert fault_of(bomb(), small) == "unpacks_too_large"
    with pytest.raises(Unreadable, match="unpacks_too_large"):
        opening.recognise(bomb(), small)


def test_an_archive_that_lies_about_its_size_is_damaged():
    assert fault_of(bomb(declared=1000), Limits(unpacked=1 << 20)) == "damaged"


def test_rows_and_columns_are_bounded():
    assert fault_of(workbook([["a"]] * 11), Limits(rows=10)) == "too_many_rows"
    assert fault_of(workbook([["a"] * 11]), Limits(columns=10)) == "too_many_columns"
    assert len(rows_of(workbook([["a"]] * 10), limits=Limits(rows=10))) == 10


# -- the process that reads --------------------------------------------------------------------


async def chunks(data: bytes):
    for start in range(0, len(data), 1000):
        yield data[start : start + 1000]


async def read(data: bytes) -> list[tuple[int, list]]:
    found = []
    async with reader.Reader(chunks(data), None, Limits()) as opened:
        async for batch in opened.batches():
            found += batch
    return found


async def test_rows_come_from_another_process_as_they_are():
    data = workbook([["a", 1, None], [], [True, 2.5, "Đông Hà"]] + [["x"]] * 300)
    found = await read(data)
    assert len(found) == 303
    assert found[0] == (1, ["a", 1.0])
    assert found[2] == (3, [True, 2.5, "Đông Hà"])
    assert found[302] == (303, ["x"])


async def test_a_cell_far_away_does_not_take_the_memory_of_all():
    content = io.BytesIO()
    with xlsxwriter.Workbook(content) as book:
        page = book.add_worksheet()
        page.write(0, 0, "a")
        page.write(1_048_575, 16_383, "z")
    with pytest.raises(Unreadable, match="too_large_to_read"):
        await read(content.getvalue())


async def test_faults_come_from_another_process_too():
    with pytest.raises(Unreadable, match="not_a_list"):
        await read(b"%PDF-1.4")


# -- writing it again --------------------------------------------------------------------------


def test_the_same_sheet_comes_back_with_a_column_more(tmp_path):
    data = workbook([["Tiêu đề"], ["Tên", "Số"], ["=1+1", 900000001], ["b", "0900.000.002"]])
    path = tmp_path / "errors.xlsx"
    notes = {3: ["hỏng", ""], 4: ["", "mended"]}
    writing.mark(data, None, Limits(), path, 2, ["Lỗi", "Đã tự sửa"], notes)
    assert rows_of(path.read_bytes()) == [
        ["Tiêu đề"],
        ["Tên", "Số", "Lỗi", "Đã tự sửa"],
        ["=1+1", 900000001.0, "hỏng"],
        ["b", "0900.000.002", None, "mended"],
    ]
    with zipfile.ZipFile(path) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")
