"""Which pictures stand above a report's table, and what they show of its answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.reporting.api.pictures import Series, heat_map, line_chart, month_labels
from services.reporting.api.words import shown, word
from services.reporting.handlers import Answer
from services.reporting.store.trends import Month

MOST = 20
"""Bars of a picture: the units that matter most; the table has them all."""

Picture = dict[str, Any]
Titles = Mapping[tuple[str, str], str]
Items = Mapping[tuple[str, str], str]
"""(questionnaire, item) -> how it asks: two questionnaires may have an item of one code."""


def illustrate(
    report: str,
    answer: Answer,
    months: Sequence[Month],
    titles: Titles,
    items: Items,
    language: str,
) -> list[Picture]:
    """The pictures of a report; none where there is nothing to show.

    Args:
        months: what came in and was finished by month.
        titles: (plan, obligation or indicator) -> what the plan calls it.
        items: of surveys.
    """
    if not answer.rows:
        return []
    draw = {
        "bieu-06": lambda: [_trend(months, language), _heat(answer, months, language)],
        "on-time": lambda: [_on_time(answer, language), _heat(answer, months, language)],
        "online-share": lambda: [_online(answer, language), _online_trend(months, language)],
        "installs": lambda: [_installs(answer, language)],
        "timeliness": lambda: [_duties(answer, language)],
        "emulation": lambda: _ranking(answer, titles, language),
        "scorecard": lambda: _scores(answer, items, language),
        "notices": lambda: [_notices(answer, language)],
    }.get(report)
    return [picture for picture in draw() if picture] if draw else []


def _trend(months: Sequence[Month], language: str) -> Picture | None:
    labels = month_labels(one.month for one in months)
    if len(labels) < 2:
        return None
    names = ("received", "finished_on_time", "finished_late")
    looks = ("accent", "early", "bad")
    sums = {label: [0, 0, 0] for label in labels}
    for one in months:
        if one.month in sums:
            for place, value in enumerate((one.received, one.on_time, one.late)):
                sums[one.month][place] += value
    series = [
        Series(word(name, language), look, [sums[label][place] for label in labels])
        for place, (name, look) in enumerate(zip(names, looks, strict=True))
    ]
    return {
        "kind": "lines",
        "title": word("trend", language),
        "chart": line_chart([_short(label) for label in labels], series),
        "column": "n",
        "legend": [(look, word(name, language)) for name, look in zip(names, looks, strict=True)],
    }


def _heat(answer: Answer, months: Sequence[Month], language: str) -> Picture | None:
    counts = {
        (one.unit, one.month): (one.on_time, one.on_time + one.late)
        for one in months
        if one.on_time + one.late
    }
    return _heat_of("heat_on_time", counts, _names(answer), language)


def _heat_of(
    title: str,
    counts: Mapping[tuple[str, str], tuple[int, int]],
    names: Mapping[str, str],
    language: str,
) -> Picture | None:
    labels = month_labels(month for _, month in counts)
    recent = set(labels)
    shown_counts = {place: each for place, each in counts.items() if place[1] in recent}
    rows = [row for row in heat_map(shown_counts, labels) if row.unit in names][:MOST]
    if not rows:
        return None
    text = word(title, language)
    return {"kind": "heat", "title": text, "rows": rows, "months": labels, "names": names}


def _names(answer: Answer) -> dict[str, str]:
    return {row["unit"]: row["unit_name"] for row in answer.rows if row.get("unit")}


def _on_time(answer: Answer, language: str) -> Picture | None:
    if "unit_name" not in answer.rows[0]:
        return None
    rows = [row for row in answer.rows if row["rate"] is not None]
    rows.sort(key=lambda row: (row["rate"], row["unit_name"]))
    return {
        "kind": "stacks",
        "title": word("on-time", language),
        "stacks": [
            (
                row["unit_name"],
                [(row["on_time"], "good"), (row["late"], "warn"), (row["open_overdue"], "bad")],
                shown("rate", row["rate"], language),
            )
            for row in rows[:MOST]
        ],
        "legend": [
            ("good", word("column.on_time", language)),
            ("warn", word("column.late", language)),
            ("bad", word("column.open_overdue", language)),
        ],
    }


LOOKS = {"met": "good", "on_track": "good", "behind": "warn", "missed": "bad"}


def _online(answer: Answer, language: str) -> Picture | None:
    rows = [row for row in answer.rows if row["target"] is not None] or answer.rows
    rows = sorted(rows, key=lambda row: (row["share"] or 0, row["unit_name"]))[:MOST]
    bars = [
        {
            "name": f"{row['unit_name']} · {shown('authority', row['authority'], language)}",
            "value": row["share"] or 0,
            "look": LOOKS.get(row["state"], "accent"),
            "goal": row["target"],
            "text": shown("share", row["share"], language),
        }
        for row in rows
    ]
    return _bars("against_target", bars, 1, language, word("target_mark", language))


def _bars(
    title: str, bars: list[dict[str, Any]], most: float, language: str, legend: str = ""
) -> Picture | None:
    if not bars:
        return None
    text = word(title, language)
    return {"kind": "bars", "title": text, "bars": bars, "most": most or 1, "legend": legend}


def _online_trend(months: Sequence[Month], language: str) -> Picture | None:
    labels = month_labels(one.month for one in months)
    if len(labels) < 2:
        return None
    sums = {label: [0, 0] for label in labels}
    for one in months:
        if one.month in sums:
            sums[one.month][0] += one.online
            sums[one.month][1] += one.received
    values = [part / whole if whole else None for part, whole in sums.values()]
    name = word("online-share", language)
    return {
        "kind": "lines",
        "title": name,
        "chart": line_chart([_short(each) for each in labels], [Series(name, "accent", values)], 1),
        "column": "share",
        "legend": [("accent", name)],
    }


def _installs(answer: Answer, language: str) -> Picture | None:
    rows = [row for row in answer.rows if row.get("quota")]
    most = max((max(row["counted"], row["quota"]) for row in rows), default=1)
    bars = [
        {
            "name": row["unit_name"],
            "value": row["counted"],
            "look": "good" if row["counted"] >= row["quota"] else "warn",
            "goal": row["quota"],
            "text": f"{shown('n', row['counted'], language)}/{shown('n', row['quota'], language)}",
        }
        for row in sorted(rows, key=lambda row: (row["counted"] / row["quota"], row["unit_name"]))
    ]
    return _bars("against_target", bars[:MOST], most, language, word("target_mark", language))


JUDGED = ("on_time", "late", "incomplete", "missing")


def _duties(answer: Answer, language: str) -> Picture | None:
    counts: dict[tuple[str, str], list[int]] = {}
    for row in answer.rows:
        if row["state"] in JUDGED and row["due"]:
            cell = counts.setdefault((row["unit"], row["due"][:7]), [0, 0])
            cell[0] += row["state"] == "on_time"
            cell[1] += 1
    pairs = {place: (part, whole) for place, (part, whole) in counts.items()}
    return _heat_of("heat_duties", pairs, _names(answer), language)


def _ranking(answer: Answer, titles: Titles, language: str) -> list[Picture | None]:
    pictures: list[Picture | None] = []
    for plan in dict.fromkeys(row["plan"] for row in answer.rows):
        rows = [row for row in answer.rows if row["plan"] == plan]
        most = max(abs(row["points"]) for row in rows)
        if not most:
            continue
        bars = [
            {
                "name": f"{row['rank']}. {row['unit_name']}" if row["rank"] else row["unit_name"],
                "value": abs(row["points"]),
                "look": "good" if row["points"] >= 0 else "bad",
                "goal": None,
                "text": f"{row['points']:+}",
            }
            for row in rows[:MOST]
        ]
        picture = _bars("ranking", bars, most, language)
        if picture:
            picture["title"] = f"{picture['title']}: {titles.get((plan, ''), plan)}"
        pictures.append(picture)
    return pictures


def _scores(answer: Answer, items: Items, language: str) -> list[Picture | None]:
    """One picture for each domain and mode: what people tell a telephone and a tablet differs too
    much to stand beside each other as if it were one thing. The newest quarter, item by item."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in answer.rows:
        if row["score"] is not None:
            groups.setdefault((row["domain"], row["mode"]), []).append(row)
    return [_matrix(*group, rows, items, language) for group, rows in groups.items()]


