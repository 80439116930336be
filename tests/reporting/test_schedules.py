"""Reports that come by themselves: built in time, mailed once with the file, after any crash."""

import contextlib
import io
from email import message_from_bytes
from email.policy import default

import httpx
import pytest
from aiosmtpd.controller import Controller
from python_calamine import CalamineWorkbook

from shared.embedded.process import free_port
from tests.builders import status, submitted
from tests.instance import instance, wait_for

PATH = "/v1/schedules"
NAMES = ("intake", "notify", "reporting")


class Postbox:
    """Takes every letter but the first one to who is to come later."""

    def __init__(self) -> None:
        self.letters: dict[str, list] = {}
        self.refused: set[str] = set()

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if address.startswith("later") and address not in self.refused:
            self.refused.add(address)
            return "451 4.7.1 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):
        letter = message_from_bytes(envelope.content, policy=default)
        for address in envelope.rcpt_tos:
            self.letters.setdefault(address, []).append(letter)
        return "250 OK"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    box = Postbox()
    server = Controller(box, hostname="127.0.0.1", port=free_port())
    server.start()
    with contextlib.ExitStack() as stack:
        stack.callback(server.stop)
        made = stack.enter_context(instance(tmp_path_factory.mktemp("schedules")))
        made.extra = {
            "MOTCUA_REPORTING_PUBLIC_URL": "https://motcua.example.vn",
            "MOTCUA_NOTIFY_QUIET_HOURS": "",
            "MOTCUA_NOTIFY_SMTP_URL": f"smtp://127.0.0.1:{server.port}",
            "MOTCUA_NOTIFY_SMTP_FROM": "mot-cua@example.org",
        }
        for name in NAMES:
            made.start(name)
        for name in NAMES:
            made.wait_ready(name)
        made.box = box
        answer = made.http.put(
            made.url("notify", "/v1/officers"),
            json=[
                {"unit": "461", "name": "Cán bộ A", "email": "a@example.org"},
                {"unit": "461", "name": "Lãnh đạo A", "level": "head", "email": "head@example.org"},
                {"unit": "462", "name": "Cán bộ B", "email": "later@example.org"},
            ],
        )
        assert answer.status_code == 200, answer.text
        made.post(
            [
                submitted("A-1"),
                status("A-1", "result_ready", "2020-03-05T10:00:00+07:00"),
                submitted("A-2", field="=1+1", channel="counter", return_by="counter"),
                submitted("B-1", unit="462"),
            ]
        )
        made.settle(NAMES)
        yield made


def wish(**changed):
    return {
        "title": "Biểu 06 hằng tháng",
        "report": "bieu-06",
        "parameters": {"by": "unit"},
        "period": "so_far",
        "format": "xlsx",
        "when": {"every": "month", "days": [25], "before": "17:00"},
        "recipients": [{"unit": "461"}],
    } | changed


def order(running, status=201, http=None, **changed):
    answer = (http or running.http).post(running.url("reporting", PATH), json=wish(**changed))
    assert answer.status_code == status, answer.text
    return answer.json()


def run_now(running, id):
    known = len(runs(running, id))
    answer = running.http.post(running.url("reporting", f"{PATH}/{id}/runs"))
    assert answer.status_code == 202, answer.text
    wait_for(lambda: len(runs(running, id)) > known, 30)
    return runs(running, id)[0]


def runs(running, id):
    return running.get("reporting", f"{PATH}/{id}/runs")["runs"]


def letters(running, address, title):
    """The letters about a report that somebody got: at least one."""

    def found():
        got = running.box.letters.get(address, [])
        return [each for each in got if each["Subject"].startswith(f"{title} (")]

    return wait_for(found, 40)


def attached(letter):
    [part] = list(letter.iter_attachments())
    return part.get_filename(), part.get_content()


def test_a_report_is_mailed_with_its_file_to_each_once(running):
    made = order(
        running,
        recipients=[{"unit": "461"}, {"unit": "461", "level": "head"}, {"unit": "462"},
                    {"unit": "461", "level": "officer"}],
    )  # fmt: skip
    assert made["next"][0]["due_at"].endswith("T17:00:00+07:00")
    assert all(each["build_at"].endswith("T16:00:00+07:00") for each in made["next"])
    run = run_now(running, made["id"])
    assert (run["state"], run["rows"], run["asked"], run["late"]) == ("done", 2, True, False)
    report = running.get("reporting", "/v1/reports/bieu-06", by="unit")
    contents = []
    for address in ("a@example.org", "head@example.org", "later@example.org"):
        [letter] = letters(running, address, "Biểu 06 hằng tháng")
        assert letter["Subject"].startswith("Biểu 06 hằng tháng (đến ")
        name, content = attached(letter)
        assert name == f"bieu-06_start_{report['to']}.xlsx"
        contents.append(content)
        text = letter.get_body(("plain",)).get_content()
        assert f"https://motcua.example.vn/schedules/runs/{run['run']}" in text
    assert "later@example.org" in running.box.refused
    kept = running.http.get(running.url("reporting", run["file"]))
    assert contents == [kept.content] * 3
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(contents[0])).get_sheet_by_index(0)
    rows = [row for row in sheet.to_python() if row[0] in (1, 2)]
    names = [name for name in report["rows"][0] if name not in ("unit", "unit_name", "reason")]
    figures = [
        [row[name] for name in names if isinstance(row[name], int)] for row in report["rows"]
    ]
    assert [[int(cell) for cell in row[2:13]] for row in rows if row[1] != 2] == figures
    assert (figures[0][0], figures[1][0]) == (2, 1)

    # The outcome again, and notify restarted: nobody is told a second time.
    running.kill("notify")
    running.start("notify")
    running.wait_ready("notify")
    running.settle(NAMES)
    assert {len(each) for each in running.box.letters.values()} == {1}


