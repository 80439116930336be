"""No phone number, name or e-mail address of a citizen lies where it may not: a search everywhere.

Events full of them go in by every door, amid faults; then streams, files, tables, logs, metrics
and answers are searched. The same search does find them where they belong, so it can find.
"""

import asyncio
import json
import re
import unicodedata
from datetime import datetime, timedelta, timezone

import asyncpg
import httpx
import nats
import pytest

from tests.builders import event, install
from tests.instance import NAMES, instance, wait_for

PHONES = ("0900000051", "0900000052", "0900000053", "01200000054", "0900000055")
IDENTITY = "001090000057"
PERSON, OTHER = "Trần Thị Bí Mật", "Lê Văn Kín Đáo"
MAILS = ("bi.mat@example.vn", "kin-dao+1@mail.example.com")
QUIET_STREAMS = ("EVENTS", "OUTCOMES", "PLANS", "DEAD", "KEYS")


def shapes(phone):
    """A number as people write it."""
    rest = phone[1:]
    return (
        phone,
        f"{phone[:4]}.{phone[4:7]}.{phone[7:]}",
        f"{phone[:4]} {phone[4:7]} {phone[7:]}",
        f"{phone[:4]}-{phone[4:]}",
        f"({phone[:4]}) {phone[4:]}",
        f"+84{rest}",
        f"+84 {rest[:3]} {rest[3:6]} {rest[6:]}",
        f"84{rest}",
        f"0084{rest}",
        f"(+84){rest}",
        "".join(chr(ord(c) + 0xFEE0) for c in phone),
        phone.replace("0", "O"),
        f"ĐT:{phone},",
        f"{phone}/{PHONES[1]}",
    )


def dirty(n):
    """A text with everything in it that must not go further."""
    phone = PHONES[n % len(PHONES)]
    written = shapes(phone)[n % 14]
    return f"Gọi {written} hoặc {MAILS[n % 2]}, CMND {IDENTITY}."


def story(n, at):
    """One dossier with an applicant, and texts that give the applicant away."""
    code = f"H50.13-{n:04}"
    written = shapes(PHONES[n % len(PHONES)])[n % 14]
    name = (PERSON, OTHER.upper(), unicodedata.normalize("NFD", PERSON))[n % 3]
    applicant = {"name": name, "phone": written, "email": MAILS[n % 2], "kind": "person"}
    data = {
        "code": code, "procedure": "1.005129", "field": f"Đất đai {name} {dirty(n)}"[:190],
        "unit": "19333", "authority": "commune", "channel": "online",
        "service_level": "toàn trình", "submitted_at": at.isoformat(),
        "received_at": at.isoformat(), "due_at": (at + timedelta(days=1)).isoformat(),
        "applicant": applicant, "ghi_chu": dirty(n), "more": {"phone": written, "name": name},
    }  # fmt: skip
    first = event("dossier.submitted", f"{code}-s", at.isoformat(), "/one-stop", **data)
    first["subject"] = f"{name} {written}"
    made = [first]
    for hour, step in enumerate(("in_process", "supplement_requested", "result_ready"), 1):
        then = (at + timedelta(hours=hour)).isoformat()
        told = {
            "code": code, "unit": "19333", "status": step, "at": then,
            "department": f"Tư pháp {written}", "reason": dirty(n + hour),
        }  # fmt: skip
        made.append(event("dossier.status_changed", f"{code}-{hour}", then, "/one-stop", **told))
    return made


def others(n, at):
    """Every other type that has free text or a citizen in it."""
    now = at.isoformat()
    text = dirty(n)

    def one(kind, **data):
        return event(kind, f"{kind}-{n}", now, "/other", **data)

    return [
        install(n, "19333", citizen=shapes(PHONES[n % 5])[n % 14], device=f"may {text}",
                result="failed", reason=text) | {"time": now},
        one("survey.completed", unit="19333", domain="health", mode="phone", questionnaire="q",
            answers={"quality": 3, "note": text}, dossier=f"H50.13-{n:04}"),
        one("report.filed", unit="19333", plan="p", obligation="o", period="2026-01",
            document=text[:190]),
        one("difficulty.raised", difficulty=f"k{n}", unit="19333", text=text,
            category=f"mạng {PHONES[n % 5]}"),
        one("difficulty.resolved", difficulty=f"k{n}", unit="19333", text=text, category="mạng"),
        one("record.voided", of_source="/other", of_id="none", reason=text),
    ]  # fmt: skip


