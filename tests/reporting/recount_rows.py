"""Whole answers recounted: every column of every row, totals, and what stands beside them.

`Answers(...).of(report, asked, by)` gives (rows, total, beside), as the JSON document has them.
"""

from collections import Counter, defaultdict

from tests.reporting import recount
from tests.reporting.recount import LOCAL
from tests.reporting.recount_plans import PlanRecount
from tests.reporting.recount_reports import CAUSES, COLUMNS_06

UNIT = ("unit", "unit_name", "unit_valid_from")
COLUMNS = {
    "bieu-06": ("field", *UNIT, *COLUMNS_06),
    "on-time": ("field", *UNIT, "on_time", "late", "open_overdue", "rate", "reason"),
    "online-share": (*UNIT, "authority", "online", "total", "share", "reason", "target", "state"),
    "installs": (*UNIT, "month", "place", "installer", "installs", "succeeded", "failed",
                 "distinct_citizens", "counted", "quota", "share", "reason"),
    "scorecard": (*UNIT, "domain", "mode", "quarter", "item", "n", "score", "reason", "small_n",
                  "previous_score", "previous_n", "change", "questionnaire", "out_of_scale"),
    "survey-reasons": (*UNIT, "domain", "mode", "quarter", "item", "cause", "cause_text", "n",
                       "answered", "share", "small_n"),
    "interview-list": ("code", *UNIT, "field", "returned"),
    "timeliness": ("plan", *UNIT, "obligation", "period", "due", "due_at", "fulfilled_at", "rows",
                   "expected_rows", "state", "undecided", "makeup_at", "made_up"),
    "overdue": ("code", *UNIT, "field", "department", "due_date", "days_late"),
    "data-quality": (*UNIT, "dossiers", "missing_phone", "invalid_phone", "missing_name",
                     "missing_returned_at", "no_submission", "eligible_for_survey",
                     "refused_events", "undeliverable_phones", "reason"),
    "activity": (*UNIT, "team", "member", "day", "month", "kind", "activities", "people", "members"),
    "difficulties": ("difficulty", *UNIT, "category", "text", "raised_at", "resolved_at", "state",
                     "answer"),
    "notices": (*UNIT, "channel", "notices", "sent", "delivered", "failed", "segments", "cost",
                "reason"),
    "emulation": ("plan", *UNIT, "merits", "deductions", "points", "undecided", "rank", "reason",
                  "items", "arithmetic"),
    "index-766": (*UNIT, "group", "weight", "numerator", "denominator", "share", "full_at", "points",
                  "state", "reason"),
}  # fmt: skip
"""Every column that is recounted, with whichever grouping."""
GROUPINGS = {"bieu-06": ("field", "unit"), "on-time": ("unit", "field"),
             "installs": ("unit", "month", "place", "installer"),
             "activity": ("unit", "team", "member", "day", "month")}  # fmt: skip
ORDERED = ("overdue", "interview-list", "emulation")
"""Reports whose rows stand in an order that is promised."""
QUALITY = COLUMNS["data-quality"][3:-1]
STATES = ("on_time", "late", "incomplete", "missing", "excused", "not_due", "undecided")
GROUPS = (("publicity", 18, None), ("progress", 20, 1.0), ("digitisation", 22, None),
          ("online_provision", 22, 0.5), ("satisfaction", 18, None))  # fmt: skip


def share(part, whole):
    return part / whole if whole else None


def reasoned(row, reason):
    return row | ({"reason": reason} if reason else {})


def rate(name, part, whole):
    return reasoned({name: share(part, whole)}, None if whole else "nothing_to_count")


def summed(rows, names):
    return {name: sum(row[name] for row in rows) for name in names}


