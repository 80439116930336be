"""The shipped texts, and what a bad template is told."""

import pytest

from services.notify.clients import TemplateFaults, Templates
from services.notify.rules import texts
from shared.plans import read_plan
from shared.settings import deploy_dir
from shared.units import UnitRegistry

VALUES = {
    "office": "Trung tâm Phục vụ hành chính công tỉnh Quảng Trị",
    "code": "000.00.24.H50-190805-0012",
    "procedure": "1.005129",
    "on": "05/08/2019",
    "due": "12/08/2019",
    "old_due": "12/08/2019",
    "new_due": "20/08/2019",
    "department": "Chi nhánh Văn phòng Đăng ký đất đai",
    "obligation": "Danh sách người bệnh",
    "plan": "Kế hoạch 43/HĐND-TH",
    "period": "2020-01",
    "name": "Người nộp hồ sơ mẫu",
}
FOLDER = deploy_dir() / "templates"
SHIPPED = Templates.load(FOLDER)


@pytest.mark.parametrize("kind", texts.KINDS)
def test_every_text_names_the_office_and_an_sms_is_one_plain_segment(kind):
    sms = SHIPPED.render(kind, texts.KINDS[kind], "sms", VALUES)
    assert sms.segments == 1
    assert sms.body.isascii()
    assert texts.plain(VALUES["office"]) in sms.body
    email = SHIPPED.render(kind, texts.KINDS[kind], "email", VALUES)
    assert email.subject
    assert VALUES["office"] in email.body


CASES = [
    "registered", "received", "in_process", "supplement_requested", "payment_requested",
    "stopped", "consulting", "resumed", "refused", "withdrawn", "result_ready", "result_posted",
    "returned", "late", "rescheduled", "due_earlier", "due_later", "due_today",
    "appointment_soon",
]  # fmt: skip
STOPS = ("supplement_requested", "payment_requested", "stopped", "consulting")
CITIZEN = VALUES | {
    "due": "12/08/2019",
    "time": "17:00",
    "office_phone": "0900000010",
    "office_short": "TTPVHCC tỉnh Quảng Trị",
    "link": "https://mc.example.vn/s/k7m2pqrstuvwx",
    "filed": "online",
    "new_due": None,
}


def test_a_citizen_is_told_of_nineteen_cases():
    assert {kind for kind, reader in texts.KINDS.items() if reader == "citizen"} == set(CASES)
    assert len(CASES) == 19


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("kind", CASES)
def test_every_case_has_its_texts_with_office_phone_and_page(kind, language):
    values = CITIZEN | ({"new_due": "20/08/2019"} if kind != "late" else {})
    sms = SHIPPED.render(kind, "citizen", "sms", values, language)
    assert sms.segments == 1
    assert sms.body.isascii()
    for wanted in ("TTPVHCC tinh Quang Tri", VALUES["code"], "0900000010", CITIZEN["link"]):
        assert wanted in sms.body
    email = SHIPPED.render(kind, "citizen", "email", values, language)
    for wanted in (VALUES["office"], VALUES["code"], "0900000010", CITIZEN["link"], VALUES["name"]):
        assert wanted in email.body
    assert ("Kính gửi" in email.body) == (language == "vi")
    bodies = {SHIPPED.render(each, "citizen", "sms", values, language).body for each in CASES}
    assert len(bodies) == len(CASES)


@pytest.mark.parametrize("kind", STOPS)
def test_a_stop_of_the_clock_says_that_time_stands_still(kind):
    assert "tạm dừng" in SHIPPED.render(kind, "citizen", "email", CITIZEN).body


@pytest.mark.parametrize("kind", texts.KINDS)
def test_texts_read_without_what_may_be_absent(kind):
    for channel in ("sms", "email"):
        text = SHIPPED.render(kind, texts.KINDS[kind], channel, {"office": "Một cửa", "code": "X"})
        assert "Mo" in text.body or "Một cửa" in text.body


def test_the_apology_names_both_dates():
    sms = SHIPPED.render("late", "citizen", "sms", VALUES)
    assert "12/08/2019" in sms.body
    assert "20/08/2019" in sms.body
    assert "xin loi" in sms.body


