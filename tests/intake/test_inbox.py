"""Sources inside the network: their inbox at a broker with the rights of deploy/nats/users.conf."""

import asyncio
import gzip
import json
import os
import re
import subprocess
import sys
import uuid
from urllib.parse import quote

import nats
import pytest

from shared.embedded.nats import binary
from shared.embedded.process import free_port
from tests.builders import install
from tests.instance import ROOT, Instance, stores, wait_for

USERS = ("intake", "quota", "notify", "reporting", "provisioner", "source_example")
SOURCE = "/inner/one-stop"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inbox")
    port = free_port()
    conf = (ROOT / "deploy/nats/nats.conf").read_text()
    conf = conf.replace("0.0.0.0:4222", f"127.0.0.1:{port}").replace(
        "127.0.0.1:8222", "127.0.0.1:-1"
    )
    conf = conf.replace("/data/jetstream", str(folder / "jetstream"))
    (folder / "nats.conf").write_text(conf)
    users = (ROOT / "deploy/nats/users.conf").read_text()
    assert users.count("user: source-example") == 1
    block = re.search(r"( *#   \{\n(?: *#.*\n)*? *#   \}\n)", users)
    assert block is not None
    example = re.sub(r"^ *# ", "", block[1], flags=re.MULTILINE)
    (folder / "users.conf").write_text(users.replace(block[1], example))
    passwords = {f"NATS_PASSWORD_{user.upper()}": f'"pw-{user}"' for user in USERS}
    server = subprocess.Popen(
        [str(binary()), "-c", "nats.conf", "-l", "nats.log"],
        cwd=folder,
        env={**os.environ, **passwords},
    )
    try:
        subprocess.run(
            [sys.executable, "-m", "shared.cli.main", "provision"],
            cwd=ROOT,
            env={**os.environ, "NATS_URL": f"nats://provisioner:pw-provisioner@127.0.0.1:{port}"},
            check=True,
        )
        with stores(folder / "stores") as urls:
            made = Instance(urls | {"nats": f"nats://intake:pw-intake@127.0.0.1:{port}"}, folder)
            made.extra = {"MOTCUA_PROVISION": "false"}
            made.source_url = f"nats://source-example:pw-source_example@127.0.0.1:{port}"
            made.start("intake", 0)
            made.wait_ready("intake", 0)
            made.start("intake", 1)
            made.wait_ready("intake", 1)
            try:
                agreed = {"name": "example", "units": ["461"]}
                path = f"/v1/sources/{quote(SOURCE, safe='')}"
                answer = made.http.put(made.url("intake", path), json=agreed)
                assert answer.status_code == 200, answer.text
                yield made
            finally:
                made.stop()
    finally:
        server.kill()
        server.wait()


@pytest.fixture
async def source(running):
    faults = []

    async def note(fault):
        faults.append(str(fault))

    client = await nats.connect(
        running.source_url, inbox_prefix="_INBOX_example", error_cb=note, allow_reconnect=False
    )
    client.faults = faults
    yield client
    await client.close()


def event(n, unit="461", source=SOURCE, **data):
    return install(n, unit, **data) | {"source": source}


async def ask(client, body, headers=None, inbox="example"):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    reply = await client.request(f"motcua.inbox.{inbox}", raw, timeout=20, headers=headers)
    packed = reply.headers.get("content-encoding") == "gzip"
    body = gzip.decompress(reply.data) if packed else reply.data
    return int(reply.headers["motcua-status"]), json.loads(body)


async def eventually_known(source):
    """Replicas learn of an agreement within a second."""
    for _ in range(50):
        status, _body = await ask(source, [])
        if status == 202:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the inbox stays unknown")


async def test_the_same_checks_and_the_same_results(running, source):
    await eventually_known(source)
    status, body = await ask(source, [event(1), event(2, place="moon"), event(3, unit="462")])
    assert status == 202
    assert [r["status"] for r in body["results"]] == ["accepted", "refused", "refused"]
    assert [r["errors"][0]["code"] for r in body["results"][1:]] == [
        "not_allowed",
        "unit_not_allowed",
    ]
    status, body = await ask(source, event(1))
    assert (status, body["results"][0]["status"]) == (202, "duplicate")
    status, body = await ask(source, event(1, place="public"))
    assert (status, body["errors"][0]["code"]) == (409, "conflict")
    status, body = await ask(source, b"rubbish")
    assert (status, body["errors"][0]["code"]) == (400, "not_json")
    made = event(4)
    headers = {f"ce-{name}": made[name] for name in ("specversion", "id", "source", "type", "time")}
    status, body = await ask(source, made["data"], headers | {"Content-Type": "application/json"})
    assert (status, body["results"][0]["status"]) == (202, "accepted")
    packed = gzip.compress(json.dumps([event(4), event(5)]).encode())
    status, body = await ask(source, packed, {"Content-Encoding": "gzip"})
    assert [r["status"] for r in body["results"]] == ["duplicate", "accepted"]
    found = running.get("intake", "/v1/events", source=SOURCE, id="install-461-5")
    assert found["unit"] == "461"


