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
POINTS = ("mscore-hcc-2020", ("quality", "time", "attitude"))
LEVELS = ("mscore-yte-2020", ("attitude", "waiting", "cleanliness"))
CAUSES = {"attitude": "Thái độ phục vụ", "waiting": "Thời gian chờ", "cost": "Chi phí",
          "facilities": "Cơ sở vật chất, vệ sinh", "explanation": "Hướng dẫn chưa rõ",
          "other": "Lý do khác"}  # fmt: skip
"""What the two questionnaires that ship ask for: points, levels, and why somebody was unhappy."""
COLUMNS_06 = (
    "received_total", "received_online", "received_counter_post", "carried_over",
    "resolved_total", "resolved_early", "resolved_on_time", "resolved_late",
    "pending_total", "pending_within_due", "pending_overdue",
)  # fmt: skip


def outside(questionnaire, item, answer):
    """Whether an answer lies outside the scale of its item, where one is known."""
    number = isinstance(answer, int | float) and not isinstance(answer, bool)
    if questionnaire == POINTS[0] and item in POINTS[1]:
        return not (number and 1 <= answer <= 10)
    if questionnaire == LEVELS[0] and item in LEVELS[1]:
        return not (answer in SCORES or (number and answer in (1, 2, 3, 4, 5)))
    if (questionnaire, item) == (POINTS[0], "bribe"):
        return not (isinstance(answer, bool) or answer in ("yes", "no"))
    if (questionnaire, item) == (LEVELS[0], "unhappy_because"):
        return answer not in CAUSES
    return False


def quarter_of(on):
    return f"{on.year}-Q{(on.month - 1) // 3 + 1}"


def returned_on(dossier):
    """The day on which the result was given back, as stated, else by the status; None: it was not."""
    given_back = [each for each in dossier["moves"] if each["status"] == "returned"]
    told = [each["returned_at"] for each in dossier["moves"] if each.get("returned_at")]
    return day(told[-1] if told else given_back[0]["at"]) if given_back else None


