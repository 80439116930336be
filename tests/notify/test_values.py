"""Whatever stands in a dossier, a text stays one text: one line, composed, bounded, unforged."""

import email
import unicodedata
from datetime import UTC, datetime
from email import policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notify.clients import Mail, Parcel, Server
from services.notify.rules import texts
from tests.notify.test_templates import CASES, CITIZEN, SHIPPED

NOW = datetime(2026, 10, 12, 3, tzinfo=UTC)
LETTERS = (
    "aàảãáạăằẳẵắặâầẩẫấậbcdđeèẻẽéẹêềểễếệghiìỉĩíịklmnoòỏõóọôồổỗốộơờởỡớợpqrstuùủũúụưừửữứựvxyỳỷỹýỵ"
)
PLAIN = "aaaaaaaaaaaaaaaaaabcddeeeeeeeeeeeeghiiiiiiklmnoooooooooooooooooopqrstuuuuuuuuuuuuvxyyyyyy"


def mail_of(text):
    """A rendered text as a mail program reads it."""
    mail = Mail(Server("127.0.0.1", 25), "motcua@example.org")
    parcel = Parcel("n-1", "r", "nop@example.org", text.subject, text.body)
    return email.message_from_bytes(mail.compose(parcel, NOW), policy=policy.default)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_every_vietnamese_letter_reads_in_both_ways(form):
    assert len(LETTERS) * 2 == 178  # the 67 vowels and the consonants, small and capital
    given_letters = unicodedata.normalize(form, LETTERS + LETTERS.upper())
    assert texts.plain(given_letters) == PLAIN + PLAIN.upper()
    for letter in LETTERS + LETTERS.upper():
        name = unicodedata.normalize(form, f"Nguyễn {letter}")
        sms = SHIPPED.render("received", "citizen", "sms", CITIZEN | {"office": name})
        assert sms.body.isascii()
        read = SHIPPED.render("received", "citizen", "email", CITIZEN | {"name": name})
        assert f"Nguyễn {letter}" in read.body
        assert mail_of(read).get_content().count(f"Nguyễn {letter}") == 1


EVIL = [
    "A\r\nBcc: x@example.org\r\n\r\n<b>hi</b>",
    "A\u202eB\u2066C\u200f",
    "A\u0000\u001b[31mB\u0085C\u2028D",
    "{{ 7 * 7 }}{% for x in y %}",
    "<script>alert(1)</script>",
    "Ng 😀 \U0001f468\u200d\U0001f469\u200d\U0001f467 " * 3,
    "Công " * 5000,
    "مرحبا שלום",
]


@pytest.mark.parametrize("evil", EVIL, ids=range(len(EVIL)))
@pytest.mark.parametrize("kind", ["received", "consulting", "late", "in_process"])
def test_no_value_breaks_a_text(kind, evil):
    values = CITIZEN | dict.fromkeys(("name", "reason", "department", "procedure"), evil)
    sms = SHIPPED.render(kind, "citizen", "sms", values)
    assert "\n" not in sms.body
    assert sms.body.isascii()
    assert sms.segments <= 4
    assert "0900000010" in sms.body
    plain = SHIPPED.render(kind, "citizen", "email", values)
    for sign in "\u202e\u2066\u200f\u0000\u001b\u0085\u2028\r":
        assert sign not in plain.body + plain.subject
    assert len(plain.body) < 4000
    read = mail_of(plain)
    assert read["Bcc"] is None
    assert read["To"] == "nop@example.org"
    assert read.get_content_type() == "text/plain"
    assert "49" not in plain.body.replace(values["code"], "")


@settings(max_examples=150)
@given(st.sampled_from(CASES), st.text(max_size=400))
def test_any_value_at_all(kind, value):
    values = CITIZEN | dict.fromkeys(("name", "reason", "department", "code"), value)
    sms = SHIPPED.render(kind, "citizen", "sms", values)
    assert "\n" not in sms.body
    assert sms.segments == texts.segments(sms.body)
    text = SHIPPED.render(kind, "citizen", "email", values)
    assert "\n" not in text.subject
    assert unicodedata.is_normalized("NFC", text.body)
    lines = SHIPPED.render(kind, "citizen", "email", CITIZEN).body.count("\n")
    assert text.body.count("\n") <= lines + 3
    assert mail_of(text)["To"] == "nop@example.org"


def test_an_accented_sms_is_composed_before_it_is_counted():
    from services.notify.clients import compile_text, render

    made = compile_text(
        ("received", "citizen", "sms"), "Accents: keep\n\n{{ office }} {{ office_phone }}"
    )
    office = unicodedata.normalize("NFD", "Ủy ban nhân dân phường Đông Hà " * 2)
    sms = render(made, "received", "sms", {"office": office, "office_phone": "0900000010"})
    assert unicodedata.is_normalized("NFC", sms.body)
    assert (len(sms.body), sms.segments) == (72, 2)
