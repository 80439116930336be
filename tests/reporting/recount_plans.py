"""What a plan asks for, recounted: quotas, figures against targets, duties, points.

A plan here is a dict of plain values: `from`, `to`, `grants` and `versions`, the oldest first. A
version has `since`, the first day that it judges, `installs` (a target per unit), `public` (whether
installs in public places count), `online` (units and the least share), `credited` (a target per
unit), `duties`, and `penalties` and `merits`: [(about, state, points)].
"""

import datetime as dt
from collections import Counter, defaultdict
from fractions import Fraction

from tests.reporting.recount import LOCAL, day, rank

DAY = dt.timedelta(1)
STATES = {"met": ("on_time",), "missed": ("late", "incomplete", "missing"), "late": ("late",),
          "missing": ("missing",), "incomplete": ("incomplete",)}  # fmt: skip


def instant(on):
    """The first instant of a day."""
    return dt.datetime.combine(on, dt.time(), LOCAL)


def months(first, last):
    """(month, its first day, its last day) of each month that some days touch."""
    month = first.replace(day=1)
    while month <= last:
        after = (month + 32 * DAY).replace(day=1)
        yield month.strftime("%Y-%m"), month, after - DAY
        month = after


def spans(plan, kind):
    """{period: (first, last)} of a plan's periods of a kind, inside it."""
    found = {}
    for key, first, last in months(plan["from"], plan["to"]):
        if kind == "quarter":
            key = f"{first.year}-Q{(first.month - 1) // 3 + 1}"
        if kind == "whole":
            key = kind
        begun = found.get(key, (max(first, plan["from"]), None))[0]
        found[key] = begun, min(last, plan["to"])
    return found


def version_on(plan, on):
    """The version in force on a day."""
    return [each for each in plan["versions"] if each["since"] <= on][-1]