class Recount:
    """Args:
    events: all that were invented.
    tree: of units.
    rules: (first day, what due dates follow from on what is learnt from then on), oldest first.
    """

    def __init__(self, events, tree, rules=()):
        self.events, self.tree, self.rules = events, tree, rules
        self.kept = {}
        self.read = {}

    def rule(self, as_of):
        """What due dates followed from, by what was known on a day."""
        found = None
        for since, rule in self.rules:
            if as_of is None or since <= as_of:
                found = rule
        return found

    def dossier(self, own, rule):
        """One dossier, read once for each set of events and each rule."""
        key = (id(rule), *map(id, own))
        if key not in self.read:
            self.read[key] = recount.read(own, rule)
        return self.read[key]

    def known(self, as_of):
        """(standing events by kind, dossiers, codes without a submission) as of a day."""
        if as_of not in self.kept:
            standing = recount.standing(self.events, as_of)
            kinds = defaultdict(list)
            for event in standing:
                kinds[event["kind"]].append(event)
            stories = recount.by_code(kinds["submitted"] + kinds["status"])
            rule = self.rule(as_of)
            dossiers = {code: self.dossier(own, rule) for code, own in stories.items()}
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
                place = self.place(asked, event["unit"] or "_", on)
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

    def online_share(self, asked):
        table = defaultdict(lambda: [0, 0])
        for _, one, place in self.dossiers(asked):
            if asked["first"] <= one["received"] <= asked["last"]:
                cell = table[place, one["authority"]]
                cell[0] += one["online"]
                cell[1] += 1
        return {
            key: {"online": online, "total": total, "share": online / total}
            for key, (online, total) in table.items()
        }

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
            on = returned_on(one)
            if on:
                if not any(each.get("returned_at") for each in one["moves"]):
                    count(place, "missing_returned_at", on)
                if one["quality"].get("name") == one["quality"].get("phone") == "present":
                    count(place, "eligible_for_survey", on)
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
                    and one["audience"] != "officer"
                    and (one["state"] == "wrong" or one["reason"] in ("carrier", "refused"))
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

    def answers(self, asked, first, last):
        """{(place, domain, mode, quarter, item, questionnaire): [answers, scores, outside]}."""
        table = defaultdict(lambda: [0, [], 0])
        for event, on, place in self.spread(asked | {"first": first, "last": last}, "survey"):
            if asked.get("domain") not in (None, event["domain"]):
                continue
            for item, answer in event["answers"].items():
                cell = table[(place, event["domain"], event["mode"], quarter_of(on), item,
                              event["questionnaire"])]  # fmt: skip
                cell[0] += 1
                value = SCORES.get(answer, answer) if isinstance(answer, str) else answer
                if outside(event["questionnaire"], item, answer):
                    cell[2] += 1
                elif not isinstance(value, str | bool):
                    cell[1].append(Decimal(str(value)))
        return table

    def scorecard(self, asked, small):
        """{(place, domain, mode, quarter, item, questionnaire): the figures}."""

        def figures(cell):
            n, scores, strange = cell
            mean = float(sum(scores) / len(scores)) if scores else None
            return len(scores) or n - strange, mean

        first = asked["first"]
        month = 3 * ((first.month - 1) // 3) + 1
        began = first.replace(month=month, day=1) if first > dt.date(1900, 1, 1) else first
        before = began if began == first.min else (began - dt.timedelta(1)).replace(day=1)
        if before != began:
            before = before.replace(month=3 * ((before.month - 1) // 3) + 1)
        whole = self.answers(asked, before, asked["last"])
        found = {}
        for key, cell in self.answers(asked, first, asked["last"]).items():
            n, score = figures(cell)
            year, number = int(key[3][:4]), int(key[3][-1])
            earlier = f"{year}-Q{number - 1}" if number > 1 else f"{year - 1}-Q4"
            then = whole.get((*key[:3], earlier, *key[4:]))
            then_n, then_score = figures(then) if then else (None, None)
            both = score is not None and then_score is not None
            found[key] = {
                "n": n,
                "score": score,
                "small_n": n < small or (both and then_n < small),
                "previous_score": then_score,
                "previous_n": then_n,
                "change": score - then_score if both else None,
                "out_of_scale": cell[2],
            }
        return found

    def reasons(self, asked):
        """{(place, domain, mode, quarter, item): {cause: how often}}."""
        table = defaultdict(Counter)
        for event, on, place in self.spread(asked, "survey"):
            if asked.get("domain") not in (None, event["domain"]):
                continue
            answer = event["answers"].get("unhappy_because")
            if event["questionnaire"] == LEVELS[0] and answer in CAUSES:
                key = (place, event["domain"], event["mode"], quarter_of(on), "unhappy_because")
                table[key][answer] += 1
        return table

    def interviewees(self, asked):
        """[(code, dossier, day of return)] of those who can be asked, by day and code."""
        found = []
        for code, one, _ in self.dossiers(asked):
            on = returned_on(one)
            contact = one["quality"]
            reachable = contact.get("name") == contact.get("phone") == "present"
            if on and reachable and asked["first"] <= on <= asked["last"]:
                found.append((code, one, on))
        return sorted(found, key=lambda each: (each[2], each[0]))

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
                    "category": known["category"],
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
            order = ["sent", "failed", "delivered", "wrong"]
            last = max(told, key=lambda event: order.index(event["state"]))
            on = min(day(event["at"]) for event in told)
            place = self.place(asked, last["unit"] or "_", on)
            if place and asked["first"] <= on <= asked["last"]:
                told_with = {
                    name: [event[name] for event in told if event[name] is not None]
                    for name in ("segments", "cost")
                }
                most = {name: max(values, default=None) for name, values in told_with.items()}
                yield {**last, **most, "place": place}

    def notices(self, asked):
        table = defaultdict(Counter)
        for one in self.notices_known(asked):
            row = table[one["place"], one["channel"]]
            row["notices"] += 1
            row["sent"] += one["state"] in ("sent", "delivered")
            row["delivered"] += one["state"] == "delivered"
            row["failed"] += one["state"] in ("failed", "wrong")
            row["segments"] += one["segments"] or 0
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


__all__ = ["COLUMNS_06", "LOCAL", "NEVER", "Recount"]
