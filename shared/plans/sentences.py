"""A plan read back in Vietnamese sentences, with every date that it means: what an official checks
before the plan holds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from itertools import groupby
from typing import Any

from shared.plans.amounts import Bound
from shared.plans.duties import Duty, duties
from shared.plans.indicators import Indicator, Measure
from shared.plans.models import Plan, Points
from shared.plans.obligations import Obligation
from shared.working_days import WorkingDays

SHOWN_UNITS = 12
"""Units of one rule that are named; of more only how many there are."""
SHOWN_DATES = 40
"""Dates of one duty that are written out."""
HORIZON = timedelta(days=400)
"""How far after the plan's end its last duties may fall."""

_PERIODS = {
    "whole": "trong cả kế hoạch",
    "year": "mỗi năm",
    "quarter": "mỗi quý",
    "month": "mỗi tháng",
    "day": "mỗi ngày",
}
_FACTS = {
    "install.recorded": "lượt cài đặt",
    "dossier.received": "hồ sơ đã tiếp nhận (mỗi mã một lần)",
    "dossier.resolved": "hồ sơ đã giải quyết (mỗi mã một lần)",
    "dossier.on_time": "hồ sơ đúng hạn (mỗi mã một lần)",
    "dossier.late": "hồ sơ trễ hạn (mỗi mã một lần)",
    "dossier.submitted": "lượt nộp hồ sơ",
    "survey.completed": "phiếu khảo sát",
    "list.delivered": "danh sách đã nộp",
    "report.filed": "báo cáo đã nộp",
    "activity.recorded": "hoạt động của đội hình",
}
_EVENTS = {
    "quota.reached": "đạt chỉ tiêu",
    "quota.fell_behind": "chậm tiến độ",
    "stipend.earned": "có tiền hỗ trợ",
    "deadline.approaching": "sắp đến hạn",
    "deadline.slipped": "quá hạn",
    "deadline.met": "đã nộp",
    "dossier.received": "tiếp nhận hồ sơ",
    "dossier.in_process": "chuyển bộ phận chuyên môn",
    "dossier.supplement_requested": "yêu cầu bổ sung",
    "dossier.refused": "từ chối tiếp nhận",
    "dossier.result_ready": "có kết quả",
    "dossier.returned": "đã trả kết quả",
    "dossier.late": "hồ sơ trễ hạn",
}
_STATES = {
    "met": "đạt",
    "missed": "không đạt",
    "behind": "chậm tiến độ",
    "late": "trễ hạn",
    "missing": "không nộp",
    "incomplete": "nộp chưa đầy đủ",
}
_ROLES = {
    "unit": "chính đơn vị",
    "owed_by": "chính đơn vị",
    "parent": "đơn vị cấp trên",
    "owed_to": "nơi nhận",
    "officer": "cán bộ phụ trách",
    "head": "lãnh đạo đơn vị",
    "district": "cấp huyện",
    "province": "cấp tỉnh",
    "installer": "người cài",
    "citizen": "người dân",
}
_OPERATORS = {
    "at_least": "từ",
    "more_than": "trên",
    "at_most": "không quá",
    "below": "dưới",
}


def sentences(plan: Plan, working: WorkingDays | None = None) -> list[str]:
    """What a plan orders, a sentence a line; the plan must be bound to a register of units."""
    teller = _Teller(plan, working or WorkingDays())
    return list(teller.tell())


def day(value: date) -> str:
    """A day as people write it."""
    return value.strftime("%d/%m/%Y")


def number(value: int) -> str:
    """A whole number with points between thousands."""
    return f"{value:,}".replace(",", ".")


def amount(value: Fraction, ratio: bool) -> str:
    """A target as people write it: 1.500, or 12,5%."""
    shown = value * 100 if ratio else value
    if shown.denominator == 1:
        text = number(int(shown))
    else:
        text = f"{float(shown):.4g}".replace(".", ",")
    return f"{text}%" if ratio else text