class PlanRecount:
    """Args:
    oracle: the recount of reports.
    plan: as above.
    """

    def __init__(self, oracle, plan):
        self.oracle, self.plan, self.tree = oracle, plan, oracle.tree
        self.kept = {}

    def judging(self, on):
        """The version in force on a day."""
        return version_on(self.plan, on)

    def in_period(self, first, last):
        """The version that says what holds in some days; None where the plan does not run then."""
        if first > self.plan["to"] or last < self.plan["from"]:
            return None
        return self.judging(min(last, self.plan["to"]))

    def means(self, unit, on):
        """Whether a code still is the unit that the plan named: its bearer on the plan's first day,
        or the next one after it."""
        lines = [line for line in self.tree.lines[unit] if line["to"] > self.plan["from"]]
        if not lines or not self.tree.line(unit, on):
            return False
        return self.tree.since(unit, on) == self.tree.since(unit, lines[0]["from"])

    def counts_for(self, unit, on, units):
        """The unit of a plan for which something counts: itself, or the nearest above it."""
        for each in self.tree.chain(unit, on):
            if each in units and self.means(each, on):
                return each
        return None

    # -- figures -----------------------------------------------------------------------------

    def machines(self, asked):
        """[(day, unit of the plan or None)] of the installs that count, each machine once."""
        key = ("machines", asked["as_of"])
        if key not in self.kept:
            seen, found = set(), []
            for event in sorted(self.oracle.known(asked["as_of"])[0]["install"], key=rank):
                on = day(event["time"])
                if not self.plan["from"] <= on <= self.plan["to"]:
                    continue
                version = self.judging(on)
                if event["app"] != "rtHome" or event["result"] != "succeeded":
                    continue
                if event["place"] == "public" and not version["public"]:
                    continue
                machine = event["device"] or event["citizen"] or rank(event)
                if machine not in seen:
                    seen.add(machine)
                    found.append((on, self.counts_for(event["unit"], on, version["installs"])))
            self.kept[key] = found
        return self.kept[key]

    def quotas(self, asked):
        """{place: (machines in the period, quota)}, empty where no plan sets any."""
        version = self.in_period(asked["first"], asked["last"])
        if version is None:
            return {}
        last = min(asked["last"], self.plan["to"])
        counted = Counter(
            unit for on, unit in self.machines_until(asked, last) if on >= asked["first"]
        )
        found = {}
        for unit, quota in version["installs"].items():
            place = self.oracle.place(asked, unit, self.borne(unit, last))
            if place:
                before = found.get(place, (0, 0))
                found[place] = before[0] + counted[unit], before[1] + quota
        return found

    def machines_until(self, asked, last):
        return [each for each in self.machines(asked) if each[0] <= last]

    def borne(self, unit, on):
        """A day, or the day nearest to it on which the unit that a code means exists."""
        line = self.tree.meant(unit, on)
        return max(line["from"], min(on, line["to"] - DAY))

    def figures(self, asked):
        """{(indicator, unit, period): (numerator, denominator or None)} as far as known."""
        key = ("figures", asked["as_of"])
        if key not in self.kept:
            by_month = defaultdict(lambda: [0, 0])
            for on, unit in self.machines(asked):
                by_month["installs", unit, on.strftime("%Y-%m")][0] += 1
            for one in self.oracle.known(asked["as_of"])[1].values():
                on = one["received"]
                if self.plan["from"] <= on <= self.plan["to"]:
                    month, version = on.strftime("%Y-%m"), self.judging(on)
                    cell = by_month["online", self.counts_for(one["unit"], on, version["online"][0]),
                                    month]  # fmt: skip
                    cell[0] += one["online"]
                    cell[1] += 1
                    credited = one["told"][-1].get("credited_unit") or one["unit"]
                    unit = self.counts_for(credited, on, version["credited"])
                    by_month["credited", unit, month][0] += 1
            self.replace_openings(asked, by_month)
            found = defaultdict(lambda: [0, 0])
            for indicator, kind in (
                ("installs", "whole"), ("online", "month"), ("credited", "quarter")
            ):  # fmt: skip
                for period, (first, last) in spans(self.plan, kind).items():
                    for month, _, _ in months(first, last):
                        for each in [k for k in by_month if k[0] == indicator and k[2] == month]:
                            cell = found[indicator, each[1], period]
                            cell[0] += by_month[each][0]
                            cell[1] += by_month[each][1]
            self.kept[key] = found
        return self.kept[key]

    def replace_openings(self, asked, by_month):
        """Reported figures of months in which nothing was counted; of several the newest."""
        newest = {}
        for event in sorted(self.oracle.known(asked["as_of"])[0]["total"], key=rank):
            newest[event["indicator"], event["unit"], event["period"]] = event
        told = defaultdict(lambda: [0, 0])
        ends = {month: min(last, self.plan["to"]) for month, _, last in
                months(self.plan["from"], self.plan["to"])}  # fmt: skip
        for (indicator, unit, period), event in newest.items():
            if period not in ends:
                continue
            on = ends[period]
            version = self.judging(on)
            units = version["online"][0] if indicator == "online" else version[indicator]
            meant = self.counts_for(unit, on, units)
            value, over = event["value"], event["denominator"] or 0
            if indicator == "online" and event["denominator"] is None:
                continue
            cell = told[indicator, meant, period]
            cell[0] += value
            cell[1] += over if indicator == "online" else 0
        for key, cell in told.items():
            if not any(by_month[key]):
                by_month[key] = cell

    def results(self, asked):
        """(indicator, unit, period, its last day, the version that judges it, state) of what can be
        judged on the last day asked for, by what is known."""
        figures, last = self.figures(asked), asked["last"]
        for indicator, kind in (
            ("installs", "whole"), ("online", "month"), ("credited", "quarter")
        ):  # fmt: skip
            for period, (start, end) in spans(self.plan, kind).items():
                if start > last:
                    continue
                version = self.judging(min(end, max(last, start)))
                targets = version[indicator]
                for unit in targets[0] if indicator == "online" else targets:
                    if not (self.means(unit, start) or self.means(unit, end)):
                        continue
                    some, whole = figures.get((indicator, unit, period), (0, 0))
                    if indicator == "online":
                        state = None
                        if whole:
                            good = Fraction(some, whole) >= targets[1]
                            state = "met" if good and last >= end else "missed"
                            state = state if last >= end else None
                    else:
                        good = some >= targets[unit]
                        state = "met" if good else "missed" if last >= end else None
                    yield indicator, unit, period, end, version, state

    def online_target(self, asked, place, authority):
        """(least share, whether its time has run out) for a unit itself; None where there is none."""
        version = self.in_period(asked["first"], asked["last"])
        if version is None or asked["field"] or asked["level"]:
            return None
        units, least = version["online"]
        on = min(asked["last"], self.plan["to"])
        if place[0] not in units or self.tree.since(place[0], on) != place[1]:
            return None
        end = next(last for _, first, last in months(on, on))
        return least, asked["last"] >= min(end, self.plan["to"])

    # -- duties ------------------------------------------------------------------------------

    def slots(self, version):
        """(obligation, unit, period, opens, day or None, limit or None) by a version."""
        for name, duty in version["duties"].items():
            found = []
            start = self.plan["from"]
            if "once" in duty:
                found.append(("once", start, duty["once"]))
            elif "day" not in duty and "days" not in duty:
                found.append(("once", start, None))
            else:
                for month, first, last in months(start, self.plan["to"]):
                    window = last + DAY if duty["months"] == "previous" else first
                    on = duty["days"][window] if "days" in duty else window.replace(day=duty["day"])
                    found.append((month, max(window, start), on))
            for period, opens, on in found:
                limit = on and instant(on + DAY if duty.get("inclusive") else on)
                if limit and period != "once" and limit <= instant(start):
                    continue
                for unit in duty["units"]:
                    if self.means(unit, opens):
                        yield name, unit, period, opens, on, limit

    def duties(self, asked):
        """Every duty that has opened and was not due before the period, judged: dicts."""
        last = asked["last"]
        listed = [(version, {each[:3]: each for each in self.slots(version) if each[3] <= last})
                  for version in self.plan["versions"]]  # fmt: skip
        owed = {}
        newest = self.plan["versions"][-1]
        for version, slots in listed:  # in force on the day on which it is due
            for key, slot in slots.items():
                if slot[4] is not None and self.judging(slot[4]) is version:
                    owed.setdefault(key, (version, slot))
        for key, slot in listed[-1][1].items():  # without a day: the newest
            if slot[4] is None:
                owed.setdefault(key, (newest, slot))
        for version, slots in listed:  # moved over the beginning of a version: as it opened
            for key, slot in slots.items():
                if key not in owed and self.judging(slot[3]) is version:
                    then = dict(listed_for(listed, self.judging(slot[4]))) if slot[4] else {}
                    if slot[4] is None or key in then:
                        owed[key] = version, slot
        sent = self.sent(asked)
        now = instant(last + DAY)
        for (name, unit, period), (version, slot) in owed.items():
            _, _, _, opens, on, limit = slot
            grant = self.plan["grants"].get((name, unit, period), {})
            if "by" in grant:
                on, limit = grant["by"], instant(grant["by"] + DAY)
            if (on or opens) < asked["first"]:
                continue
            duty = version["duties"][name]
            mine = [
                event
                for event in sent
                if event["time"] <= now and self.hands_in(event, duty, name, unit, period)
            ]
            mine.sort(key=lambda event: (event["time"], event.get("rows") or 0))
            whole = [event for event in mine if (event.get("rows") or 0) >= duty.get("rows", 0)]
            whole = whole[: duty.get("times", 1)]
            done = whole[-1] if len(whole) == duty.get("times", 1) else None
            best = done or (mine[-1] if mine else None)
            if grant.get("waived"):
                state = "excused"
            elif limit is None:
                state = "not_due"
            elif done:
                state = "on_time" if done["time"] < limit else "late"
            elif now < limit:
                state = "not_due"
            else:
                state = "incomplete" if mine else "missing"
            makeup = grant.get("makeup") and instant(grant["makeup"])
            made_up = None
            if makeup and state in ("late", "incomplete", "missing"):
                made_up = bool(done and done["time"] < makeup)
            yield {
                "obligation": name,
                "unit": unit,
                "period": period,
                "on": on or opens,
                "day": on,
                "version": version,
                "shown": {
                    "obligation": name,
                    "period": period,
                    "due": on and on.isoformat(),
                    "due_at": limit and limit.isoformat(),
                    "fulfilled_at": done and done["time"].astimezone(LOCAL).isoformat(),
                    "rows": best.get("rows") if best else None,
                    "expected_rows": duty.get("rows"),
                    "state": state,
                    "undecided": limit is None,
                    "makeup_at": makeup and makeup.isoformat(),
                    "made_up": made_up,
                },
            }

    def sent(self, asked):
        kinds = self.oracle.known(asked["as_of"])[0]
        return [*kinds["list"], *kinds["filed"]]

    def hands_in(self, event, duty, name, unit, period):
        """Whether an event is handed in for a duty of a unit and a period."""
        if event["kind"] == "list":
            fits = event["list"] == duty.get("list")
        else:
            fits = "list" not in duty and event["obligation"] == name
            fits = fits and event["plan"] == self.plan["name"]
        if not fits:
            return False
        on = day(event["time"])
        if self.counts_for(event["unit"], on, duty["units"]) != unit:
            return False
        if period == "once":
            return True
        told = event["period"]
        if told is None:
            month = on.replace(day=1)
            month = (month - DAY).replace(day=1) if duty["months"] == "previous" else month
            told = month.strftime("%Y-%m")
        return told == period

    # -- points ------------------------------------------------------------------------------

    def points(self, asked):
        """[row of a unit: unit, items, merits, deductions, rank], the best first."""
        table = {}
        for version in self.plan["versions"]:
            rules = [("deduction", each) for each in version["penalties"]]
            rules += [("merit", each) for each in version["merits"]]
            met = defaultdict(list)
            for name, unit, period, end, judge, state in self.results(asked):
                if judge is version and asked["first"] <= end <= asked["until"]:
                    met[name, state, unit].append(period)
            for duty in self.duties(asked):
                on = duty["day"]
                if duty["version"] is version and on and asked["first"] <= on <= asked["until"]:
                    for called, states in STATES.items():
                        if duty["shown"]["state"] in states:
                            met[duty["obligation"], called, duty["unit"]].append(duty["period"])
            for kind, (about, state, points) in rules:
                for unit in self.concerned(version, about):
                    items = table.setdefault(unit, {})
                    periods = sorted(met[about, state, unit])
                    if periods:
                        known = items.setdefault((kind, about, state, points), [])
                        known += periods
        rows = []
        for unit, items in table.items():
            shown = []
            for (kind, about, state, points), periods in items.items():
                sign = 1 if kind == "merit" else -1
                shown.append(
                    {
                        "kind": kind,
                        "about": about,
                        "title": self.plan["titles"][about],
                        "state": state,
                        "periods": periods,
                        "times": len(periods),
                        "points": points,
                        "subtotal": None if points is None else sign * points * len(periods),
                    }
                )
            gained = [each["subtotal"] for each in shown if each["points"] is not None]
            rows.append(
                {
                    "unit": unit,
                    "merits": sum(each for each in gained if each > 0),
                    "deductions": -sum(each for each in gained if each < 0),
                    "points": sum(gained),
                    "undecided": sum(each["points"] is None for each in shown),
                    "items": shown,
                }
            )
        decided = not any(row["undecided"] for row in rows)
        for row in rows:
            better = sum(each["points"] > row["points"] for each in rows)
            row["rank"] = better + 1 if decided else None
        return sorted(rows, key=lambda row: (-row["points"], row["unit"]))

    def concerned(self, version, about):
        """The units to which a rule of points can apply."""
        if about in version["duties"]:
            return version["duties"][about]["units"]
        return version[about][0] if about == "online" else list(version[about])


def listed_for(listed, version):
    return next(slots for each, slots in listed if each is version)