async def test_an_answer_longer_than_the_broker_takes_is_packed(source):
    await eventually_known(source)
    faulty = {"source": SOURCE, "data": {"unit": "\x07"}, "Bad": 1, "Worse": 2, "specversion": "9"}
    faulty |= {f"attribute-{n}": {} for n in range(12)} | {"type": "motcua.survey.completed.v1"}
    status, body = await ask(source, [faulty] * 999)
    assert status == 202
    assert len(json.dumps(body)) > 1 << 20
    assert [result["status"] for result in body["results"]] == ["refused"] * 999


async def test_a_source_speaks_for_itself_alone(source):
    await eventually_known(source)
    status, body = await ask(source, event(10, source="/test"))
    assert (status, body["errors"][0]["code"]) == (403, "source_not_allowed")


async def test_its_credentials_allow_nothing_else(running, source):
    for subject in ("motcua.events.install.recorded.461", "motcua.inbox.other", "$JS.API.INFO"):
        await source.publish(subject, b"{}")
    for subject in ("motcua.>", "_INBOX_intake.>", "_INBOX.>"):
        await source.subscribe(subject)
    await source.flush()
    for _ in range(50):
        if len(source.faults) >= 6:
            break
        await asyncio.sleep(0.1)
    assert len([fault for fault in source.faults if "ermissions violation" in fault]) == 6


async def test_refusals_nobody_hears_land_in_quarantine(running, source):
    await eventually_known(source)
    await source.publish("motcua.inbox.example", json.dumps([event(20, place="moon")]).encode())
    await source.publish("motcua.inbox.example", b"not even json 0900000042")
    # To no other subject may a source have intake speak.
    reply = "motcua.keys.x"
    await source.publish("motcua.inbox.example", json.dumps(event(21)).encode(), reply=reply)
    await source.flush()

    def held():
        rows = running.get("intake", "/v1/quarantine", source=SOURCE)["quarantine"]
        return {fault["code"] for row in rows for fault in row["errors"]}

    wait_for(lambda: {"not_json", "not_allowed"} <= held())
    wait_for(
        lambda: (
            running.http.get(
                running.url("intake", "/v1/events"),
                params={"source": SOURCE, "id": "install-461-21"},
            ).status_code
            == 200
        )
    )

    intake = await nats.connect(running.urls["nats"], inbox_prefix="_INBOX_intake")
    try:
        info = await intake.jetstream().stream_info("KEYS")
        assert info.state.messages == 0
    finally:
        await intake.close()


async def test_replicas_share_the_work_and_each_message_is_answered_once(running, source):
    await eventually_known(source)
    inbox = f"_INBOX_example.{uuid.uuid4().hex}"
    heard = []

    async def hear(message):
        heard.append(json.loads(message.data)["results"])

    await source.subscribe(inbox, cb=hear)
    for n in range(300):
        body = json.dumps([event(n, device=f"many-{n}") | {"id": f"many-{n}"}]).encode()
        await source.publish("motcua.inbox.example", body, reply=inbox)
    for _ in range(300):
        if len(heard) >= 300:
            break
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.3)
    assert len(heard) == 300
    assert {result["status"] for results in heard for result in results} == {"accepted"}
    assert len({results[0]["id"] for results in heard}) == 300


async def test_an_inbox_without_a_source_is_told_so(running, source):
    path = f"/v1/sources/{quote(SOURCE, safe='')}"
    assert running.http.put(running.url("intake", path), json={}).status_code == 200
    for _ in range(50):
        status, _body = await ask(source, event(30))
        if status == 403:
            break
        await asyncio.sleep(0.1)
    assert status == 403
    agreed = {"name": "example", "units": ["461"]}
    assert running.http.put(running.url("intake", path), json=agreed).status_code == 200
    other = running.url("intake", "/v1/sources/other")
    assert running.http.put(other, json={"name": "example"}).status_code == 409
