"""The embedded broker's users for sources: their own inbox, their own answers, nothing else."""

import asyncio
import subprocess

import nats
import pytest

from shared.cli.errors import CommandError
from shared.cli.up import source_names
from shared.embedded.nats import Nats
from shared.embedded.process import free_port


@pytest.fixture
async def broker(tmp_path):
    made = Nats(
        tmp_path / "nats", tmp_path / "log", free_port(), "pw", {"example": "2e5", "b-2": "x"}
    )
    command = made.command()
    process = await asyncio.create_subprocess_exec(*command.argv, stderr=subprocess.DEVNULL)
    try:
        await asyncio.wait_for(made.ready(), 30)
        yield made
    finally:
        process.kill()
        await process.wait()


async def test_a_source_publishes_to_its_inbox_and_hears_its_answers(broker):
    faults = []

    async def note(fault):
        faults.append(str(fault))

    async def answer(message):
        await ours.publish(message.reply, b"taken")

    ours = await nats.connect(broker.url)
    theirs = await nats.connect(
        f"nats://source-example:2e5@127.0.0.1:{broker.port}",
        inbox_prefix="_INBOX_example",
        error_cb=note,
    )
    try:
        await ours.subscribe("motcua.inbox.example", cb=answer)
        await ours.flush()
        assert (await theirs.request("motcua.inbox.example", b"{}", timeout=10)).data == b"taken"
        assert faults == []
        for subject in ("motcua.inbox.b-2", "motcua.events.x", "$JS.API.INFO"):
            await theirs.publish(subject, b"{}")
        for subject in (">", "motcua.>", "_INBOX.>", "_INBOX_b-2.>"):
            await theirs.subscribe(subject)
        for _ in range(100):
            if len(faults) == 7:
                break
            await asyncio.sleep(0.05)
        assert len([fault for fault in faults if "ermissions violation" in fault]) == 7
    finally:
        await theirs.close()
        await ours.close()


def test_names_are_words_of_a_subject():
    assert source_names(" one-stop, b_2 ,") == ["one-stop", "b_2"]
    assert source_names("") == []
    with pytest.raises(CommandError):
        source_names("one.stop")
    with pytest.raises(CommandError):
        source_names("a, *")