def test_two_replicas_build_once_and_a_killed_one_is_taken_over(running):
    running.start("reporting", 1)
    running.wait_ready("reporting", 1)
    ids = [order(running, format="csv", title=f"Sổ {n}")["id"] for n in range(3)]
    for id in ids:
        running.http.post(running.url("reporting", f"{PATH}/{id}/runs"))
        running.http.post(running.url("reporting", f"{PATH}/{id}/runs", 1))
    running.kill("reporting", 1)
    wait_for(lambda: all(runs(running, id) for id in ids), 60)

    def mailed():
        subjects = [each["Subject"] for each in running.box.letters.get("a@example.org", [])]
        return [sum(f"Sổ {n} " in each for each in subjects) for n in range(3)]

    wait_for(lambda: mailed() == [len(runs(running, id)) for id in ids], 30, lambda: str(mailed()))
    assert all(1 <= count <= 2 for count in mailed())


def test_what_was_missed_is_built_once_and_said_to_be_late(running, store):
    id = order(
        running, title="Báo cáo ngày", when={"every": "day", "before": "08:00", "lead_minutes": 0}
    )["id"]
    store(
        running,
        "UPDATE schedules SET next_at = next_at - interval '21 days' WHERE id = $1",
        id,
    )
    wait_for(lambda: runs(running, id), 40)
    [run] = runs(running, id)
    assert (run["state"], run["late"], run["asked"]) == ("done", True, False)
    assert run["missed"] >= 10
    [letter] = letters(running, "a@example.org", "Báo cáo ngày")
    assert "sau hạn 08:00 ngày" in letter.get_body(("plain",)).get_content()
    assert len(runs(running, id)) == 1


def test_faults_name_their_fields(running):
    answer = order(
        running,
        422,
        report="bieu-6",
        period="sometime",
        format="doc",
        parameters={"from": "2020-01-01"},
        when={"every": "month", "days": [0, 32], "before": "5pm", "days_off": "never"},
        recipients=[{"unit": "nowhere"}],
    )
    assert {each["pointer"] for each in answer["errors"]} == {
        "/report", "/period", "/format", "/parameters/from", "/when/days", "/when/before",
        "/when/days_off", "/recipients/0/unit",
    }  # fmt: skip
    assert order(running, 422, parameters={"unit": "46l"})["errors"][0]["pointer"] == (
        "/parameters/unit"
    )


def test_nobody_sees_more_than_his_units(running):
    shown = running.http.post(
        running.url("intake", "/v1/keys"),
        json={"name": "đơn vị 462", "scopes": ["reports:read", "reports:write"], "units": ["462"]},
    )
    assert shown.status_code in (200, 201), shown.text
    mine = httpx.Client(headers={"Authorization": f"Bearer {shown.json()['key']}"}, timeout=30)
    wide = order(running)["id"]
    wait_for(lambda: mine.get(running.url("reporting", PATH)).status_code == 200, 10)
    url = running.url("reporting", f"{PATH}/{wide}")
    assert mine.get(url).status_code == mine.delete(url).status_code == 404
    assert order(running, 422, mine, recipients=[{"unit": "461"}])["errors"][0]["code"] == (
        "beyond_key"
    )
    assert order(running, 403, mine, parameters={"unit": "461"})
    made = order(running, http=mine, format="csv", recipients=[{"unit": "462"}])
    mine.post(running.url("reporting", f"{PATH}/{made['id']}/runs"))
    wait_for(lambda: runs(running, made["id"]), 30)
    [run] = runs(running, made["id"])
    assert run["rows"] == 1
    assert "461" not in mine.get(running.url("reporting", run["file"])).text
    big = run_now(running, wide)
    assert mine.get(running.url("reporting", big["file"])).status_code == 404


def test_a_file_too_large_for_a_message_is_mailed_as_a_link(running, store):
    store(
        running,
        "INSERT INTO overdue_spells SELECT 'H' || md5(n::text), '461', '', NULL,"
        " DATE '2020-01-01' + n % 900, DATE '2020-01-02' + n % 900, DATE 'infinity',"
        " DATE '2020-01-01', DATE 'infinity', DATE '2000-01-01' FROM generate_series(1, 6000) n",
    )
    made = order(running, report="overdue", format="csv", parameters={}, title="Quá hạn")
    run = run_now(running, made["id"])
    assert run["rows"] >= 6000
    assert run["bytes"] > 180 * 1024
    [letter] = letters(running, "a@example.org", "Quá hạn")
    assert list(letter.iter_attachments()) == []
    assert "không kèm theo thư" in letter.get_body(("plain",)).get_content()
    link = running.url("reporting", f"/schedules/runs/{run['run']}")
    assert running.http.get(link).content.startswith(b"\xef\xbb\xbfcode,")
    assert "login" in httpx.get(link).text


def test_the_page_orders_pauses_and_says_what_is_wrong(running):
    page = running.url("reporting", "/schedules")
    made = order(running, title="Tạm dừng & <b>")
    running.http.post(running.url("reporting", f"{PATH}/{made['id']}/pause"))
    shown = running.http.get(page).text
    assert "Tạm dừng &amp; &lt;b&gt;" in shown
    assert "Đang tạm dừng" in shown
    again = running.http.post(running.url("reporting", f"{PATH}/{made['id']}/resume")).json()
    assert len(again["next"]) == 3
    assert running.http.delete(running.url("reporting", f"{PATH}/{made['id']}")).status_code == 204
    assert "Tạm dừng &amp;" not in running.http.get(page).text
