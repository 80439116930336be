"""A plain recount of the reports straight from a list of events: the independent oracle.

It shares no code with the product and is written the other way round: instead of adding up
contributions it looks at one dossier at a time, asks what somebody would have read off the events
on one given day, and counts. Slow on purpose.

An event here is a dict: kind (submitted, status, void), source, id, time, rday, and for the first
two the data of the contract with aware datetimes.

A rule is a dict: `hours`, the working hours that every dossier may take, and `closed`, the days off
besides weekends. Instants are on whole half hours where there is one. Or it is one of
`recount_dues`, which knows procedures and offices.
"""

import datetime as dt
from collections import defaultdict

LOCAL = dt.timezone(dt.timedelta(hours=7))
NAMES = [
    "registered",
    "received",
    "refused",
    "in_process",
    "supplement_requested",
    "payment_requested",
    "withdrawn",
    "stopped",
    "result_ready",
    "returned",
]
NEVER = dt.date(9999, 12, 31)


def day(instant):
    return instant.astimezone(LOCAL).date()


def standing(events, as_of=None):
    """What had arrived by then, each event once, without what had been withdrawn by then."""
    seen = {}
    gone = set()
    for event in events:
        if as_of is not None and event["rday"] > as_of:
            continue
        if event["kind"] == "void":
            gone.add((event["of_source"], event["of_id"]))
        else:
            seen[event["source"], event["id"]] = event
    return [event for key, event in seen.items() if key not in gone]


def by_code(events):
    codes = defaultdict(list)
    for event in events:
        codes[event["code"]].append(event)
    return codes


def rank(event):
    return (event["time"], event["source"], event["id"])


def read(events, rule=None):
    """One dossier as a dict, from its standing events; None where it counts nowhere."""
    told = [e for e in events if e["kind"] == "submitted"]
    if not told:
        return None
    moves = [e for e in events if e["kind"] == "status"]
    moves.sort(key=rank)
    moves.sort(key=lambda e: NAMES.index(e["status"]))
    moves.sort(key=lambda e: e["at"])
    told.sort(key=rank)
    last = told[-1]

    received = last.get("received_at")
    for acceptable in (("received",), tuple(NAMES[3:6] + NAMES[7:])):
        hits = [e["at"] for e in moves if e["status"] in acceptable]
        if received is None and hits:
            received = hits[0]
    if received is None:
        return None

    ends = [
        e
        for e in moves
        if e["status"] in ("withdrawn", "result_ready", "returned")
        or (e["status"] == "refused" and not e["at"] < received)
    ]
    result = {
        "unit": last["unit"],
        "field": last["field"],
        "authority": last["authority"],
        "online": last["channel"] == "online",
        "received": day(received),
        "closed": NEVER,
        "how": None,
        "moves": moves,
        "told": told,
        "ours": [],
        "named_on": day(last["time"]),
        "quality": last.get("quality", {}),
    }
    if rule is not None and not any(e.get("due_at") for e in told):
        end = ends[0] if ends else None
        if isinstance(rule, dict):
            result["ours"] = ours(rule, received, moves, end)
        else:
            result["ours"] = rule.ours(last, received, moves, end)
    if ends:
        result["closed"] = day(max(ends[0]["at"], received))
        due = due_date(result, result["closed"])
        if ends[0]["status"] in ("withdrawn", "refused") or due is None:
            result["how"] = "on_time"
        else:
            gap = (result["closed"] - due).days
            result["how"] = "late" if gap > 0 else "early" if gap < 0 else "on_time"
    return result


HALF_HOUR = dt.timedelta(minutes=30)


def works(rule, instant):
    """Whether the office works in the half hour that begins then."""
    here = instant.astimezone(LOCAL)
    half = here.hour * 2 + here.minute // 30
    weekend = here.weekday() >= 5 or here.date() in rule["closed"]
    return not weekend and (14 <= half < 23 or 27 <= half < 34)


