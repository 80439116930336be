"""Small plans for tests, and how they are applied."""

import json
from typing import Any


def small(**changes: Any) -> dict[str, Any]:
    """Installs in two districts, month by month, three each."""
    made: dict[str, Any] = {
        "plan": "small",
        "title": "Cài ứng dụng",
        "issued": {"number": "1/KH"},
        "runs": {"from": "2019-08-05", "to": "2019-12-31"},
        "indicators": {
            "installs": {
                "count": "install.recorded",
                "where": {"result": "succeeded"},
                "once_per": ["device"],
                "period": "month",
                "target": {"for": ["461", "462"], "at_least": 3},
            }
        },
    }
    return made | changes


def counted(plan: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The same plan with changes to its only indicator."""
    ((name, made),) = plan["indicators"].items()
    return plan | {"indicators": {name: made | changes}}


def apply(running: Any, plan: dict[str, Any], status: int | None = None, **asked: Any) -> Any:
    """PUT a plan; returns the answer's body."""
    answer = running.http.put(
        running.url("quota", f"/v1/plans/{plan['plan']}"),
        content=json.dumps(plan),
        params={name: str(value).lower() for name, value in asked.items()},
    )
    assert answer.status_code in ((200, 201) if status is None else (status,)), answer.text
    return answer.json()


def progress(running: Any, plan: str, **asked: Any) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Rows by (indicator, unit, period)."""
    rows = running.get("quota", "/v1/progress", plan=plan, **asked)["rows"]
    return {(row["indicator"], row["unit"], row["period"]): row for row in rows}
