"""What the shape alone does not show: names that lead nowhere, words that events do not have.

Works on the plain values of a file, which may be malformed elsewhere, so that every fault is
found in one go; whatever has the wrong shape is left to the models.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from shared.marked_text import Path
from shared.plans.amounts import exact
from shared.plans.filters import OPERATORS, UNDECIDED, conditions
from shared.plans.scalars import after
from shared.plans.vocabulary import DERIVED, LEVELS, Field, fact_name, facts
from shared.units import UnitRegistry
from shared.working_days import WorkingDays, working_days

ROLES = frozenset({"unit", "parent", "owed_to", "owed_by", "installer", "citizen", *LEVELS})
"""Words for whoever a reminder or notice is about, beside groups and units."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault or a warning at a path."""

    path: Path
    code: str
    message: str
    severity: Literal["error", "warning"] = "error"


def findings(
    plan: Mapping[str, Any], registry: UnitRegistry, working: WorkingDays | None = None
) -> Iterator[Finding]:
    """Everything that is wrong in how a plan's parts refer to each other; and, as warnings, what is
    left undecided, or legal but odd."""
    return _Checker(plan, registry, working or working_days()).run()


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _shown(day: date) -> str:
    return day.strftime("%d/%m/%Y")


def _end_of_term(due: Mapping[str, Any]) -> date | None:
    start, term = _day(due.get("of")), due.get("within")
    try:
        return after(start, term) if start and isinstance(term, str) else None
    except (ValueError, OverflowError):
        return None


def _like(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=3)
    return f"; gần giống: {', '.join(close)}" if close else ""


