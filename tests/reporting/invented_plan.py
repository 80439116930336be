"""A plan in two versions around a merger of units: as it is written, and what it means in plain values.

The second version holds from 10 July 2025: other days, targets, points, and installs in public
places no longer count. What stands in `PLAN` was read off the documents by hand.
"""

import datetime as dt
from fractions import Fraction

OFFICES = ["461", "462", "QTR-TTYT-464", "QTR-TTHCC", "23668"]
SHARES = ["461", "462", "45", "23668", "QTR-TTHCC", "440"]
FIRST_TARGETS = {"461": 7, "462": 4, "440": 2, "QTR-TTHCC": 5, "23668": 3}
SECOND_TARGETS = {"461": 9, "462": 4, "440": 1, "QTR-TTHCC": 6, "23668": 2}
CREDITED = {"462": 6, "23668": 3, "QTR-TTHCC": 9, "18229": 4}
SINCE = dt.date(2025, 7, 10)
TITLES = {"installs": "Cài đặt", "online": "online", "credited": "Ghi nhận",
          "patients": "Danh sách", "clients": "clients", "progress": "Tiến độ",
          "installers": "Cán bộ", "undated": "undated"}  # fmt: skip


def _targets(units):
    least = max(units.values())
    except_ = {unit: n for unit, n in units.items() if n != least}
    return {"for": list(units), "at_least": least, "except": except_}


def _points(rules):
    return [
        {
            "when": {"indicator" if about in ("installs", "online", "credited") else "obligation":
                     about, "state": state},
            "points": points,
        }
        for about, state, points in rules
    ]  # fmt: skip


def _document(targets, share, where, patients, clients, once, penalties, merits):
    made = {
        "plan": "invented",
        "title": "Kế hoạch thử",
        "issued": {"number": "1/KH"},
        "runs": {"from": "2025-05-01", "to": "2025-08-31"},
        "indicators": {
            "installs": {
                "title": TITLES["installs"],
                "count": "install.recorded",
                "where": {"app": "rtHome", "result": "succeeded"} | where,
                "once_per": ["device", "citizen"],
                "target": _targets(targets),
            },
            "online": {
                "ratio": {
                    "of": {"count": "dossier.received", "where": {"channel": "online"}},
                    "over": {"count": "dossier.received"},
                },
                "period": "month",
                "target": {"for": SHARES, "at_least": share},
            },
            "credited": {
                "title": TITLES["credited"],
                "count": "dossier.received",
                "by": "credited_unit",
                "period": "quarter",
                "target": _targets(CREDITED),
            },
        },
        "obligations": {
            "patients": {
                "title": TITLES["patients"],
                "owed_by": OFFICES,
                "owed_to": "RTA",
                "due": {"every": "month", "day": patients, "for": "previous month"},
                "fulfilled_by": {
                    "event": "list.delivered",
                    "where": {"list": "patients"},
                    "require": {"rows": {"at_least": 3}},
                },
            },
            "clients": {
                "owed_by": ["461", "QTR-TTHCC"],
                "owed_to": "RTA",
                "due": {"every": "month", "for": "this month"} | clients,
                "fulfilled_by": {
                    "event": "list.delivered",
                    "where": {"list": "clients"},
                    "times": 2,
                },
            },
            "progress": {
                "title": TITLES["progress"],
                "owed_by": ["QTR-TTHCC", "440"],
                "owed_to": "RTA",
                "due": {"every": "month", "day": 25, "before": False},
                "fulfilled_by": {"event": "report.filed"},
            },
            "undated": {
                "owed_by": ["QTR-TTHCC"],
                "owed_to": "RTA",
                "due": {"day": "undecided"},
                "fulfilled_by": {"event": "report.filed"},
            },
        },
        "penalties": _points(penalties),
        "merits": _points(merits),
    }
    if once:
        made["obligations"]["installers"] = {
            "title": TITLES["installers"],
            "owed_by": ["461", "23668"],
            "owed_to": "RTA",
            "due": {"before": "2025-06-15"},
            "fulfilled_by": {"event": "list.delivered", "where": {"list": "installers"}},
        }
    return made