class _Teller:
    def __init__(self, plan: Plan, working: WorkingDays) -> None:
        self.plan, self.working = plan, working

    def tell(self) -> Iterator[str]:
        plan = self.plan
        documents = "; ".join(
            f"{each.number}" + (f" ngày {day(each.date)}" if each.date else "")
            for each in plan.issued
        )
        yield f"{plan.title}. Văn bản: {documents}."
        yield f"Tính từ {day(plan.runs.from_)} đến hết {day(plan.runs.to)}."
        if plan.effective_from:
            yield f"Bản này áp dụng cho sự kiện từ {day(plan.effective_from)}."
        if plan.contact:
            yield f"Nơi hỗ trợ: {plan.contact.office}."
        for name, indicator in plan.indicators.items():
            yield from self._indicator(name, indicator)
        found = duties(plan, plan.runs.to + HORIZON, self.working)
        for name, obligation in plan.obligations.items():
            mine = [duty for duty in found if duty.obligation == name]
            yield from self._obligation(name, obligation, mine)
        for word, listed in (("trừ", plan.penalties), ("cộng", plan.merits)):
            for each in listed:
                yield self._points(word, each)
        for notice in plan.notices:
            what = self._title(notice.indicator, notice.obligation)
            way = {"sms": " bằng tin nhắn", "email": " bằng thư điện tử", None: ""}[notice.channel]
            about = f" ({what})" if what else ""
            yield f"Khi {_EVENTS[notice.when]}{about}: báo cho {self._people(notice.to)}{way}."

    # -- figures -----------------------------------------------------------------------------

    def _indicator(self, name: str, indicator: Indicator) -> Iterator[str]:
        title = indicator.title or name
        yield f"{title}: {self._counted(indicator)}, {_PERIODS[indicator.period]}."
        if indicator.by == "credited_unit":
            yield "  Tính cho đơn vị được ghi công; không ghi công cho ai thì tính cho nơi tiếp nhận."
        target, ratio = indicator.target, indicator.ratio is not None
        units = self.plan.target_units(name)
        if target.amount is None:
            yield f"  Không giao chỉ tiêu, chỉ theo dõi: {self._units(units)}."
        elif target.together:
            total = self.plan.total_unit(name)
            bound = self.plan.target_for(name, total or "", self.plan.runs.from_)
            if bound:
                who = self._units(units)
                yield f"  Chung cho {who}: {self._bound(bound, ratio)}{self._steps(name, total)}."
        else:
            yield from self._each(name, indicator, units, ratio)
        if target.total is not None:
            yield f"  Tổng giao: {number(target.total)}."
        if indicator.stipend:
            stipend = indicator.stipend
            whom = {"installer": "người cài", "unit": "đơn vị"}[stipend.to]
            beyond = {
                "hold": "vượt chỉ tiêu thì ghi nhận, chờ quyết định",
                "pay": "vượt chỉ tiêu vẫn chi",
            }[stipend.beyond_target]
            paid = f"{number(stipend.amount)} {stipend.currency}"
            yield f"  Chi {paid} cho {whom} mỗi lượt được tính; {beyond}."
            if stipend.cap:
                yield f"  Mỗi người cài được chi nhiều nhất {number(stipend.cap)} lượt một đơn vị."

    def _each(
        self, name: str, indicator: Indicator, units: Sequence[str], ratio: bool
    ) -> Iterator[str]:
        start = self.plan.runs.from_
        by_value: dict[Bound, list[str]] = {}
        for unit in units:
            bound = self.plan.target_for(name, unit, start)
            if bound:
                by_value.setdefault(bound, []).append(unit)
        for bound, same in by_value.items():
            steps = self._steps(name, same[0])
            each = "mỗi đơn vị " if len(same) > 1 else ""
            yield f"  {self._units(same)}: {each}{self._bound(bound, ratio)}{steps}."

    def _steps(self, name: str, unit: str | None) -> str:
        target = self.plan.indicators[name].target
        if target.yearly_step is None or unit is None:
            return ""
        if target.yearly_step.as_ == "undecided":
            return "; bước tăng hằng năm chưa rõ, giữ mức năm đầu"
        ratio = self.plan.indicators[name].ratio is not None
        parts = []
        for year in range(self.plan.runs.from_.year + 1, self.plan.runs.to.year + 1):
            bound = self.plan.target_for(name, unit, date(year, 1, 1))
            if bound:
                parts.append(f"năm {year} {self._bound(bound, ratio)}")
        return "".join(f"; {part}" for part in parts)

    def _bound(self, bound: Bound, ratio: bool) -> str:
        word = "ít nhất" if bound.comparison == ">=" else "trên"
        return f"{word} {amount(bound.value, ratio)}"

    def _counted(self, indicator: Indicator) -> str:
        if indicator.ratio:
            return (
                f"tỷ lệ {self._measure(indicator.ratio.of)} "
                f"trên {self._measure(indicator.ratio.over)}"
            )
        return self._measure(indicator.measure)

    def _measure(self, measure: Measure) -> str:
        if measure.figures:
            return "số liệu do đơn vị báo"
        if measure.sum:
            what = f"tổng {measure.sum.of} của {_fact(measure.sum.in_)}"
        elif measure.distinct:
            what = f"số {measure.distinct.of} khác nhau trong {_fact(measure.distinct.in_)}"
        else:
            what = f"số {_fact(measure.count or '')}"
        where = self._where(measure.where)
        once = f", mỗi {' hoặc '.join(measure.once_per)} một lần" if measure.once_per else ""
        return f"{what}{f' có {where}' if where else ''}{once}"

    def _where(self, where: Mapping[str, Any]) -> str:
        parts = []
        for key, wanted in where.items():
            if key in ("all", "any"):
                word = " và " if key == "all" else " hoặc "
                parts.append(f"({word.join(self._where(each) for each in wanted)})")
            elif key == "not":
                parts.append(f"không phải ({self._where(wanted)})")
            elif isinstance(wanted, Mapping):
                parts += [f"{key} {self._operator(name, bound)}" for name, bound in wanted.items()]
            else:
                parts.append(f"{key} là {wanted}")
        return ", ".join(parts)

    def _operator(self, name: str, bound: Any) -> str:
        if name == "exists":
            return "được ghi" if bound else "không ghi"
        if name == "not":
            return f"khác {bound}"
        if name == "in":
            if not isinstance(bound, str):
                return f"thuộc {', '.join(map(str, bound))}"
            listed = self.plan.lists.get(bound, ())
            if listed == "undecided":
                return f"thuộc danh mục {bound} (chưa có: tạm tính mọi giá trị)"
            return f"thuộc danh mục {bound} ({len(listed)} mục)"
        return f"{_OPERATORS[name]} {bound}"

    # -- what is handed in -------------------------------------------------------------------

    def _obligation(self, name: str, obligation: Obligation, owed: Sequence[Duty]) -> Iterator[str]:
        who = self._units(self.plan.members(obligation.owed_by))
        to = self._units(self.plan.members(obligation.owed_to))
        title = obligation.title or name
        times = obligation.fulfilled_by.times
        often = f", {times} lần mỗi kỳ" if times > 1 else ""
        require = self._where(obligation.fulfilled_by.require)
        needs = f"; đủ khi {require}" if require else ""
        yield f"{title}: {who} nộp cho {to}{often}{needs}."
        yield from self._dates(obligation, owed)
        for change, word in (
            *((each, "nộp bù") for each in obligation.makeup),
            *((each, "gia hạn") for each in obligation.extensions),
        ):
            last = getattr(change, "by", None)
            limit = f"hết ngày {day(last)}" if last else f"trước ngày {day(change.before)}"
            units = self._units(self.plan.members(change.units))
            yield f"  {units}: {word} kỳ {', '.join(change.periods)} {limit}."
        for waiver in obligation.waivers:
            units = self._units(self.plan.members(waiver.units))
            yield f"  {units}: miễn kỳ {', '.join(waiver.periods)} ({waiver.document})."
        for remind in obligation.remind:
            yield f"  Nhắc {self._people(remind.to)} trước hạn {_span(remind.before_due)}."
        for escalate in obligation.escalate:
            yield f"  Quá hạn {_span(escalate.after_due)}: báo {self._people(escalate.to)}."

    def _dates(self, obligation: Obligation, owed: Sequence[Duty]) -> Iterator[str]:
        due = obligation.due
        if due.undecided:
            every = {"month": "Hằng tháng", "year": "Hằng năm", "day": "Hằng ngày"}
            word = every.get(due.every or "", "Một lần")
            yield f"  {word}, văn bản không nêu ngày: hiện ra, không bao giờ bị coi là trễ."
            return
        plain = [duty for duty in owed if duty.makeup is None or duty.day]
        slots = [
            next(same)
            for _, same in groupby(
                sorted(plain, key=lambda duty: (duty.period, duty.day or date.max)),
                key=lambda duty: (duty.period, duty.day),
            )
        ]
        if due.every is None:
            for slot in slots:
                yield f"  Một lần, {self._limit(slot)}."
            return
        if due.every == "day" and slots and slots[0].day and slots[-1].day:
            days = "mọi ngày" if due.days == "calendar" else "ngày làm việc"
            time = f" trước {due.time}" if due.time and not due.inclusive else ""
            time = f" đến {due.time}" if due.time and due.inclusive else time
            span = f"từ {day(slots[0].day)} đến {day(slots[-1].day)}"
            yield f"  Mỗi ngày{time}, {days}, {span}: {number(len(slots))} ngày."
            return
        shown = [f"kỳ {slot.period} {self._limit(slot)}" for slot in slots[:SHOWN_DATES]]
        more = f"; và {len(slots) - SHOWN_DATES} kỳ nữa" if len(slots) > SHOWN_DATES else ""
        yield f"  {'; '.join(shown)}{more}." if shown else "  Không có kỳ nào đến hạn."

    def _limit(self, duty: Duty) -> str:
        assert duty.day is not None
        off = "" if self.working.is_working(duty.day) else " (ngày nghỉ)"
        if duty.inclusive:
            return f"hết ngày {day(duty.day)}{off}"
        return f"trước ngày {day(duty.day)}{off}"

    # -- who and what ------------------------------------------------------------------------

    def _points(self, word: str, given: Points) -> str:
        what = self._title(given.when.indicator, given.when.obligation)
        points = (
            "số điểm chưa quyết định" if given.points == "undecided" else f"{given.points} điểm"
        )
        each = "mỗi kỳ" if given.once_per == "period" else "một lần cho cả kế hoạch"
        return f"Thi đua: {what} {_STATES[given.when.state]} thì {word} {points}, {each}."

    def _title(self, indicator: str | None, obligation: str | None) -> str:
        if indicator:
            return self.plan.indicators[indicator].title or indicator
        if obligation:
            return self.plan.obligations[obligation].title or obligation
        return ""

    def _people(self, names: Iterable[str]) -> str:
        found = []
        for name in names:
            found.append(_ROLES.get(name) or self._units(self.plan.members([name])))
        return ", ".join(found)

    def _units(self, codes: Sequence[str]) -> str:
        registry, at = self.plan.registry, self.plan.runs.from_
        if len(codes) > SHOWN_UNITS:
            return f"{len(codes)} đơn vị"
        return ", ".join(registry.name(code, at) if registry else code for code in codes)


def _fact(name: str) -> str:
    return _FACTS.get(name, name)


def _span(span: str) -> str:
    count, _, unit = span.partition(" ")
    word = {"w": "ngày làm việc", "d": "ngày", "h": "giờ"}[unit[0]]
    return f"{count} {word}"
