"""Writes `docs/contracts`: JSON Schemas and an AsyncAPI document, from the models themselves.

Run `python -m shared.events.generate` after a change to the contract; with `--check` it writes
nothing and names what is out of date.
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter

from shared.events.catalogue import OUTCOMES, TYPES
from shared.events.contact import Contact
from shared.events.data import Data
from shared.events.scalars import LONGEST_ID

DRAFT = "https://json-schema.org/draft/2020-12/schema"
HERE = Path(__file__).resolve().parents[2] / "docs" / "contracts"


def documents() -> dict[str, str]:
    """Path below `docs/contracts` -> text of each generated file."""
    files: dict[str, str] = {}
    for name, models in TYPES.items():
        title = name.removeprefix("motcua.")
        if models.given is not None:
            files[f"incoming/{title}.json"] = _json(_envelope(name, models.given, False))
        branch = "outcomes" if name in OUTCOMES else "published"
        files[f"{branch}/{title}.json"] = _json(_envelope(name, models.published, True))
    files["contacts/contact.json"] = _json({"$schema": DRAFT, **_schema(Contact)})
    files["asyncapi.yaml"] = yaml.safe_dump(
        _asyncapi(), sort_keys=False, allow_unicode=True, width=100
    )
    return files


def write(folder: Path = HERE) -> list[Path]:
    """Writes every document, removes those of types that are gone, returns what is there now."""
    wanted = documents()
    for old in [*folder.rglob("*.json"), *folder.rglob("asyncapi.yaml")]:
        if str(old.relative_to(folder)) not in wanted:
            old.unlink()
    for path, text in wanted.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return [folder / path for path in wanted]


def stale(folder: Path = HERE) -> list[Path]:
    """Documents that are missing, differ from the models, or belong to a type that is gone."""
    wanted = {folder / path: text for path, text in documents().items()}
    there = {*folder.rglob("*.json"), *folder.rglob("asyncapi.yaml")}
    wrong = [
        path
        for path, text in wanted.items()
        if path not in there or path.read_text(encoding="utf-8") != text
    ]
    return sorted([*wrong, *(there - wanted.keys())])


def _schema(model: type[Any]) -> dict[str, Any]:
    return TypeAdapter(model).json_schema(ref_template="#/$defs/{model}")


def _envelope(name: str, model: type[Data], published: bool) -> dict[str, Any]:
    data = _schema(model)
    defs = data.pop("$defs", None)
    text = {"type": "string", "minLength": 1, "maxLength": LONGEST_ID}
    moment = {"type": "string", "format": "date-time"}
    schema: dict[str, Any] = {
        "$schema": DRAFT,
        "title": name,
        "type": "object",
        "required": ["specversion", "id", "source", "type", "time", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": text,
            "source": text | {"format": "uri-reference"},
            "type": {"const": name},
            "time": moment,
            "subject": text,
            "datacontenttype": {"type": "string"},
            "backfill": {
                "type": "boolean",
                "description": "Loaded afterwards, or following from that: counted and reported, "
                "and nobody is messaged about it.",
            },
            "data": data,
        },
    }
    if published:
        schema["properties"]["receivedat"] = moment
        schema["required"].append("receivedat")
    if defs:
        schema["$defs"] = defs
    return schema


def _asyncapi() -> dict[str, Any]:
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for name in TYPES:
        words = name.removeprefix("motcua.").rsplit(".v", 1)[0]
        branch, folder = ("outcomes", "outcomes") if name in OUTCOMES else ("events", "published")
        key = words.replace(".", "_")
        messages[key] = {
            "name": name,
            "contentType": "application/cloudevents+json",
            "payload": {"$ref": f"./{folder}/{name.removeprefix('motcua.')}.json"},
        }
        channels[key] = {
            "address": f"motcua.{branch}.{words}.{{unit}}",
            "parameters": {"unit": {"description": "The unit's code; _ where there is none."}},
            "messages": {key: {"$ref": f"#/components/messages/{key}"}},
        }
        operations[f"receive_{key}"] = {
            "action": "receive",
            "channel": {"$ref": f"#/channels/{key}"},
        }
    messages["contact"] = {
        "name": "contact",
        "contentType": "application/json",
        "payload": {"$ref": "./contacts/contact.json"},
    }
    channels["contacts"] = {
        "address": "motcua.contacts.{token}",
        "description": "Personal data: only notify may read this.",
        "parameters": {"token": {"description": "Random, one for each dossier."}},
        "messages": {"contact": {"$ref": "#/components/messages/contact"}},
    }
    operations["receive_contact"] = {
        "action": "receive",
        "channel": {"$ref": "#/channels/contacts"},
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "motcua",
            "version": "1.0.0",
            "description": "Events and outcomes on NATS JetStream: structured CloudEvents 1.0.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        wrong = stale()
        sys.stdout.writelines(f"{path} is out of date\n" for path in wrong)
        sys.exit(1 if wrong else 0)
    sys.stdout.write(f"{len(write())} documents\n")