def test_post_is_named_where_the_result_goes_by_post():
    sms = SHIPPED.render("result_ready", "citizen", "sms", VALUES | {"return_by": "post"})
    assert "buu chinh" in sms.body


def test_values_are_not_templates_and_cannot_break_a_subject():
    evil = VALUES | {"code": "{{ 7*7 }}\nBcc: x@example.org"}
    email = SHIPPED.render("received", "citizen", "email", evil)
    assert "\n" not in email.subject
    assert "{{ 7*7 }}" in email.subject


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Đắk Nông đã nộp 30.000₫", "Dak Nong da nop 30.000VND"), ("Tiếng Việt", "Tieng Viet"),
     ("“x” – y…", '"x" - y...')],
)  # fmt: skip
def test_accents_are_taken_off(text, expected):
    assert texts.plain(text) == expected
    assert texts.fits_gsm7(expected)


def test_segments():
    assert [texts.segments("a" * n) for n in (160, 161, 306, 307)] == [1, 2, 2, 3]
    assert [texts.segments("ế" * n) for n in (70, 71, 134, 135)] == [1, 2, 2, 3]


@pytest.fixture
def folder(tmp_path):
    for path in FOLDER.glob("*.txt"):
        (tmp_path / path.name).write_text(path.read_text("utf-8"), "utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("{{ office }} {{ phone }}", "unknown variable 'phone'"),
        ("{{ office }} {{ 'a' * 10**9 }}", "Mul is not allowed"),
        ("{{ office }}{% for c in code %}x{% endfor %}", "For is not allowed"),
        ("{{ office.__class__ }}", "Getattr is not allowed"),
        ("{{ office|attr('x') }}", "filter 'attr' is not allowed"),
        ("{{ office ", "line 1"),
        ("hồ sơ {{ code }}", "names the office"),
        ("Subject: x\n\n{{ office }}", "an SMS has no subject"),
    ],
)
def test_bad_templates_stop_the_start(folder, source, fault):
    (folder / "received.citizen.sms.txt").write_text(source, "utf-8")
    (folder / "late.citizen.email.txt").unlink()
    with pytest.raises(TemplateFaults) as caught:
        Templates.load(folder)
    assert any(fault in line for line in caught.value.faults)
    assert any("late.citizen.email.txt" in line for line in caught.value.faults)


def test_a_stray_file_is_named(folder):
    (folder / "recieved.citizen.sms.txt").write_text("{{ office }}", "utf-8")
    with pytest.raises(TemplateFaults, match=r"recieved\.citizen\.sms\.txt"):
        Templates.load(folder)


def test_a_template_may_keep_its_accents(folder):
    (folder / "received.citizen.sms.txt").write_text(
        "Accents: keep\n\n{{ office }} đã nhận", "utf-8"
    )
    text = Templates.load(folder).render("received", "citizen", "sms", {"office": "Một cửa"})
    assert text.body == "Một cửa đã nhận"


@pytest.mark.parametrize(
    ("file", "source", "end"),
    [
        ("received.citizen.sms", "{{ office }} đã nhận.\n", "Mot cua da nhan. DT 0900000010"),
        ("received.citizen.sms.en", "{{ office }}: accepted", "Mot cua: accepted Tel 0900000010"),
        ("late.citizen.email", "Subject: x\n\n{{ office }}\n", "Điện thoại: 0900000010\n"),
        ("late.citizen.email.en", "Subject: x\n\n{{ office }}\n", "Phone: 0900000010\n"),
        ("late.citizen.sms", "{{ office_phone }} {{ office }}", "0900000010 Mot cua"),
    ],
)
def test_a_text_that_forgets_the_phone_has_it_at_its_end(folder, file, source, end):
    (folder / f"{file}.txt").write_text(source, "utf-8")
    values = {"office": "Một cửa", "office_phone": "0900000010"}
    kind, audience, channel, *language = file.split(".")
    text = Templates.load(folder).render(kind, audience, channel, values, *language)
    assert text.body.endswith(end)


