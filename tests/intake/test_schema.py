"""The OpenAPI document, held against the service: no answer that it does not name."""

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.instance import ADMIN, instance

EXAMPLES, MANY = 5, 60
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with instance(tmp_path_factory.mktemp("schema")) as made:
        made.start("intake")
        made.wait_ready("intake")
        yield made


def _told(fault):
    if isinstance(fault, BaseExceptionGroup):
        return "; ".join(_told(each) for each in fault.exceptions)
    return f"{fault} {getattr(fault, 'message', '')}"


def answers_are_documented(running, mode, examples):
    """Call every operation so often, rightly or wrongly."""
    schema = schemathesis.openapi.from_url(running.url("intake", "/openapi.json"))
    tried, wrong = 0, []
    for found in schema.get_all_operations():
        operation = found.ok()
        tried += 1

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def run(case):
            answer = case.call(headers={"Authorization": f"Bearer {ADMIN}"})
            case.validate_response(answer, checks=CHECKS)

        try:
            run()
        except Unsatisfiable:  # there is no wrong way to call what takes nothing
            assert mode is GenerationMode.NEGATIVE
        except (Exception, BaseExceptionGroup) as fault:
            wrong.append(f"{operation.label}: {_told(fault)}")
    assert wrong == []
    assert tried >= 20


@pytest.mark.parametrize("mode", MODES)
def test_every_answer_is_documented(running, mode):
    answers_are_documented(running, mode, EXAMPLES)


@pytest.mark.soak
@pytest.mark.parametrize("mode", MODES)
def test_every_answer_is_documented_however_often_it_is_asked(running, mode):
    answers_are_documented(running, mode, MANY)


def test_other_methods_and_addresses_are_problems_too(running):
    for method, path, status in (
        ("PATCH", "/v1/events", 405),
        ("DELETE", "/v1/quarantine", 405),
        ("GET", "/v1/nothing", 404),
        ("POST", "/nothing", 404),
    ):
        answer = httpx.request(
            method, running.url("intake", path), headers={"Authorization": f"Bearer {ADMIN}"}
        )
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
        if status == 405:
            assert answer.headers["allow"]


def test_every_route_with_a_key_says_what_it_answers_without_one(running):
    document = httpx.get(running.url("intake", "/openapi.json")).json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if path.startswith("/v1/") and method in ("get", "post", "put", "delete"):
                assert {"400", "401", "503"} <= set(operation["responses"]), (method, path)


def test_what_no_store_can_hold_is_refused(running):
    key = {"name": "t", "scopes": ["events:write"]}
    for method, path, body in (
        ("POST", "/v1/keys", key | {"sources": ["\0"]}),
        ("POST", "/v1/keys", key | {"units": ["\0"]}),
        ("POST", "/v1/keys", key | {"name": "\0"}),
        ("POST", "/v1/replays?since=9999-12-31T23:59:59-14:00", None),
        ("POST", "/v1/replays?since=0001-01-01T00:00:00%2B14:00", None),
        ("PUT", "/v1/sources/abc", {"name": "a.b"}),
        ("PUT", "/v1/sources/abc", {"units": ["\0"]}),
        ("GET", "/v1/dead/99999999999999999999", None),
        ("GET", "/v1/quarantine?before=99999999999999999999", None),
        ("GET", "/v1/quarantine?day=2026-02-30", None),
    ):
        answer = httpx.request(
            method,
            running.url("intake", path),
            json=body,
            headers={"Authorization": f"Bearer {ADMIN}"},
        )
        assert answer.status_code == 422, (method, path, answer.text)
        assert answer.json()["errors"]
