"""The single rows behind a unit's month, each of which it may contest: dossiers, surveys, scores."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from services.reporting.api.arriving import Arrival
from services.reporting.api.words import question, shown, word
from services.reporting.handlers import GROUPINGS, Answer, Reports, ask, trace
from services.reporting.rules import About
from shared import clock

ROWS = 50
SINGLE: Mapping[str, tuple[str, str]] = {
    "bieu-06": ("bieu-06", "received_total"),
    "on-time": ("bieu-06", "received_total"),
    "online-share": ("online-share", "total"),
    "data-quality": ("data-quality", "dossiers"),
    "scorecard": ("scorecard", "n"),
}
"""Report -> the cell behind which its single rows lie; others have none to contest one by one."""
DOSSIER, SURVEY = "d.", "s."
"""How the fields of a form begin that each name a dossier, or a survey."""


def by_unit(report: str) -> dict[str, str]:
    """What asks for a report's rows by unit, where it has others."""
    return {"by": "unit"} if "unit" in GROUPINGS.get(report, ()) else {}


def picked(names: Iterable[str]) -> list[About]:
    """What the fields of a form name that somebody chose."""
    found = []
    for name in names:
        if name.startswith(DOSSIER):
            found.append(About(name.removeprefix(DOSSIER)))
        elif name.startswith(SURVEY):
            told = dict(parse_qsl(name.removeprefix(SURVEY)))
            found.append(About(event=(told.get("source", ""), told.get("id", ""))))
    return found


async def rows_of(
    reports: Reports, found: Arrival, report: str, typed: dict[str, str], own: dict[str, Any]
) -> dict[str, Any] | None:
    """A page of the rows of a unit's month, with what is contested of each; null where a report is
    made of none."""
    if report not in SINGLE:
        return None
    name, column = SINGLE[report]
    onward = {part: found.kept[part] for part in ("after", "offset") if found.kept.get(part)}
    paged = {"limit": str(ROWS), **onward, **by_unit(name)}
    asked = ask(name, typed | paged, found.key, reports.registry, clock.now())
    told = await trace(reports, asked, column, {"unit": own["unit"]})
    kept = {
        part: value for part, value in found.kept.items() if part not in ("after", "offset", "said")
    }

    def page(**more: Any) -> str:
        return f"/confirmations?{urlencode(kept | more)}"

    after = None
    if told.get("next") is not None:
        after = page(after=told["next"])
    elif told.get("next_offset") is not None:
        after = page(offset=told["next_offset"])
    contested = _contested(own)
    of_surveys = "events" in told
    return {
        "kind": "surveys" if of_surveys else "dossiers",
        "rows": [_survey(one, contested, found.language) for one in told["events"]]
        if of_surveys
        else [_dossier(one, contested, found.language) for one in told["dossiers"]],
        "after": after,
        "start": page() if onward else None,
    }


def scores_of(answer: Answer, unit: str, typed: Mapping[str, str], language: str) -> list[Any]:
    """The scores of a unit, each with the address of the surveys behind it: by mode, since modes
    change what people answer."""
    found = []
    for row in answer.rows:
        if row["unit"] != unit:
            continue
        query = {"lang": language, **typed, "column": "score"}
        query |= {
            f"row.{name}": row[name] for name in ("unit", "domain", "mode", "quarter", "item")
        }
        query["row.questionnaire"] = row["questionnaire"]
        found.append(
            {
                "cells": [
                    (
                        name,
                        question(row["questionnaire"], row[name], language)
                        if name == "item"
                        else shown(name, row[name], language),
                    )
                    for name in ("item", "mode", "quarter", "n", "score")
                ],
                "small": row["small_n"],
                "link": f"/reports/scorecard/rows?{urlencode(query)}",
            }
        )
    return found


def _contested(own: Mapping[str, Any]) -> dict[Any, str | None]:
    """What a unit contests, by dossier code or (source, id), with its remark."""
    found: dict[Any, str | None] = {}
    for each in own["contested"]:
        event = each["event"]
        found[(event["source"], event["id"]) if event else each["dossier"]] = each["remark"]
    return found


def _dossier(
    one: Mapping[str, Any], contested: Mapping[Any, str | None], language: str
) -> dict[str, Any]:
    code, status = one["code"], one["status"]
    return {
        "field_name": f"{DOSSIER}{code}",
        "code": code,
        "link": f"/dossiers/{quote(code, safe='')}?lang={language}",
        "field": one["field"],
        "status": word(f"status.{status}" if status else "filed", language),
        "due": shown("due", one["due"], language),
        "resolved": shown("due", one["resolved"], language),
        "outcome": one["outcome"],
        "contested": code in contested,
        "remark": contested.get(code),
    }


def _survey(
    one: Mapping[str, Any], contested: Mapping[Any, str | None], language: str
) -> dict[str, Any]:
    event, code = {"source": one["source"], "id": one["id"]}, one["dossier"]
    mark = (one["source"], one["id"])
    return {
        "field_name": f"{SURVEY}{urlencode(event)}",
        "code": one["id"],
        "link": f"/event?{urlencode({**event, 'lang': language})}",
        "time": shown("fulfilled_at", one["time"], language),
        "dossier": code,
        "dossier_link": code and f"/dossiers/{quote(code, safe='')}?lang={language}",
        "contested": mark in contested,
        "remark": contested.get(mark),
    }