def refused(n, at):
    """What is not taken must not be kept with what it held."""
    bad = story(5000 + n, at)[0]
    bad["data"] |= {"unit": PHONES[0], "credited_unit": "46l", "due_at": f"mai, {PHONES[1]}"}
    bad[f"x{PHONES[2]}"] = {"y": PERSON}
    leaking = story(6000 + n, at)[0]
    leaking["id"] = f"tel-{PHONES[n % 5]}-{MAILS[n % 2]}"
    leaking["data"]["applicant"] = {"phone": PHONES[n % 5], "email": MAILS[n % 2]}
    member = event(
        "activity.recorded", f"a{n}", at.isoformat(), "/other",
        unit="19333", team="t1", member=PHONES[0], kind="reached", people=1,
    )  # fmt: skip
    return [bad, leaking, member]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("privacy")) as made:
        made.start_all()
        made.apply_plan("quang-tri-rthome-2019")
        fill(made)
        yield made


def fill(running):
    now = datetime.now(timezone(timedelta(hours=7))).replace(microsecond=0)
    at = now - timedelta(hours=30)
    good = [e for n in range(84) for e in story(n, at)] + [
        e for n in range(28) for e in others(n, at)
    ]
    assert {r["status"] for r in running.post(good[:200])} == {"accepted"}
    running.urls.tell("kill database")
    failing = send(running, good[200:210])
    assert failing.status_code == 503
    running.urls.tell("start database")
    wait_for(lambda: send(running, good[200:210]).status_code == 202)
    assert {r["status"] for r in running.post(good[210:])} == {"accepted"}
    bad = [e for n in range(6) for e in refused(n, at)]
    assert {r["status"] for r in running.post(bad)} == {"refused"}
    conflicting = [e | {"data": e["data"] | {"reason": PERSON + dirty(3)}} for e in good[1:4]]
    assert {r["status"] for r in running.post(conflicting)} == {"conflict"}
    for body in (f'{{"phone": "{PHONES[0]}"', PERSON, f'[{{"{MAILS[0]}": '):
        answer = running.http.post(
            running.url("intake", "/v1/events"), content=body.encode(),
            headers={"Content-Type": "application/cloudevents+json", "ce-id": PHONES[0]},
        )  # fmt: skip
        assert answer.status_code == 400
    asyncio.run(poison(running))
    wait_for(lambda: running.get("notify", "/v1/status")["dead"] == 2)
    running.settle()
    running.kill("notify")
    running.start("notify")
    running.wait_ready("notify")
    for name in NAMES:
        for path in (f"/v1/{PHONES[0]}", f"/{PERSON}", f"/v1/status?q={MAILS[0]}"):
            running.http.get(running.url(name, path))
    running.settle()


def send(running, batch):
    return running.http.post(
        running.url("intake", "/v1/events"),
        content=json.dumps(batch),
        headers={"Content-Type": "application/cloudevents-batch+json"},
    )


async def poison(running):
    """Contacts that nobody can read."""
    client = await nats.connect(running.urls["nats"])
    for body in (f"{PERSON} {PHONES[0]}", json.dumps({"name": PERSON, "phone": PHONES[1]})):
        await client.jetstream().publish("motcua.contacts.poison", body.encode())
    await client.close()


# -- the search ----------------------------------------------------------------------------------


def needles():
    """What to look for, in texts that were brought into one spelling."""
    gap = r"[\s.\-()_/]*"
    nationals = [phone[1:] for phone in PHONES] + ["700000054", IDENTITY]
    patterns = [gap.join("[0o]" if c == "0" else c for c in digits) for digits in nationals]
    for name in (PERSON, OTHER):
        patterns += [re.escape(name.casefold()), re.escape(name.casefold().split(" ", 1)[1])]
    patterns += [re.escape(mail) for mail in MAILS]
    patterns += [re.escape(mail.partition("@")[0]) for mail in MAILS]
    return re.compile("|".join(patterns))


NEEDLES = needles()


