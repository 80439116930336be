"""From the text of a plan file to a plan, or to every fault in it with its line."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from shared.marked_text import FileFault, Path, Tree, Unreadable, pointer, read_tree
from shared.plans import indicators, models, obligations
from shared.plans.checks import Finding, findings
from shared.plans.filters import UNDECIDED
from shared.plans.models import Plan
from shared.plans.names import take_codes
from shared.procedures import ProcedureFaults, read_procedures
from shared.settings import deploy_dir
from shared.units import UnitRegistry

PlanFault = FileFault


class PlanFaults(ValueError):
    """A plan that cannot be used, with all its faults."""

    def __init__(self, faults: Iterable[PlanFault]) -> None:
        self.faults = list(faults)
        super().__init__("\n".join(map(str, self.faults)))


def load_plan(text: str | bytes, *, registry: UnitRegistry) -> tuple[Plan | None, list[PlanFault]]:
    """Reads a plan file (YAML or JSON) and binds it to the units.

    Returns the plan and its warnings; or None and every fault at once, ordered by line.
    """
    try:
        tree = read_tree(text)
    except Unreadable as error:
        return None, [PlanFault(error.line, "", error.code, error.message)]
    faults = [
        PlanFault(line, pointer(path), "repeated_key", f"khoá {path[-1]!r} ghi hai lần")
        for path, line in zip(tree.repeated, tree.repeated_lines, strict=True)
    ]
    plan: Plan | None = None
    if isinstance(tree.value, Mapping):
        faults += _take_lists(tree)
        take_codes(tree.value, registry)
        try:
            plan = Plan.model_validate_json(orjson.dumps(tree.value))
        except ValidationError as error:
            faults += _shape(error, tree)
        found: list[Finding] = list(findings(tree.value, registry))
        faults += [
            PlanFault(tree.line(each.path), pointer(each.path), each.code, each.message,
                      each.severity)
            for each in found
        ]  # fmt: skip
    else:
        faults.append(PlanFault(1, "", "not_a_plan", "kế hoạch phải là các cặp khoá: giá trị"))
    faults = sorted(dict.fromkeys(faults))
    if plan is None or any(fault.severity == "error" for fault in faults):
        return None, faults
    return plan.bind(registry), faults


def _take_lists(tree: Tree) -> Iterable[PlanFault]:
    """Put the codes of procedure lists in the place of `{from: name}`: a version of a plan must
    not change when a file does."""
    lists = tree.value.get("lists")
    for name, value in lists.items() if isinstance(lists, Mapping) else ():
        if not isinstance(value, Mapping) or set(value) != {"from"}:
            continue
        path: Path = ("lists", name, "from")
        try:
            found = read_procedures(deploy_dir() / "procedures", str(value["from"]))
        except ProcedureFaults as error:
            lists[name] = UNDECIDED  # so that only this is told of it
            for fault in error.faults:
                yield PlanFault(tree.line(path), pointer(path), "procedures", fault)
        else:
            lists[name] = list(dict.fromkeys(each.code for each in found))


def read_plan(text: str | bytes, *, registry: UnitRegistry) -> Plan:
    """A plan that is known to be good, such as one that was stored.

    Raises PlanFaults.
    """
    plan, faults = load_plan(text, registry=registry)
    if plan is None:
        raise PlanFaults(fault for fault in faults if fault.severity == "error")
    return plan


def _shape(error: ValidationError, tree: Tree) -> Iterable[PlanFault]:
    for each in error.errors(include_url=False, include_input=False):
        path = _walk(tree.value, (*each["loc"], *each.get("ctx", {}).get("path", ())))
        nested = each.get("ctx", {}).get("faults")
        if nested:
            for inner, message in nested:
                whole = (*path, *inner)
                yield PlanFault(tree.line(whole), pointer(whole), "filter", message)
            continue
        kind = each["type"]
        if kind == "missing":
            name = str(each["loc"][-1])
            yield PlanFault(tree.line(path), pointer(path), kind, f"thiếu {name}")
        else:
            yield PlanFault(tree.line(path), pointer(path), kind, _say(kind, each, path))


def _walk(value: Any, loc: Iterable[str | int]) -> Path:
    """The part of a validation error's location that exists in the file."""
    path: Path = ()
    for part in loc:
        inside: Any = value if isinstance(value, Mapping) else {}
        if isinstance(value, list):
            inside = dict(enumerate(value))
        if part in inside:
            value = inside[part]
            path = (*path, part)
    return path


_WORDS = {
    "string_type": "cần một chuỗi chữ",
    "string_too_short": "không được để trống",
    "string_too_long": "quá dài",
    "int_type": "cần một số nguyên",
    "int_parsing": "cần một số nguyên",
    "bool_type": "cần true hoặc false",
    "dict_type": "cần các cặp khoá: giá trị",
    "model_type": "cần các cặp khoá: giá trị",
    "model_attributes_type": "cần các cặp khoá: giá trị",
    "list_type": "cần một danh sách",
    "too_short": "không được để trống",
    "date_type": "cần một ngày dạng YYYY-MM-DD",
    "date_parsing": "cần một ngày dạng YYYY-MM-DD",
    "date_from_datetime_parsing": "cần một ngày dạng YYYY-MM-DD",
    "date_from_datetime_inexact": "cần một ngày dạng YYYY-MM-DD",
    "greater_than": "phải lớn hơn 0",
    "string_pattern_mismatch": "không đúng dạng",
}


def _say(kind: str, error: Mapping[str, Any], path: Path) -> str:
    name = repr(path[-1]) if path else "kế hoạch"
    if kind == "extra_forbidden":
        close = difflib.get_close_matches(str(path[-1]), _KEYS, n=1)
        return f"khoá lạ {name}" + (f"; có phải {close[0]!r}?" if close else "")
    if kind == "literal_error":
        return f"{name}: phải là {error['ctx']['expected'].replace(' or ', ' hoặc ')}"
    if kind == "string_pattern_mismatch":
        return f"{name}: không đúng dạng {error['ctx']['pattern']}"
    if kind in _WORDS:
        return f"{name}: {_WORDS[kind]}"
    return f"{name}: {error['msg']}"


_KEYS = sorted(
    {
        info.alias or name
        for module in (indicators, models, obligations)
        for model in vars(module).values()
        if isinstance(model, type) and issubclass(model, BaseModel)
        for name, info in model.model_fields.items()
    }
)
