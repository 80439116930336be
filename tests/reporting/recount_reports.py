"""Every report recounted straight from a list of invented events: the rows that must come out.

Shares no code with the product: it walks over the events that had come by a day, one report at a
time, and counts. `asked` is a dict: first, last, as_of, unit, level, field. Rows are dicts by what
names them; a unit is (code, since when it bears it).
"""

import datetime as dt
from collections import Counter, defaultdict
from decimal import Decimal

from tests.reporting import recount
from tests.reporting.recount import LOCAL, NEVER, day, rank

SCORES = {"very_dissatisfied": 1, "dissatisfied": 2, "neutral": 3, "satisfied": 4,
          "very_satisfied": 5}  # fmt: skip
COLUMNS_06 = (
    "received_total", "received_online", "received_counter_post", "carried_over",
    "resolved_total", "resolved_early", "resolved_on_time", "resolved_late",
    "pending_total", "pending_within_due", "pending_overdue",
)  # fmt: skip


class Recount:
    def __init__(self, events, tree):
        self.events, self.tree = events, tree
        self.kept = {}

    def known(self, as_of):
        """(standing events by kind, dossiers, codes without a submission) as of a day."""
        if as_of not in self.kept:
            standing = recount.standing(self.events, as_of)
            kinds = defaultdict(list)
            for event in standing:
                kinds[event["kind"]].append(event)
            stories = recount.by_code(kinds["submitted"] + kinds["status"])
            dossiers = {code: recount.read(own) for code, own in stories.items()}
            strays = [
                own
                for own in stories.values()
                if not any(event["kind"] == "submitted" for event in own)
            ]
            self.kept[as_of] = (
                kinds, {code: one for code, one in dossiers.items() if one}, strays
            )  # fmt: skip
        return self.kept[as_of]

    def place(self, asked, unit, on):
        """Where a unit of a day is shown, None if it is not looked at."""
        if not self.tree.inside(unit, on, asked["unit"], asked["last"]):
            return None
        return self.tree.shown(unit, on, asked["level"])

    def dossiers(self, asked):
        """(code, dossier, place) of the dossiers that are looked at."""
        for code, dossier in self.known(asked["as_of"])[1].items():
            if asked["field"] in (None, dossier["field"]):
                place = self.place(asked, dossier["unit"], dossier["named_on"])
                if place:
                    yield code, dossier, place

    def spread(self, asked, kind, days=lambda event: day(event["time"])):
        """(event, day, place) of the events of a kind in the period."""
        for event in self.known(asked["as_of"])[0][kind]:
            on = days(event)
            if asked["first"] <= on <= asked["last"]:
                place = self.place(asked, event["unit"], on)
                if place:
                    yield event, on, place

    # -- dossiers ----------------------------------------------------------------------------

    def form_06(self, asked, by):
        first, last = asked["first"], asked["last"]
        table = defaultdict(Counter)
        for _, one, place in self.dossiers(asked):
            row = table[one["field"] if by == "field" else place]
            received, closed = one["received"], one["closed"]
            if first <= received <= last:
                row["received_total"] += 1
                row["received_online" if one["online"] else "received_counter_post"] += 1
            elif received < first <= closed:
                row["received_total"] += 1
                row["carried_over"] += 1
            if first <= closed <= last:
                row["resolved_total"] += 1
                row["resolved_" + one["how"]] += 1
            if received <= last < closed:
                row["pending_total"] += 1
                late = recount.is_overdue(one, last)
                row["pending_overdue" if late else "pending_within_due"] += 1
        return {key: {name: row[name] for name in COLUMNS_06} for key, row in table.items() if +row}

    def on_time(self, asked, by):
        found = {}
        for key, row in self.form_06(asked, by).items():
            kept = row["resolved_early"] + row["resolved_on_time"]
            late, still = row["resolved_late"], row["pending_overdue"]
            whole = kept + late + still
            if whole:
                found[key] = {"on_time": kept, "late": late, "open_overdue": still,
                              "rate": kept / whole, "reason": None}  # fmt: skip
        return found

    def index_766(self, asked):
        """Points per unit of the two groups that events tell of, in cents rounded half up."""
        found = {}
        for place, row in self.form_06(asked, "unit").items():
            kept = row["resolved_early"] + row["resolved_on_time"]
            ended = kept + row["resolved_late"] + row["pending_overdue"]
            received = row["received_online"] + row["received_counter_post"]
            points = {}
            if ended:
                points["progress"] = (4000 * kept + ended) // (2 * ended) / 100
            if received:
                most = min(received, 2 * row["received_online"])
                points["online_provision"] = (4400 * most + received) // (2 * received) / 100
            if points:
                found[place] = points
        return found

    def online_share(self, asked):
        table = defaultdict(lambda: [0, 0])
        for _, one, place in self.dossiers(asked):
            if asked["first"] <= one["received"] <= asked["last"]:
                cell = table[(*place, one["authority"])]
                cell[0] += one["online"]
                cell[1] += 1
        return {
            key: {"online": online, "total": total, "share": online / total}
            for key, (online, total) in table.items()
        }

    def overdue(self, asked):
        last = asked["last"]
        found = []
        for code, one, _ in self.dossiers(asked):
            if recount.is_overdue(one, last):
                due = recount.due_date(one, last)
                departments = [each.get("department") for each in one["moves"]]
                found.append(
                    {
                        "code": code,
                        "unit": self.tree.unit(one["unit"], one["named_on"]),
                        "field": one["field"],
                        "department": next((each for each in departments[::-1] if each), None),
                        "due_date": due.isoformat(),
                        "days_late": (last - due).days,
                    }
                )
        return sorted(found, key=lambda row: (row["due_date"], row["code"]))

    def data_quality(self, asked):
        table = defaultdict(Counter)

        def count(place, name, on, n=1):
            if asked["first"] <= on <= asked["last"]:
                table[place][name] += n

        for _, one, place in self.dossiers(asked):
            count(place, "dossiers", one["received"])
            for name, part, flag in (
                ("missing_phone", "phone", "missing"),
                ("invalid_phone", "phone", "invalid"),
                ("missing_name", "name", "missing"),
            ):
                if one["quality"].get(part) == flag:
                    count(place, name, one["received"])
            given_back = [each for each in one["moves"] if each["status"] == "returned"]
            if given_back:
                told = [each["returned_at"] for each in one["moves"] if each.get("returned_at")]
                if not told:
                    count(place, "missing_returned_at", day(given_back[0]["at"]))
                if one["quality"].get("name") == one["quality"].get("phone") == "present":
                    when = told[-1] if told else given_back[0]["at"]
                    count(place, "eligible_for_survey", day(when))
        if asked["field"] is None:
            for own in self.known(asked["as_of"])[2]:
                moves = sorted(
                    own, key=lambda e: (e["at"], recount.NAMES.index(e["status"]), rank(e))
                )
                place = self.place(asked, moves[-1]["unit"], day(moves[-1]["time"]))
                if place:
                    count(place, "no_submission", day(moves[0]["at"]))
            for event, on, place in self.spread(asked, "refusal"):
                count(place, "refused_events", on, event["count"])
            bad = defaultdict(set)
            for one in self.notices_known(asked):
                if (
                    one["channel"] == "sms"
                    and one["state"] == "failed"
                    and one["audience"] != "officer"
                    and (one["reason"] in ("carrier", "refused"))
                ):
                    bad[one["place"]].add(one["subject"])
            for place, subjects in bad.items():
                table[place]["undeliverable_phones"] = len(subjects)
        return {place: dict(row) for place, row in table.items() if +row}

    # -- the others --------------------------------------------------------------------------

    def installs(self, asked, by):
        table = defaultdict(lambda: [0, 0, set()])
        for event, on, place in self.spread(asked, "install"):
            groups = {"unit": place, "month": on.strftime("%Y-%m"), "total": "total"}
            row = table[groups[by] if by in groups else event[by]]
            row[0] += 1
            row[1] += event["result"] == "succeeded"
            row[2] |= {event["citizen"]} - {None}
        return {
            key: {
                "installs": n,
                "succeeded": good,
                "failed": n - good,
                "distinct_citizens": len(who),
            }
            for key, (n, good, who) in table.items()
        }

    def counted(self, asked, plan):
        """{unit of the plan: machines counted}: each once within the plan's days."""
        events = [
            event
            for event in self.known(asked["as_of"])[0]["install"]
            if event["app"] == "rtHome"
            and event["result"] == "succeeded"
            and plan["from"] <= day(event["time"]) <= min(asked["last"], plan["to"])
        ]
        seen, found = set(), Counter()
        for event in sorted(events, key=rank):
            machine = event["device"] or event["citizen"]
            if machine is not None and machine in seen:
                continue
            seen.add(machine)
            on = day(event["time"])
            if on >= asked["first"]:  # for the unit of the plan that it is, or lies below
                above = self.tree.chain(event["unit"], on)
                found[next((each for each in above if each in plan["quotas"]), None)] += 1
        return found

    def scorecard(self, asked):
        table = defaultdict(lambda: [0, []])
        for event, on, place in self.spread(asked, "survey"):
            quarter = f"{on.year}-Q{(on.month - 1) // 3 + 1}"
            for item, answer in event["answers"].items():
                cell = table[(*place, event["domain"], event["mode"], quarter, item)]
                cell[0] += 1
                value = SCORES.get(answer, answer)
                if not isinstance(value, str):
                    cell[1].append(Decimal(str(value)))
        return {
            key: {
                "n": len(scores) or n,
                "score": float(sum(scores) / len(scores)) if scores else None,
                "reason": None if scores else "no_scores",
            }
            for key, (n, scores) in table.items()
        }

    def activity(self, asked, by):
        table = defaultdict(lambda: [0, 0, set()])
        for event, on, place in self.spread(asked, "activity"):
            groups = {"unit": place, "month": on.strftime("%Y-%m"), "day": on.isoformat()}
            row = table[groups[by] if by in groups else event[by], event["what"]]
            row[0] += 1
            row[1] += event["people"]
            row[2].add(event["member"])
        return {
            key: {"activities": n, "people": people, "members": len(members)}
            for key, (n, people, members) in table.items()
        }

    def difficulties(self, asked):
        kinds = self.known(asked["as_of"])[0]
        first = {"raised": {}, "resolved": {}}
        for kind, by_code in first.items():
            for event in sorted(kinds[kind], key=rank):
                if day(event["time"]) <= asked["last"]:
                    by_code.setdefault(event["difficulty"], event)
        found = {}
        for code in first["raised"].keys() | first["resolved"].keys():
            begun, done = first["raised"].get(code), first["resolved"].get(code)
            if done and day(done["time"]) < asked["first"]:
                continue
            known = begun or done
            on = day(known["time"])
            if self.place(asked, known["unit"], on):
                found[code] = {
                    "unit": self.tree.unit(known["unit"], on),
                    "text": known["text"],
                    "raised_at": begun and begun["time"],
                    "resolved_at": done and done["time"],
                    "state": "resolved" if done else "open",
                    "answer": done and done["text"],
                }
        return found

    def notices_known(self, asked):
        """The notices of the period with the furthest state that had been heard of."""
        heard = defaultdict(list)
        for event in self.known(asked["as_of"])[0]["notice"]:
            heard[event["notice"]].append(event)
        for told in heard.values():
            order = ["sent", "failed", "delivered"]
            last = max(told, key=lambda event: order.index(event["state"]))
            on = min(day(event["at"]) for event in told)
            place = self.place(asked, last["unit"], on)
            if place and asked["first"] <= on <= asked["last"]:
                yield {**last, "place": place}

    def notices(self, asked):
        table = defaultdict(Counter)
        for one in self.notices_known(asked):
            row = table[(*one["place"], one["channel"])]
            row["notices"] += 1
            row["sent"] += one["state"] != "failed"
            row["delivered"] += one["state"] == "delivered"
            row["failed"] += one["state"] == "failed"
            row["segments"] += one["segments"]
            if one["cost"] is not None:
                row["cost"] += one["cost"]
                row["costs"] += 1
        return {
            key: {
                name: row[name] for name in ("notices", "sent", "delivered", "failed", "segments")
            }
            | {"cost": row["cost"] if row["costs"] else None}
            for key, row in table.items()
        }

    def lists(self, asked, plan):
        """{(unit, period): state} of monthly lists due before the 5th of the next month."""
        return {
            (*self.tree.unit(unit, due_day), period): state
            for unit, due_day, period, state in self.duties(asked, plan)
            if self.place(asked, unit, due_day)
        }

    def duties(self, asked, plan):
        """(unit, due day, period, state) of the monthly lists that a plan asks for."""
        now = dt.datetime.combine(asked["last"] + dt.timedelta(1), dt.time(), LOCAL)
        sent = defaultdict(list)
        for event in self.known(asked["as_of"])[0]["list"]:
            if event["time"] <= now:
                sent[event["unit"], event["period"]].append(event)
        for unit in plan["units"]:
            month = plan["from"].replace(day=1)
            while month <= plan["to"]:
                after = (month + dt.timedelta(32)).replace(day=1)
                due_day, opens = after.replace(day=5), after
                limit = dt.datetime.combine(due_day, dt.time(), LOCAL)
                period = month.strftime("%Y-%m")
                month = after
                if opens > asked["last"] or due_day < asked["first"]:
                    continue
                if not self.tree.line(unit, opens):
                    continue
                mine = sorted(sent[unit, period], key=rank)
                if mine:
                    state = "on_time" if mine[0]["time"] < limit else "late"
                else:
                    state = "missing" if now >= limit else "not_due"
                yield unit, due_day, period, state

    # -- points ------------------------------------------------------------------------------

    def counting_for(self, unit, on, plan, units):
        """The unit of a plan for which something of a unit and a day counts: the nearest above
        that is still the unit that bore its code when the plan began."""
        for each in self.tree.chain(unit, on):
            begun = self.tree.line(each, plan["from"]) and self.tree.since(each, plan["from"])
            if each in units and self.tree.since(each, on) == begun:
                return each
        return None

    def machines(self, asked, plan):
        """{unit: machines}, each counted once, of the whole plan as far as known."""
        found, seen = Counter(), set()
        for event in sorted(self.known(asked["as_of"])[0]["install"], key=rank):
            on = day(event["time"])
            if event["app"] != "rtHome" or event["result"] != "succeeded":
                continue
            if not plan["from"] <= on <= plan["to"]:
                continue
            machine = event["device"] or event["citizen"] or rank(event)
            if machine not in seen:
                seen.add(machine)
                found[self.counting_for(event["unit"], on, plan, plan["quotas"])] += 1
        return found

    def filed_online(self, asked, plan):
        """{(unit, month): (online, received)} as far as known."""
        found = defaultdict(lambda: [0, 0])
        for one in self.known(asked["as_of"])[1].values():
            on = one["received"]
            if plan["from"] <= on <= plan["to"]:
                unit = self.counting_for(one["unit"], on, plan, plan["online"])
                found[unit, on.strftime("%Y-%m")][0] += one["online"]
                found[unit, on.strftime("%Y-%m")][1] += 1
        return found

    def points(self, asked, plan):
        """{unit: (merits, deductions, rank, [(about, state, periods)])}, of what has run out in the
        days asked for, judged at the end of the last day."""
        lines = defaultdict(lambda: defaultdict(list))
        last = asked["last"]
        machines, online = self.machines(asked, plan), self.filed_online(asked, plan)
        if asked["first"] <= plan["to"] <= asked["until"] and plan["from"] <= last:
            for unit, quota in plan["quotas"].items():
                if machines[unit] >= quota:
                    lines[unit]["installs", "met"].append("whole")
                elif last >= plan["to"]:
                    lines[unit]["installs", "missed"].append("whole")
        month = plan["from"]
        while month <= min(plan["to"], last):
            after = (month + dt.timedelta(32)).replace(day=1)
            end, key = after - dt.timedelta(1), month.strftime("%Y-%m")
            for unit in plan["online"]:
                borne = [on for on in (month, end) if self.tree.line(unit, on)]
                begun = self.tree.since(unit, plan["from"])
                there = any(self.tree.since(unit, on) == begun for on in borne)
                some, received = online[unit, key]
                over = asked["first"] <= end <= asked["until"] and last >= end
                if over and received and there:
                    state = "met" if 2 * some >= received else "missed"
                    lines[unit]["online", state].append(key)
            month = after
        for unit, _, period, state in self.duties(asked, plan):
            if state in ("late", "missing"):
                lines[unit]["patient-lists", state].append(period)
        table = {}
        for unit in {*plan["quotas"], *plan["online"], *plan["units"]}:
            merits = deductions = 0
            for what, periods in lines[unit].items():
                if what in plan["merits"]:
                    merits += plan["merits"][what] * len(periods)
                elif what in plan["penalties"]:
                    deductions += plan["penalties"][what] * len(periods)
            told = [
                (*what, tuple(sorted(periods)))
                for what, periods in lines[unit].items()
                if what in plan["merits"] or what in plan["penalties"]
            ]
            table[unit] = merits, deductions, sorted(told)
        sums = [merits - deductions for merits, deductions, _ in table.values()]
        found = {}
        for unit, (merits, deductions, told) in table.items():
            on = min(last, plan["to"])
            if not self.tree.line(unit, on):
                on = min(on, dt.date(2025, 6, 30))
            if self.tree.inside(unit, on, asked["unit"], last):
                better = sum(each > merits - deductions for each in sums)
                found[unit] = merits, deductions, better + 1, told
        return found


__all__ = ["COLUMNS_06", "LOCAL", "NEVER", "Recount"]