class _Checker:
    def __init__(
        self, plan: Mapping[str, Any], registry: UnitRegistry, working: WorkingDays
    ) -> None:
        self.plan, self.registry, self.working = plan, registry, working
        self.groups = _dict(plan.get("groups"))
        self.lists = _dict(plan.get("lists"))
        self.indicators = _dict(plan.get("indicators"))
        self.obligations = _dict(plan.get("obligations"))
        self.start = _day(_dict(plan.get("runs")).get("from"))
        self.end = _day(_dict(plan.get("runs")).get("to"))

    def run(self) -> Iterator[Finding]:
        yield from self._groups()
        for name, values in self.lists.items():
            if values == UNDECIDED:
                message = f"danh mục {name!r} chưa có: tạm tính mọi giá trị"
                yield Finding(("lists", name), "undecided", message, "warning")
        for name, each in self.indicators.items():
            yield from self._indicator(("indicators", name), _dict(each))
        for name, each in self.obligations.items():
            yield from self._obligation(("obligations", name), _dict(each))
        yield from self._comparisons()
        for key in ("penalties", "merits"):
            for number, each in enumerate(_items(self.plan.get(key))):
                yield from self._points((key, number), _dict(each))
        for number, each in enumerate(_items(self.plan.get("notices"))):
            path: Path = ("notices", number)
            yield from self._units(path, "to", _dict(each).get("to"), ROLES)
            yield from self._references(path, _dict(each))
        contact = _dict(self.plan.get("contact")).get("unit")
        yield from self._units(("contact",), "unit", contact)
        start = _day(self.plan.get("effective_from"))
        if start and self.start and self.end and not self.start <= start <= self.end:
            message = "effective_from nằm ngoài thời gian của kế hoạch"
            yield Finding(("effective_from",), "range", message)

    def _groups(self) -> Iterator[Finding]:
        for name, group in self.groups.items():
            path = ("groups", name)
            if self.registry.known(name):
                yield Finding(path, "group", f"tên nhóm {name!r} trùng một mã đơn vị")
            if not isinstance(group, Mapping):
                yield from self._units(("groups",), name, group)
                continue
            for key in ("units", "seat", "parent", "within", "without"):
                yield from self._units(path, key, group.get(key))
            kind = group.get("kind")
            kinds = {unit.kind for unit in self.registry}
            if isinstance(kind, str) and kind not in kinds:
                message = f"không có loại đơn vị {kind!r}{_like(kind, kinds)}"
                yield Finding((*path, "kind"), "unknown_kind", message)
        for name in self.groups:
            if name in self._reach(name):
                yield Finding(("groups", name), "cycle", f"nhóm {name!r} chứa chính nó")

    def _reach(self, name: str) -> set[str]:
        found: set[str] = set()
        waiting = [name]
        while waiting:
            group = self.groups.get(waiting.pop())
            parts = group.values() if isinstance(group, Mapping) else (group,)
            for part in parts:
                for each in part if isinstance(part, list) else (part,):
                    if isinstance(each, str) and each in self.groups and each not in found:
                        found.add(each)
                        waiting.append(each)
        return found

    def _units(
        self, path: Path, key: str, value: Any, roles: frozenset[str] = frozenset()
    ) -> Iterator[Finding]:
        several = isinstance(value, list)
        for number, each in enumerate(value if several else (value,)):
            here = (*path, key, number) if several else (*path, key)
            if isinstance(each, bool) or not isinstance(each, str | int):
                continue
            code = str(each)
            if code in self.groups or code in roles:
                continue
            if not self.registry.known(code):
                near = [
                    f"{each} ({self.registry.name(each, self.start)})"
                    for each in self.registry.nearest(code)
                ]
                near += difflib.get_close_matches(code, [*self.groups, *roles], n=2)
                message = f"không có đơn vị hay nhóm {code!r}"
                if near:
                    message += f"; gần giống: {', '.join(near)}"
                yield Finding(here, "unknown_unit", message)
            else:
                yield from self._validity(here, code)

    def _validity(self, path: Path, code: str) -> Iterator[Finding]:
        start, end = self.start, self.end
        if not start or not end or start > end:
            return
        versions = [
            each
            for each in self.registry.versions(code)
            if each.valid_from <= end and each.end > start
        ]
        if not versions:
            message = f"đơn vị {code!r} không tồn tại trong thời gian của kế hoạch"
            yield Finding(path, "unit_not_valid", message)
        elif versions[0].valid_from > start:
            day = _shown(versions[0].valid_from)
            message = f"đơn vị {code!r} chỉ có từ ngày {day}: trước đó không tính, không phải nộp"
            yield Finding(path, "unit_validity", message, "warning")
        elif versions[-1].end <= end:
            day = _shown(versions[-1].end)
            message = f"đơn vị {code!r} hết hiệu lực từ ngày {day}, trước khi kế hoạch kết thúc"
            yield Finding(path, "unit_validity", message, "warning")

    def _day_off(self, path: Path, day: date | None) -> Iterator[Finding]:
        """A warning for a deadline on a day on which offices are closed: it does not move."""
        if day is not None and not self.working.is_working(day):
            message = f"{_shown(day)} là ngày nghỉ: hạn không tự dời; muốn dời thì ghi ngày khác"
            yield Finding(path, "day_off", message, "warning")

    def _comparisons(self) -> Iterator[Finding]:
        """Warnings for `more_than` in a file that elsewhere says `at_least`: is it meant?"""
        targets = {name: _dict(_dict(each).get("target")) for name, each in self.indicators.items()}
        if not any("at_least" in target for target in targets.values()):
            return
        for name, target in targets.items():
            if "more_than" in target:
                path = ("indicators", name, "target", "more_than")
                message = (
                    f"trên {target['more_than']} (>), trong khi chỉ tiêu khác của tệp là ít nhất "
                    "(>=): đúng số này là chưa đạt; nếu không phải vậy thì đổi thành at_least"
                )
                yield Finding(path, "mixed_comparison", message, "warning")

    def _fact(self, path: Path, name: Any, derived: bool = True) -> Iterator[Finding]:
        if not isinstance(name, str):
            return
        known = [each for each in facts() if derived or each not in DERIVED]
        if fact_name(name) not in known:
            message = f"không có sự kiện {name!r}{_like(name, known)}"
            yield Finding(path, "unknown_event", message)

    def _measure(self, path: Path, measure: Mapping[str, Any]) -> Iterator[Finding]:
        fact = measure.get("count")
        yield from self._fact((*path, "count"), fact)
        for key in ("sum", "distinct"):
            source = _dict(measure.get(key))
            if not source:
                continue
            fact = source.get("in")
            yield from self._fact((*path, key, "in"), fact)
            yield from self._field((*path, key, "of"), fact, source.get("of"), key == "sum")
        yield from self._where((*path, "where"), fact, measure.get("where"))
        for number, name in enumerate(_items(measure.get("once_per"))):
            yield from self._field((*path, "once_per", number), fact, name)

    def _field(self, path: Path, fact: Any, name: Any, whole: bool = False) -> Iterator[Finding]:
        fields = facts().get(fact_name(fact)) if isinstance(fact, str) else None
        if fields is None or not isinstance(name, str):
            return
        found = fields.get(name.partition(".")[0])
        if found is None or ("." in name and found.kind != "object"):
            message = f"sự kiện {fact!r} không có trường {name!r}{_like(name, fields)}"
            yield Finding(path, "unknown_field", message)
        elif whole and found.kind != "whole":
            yield Finding(path, "unknown_field", f"trường {name!r} không phải số, không cộng được")

    def _where(self, path: Path, fact: Any, where: Any) -> Iterator[Finding]:
        fields = facts().get(fact_name(fact)) if isinstance(fact, str) else None
        for here, name, wanted in conditions(_dict(where), path):
            listed = _dict(wanted).get("in")
            if isinstance(listed, str) and listed not in self.lists:
                message = f"kế hoạch không có danh mục {listed!r}{_like(listed, self.lists)}"
                yield Finding((*here, "in"), "unknown_list", message)
            if fields is None:
                continue
            yield from self._field(here, fact, name)
            field = fields.get(name)
            if field is not None:
                yield from _values(here, name, field, wanted)

    def _indicator(self, path: Path, indicator: Mapping[str, Any]) -> Iterator[Finding]:
        yield from self._measure(path, indicator)
        for key in ("of", "over"):
            part = _dict(_dict(indicator.get("ratio")).get(key))
            yield from self._measure((*path, "ratio", key), part)
        target = _dict(indicator.get("target"))
        here = (*path, "target")
        yield from self._units(here, "for", target.get("for"))
        covered = set(self._expand(target.get("for")))
        for code in _dict(target.get("except")):
            yield from self._units((*here, "except"), code, code)
            if covered and self.registry.known(code) and code not in covered:
                message = f"ngoại lệ {code!r} không thuộc các đơn vị có chỉ tiêu"
                yield Finding((*here, "except", code), "except", message)
        yield from self._total(here, target, covered)
        yield from _odd_amounts(here, target)
        step = _dict(target.get("yearly_step"))
        if step.get("as") == UNDECIDED:
            message = "bước tăng hằng năm chưa rõ là điểm phần trăm hay tương đối: giữ mức năm đầu"
            yield Finding((*here, "yearly_step"), "undecided", message, "warning")

    def _total(self, path: Path, target: Mapping[str, Any], covered: set[str]) -> Iterator[Finding]:
        named = target.get("total")
        each, other = target.get("at_least", target.get("more_than")), _dict(target.get("except"))
        amounts = [other.get(code, each) for code in covered]
        if isinstance(named, int) and all(isinstance(amount, int) for amount in amounts):
            found = sum(amounts)
            if found != named:
                message = f"tổng ghi {named} nhưng các chỉ tiêu cộng lại là {found}"
                yield Finding((*path, "total"), "total_differs", message, "warning")

    def _expand(self, value: Any, above: frozenset[str] = frozenset()) -> Iterator[str]:
        """Codes of a reference; nothing at all if a chosen group is among them."""
        for each in value if isinstance(value, list) else (value,):
            name = str(each)
            if name not in self.groups:
                yield name
            elif name not in above:
                group = self.groups[name]
                if isinstance(group, Mapping):
                    yield from self._chosen(group, above | {name})
                else:
                    yield from self._expand(group, above | {name})

    def _chosen(self, group: Mapping[str, Any], above: frozenset[str]) -> Iterator[str]:
        def codes(key: str) -> set[str] | None:
            return set(self._expand(group[key], above)) if group.get(key) else None

        units, without = codes("units"), codes("without") or set()
        if units is not None:
            yield from units - without
        elif self.start:
            seats, parents, roots = codes("seat"), codes("parent"), codes("within")
            for unit in self.registry.all(self.start):
                if (
                    (not group.get("kind") or unit.kind == group["kind"])
                    and (seats is None or unit.seat in seats)
                    and (parents is None or unit.parent in parents)
                    and (roots is None or self.registry.within(unit.code, roots, self.start))
                    and unit.code not in without
                ):
                    yield unit.code

    def _obligation(self, path: Path, obligation: Mapping[str, Any]) -> Iterator[Finding]:
        yield from self._units(path, "owed_by", obligation.get("owed_by"))
        yield from self._units(path, "owed_to", obligation.get("owed_to"))
        due = _dict(obligation.get("due"))
        for key in ("before", "by"):
            yield from self._day_off((*path, "due", key), _day(due.get(key)))
        yield from self._day_off((*path, "due", "within"), _end_of_term(due))
        if due.get("day") == UNDECIDED:
            message = "văn bản không nêu ngày: hiện ra nhưng không bao giờ bị coi là trễ"
            yield Finding((*path, "due", "day"), "undecided", message, "warning")
        fulfilled = _dict(obligation.get("fulfilled_by"))
        here = (*path, "fulfilled_by")
        event = fulfilled.get("event")
        yield from self._fact((*here, "event"), event, derived=False)
        yield from self._where((*here, "where"), event, fulfilled.get("where"))
        yield from self._where((*here, "require"), event, fulfilled.get("require"))
        owing = set(self._expand(obligation.get("owed_by")))
        for key in ("makeup", "extensions", "waivers"):
            for number, each in enumerate(_items(obligation.get(key))):
                units = _dict(each).get("units")
                where = (*path, key, number)
                for limit in ("before", "by"):
                    yield from self._day_off((*where, limit), _day(_dict(each).get(limit)))
                yield from self._units(where, "units", units)
                strange = sorted(set(self._expand(units)) - owing) if units else []
                strange = [code for code in strange if self.registry.known(code)]
                if owing and strange:
                    message = f"không có nghĩa vụ này: {', '.join(strange)}"
                    yield Finding((*where, "units"), "not_owed", message)
        for key in ("remind", "escalate"):
            for number, each in enumerate(_items(obligation.get(key))):
                yield from self._units((*path, key, number), "to", _dict(each).get("to"), ROLES)

    def _points(self, path: Path, given: Mapping[str, Any]) -> Iterator[Finding]:
        yield from self._references((*path, "when"), _dict(given.get("when")))
        if given.get("points") == UNDECIDED:
            message = "văn bản không nêu số điểm: chưa tính, chưa xếp hạng được"
            yield Finding((*path, "points"), "undecided", message, "warning")

    def _references(self, path: Path, value: Mapping[str, Any]) -> Iterator[Finding]:
        for key, known in (("indicator", self.indicators), ("obligation", self.obligations)):
            name = value.get(key)
            if isinstance(name, str) and name not in known:
                message = f"kế hoạch không có {key} {name!r}{_like(name, known)}"
                yield Finding((*path, key), f"unknown_{key}", message)