class Answers:
    """Args:
    oracle: the recount of reports.
    plan: the one plan, as `recount_plans` takes it.
    small: fewer answers than that are marked.
    """

    def __init__(self, oracle, plan, small):
        self.oracle, self.tree, self.small = oracle, oracle.tree, small
        self.plan = PlanRecount(oracle, plan)

    def of(self, report, asked, by=None):
        rows, total, beside = getattr(self, "_" + report.replace("-", "_"))(asked, by)
        units = {row["unit"] for row in rows if "unit" in row}
        changes = self.tree.changes(units, asked["first"], asked["last"])
        return rows, total, beside | {"unit_changes": changes}

    def named(self, place, asked):
        return self.tree.named(place, asked["first"], asked["last"])

    def grouped(self, key, by, asked):
        return self.named(key, asked) if by == "unit" else {by: key}

    def _bieu_06(self, asked, by):
        by = by or "field"
        rows = [self.grouped(key, by, asked) | row for key, row in
                self.oracle.form_06(asked, by).items()]  # fmt: skip
        return rows, summed(rows, COLUMNS_06), {}

    def _on_time(self, asked, by):
        by = by or "unit"
        rows = [
            self.grouped(key, by, asked) | {name: n for name, n in row.items() if name != "reason"}
            for key, row in self.oracle.on_time(asked, by).items()
        ]
        total = summed(rows, ("on_time", "late", "open_overdue"))
        return rows, total | rate("rate", total["on_time"], sum(total.values())), {}

    def _online_share(self, asked, by):
        rows = []
        for (place, authority), row in self.oracle.online_share(asked).items():
            target = self.plan.online_target(asked, place, authority)
            state = "not_applicable"
            if target:
                least, over = target
                reached = row["online"] * least.denominator >= row["total"] * least.numerator
                state = "met" if reached else "missed" if over else "behind"
            rows.append(
                self.named(place, asked)
                | {"authority": authority, **row}
                | {"target": float(target[0]) if target else None, "state": state}
            )
        total = summed(rows, ("online", "total"))
        return rows, total | rate("share", total["online"], total["total"]), {}

    def _installs(self, asked, by):
        by = by or "unit"
        nothing = {"installs": 0, "succeeded": 0, "failed": 0, "distinct_citizens": 0}
        found = self.oracle.installs(asked, by)
        total = self.oracle.installs(asked, "total").get("total", nothing)
        if by != "unit":
            return [{by: key} | row for key, row in found.items()], total, {}
        quotas = self.plan.quotas(asked)
        rows = []
        for place in found.keys() | quotas.keys():
            made = self.named(place, asked) | found.get(place, nothing)
            rows.append(made | self._against(quotas.get(place)))
        both = [sum(each) for each in zip(*quotas.values(), strict=True)]
        return rows, total | self._against(both), {}

    def _against(self, pair):
        if not pair:
            return {"counted": None, "quota": None, "share": None, "reason": "no_quota"}
        counted, quota = pair
        made = {"counted": counted, "quota": quota, "share": share(counted, quota)}
        return reasoned(made, None if quota else "nothing_to_count")

    def _scorecard(self, asked, by):
        rows = []
        for key, figures in self.oracle.scorecard(asked, self.small).items():
            place, domain, mode, quarter, item, questionnaire = key
            made = self.named(place, asked) | {
                "domain": domain,
                "mode": mode,
                "quarter": quarter,
                "item": item,
                "questionnaire": questionnaire,
            }
            rows.append(reasoned(made | figures, "no_scores" if figures["score"] is None else None))
        return rows, summed(rows, ("n", "out_of_scale")), {"small_sample": self.small}

    def _survey_reasons(self, asked, by):
        rows = []
        for (place, domain, mode, quarter, item), causes in self.oracle.reasons(asked).items():
            answered = sum(causes.values())
            for cause, n in causes.items():
                rows.append(
                    self.named(place, asked)
                    | {
                        "domain": domain,
                        "mode": mode,
                        "quarter": quarter,
                        "item": item,
                        "cause": cause,
                        "cause_text": CAUSES[cause] if domain == "health" else None,
                        "n": n,
                        "answered": answered,
                        "share": n / answered,
                        "small_n": answered < self.small,
                    }
                )
        return rows, summed(rows, ("n",)), {"small_sample": self.small}

    def _interview_list(self, asked, by):
        rows = [
            {"code": code, "field": one["field"], "returned": on.isoformat()}
            | self.named(self.tree.unit(one["unit"], one["named_on"]), asked)
            for code, one, on in self.oracle.interviewees(asked)
        ]
        return rows, {"eligible": len(rows)}, {"next": None}

    def _timeliness(self, asked, by):
        rows, groups = [], defaultdict(list)
        name = self.plan.plan["name"]
        for duty in self.plan.duties(asked) if asked.get("plan") in (None, name) else ():
            if asked.get("obligation") not in (None, duty["obligation"]):
                continue
            unit, on = duty["unit"], duty["on"]
            place = self.oracle.place(asked, unit, self.plan.borne(unit, on))
            if place:
                named = self.named(self.tree.unit(unit, on), asked)
                rows.append({"plan": name} | named | duty["shown"])
                groups[place].append(duty["shown"])
        by_obligation = defaultdict(list)
        for row in rows:
            by_obligation[row["obligation"]].append(row)
        return (
            rows,
            self._states(rows),
            {
                "by_unit": [self.named(place, asked) | self._states(mine)
                            for place, mine in groups.items()],
                "by_obligation": [{"plan": name, "obligation": each} | self._states(mine)
                                  for each, mine in by_obligation.items()],
            },
        )  # fmt: skip

    def _states(self, rows):
        counts = dict.fromkeys(STATES, 0) | Counter(row["state"] for row in rows)
        counts["undecided"] = sum(row["undecided"] for row in rows)
        counts["judged"] = sum(counts[each] for each in STATES[:4])
        return counts | rate("rate", counts["on_time"], counts["judged"])

    def _overdue(self, asked, by):
        rows, counts = [], Counter()
        last = asked["last"]
        for code, one, place in self.oracle.dossiers(asked):
            if recount.is_overdue(one, last):
                counts[place] += 1
                due = recount.due_date(one, last)
                departments = [each["department"] for each in one["moves"] if each["department"]]
                rows.append(
                    {"code": code, "field": one["field"], "due_date": due.isoformat()}
                    | self.named(self.tree.unit(one["unit"], one["named_on"]), asked)
                    | {"department": departments[-1] if departments else None}
                    | {"days_late": (last - due).days}
                )
        rows.sort(key=lambda row: (row["due_date"], row["code"]))
        by_unit = [self.named(place, asked) | {"overdue": n} for place, n in counts.items()]
        return rows, {"overdue": len(rows)}, {"by_unit": by_unit, "next_offset": None}

    def _data_quality(self, asked, by):
        rows = []
        empty = ("refused_events", "undeliverable_phones") if asked["field"] else ()
        for place, counts in self.oracle.data_quality(asked).items():
            made = {name: counts.get(name, 0) for name in QUALITY} | dict.fromkeys(empty)
            rows.append(
                reasoned(self.named(place, asked) | made, "not_by_field" if empty else None)
            )
        total = {name: sum(row[name] or 0 for row in rows) for name in QUALITY}
        return rows, reasoned(total | dict.fromkeys(empty), "not_by_field" if empty else None), {}

    def _activity(self, asked, by):
        by = by or "unit"
        rows = [
            self.grouped(key, by, asked) | {"kind": kind, **row}
            for (key, kind), row in self.oracle.activity(asked, by).items()
        ]
        return rows, summed(rows, ("activities", "people")), {}

    def _difficulties(self, asked, by):
        rows = []
        for code, one in self.oracle.difficulties(asked).items():
            made = {"difficulty": code} | one | self.named(one["unit"], asked)
            for name in ("raised_at", "resolved_at"):
                made[name] = one[name] and one[name].astimezone(LOCAL).isoformat()
            rows.append(made)
        states = Counter(row["state"] for row in rows)
        return rows, {"open": states["open"], "resolved": states["resolved"]}, {}

    def _notices(self, asked, by):
        rows = []
        for (place, channel), row in self.oracle.notices(asked).items():
            made = self.named(place, asked) | {"channel": channel} | row
            rows.append(reasoned(made, "cost_unknown" if row["cost"] is None else None))
        total = summed(rows, ("notices", "sent", "delivered", "failed", "segments"))
        costs = [row["cost"] for row in rows if row["cost"] is not None]
        total["cost"] = sum(costs) if costs else None
        why = "cost_unknown" if rows else "nothing_to_count"
        return rows, reasoned(total, None if costs else why), {}

    def _emulation(self, asked, by):
        rows = []
        name = self.plan.plan["name"]
        last = min(asked["last"], self.plan.plan["to"])
        for each in self.plan.points(asked) if asked.get("plan") in (None, name) else ():
            unit = each["unit"]
            if not self.tree.inside(
                unit, self.plan.borne(unit, last), asked["unit"], asked["last"]
            ):
                continue
            arithmetic = "; ".join(
                f"{one['title']}: {one['times']} × "
                + ("?" if one["points"] is None else f"{one['points']} = {one['subtotal']:+}")
                for one in each["items"]
            )
            made = {"plan": name} | each | self.named(self.tree.unit(unit, last), asked)
            made["arithmetic"] = arithmetic
            rows.append(reasoned(made, "undecided_amount" if each["rank"] is None else None))
        total = summed(rows, ("merits", "deductions", "points", "undecided"))
        return rows, total, {"rank_open": [name] if any(r["rank"] is None for r in rows) else []}

    def _index_766(self, asked, by):
        rows, by_unit, whole = [], [], Counter()
        for place, row in self.oracle.form_06(asked, "unit").items():
            named, groups = self.named(place, asked), self._groups(row)
            if any(each["points"] is not None for each in groups):
                rows += [named | each for each in groups]
                by_unit.append(named | self._points(groups))
                whole.update(row)
        return rows, self._points(self._groups(whole)), {"by_unit": by_unit}

    def _groups(self, row):
        kept = row["resolved_early"] + row["resolved_on_time"]
        received = row["received_online"] + row["received_counter_post"]
        told = {
            "progress": (kept, kept + row["resolved_late"] + row["pending_overdue"]),
            "online_provision": (row["received_online"], received),
        }
        found = []
        for group, weight, full_at in GROUPS:
            part, whole = told.get(group, (None, None))
            points = None
            if whole:  # in hundredths, half up
                most = min(part, whole) if full_at == 1 else min(whole, 2 * part)
                points = (200 * weight * most + whole) // (2 * whole) / 100
            why = "no_input" if part is None else None if whole else "nothing_to_count"
            made = {
                "group": group,
                "weight": weight,
                "numerator": part,
                "denominator": whole,
                "share": share(part, whole) if whole else None,
                "full_at": full_at,
                "points": points,
                "state": "not_applicable" if points is None else "computed",
            }
            found.append(reasoned(made, why))
        return found

    def _points(self, groups):
        counted = [each for each in groups if each["points"] is not None]
        cents = sum(round(100 * each["points"]) for each in counted)
        made = {
            "points": cents / 100 if counted else None,
            "weight": sum(each["weight"] for each in counted),
        }
        return reasoned(made, None if counted else "nothing_to_count")


__all__ = ["COLUMNS", "GROUPINGS", "ORDERED", "Answers"]
