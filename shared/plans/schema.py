"""The JSON Schema of plan files, by which editors complete and check them."""

from typing import Any

import orjson

from shared.plans.filters import CONDITION_SCHEMA, FILTER_SCHEMA
from shared.plans.models import Plan


def plan_schema() -> dict[str, Any]:
    """The schema as a dictionary (JSON Schema 2020-12), generated from the models."""
    schema = _point_at_filters(Plan.model_json_schema(by_alias=True))
    schema["$defs"] |= {"Filter": FILTER_SCHEMA, "Condition_": CONDITION_SCHEMA}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "plan.schema.json",
        **schema,
    }


def plan_schema_text() -> str:
    """The schema as it is kept in `docs/plans/plan.schema.json`."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(plan_schema(), option=options).decode()


def _point_at_filters(node: Any) -> Any:
    if isinstance(node, list):
        return [_point_at_filters(each) for each in node]
    if not isinstance(node, dict):
        return node
    if node.get("title") == "Filter" and "properties" not in node:
        rest = {key: value for key, value in node.items() if key != "title"}
        return {"$ref": "#/$defs/Filter", **rest}
    return {key: _point_at_filters(value) for key, value in node.items()}
