"""The contract, frozen: what these files say must be understood and published for ever."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from shared import events
from shared.events import generate

GOLDEN = Path(__file__).parent / "golden"
INCOMING = sorted((GOLDEN / "incoming").glob("*.json"))
OUTCOMES = sorted((GOLDEN / "outcomes").glob("*.json"))
RECEIVED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def load(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def schema(folder: str, type_: str) -> Draft202012Validator:
    text = generate.documents()[f"{folder}/{type_.removeprefix('motcua.')}.json"]
    return Draft202012Validator(json.loads(text))


def published(path: Path) -> events.PublishedParts:
    incoming, faults = events.check(load(path))
    assert incoming is not None, faults
    return events.publish(
        incoming, receivedat=RECEIVED, hash_key=b"golden", contact_token="golden-token"
    )


def test_every_type_has_a_golden_file() -> None:
    assert {load(path)["type"] for path in INCOMING} == events.INCOMING
    assert {load(path)["type"] for path in OUTCOMES} == events.OUTCOMES
    assert set(events.TYPES) == events.INCOMING | events.OUTCOMES


@pytest.mark.parametrize("path", INCOMING, ids=lambda path: path.stem)
def test_incoming_is_faultless_and_matches_its_schema(path: Path) -> None:
    given = load(path)
    incoming, faults = events.check(given)
    assert faults == []
    assert incoming is not None
    assert (incoming.source, incoming.id) == (given["source"], given["id"])
    schema("incoming", given["type"]).validate(given)


@pytest.mark.parametrize("path", INCOMING, ids=lambda path: path.stem)
def test_published_form(path: Path) -> None:
    given = load(path)
    parts = published(path)
    got = json.loads(parts.event_json)
    frozen = GOLDEN / "published" / path.name
    if frozen.exists():
        assert got == load(frozen)
    else:
        assert got == given | {"receivedat": RECEIVED.isoformat()}
    schema("published", given["type"]).validate(got)
    assert (parts.contact_json is not None) == ("applicant" in given["data"])


@pytest.mark.parametrize("path", INCOMING, ids=lambda path: path.stem)
def test_published_is_read_back(path: Path) -> None:
    given = load(path)
    event = events.parse(published(path).event_json)
    assert event.type == given["type"]
    assert isinstance(event.data, events.TYPES[event.type].published)
    assert event.order == (datetime.fromisoformat(given["time"]), given["source"], given["id"])
    assert event.rday.isoformat() == "2026-01-02"
    assert event.unit == given["data"].get("unit")


@pytest.mark.parametrize("path", OUTCOMES, ids=lambda path: path.stem)
def test_outcomes_are_read_back_and_rebuilt(path: Path) -> None:
    frozen = load(path)
    event = events.parse(json.dumps(frozen).encode())
    again = events.outcome(
        event.type, event.data, source=event.source, id=event.id, time=event.time
    )
    assert json.loads(again) == frozen
    schema("outcomes", event.type).validate(frozen)


def test_contact() -> None:
    parts = published(GOLDEN / "incoming" / "dossier.submitted.json")
    assert parts.contact_json is not None
    assert json.loads(parts.contact_json) == load(GOLDEN / "contact.json")
    assert events.parse_contact(parts.contact_json).phone == "+84900000125"


def test_documents_are_up_to_date() -> None:
    wanted = generate.documents()
    there = {
        str(path.relative_to(generate.HERE)): path.read_text(encoding="utf-8")
        for path in generate.HERE.rglob("*")
        if path.suffix in {".json", ".yaml"}
    }
    assert there == wanted, "run python -m shared.events.generate"


def test_generator_removes_what_is_gone(tmp_path: Path) -> None:
    (tmp_path / "incoming").mkdir()
    (tmp_path / "incoming" / "gone.v1.json").write_text("{}")
    paths = generate.write(tmp_path)
    assert all(path.exists() for path in paths)
    assert not (tmp_path / "incoming" / "gone.v1.json").exists()


def test_asyncapi_points_at_documents_that_exist() -> None:
    import yaml

    document = yaml.safe_load(generate.documents()["asyncapi.yaml"])
    references = {
        message["payload"]["$ref"] for message in document["components"]["messages"].values()
    }
    assert {ref.removeprefix("./") for ref in references} <= set(generate.documents())
    assert set(document["channels"]) == {
        ref["channel"]["$ref"].rsplit("/", 1)[1] for ref in document["operations"].values()
    }
