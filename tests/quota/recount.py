"""A plain recount of plans straight from posted events: the independent oracle of quota.

It shares no code with the product and reads no plan file: what the documents order stands here as
literals. Dossiers are read as ``tests.reporting.recount`` reads them, one at a time.
"""

import datetime as dt
from collections import Counter, defaultdict

from tests.reporting import recount as stories

LOCAL = stories.LOCAL
RTHOME = dict.fromkeys(("QTR-TTHCC", "461", "462", "464", "466", "468", "469", "470"), 100)
RTHOME |= {"465": 50, "467": 50}
RTHOME_DATES = (dt.date(2019, 8, 5), dt.date(2020, 12, 31))
RATE = 30_000
OFFICES = tuple(RTHOME)
DUC_THO_COMMUNES = (
    "18229", "18235", "18241", "18244", "18247", "18253", "18259", "18262", "18274", "18277",
    "18280", "18283", "18298", "18304", "18307", "18310",
)  # fmt: skip


def moment(text):
    return dt.datetime.fromisoformat(text.replace("Z", "+00:00"))


def standing(events):
    """Each event once, without what was withdrawn by any of them."""
    seen = {(e["source"], e["id"]): e for e in events}
    gone = {
        (e["data"]["of_source"], e["data"]["of_id"])
        for e in seen.values()
        if e["type"] == "motcua.record.voided.v1"
    }
    return [e for key, e in seen.items() if key not in gone and "of_id" not in e["data"]]


def counted_installs(events, quotas=RTHOME, dates=RTHOME_DATES, app="rtHome"):
    """The events that count, earliest first: one for each machine, or citizen without a machine."""
    chosen = []
    for e in standing(events):
        data = e["data"]
        if e["type"] != "motcua.install.recorded.v1" or data["result"] != "succeeded":
            continue
        day = moment(e["time"]).astimezone(LOCAL).date()
        if data["app"] == app and dates[0] <= day <= dates[1]:
            chosen.append(e)
    chosen.sort(key=lambda e: (moment(e["time"]), e["source"], e["id"]))
    taken, counted = set(), []
    for e in chosen:
        data = e["data"]
        if data.get("device"):
            key = ("machine", data["device"])
        elif data.get("citizen"):
            key = ("person", data["citizen"])
        else:
            key = ("event", e["source"], e["id"])
        if key not in taken:
            taken.add(key)  # by whoever was first, also where the plan does not bind that unit
            if data["unit"] in quotas:
                counted.append(e)
    return counted


def installs(events, quotas=RTHOME, **rule):
    """{unit: how many count}, units without any left out."""
    return Counter(e["data"]["unit"] for e in counted_installs(events, quotas, **rule))


def stipends(events, quotas=RTHOME, by="unit", **rule):
    """{unit or (unit, installer): (succeeded, payable)}."""
    table, within = defaultdict(lambda: [0, 0]), Counter()
    for e in counted_installs(events, quotas, **rule):
        unit = e["data"]["unit"]
        row = table[unit if by == "unit" else (unit, e["data"]["installer"])]
        row[0] += 1
        row[1] += within[unit] < quotas[unit]
        within[unit] += 1
    return {group: tuple(row) for group, row in table.items()}


def balances(events, quotas=RTHOME, rate=RATE, **rule):
    """{(unit, installer, source, id): amount} of what is to be paid."""
    within, paid = Counter(), {}
    for e in counted_installs(events, quotas, **rule):
        data = e["data"]
        within[data["unit"]] += 1
        if within[data["unit"]] <= quotas[data["unit"]]:
            paid[data["unit"], data["installer"], e["source"], e["id"]] = rate
    return paid


def told(events):
    """Posted events about dossiers as the recount of the reports takes them."""
    found = []
    for e in events:
        data = e["data"]
        one = {"source": e["source"], "id": e["id"], "rday": dt.date.min}
        if e["type"] == "motcua.record.voided.v1":
            found.append(one | {"kind": "void"} | data)
            continue
        kinds = {
            "motcua.dossier.submitted.v1": "submitted",
            "motcua.dossier.status_changed.v1": "status",
        }
        if e["type"] not in kinds:
            continue
        instants = ("submitted_at", "received_at", "due_at", "at")
        read = {k: moment(v) if k in instants and v else v for k, v in data.items()}
        found.append(one | {"kind": kinds[e["type"]], "time": moment(e["time"])} | read)
    return found


def _in_year(received, year):
    return received.year == year


def duc_tho(events):
    """{(indicator, unit): (online, all)} of the plan of 2020."""
    table = defaultdict(lambda: [0, 0])
    for one in stories.dossiers(told(events)).values():
        if not _in_year(one["received"], 2020):
            continue
        credited = one["told"][-1].get("credited_unit") or one["unit"]
        groups = []
        if one["authority"] == "district":
            groups.append(("department-online-share", one["unit"]))
            if credited in DUC_THO_COMMUNES:
                groups.append(("commune-district-dossiers", credited))
        elif one["authority"] == "commune" and credited in DUC_THO_COMMUNES:
            groups.append(("commune-online-share", credited))
        for group in groups:
            table[group][0] += one["online"]
            table[group][1] += 1
    return {group: tuple(pair) for group, pair in table.items()}


def to_tung(events):
    """{year: (online, received)} of the commune Tơ Tung."""
    table = defaultdict(lambda: [0, 0])
    for one in stories.dossiers(told(events)).values():
        if one["unit"] == "23665" and dt.date(2023, 1, 1) <= one["received"] <= dt.date(
            2025, 6, 30
        ):
            table[str(one["received"].year)][0] += one["online"]
            table[str(one["received"].year)][1] += 1
    return {year: tuple(pair) for year, pair in table.items()}


def entered(events):
    """{(unit, month): dossiers received} of the offices of Quảng Trị in 2020."""
    return Counter(
        (one["unit"], f"{one['received']:%Y-%m}")
        for one in stories.dossiers(told(events)).values()
        if one["unit"] in OFFICES and _in_year(one["received"], 2020)
    )
