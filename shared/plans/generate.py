"""Writes `docs/plans/plan.schema.json`, from the models themselves.

Run `python -m shared.plans.generate` after a change to the plan language; with `--check` it writes
nothing and says whether the file is out of date.
"""

import sys
from pathlib import Path

from shared.plans.schema import plan_schema_text

HERE = Path(__file__).resolve().parents[2] / "docs" / "plans" / "plan.schema.json"


def is_stale(path: Path = HERE) -> bool:
    """Whether the file is missing or says something else than the models."""
    return not path.exists() or path.read_text(encoding="utf-8") != plan_schema_text()


if __name__ == "__main__":
    if "--check" not in sys.argv[1:]:
        HERE.write_text(plan_schema_text(), encoding="utf-8")
    elif is_stale():
        sys.exit(f"{HERE} is out of date")