UNITS = {unit.name for unit in UnitRegistry.load(deploy_dir() / "units")}
PLANS = [
    read_plan(path.read_text("utf-8"), registry=UnitRegistry.load(deploy_dir() / "units"))
    for path in sorted((deploy_dir() / "plans").glob("*.yaml"))
]
TITLES = [
    (plan.title, made.title or name, plan.contact.office if plan.contact else None)
    for plan in PLANS
    for name, made in (*plan.obligations.items(), *plan.indicators.items())
]
LONGEST = max(UNITS, key=len)


LONG = sorted(UNITS, key=len)[-25:]
WIDE = sorted(TITLES, key=lambda told: len("".join(filter(None, told))))[-5:]


@pytest.mark.parametrize("kind", texts.KINDS)
def test_every_shipped_sms_fits_one_segment_for_every_unit_and_duty(kind):
    """Every unit with what is longest said of it, and all that is said of the longest units."""
    fit_one_segment(kind, UNITS, WIDE)
    fit_one_segment(kind, LONG, TITLES)


@pytest.mark.soak
@pytest.mark.parametrize("kind", texts.KINDS)
def test_every_shipped_sms_fits_one_segment_for_every_unit_with_every_duty(kind):
    fit_one_segment(kind, UNITS, TITLES)


def fit_one_segment(kind, offices, titles):
    audience = texts.KINDS[kind]
    dossier = VALUES | {"code": "H15.50.05.13-261008-0975123", "return_by": "post"}
    dossier |= {"department": "Phòng Tài nguyên và Môi trường huyện", "reason": None}
    if kind == "deadline_approaching":
        due = "trước 17:00 ngày 31/12/2020"
    else:
        due = "trước ngày 31/12/2020" if kind == "obligation_extended" else "31/12/2020"
    for office in offices:
        for plan, title, contact in titles if audience == "officer" else titles[:1]:
            values = dossier | {
                "office": office, "owing": LONGEST, "plan": plan, "obligation": title,
                "indicator": title, "contact": contact, "period": "2020-12-31",
                "due": due, "document": "225/HĐND-TH",
                "actual": "12345/67890", "target": "100%", "amount": "27.000.000 VND",
                "office_phone": "0900000010", "time": "17:00", "new_due": None,
            }  # fmt: skip
            sms = SHIPPED.render(kind, audience, "sms", values)
            assert sms.segments == 1, (len(sms.body), sms.body)
            assert len(sms.body) <= 160
            assert texts.plain(office) in sms.body
            if "code" in texts.VARIABLES[kind]:
                assert values["code"] in sms.body


def test_only_titles_are_cut_and_the_cut_is_shown():
    values = texts.SAMPLES | {
        "obligation": "Danh sách đoàn viên trực tiếp cài đặt (họ tên, địa chỉ)",
        "office_short": None,
    }
    sms = SHIPPED.render("obligation_escalated", "officer", "sms", values)
    assert '"Danh sach doan vien truc...", ky 2026-09' in sms.body
    assert "26/10/2026" in sms.body
    email = SHIPPED.render("obligation_escalated", "officer", "email", values)
    assert values["obligation"] in email.body


@pytest.mark.parametrize(
    ("text", "name", "shown"),
    [
        ("Kính gửi ông/bà Lê An, ...", "Lê An", "Kính gửi ông/bà ***, ..."),
        ("gui Le  An: xong", "Lê An", "gui ***: xong"),
        ("Lê Anh và LÊ AN", "Lê An", "Lê Anh và ***"),
        ("a+b", "a+b", "***"),
        ("không đổi", " ", "không đổi"),
    ],
)
def test_a_name_is_taken_out(text, name, shown):
    assert texts.without(text, name) == shown


def test_a_folder_of_ones_own_need_not_have_what_came_later(folder):
    (folder / "consulting.citizen.sms.txt").unlink()
    (folder / "received.citizen.sms.txt").write_text("{{ office }}: {{ code }}", "utf-8")
    with pytest.raises(TemplateFaults, match=r"consulting\.citizen\.sms\.txt"):
        Templates.load(folder)
    made = Templates.load(folder, FOLDER)
    values = {"office": "Một cửa", "code": "X"}
    assert made.render("received", "citizen", "sms", values).body == "Mot cua: X"
    assert "X cho y kien co quan khac" in made.render("consulting", "citizen", "sms", values).body
