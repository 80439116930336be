"""Helpers of the tests of sync calls: keys, clients, and what was published of a dossier."""

import asyncio
import json
from datetime import datetime, timedelta, timezone

import asyncpg

from tests.intake.lgsp_client import LgspClient

VN = timezone(timedelta(hours=7))


def new_key(running, name, scopes=("events:write",), units=(), sources=(), sandbox=False):
    answer = running.http.post(
        running.url("intake", "/v1/keys"),
        json={
            "name": name,
            "scopes": list(scopes),
            "units": list(units),
            "sources": list(sources),
            "sandbox": sandbox,
        },
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def new_client(running, name, replica=0, madonvi="461", integer=False, **bounds):
    key = new_key(running, name, **bounds)
    return LgspClient(running.url("intake", "", replica), name, key["key"], madonvi, integer)


def query(running, text, *values):
    async def ask():
        connection = await asyncpg.connect(running.urls["intake"])
        try:
            await connection.execute("SET search_path TO intake")
            return [tuple(row) for row in await connection.fetch(text, *values)]
        finally:
            await connection.close()

    return asyncio.run(ask())


def events_of(running, code):
    """The events published of a dossier, in the order in which they were told."""
    rows = query(running, "SELECT payload FROM outbox WHERE stream = 'EVENTS' ORDER BY id")
    events = [json.loads(payload) for (payload,) in rows]
    return [each for each in events if each["data"].get("code") == code]


def told(running, code):
    """(status or 'submitted', its instant) of each event of a dossier."""
    return [
        ("submitted", each["data"]["submitted_at"])
        if "submitted_at" in each["data"]
        else (each["data"]["status"], each["data"]["at"])
        for each in events_of(running, code)
    ]


def statuses_of(answer):
    return [item["status"] for item in answer["result"]]


def day(text):
    return datetime.fromisoformat(text).astimezone(VN).strftime("%Y-%m-%d %H:%M")
