"""Reports of mail servers, as they come and as they should not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.clients import Bounces, Call, Unreadable
from tests.notify.test_mail import report

REFERENCE = "Abc-_" + "7" * 27
BOUNCES = Bounces("Mot cua <tra-lai@example.org>")
HOME = BOUNCES.mark(REFERENCE)


def read(text):
    body = text.encode() if isinstance(text, str) else text
    return [(one.receipt, one.detail, one.reference) for one in BOUNCES.read(Call({}, {}, body))]


@pytest.mark.parametrize(
    ("action", "receipt"),
    [
        ("failed", "failed"),
        ("Failed ", "failed"),
        ("delayed", "buffered"),
        ("delivered", "delivered"),
        ("relayed", "accepted"),
        ("expanded", "accepted"),
    ],
)
def test_what_a_report_says(action, receipt):
    assert f"tra-lai+{REFERENCE}@example.org" == HOME
    assert read(report(HOME, action, "5.1.1")) == [(receipt, "smtp 5.1.1", REFERENCE)]


def test_a_report_is_found_by_the_address_it_went_to_and_not_by_what_it_quotes():
    lines = report("postmaster@example.org", "failed").replace("\n", "\r\n")
    assert read(
        f"Delivered-To: {HOME.upper().replace(REFERENCE.upper(), REFERENCE)}\r\n{lines}"
    ) == [("failed", "smtp 5.0.0", REFERENCE)]
    with pytest.raises(Unreadable):
        read(lines.replace("Subject: Ho so", f"To: {HOME}"))


def test_what_people_and_their_programs_answer_is_no_report():
    assert read(f"To: {HOME}\nAuto-Submitted: auto-replied\n\nAction: failed\n") == []


def test_a_report_cut_short_behind_what_it_says_is_read():
    text = report(HOME, "failed", "5.2.2")
    assert read(text[: text.index("Subject: Ho so")]) == [("failed", "smtp 5.2.2", REFERENCE)]


@pytest.mark.parametrize("action", ["", "lost", "failed; rm -rf"])
def test_a_report_that_says_nothing_is_refused(action):
    with pytest.raises(Unreadable) as told:
        read(report(HOME, action))
    assert told.value.field == "Action"


@given(st.binary(max_size=400), st.booleans())
def test_rubbish_is_refused_or_ignored(body, addressed):
    head = (
        f"To: {HOME}\nContent-Type: multipart/report; boundary=b\n".encode() if addressed else b""
    )
    try:
        found = read(head + body)
    except Unreadable as told:
        found = [] if told.field in ("To", "Action") else [told.field]
    assert found == []
