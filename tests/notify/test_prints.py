"""What a receipt and a letter of apology say, and that values are never run."""

from datetime import UTC, date, datetime

import segno

from services.notify.api.prints import PAGES, apology, receipt
from services.notify.handlers.desk import Desk
from services.notify.handlers.printing import Apology, Slip
from services.notify.rules.notices import Policy
from shared.printing import to_pdf
from tests.notify.conftest import OFFICES, REGISTRY, TEMPLATES

NOW = datetime(2024, 10, 12, 3, tzinfo=UTC)
LINK = "https://mc.example.vn/s/k7m2pqrstuvwx"
DESK = Desk(REGISTRY, TEMPLATES, Policy(), None, OFFICES)


def test_a_receipt_shows_the_dossier_the_office_and_the_way_to_its_page():
    slip = Slip(
        "H45-1", "QTR-TTHCC", "1.005129", "counter", NOW, NOW, date(2026, 10, 26), "post", LINK
    )
    made = receipt(DESK, slip, "vi")
    rows = dict(made["rows"])
    assert rows["Mã hồ sơ"] == "H45-1"
    assert rows["Ngày hẹn trả kết quả"] == "26/10/2026"
    assert rows["Nhận kết quả"].startswith("qua bưu chính")
    assert rows["Điện thoại"] == "0900000010"
    assert made["qr"] == segno.make(LINK, error="m", micro=False).svg_inline()
    assert to_pdf(PAGES / "receipt.typ", made).startswith(b"%PDF-")


def test_a_receipt_without_a_page_has_no_code():
    slip = Slip("H45-1", "RTA", "1.005129", "online", NOW, None, None, None, None)
    made = receipt(DESK, slip, "en")
    assert (made["qr"], made["link"], made["note"]) == (None, None, "")
    assert dict(made["rows"])["Result due on"] == "to be told"
    assert to_pdf(PAGES / "receipt.typ", made).startswith(b"%PDF-")


def test_a_letter_runs_nothing_that_it_is_given():
    evil = '#import "x" \n*a* $ [ ] \u202e #panic("b") ' + "Ễ" * 2000
    letter = Apology("H45-1", "461", NOW, date(2026, 10, 26), date(2026, 10, 30), evil, evil)
    made = apology(DESK, letter, "vi")
    assert "\n" not in made["to"]
    assert "\u202e" not in made["to"]
    assert len(made["to"]) < 200
    assert "Ngày hẹn trả kết quả mới: 30/10/2026." in made["paragraphs"]
    assert to_pdf(PAGES / "apology.typ", made).startswith(b"%PDF-")
    bare = apology(DESK, Apology("H45-1", "461", None, date(2026, 10, 26), None, None, None), "en")
    assert bare["subheading"] == "for a late result"
    assert to_pdf(PAGES / "apology.typ", bare).startswith(b"%PDF-")