def _matrix(
    domain: str,
    mode: str,
    rows: Sequence[Mapping[str, Any]],
    texts: Items,
    language: str,
) -> Picture:
    newest = max(row["quarter"] for row in rows)
    now = [row for row in rows if row["quarter"] == newest]
    items = sorted({(row["questionnaire"], row["item"]) for row in now})
    cells = {(row["unit_name"], (row["questionnaire"], row["item"])): row for row in now}
    spoken = (word(f"value.{each}", language) for each in (domain, mode))
    return {
        "kind": "matrix",
        "title": f"{', '.join(spoken)}, {newest}",
        "columns": [texts.get(item, item[1]) for item in items],
        "rows": [
            (unit, [_score(cells.get((unit, item)), language) for item in items])
            for unit in sorted({unit for unit, _ in cells})
        ],
        "legend": word("scores_hint", language),
    }


def _score(row: Mapping[str, Any] | None, language: str) -> tuple[str, str, bool] | None:
    """(mean, number of answers, whether they are few)."""
    if row is None:
        return None
    mean = shown("score", row["score"], language)
    return mean, f"n = {shown('n', row['n'], language)}", bool(row["small_n"])


def _notices(answer: Answer, language: str) -> Picture | None:
    rows = sorted(answer.rows, key=lambda row: (-row["failed"], row["unit_name"]))[:MOST]
    return {
        "kind": "stacks",
        "title": word("undelivered", language),
        "stacks": [
            (
                f"{row['unit_name']} · {shown('channel', row['channel'], language)}",
                [
                    (row["delivered"], "good"),
                    (row["sent"] - row["delivered"], "early"),
                    (row["failed"], "bad"),
                ],
                f"{shown('n', row['failed'], language)}/{shown('n', row['notices'], language)}",
            )
            for row in rows
        ],
        "legend": [
            ("good", word("column.delivered", language)),
            ("early", word("column.sent", language)),
            ("bad", word("column.failed", language)),
        ],
    }


def _short(month: str) -> str:
    return f"{month[5:]}/{month[2:4]}"