def _odd_amounts(path: Path, target: Mapping[str, Any]) -> Iterator[Finding]:
    """Targets that everybody meets, and shares that nobody can reach."""
    amounts: list[tuple[Path, str, Any]] = [
        ((*path, key), key, target.get(key)) for key in ("at_least", "more_than")
    ]
    bound = "more_than" if target.get("more_than") is not None else "at_least"
    amounts += [
        ((*path, "except", code), bound, amount)
        for code, amount in _dict(target.get("except")).items()
    ]
    for here, key, amount in amounts:
        if isinstance(amount, bool) or not isinstance(amount, int | str):
            continue
        try:
            value = exact(amount)
        except ValueError:
            continue
        beyond = isinstance(amount, str) and (value > 1 or (value == 1 and key == "more_than"))
        if value == 0 and key == "at_least":
            message = "chỉ tiêu 0: đơn vị nào cũng đạt"
            yield Finding(here, "always_met", message, "warning")
        elif beyond:
            message = "tỷ lệ trên 100%: một phần của tổng không bao giờ đạt"
            yield Finding(here, "out_of_reach", message, "warning")


def _values(path: Path, name: str, field: Field, wanted: Any) -> Iterator[Finding]:
    pairs: list[tuple[Path, Any]] = []
    if isinstance(wanted, Mapping):
        for key in OPERATORS:
            bound = wanted.get(key)
            if key == "exists" or bound is None or (key == "in" and isinstance(bound, str)):
                continue
            if isinstance(bound, list):
                pairs += [((*path, key, number), each) for number, each in enumerate(bound)]
            else:
                pairs.append(((*path, key), bound))
    elif wanted is not None and not isinstance(wanted, list):
        pairs.append((path, wanted))
    for here, value in pairs:
        if field.values is not None and value not in field.values:
            message = f"{name} không có giá trị {value!r}; có: {', '.join(field.values)}"
            yield Finding(here, "unknown_value", message)
        elif field.kind == "whole" and (isinstance(value, bool) or not isinstance(value, int)):
            yield Finding(here, "unknown_value", f"{name} là một số nguyên")
        elif field.kind == "text" and not isinstance(value, str):
            yield Finding(here, "unknown_value", f"{name} là chữ: đặt giá trị trong dấu nháy")