def walk(rule, instant, halves):
    """The instant by which so many half hours were worked."""
    while halves > 0:
        halves -= works(rule, instant)
        instant += HALF_HOUR
    return instant


def ours(rule, received, moves, end):
    """(known, due) for the due date that the rule gives, and for each that a pause gave."""
    answer = [(received, walk(rule, received, 2 * rule["hours"]))]
    waiting = None
    for e in moves:
        if e["status"] in ("supplement_requested", "payment_requested", "stopped"):
            waiting = waiting or max(e["at"], received)
        elif waiting:
            missed, step = 0, waiting
            while step < e["at"]:
                missed += works(rule, step)
                step += HALF_HOUR
            if missed:
                answer.append((e["at"], walk(rule, answer[-1][1], missed)))
            waiting = None
        if e is end:
            break
    return answer


def due_date(dossier, on):
    if "said" not in dossier:
        dossier["said"] = due_dates(dossier)
    answer = None
    for at, due in dossier["said"]:
        if at <= on:
            answer = due
    return answer


def due_dates(dossier):
    """(day from which it is known, day) of each due date, in the order in which they come to hold."""
    said = []
    first = min((e["at"] for e in dossier["moves"] if e.get("due_at")), default=None)
    for known, due in dossier["ours"]:
        if first is None or known < first:
            said.append((known, -1, (known, "", ""), due))
    for e in dossier["told"]:
        said.append((e["submitted_at"], 0, rank(e), e.get("due_at")))
    for e in dossier["moves"]:
        said.append((e["at"], NAMES.index(e["status"]) + 1, rank(e), e.get("due_at")))
    said.sort(key=lambda entry: entry[:3])
    return [(day(at), day(due)) for at, _, _, due in said if due is not None]


def is_overdue(dossier, on):
    if not dossier["received"] <= on < dossier["closed"]:
        return False
    due = due_date(dossier, on)
    if due is None or on <= due:
        return False
    current = [e["status"] for e in dossier["moves"] if day(e["at"]) <= on]
    return not (current and current[-1] in ("supplement_requested", "payment_requested", "stopped"))


def dossiers(events, as_of=None, rule=None):
    found = {}
    for code, own in by_code(standing(events, as_of)).items():
        dossier = read(own, rule)
        if dossier is not None:
            found[code] = dossier
    return found


def bieu_06(events, first, last, by, as_of=None, rule=None):
    """{group: the eleven figures}, groups of zeros left out."""
    table = defaultdict(lambda: defaultdict(int))
    for dossier in dossiers(events, as_of, rule).values():
        row = table[dossier[by]]
        received, closed = dossier["received"], dossier["closed"]
        if first <= received <= last:
            row["received_total"] += 1
            row["received_online" if dossier["online"] else "received_counter_post"] += 1
        elif received < first <= closed:
            row["received_total"] += 1
            row["carried_over"] += 1
        if first <= closed <= last:
            row["resolved_total"] += 1
            row["resolved_" + dossier["how"]] += 1
        if received <= last < closed:
            row["pending_total"] += 1
            late = is_overdue(dossier, last)
            row["pending_overdue" if late else "pending_within_due"] += 1
    return {group: dict(row) for group, row in table.items() if row}


def online_share(events, first, last, as_of=None):
    """{(unit, authority): (online, total)}."""
    table = defaultdict(lambda: [0, 0])
    for dossier in dossiers(events, as_of).values():
        if first <= dossier["received"] <= last:
            cell = table[dossier["unit"], dossier["authority"]]
            cell[0] += dossier["online"]
            cell[1] += 1
    return {group: tuple(cell) for group, cell in table.items()}


def overdue_codes(events, on, as_of=None, rule=None):
    """The codes of the dossiers overdue at the end of a day."""
    return {code for code, one in dossiers(events, as_of, rule).items() if is_overdue(one, on)}