def found(text):
    """The first piece of personal data in a text, with what stands around it."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    if "\\u" in plain:
        plain += re.sub(r"\\u([0-9a-f]{4})", lambda m: chr(int(m[1], 16)), plain)
    hit = NEEDLES.search(plain)
    return plain[max(hit.start() - 60, 0) : hit.end() + 30] if hit else None


def spelled(value):
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def rows_of(running, schema, where="true"):
    """Every row of every table of a schema, as (table, text)."""

    async def ask():
        connection = await asyncpg.connect(running.urls["owner"])
        try:
            names = await connection.fetch(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = $1", schema
            )
            rows = []
            for (name,) in names:
                kept = where if name == "outbox" else "true"
                for row in await connection.fetch(f'SELECT * FROM {schema}."{name}" WHERE {kept}'):
                    rows.append((name, " | ".join(map(spelled, row.values()))))
            return rows
        finally:
            await connection.close()

    return asyncio.run(ask())


def messages_of(running, stream):
    """Every message of a stream: subject, headers and body."""

    async def ask():
        client = await nats.connect(running.urls["nats"])
        try:
            jetstream = client.jetstream()
            last = (await jetstream.stream_info(stream)).state.last_seq
            got = [await jetstream.get_msg(stream, seq) for seq in range(1, last + 1)]
            return [f"{m.subject} {m.headers} {(m.data or b'').decode()}" for m in got]
        finally:
            await client.close()

    return asyncio.run(ask())


def test_the_search_finds_what_lies_where_it_belongs(running):
    contacts = messages_of(running, "CONTACTS")
    assert sum(found(text) is not None for text in contacts) >= 84
    tables = {table for table, text in rows_of(running, "notify") if found(text)}
    assert {"contacts", "notices", "dead_letters"} <= tables
    held = [t for table, t in rows_of(running, "intake", "stream = 'CONTACTS'") if found(t)]
    assert len(held) >= 84
    for phone in PHONES:
        for written in shapes(phone):
            assert found(f"x {written} y"), written


@pytest.mark.parametrize("stream", QUIET_STREAMS)
def test_streams(running, stream):
    messages = messages_of(running, stream)
    assert len(messages) >= {"EVENTS": 400, "PLANS": 1}.get(stream, 0)
    assert [hit for text in messages if (hit := found(text))] == []


def test_what_the_broker_keeps_on_disk(running):
    folder = running.urls.folder / "nats" / "jetstream"
    files = [path for path in folder.rglob("*") if path.is_file()]
    dirty_files = {
        path.relative_to(folder).parts
        for path in files
        if found(path.read_bytes().decode("utf-8", "replace"))
    }
    assert dirty_files
    assert all("CONTACTS" in parts for parts in dirty_files)


@pytest.mark.parametrize("schema", ["quota", "reporting"])
def test_stores_without_personal_data(running, schema):
    rows = rows_of(running, schema)
    assert {"inbox"} < {table for table, _ in rows}
    assert [(table, hit) for table, text in rows if (hit := found(text))] == []


def test_intake_keeps_it_on_its_way_to_contacts_alone(running):
    rows = rows_of(running, "intake", "stream <> 'CONTACTS'")
    assert {"events", "outbox", "quarantine"} < {table for table, _ in rows}
    assert [(table, hit) for table, text in rows if (hit := found(text))] == []


def test_logs(running):
    for name in NAMES:
        assert running.log(name)
        assert found(running.log(name)) is None
    for name in ("broker", "database"):
        assert running.urls.log(name)
        assert found(running.urls.log(name)) is None


def test_metrics_and_answers(running):
    reports = running.get("reporting", "/v1/reports")["reports"]
    asked = [(name, path) for name in NAMES for path in ("/metrics", "/v1/status", "/v1/dead")]
    asked += [("notify", f"/v1/dead/{letter['id']}") for letter in dead(running)]
    asked += [
        ("notify", "/v1/deadlines"),
        ("intake", "/v1/quarantine"),
        ("intake", "/openapi.json"),
    ]
    asked += [
        ("reporting", f"/v1/reports/{one['report']}?format={form}")
        for one in reports
        for form in ("json", "csv")
    ]
    asked += [("reporting", "/"), ("quota", "/v1/stipends"), ("quota", "/v1/progress")]
    for name, path in asked:
        answer = running.http.get(running.url(name, path))
        assert answer.status_code == 200, path
        assert found(answer.text) is None, path
    assert len(dead(running)) == 2


def dead(running):
    return running.get("notify", "/v1/dead")["dead"]


def test_refusals_do_not_repeat_it(running):
    at = datetime.now(timezone.utc) - timedelta(hours=1)  # noqa: UP017
    for made in refused(77, at):
        answer = running.http.post(
            running.url("intake", "/v1/events"), content=json.dumps(made),
            headers={"Content-Type": "application/cloudevents+json"},
        )  # fmt: skip
        assert answer.status_code in (400, 422)
        body = answer.json()
        for result in body.pop("results"):  # the id is the sender's own word, to find it by
            assert found(json.dumps(result["errors"], ensure_ascii=False)) is None
        assert found(json.dumps(body, ensure_ascii=False)) is None


def test_who_may_not_read_contacts_sees_notices_without_them(running):
    key = running.http.post(
        running.url("intake", "/v1/keys"), json={"name": "desk", "scopes": ["notices:read"]}
    ).json()["key"]
    headers = {"Authorization": f"Bearer {key}"}

    def answered():
        got = httpx.get(running.url("notify", "/v1/notices"), headers=headers)
        return got if got.status_code == 200 else None

    answer = wait_for(answered)
    assert len(answer.json()["notices"]) == 100
    assert found(answer.text) is None