FIRST_PENALTIES = [("installs", "missed", 5), ("online", "missed", 2), ("patients", "late", 1),
                   ("patients", "missing", 4), ("installers", "missed", 3)]  # fmt: skip
SECOND_PENALTIES = [("installs", "missed", 6), ("online", "missed", 2), ("patients", "late", 2),
                    ("patients", "incomplete", 1), ("clients", "missed", 1)]  # fmt: skip
FIRST_MERITS = [("installs", "met", 3), ("online", "met", 1), ("progress", "met", 2)]
SECOND_MERITS = [("installs", "met", 3), ("online", "met", 2), ("credited", "met", 1)]
FIRST = _document(FIRST_TARGETS, "50%", {}, 5, {"day": 12}, True, FIRST_PENALTIES, FIRST_MERITS)
SECOND = _document(SECOND_TARGETS, "62.5%", {"place": {"not": "public"}}, 8,
                   {"day": 3, "days": "working"}, False, SECOND_PENALTIES, SECOND_MERITS)  # fmt: skip
SECOND["effective_from"] = SINCE.isoformat()
SECOND["obligations"]["patients"] |= {
    "makeup": [{"periods": ["2025-05"], "units": ["461", "462"], "before": "2025-06-20"}],
    "extensions": [
        {"periods": ["2025-05", "2025-07"], "units": ["QTR-TTHCC"], "by": "2025-08-12",
         "document": "2/CV"}
    ],
    "waivers": [{"periods": ["2025-06"], "units": ["QTR-TTYT-464"], "document": "3/CV"}],
}  # fmt: skip
THIRD_WORKING_DAY = {
    dt.date(2025, 5, 1): dt.date(2025, 5, 7),
    dt.date(2025, 6, 1): dt.date(2025, 6, 4),
    dt.date(2025, 7, 1): dt.date(2025, 7, 3),
    dt.date(2025, 8, 1): dt.date(2025, 8, 5),
}
"""1 and 2 May are days off; no other working day of these months' first five is."""


def _version(since, targets, share, public, patients, clients, once, penalties, merits):
    duties = {
        "patients": {"units": OFFICES, "months": "previous", "day": patients, "list": "patients",
                     "rows": 3},
        "clients": {"units": ["461", "QTR-TTHCC"], "months": "this", "list": "clients",
                    "times": 2} | clients,
        "progress": {"units": ["QTR-TTHCC", "440"], "months": "this", "day": 25,
                     "inclusive": True},
        "undated": {"units": ["QTR-TTHCC"]},
    }  # fmt: skip
    if once:
        duties["installers"] = {
            "units": ["461", "23668"],
            "once": dt.date(2025, 6, 15),
            "list": "installers",
        }
    return {
        "since": since,
        "installs": targets,
        "public": public,
        "online": (SHARES, share),
        "credited": CREDITED,
        "duties": duties,
        "penalties": penalties,
        "merits": merits,
    }


PLAN = {
    "name": "invented",
    "from": dt.date(2025, 5, 1),
    "to": dt.date(2025, 8, 31),
    "titles": TITLES,
    "grants": {
        ("patients", "461", "2025-05"): {"makeup": dt.date(2025, 6, 20)},
        ("patients", "462", "2025-05"): {"makeup": dt.date(2025, 6, 20)},
        ("patients", "QTR-TTHCC", "2025-05"): {"by": dt.date(2025, 8, 12)},
        ("patients", "QTR-TTHCC", "2025-07"): {"by": dt.date(2025, 8, 12)},
        ("patients", "QTR-TTYT-464", "2025-06"): {"waived": True},
    },
    "versions": [
        _version(dt.date.min, FIRST_TARGETS, Fraction(1, 2), True, 5, {"day": 12}, True,
                 FIRST_PENALTIES, FIRST_MERITS),
        _version(SINCE, SECOND_TARGETS, Fraction(5, 8), False, 8, {"days": THIRD_WORKING_DAY},
                 False, SECOND_PENALTIES, SECOND_MERITS),
    ],
}  # fmt: skip
