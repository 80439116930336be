"""Invented events of all kinds around a merger of units, as the recount and as the product see them.

Every dossier has a story of its own: several submissions, any statuses, pauses, new due dates or
none, corrections (a void and a new event); events reach us early, late, repeated and in any order,
their instants in any zone, their words spelt in either way that Unicode knows, many of them on the
edge of a day, a month, a quarter, a year.
"""

import datetime as dt
import unicodedata
from random import Random

import orjson

from shared.events import Event, parse
from tests.reporting.recount_dues import Rules

LOCAL = dt.timezone(dt.timedelta(hours=7))
ZONES = [
    LOCAL,
    LOCAL,
    dt.UTC,
    dt.timezone(dt.timedelta(hours=9)),
    dt.timezone(dt.timedelta(hours=-3)),
]
EARLY, LONG = dt.date(2024, 11, 20), 280
START, DAYS = dt.date(2025, 5, 15), 92
END = dt.datetime(2025, 7, 1, tzinfo=LOCAL)
EDGES = [dt.date(2024, 11, 30), dt.date(2024, 12, 31), dt.date(2025, 2, 28), dt.date(2025, 3, 31),
         dt.date(2025, 5, 31), dt.date(2025, 6, 30), dt.date(2025, 7, 31)]  # fmt: skip
"""The last days of months, of quarters, of a year; on the first of July 2025 units were merged."""
BEFORE = [
    "461",
    "462",
    "QTR-TTYT-464",
    "625",
    "23638",
    "23644",
    "23665",
    "23668",
    "440",
    "18229",
    "DT-TP",
    "BP-HD-01",
    "QTR-TTHCC",
    "45",
    "464",
    "23674",
    "18235",
    "QTR-BVDK",
    "44",
    "64",
]
AFTER = ["19333", "23638", "23644", "23668", "18229", "QTR-TTHCC", "44", "52", "19351", "18244",
         "23674", "QTR-BVDK"]  # fmt: skip
"""Units of either time: some ended, some were split (461, 625), some merged or renamed (18229, 45),
and codes were given to others (23668, 44)."""
PROCEDURES = ["1.005129", "2.000001", "2.000001", "2.000002", "2.000003"]
HOLIDAYS = [dt.date(2025, 1, 1), *(dt.date(2025, 1, day) for day in (27, 28, 29, 30, 31)),
            dt.date(2025, 4, 7), dt.date(2025, 4, 30), dt.date(2025, 5, 1), dt.date(2025, 5, 2),
            dt.date(2025, 9, 1), dt.date(2025, 9, 2)]  # fmt: skip
FIRST_RULES = Rules(
    [
        ("2.000001", None, 5, "working_days", dt.time(15), None),
        ("2.000001", "commune", 3, "working_days", None, None),
        ("2.000002", None, 20, "working_hours", None, None),
        ("2.000002", None, 12, "working_hours", dt.time(15), dt.date(2025, 6, 16)),
    ],
    HOLIDAYS,
    [dt.date(2025, 4, 26)],
    ("461", "QTR-TTHCC", "18229"),
)
SECOND_RULES = Rules(
    [
        ("2.000001", None, 4, "working_days", dt.time(15), None),
        ("2.000001", "commune", 3, "working_days", None, None),
        ("2.000002", None, 20, "working_hours", None, None),
        ("2.000003", None, 9, "days", None, None),
    ],
    [*HOLIDAYS, dt.date(2025, 6, 12), dt.date(2025, 7, 18)],
    [dt.date(2025, 4, 26), dt.date(2025, 6, 14), dt.date(2025, 7, 19)],
    ("461", "QTR-TTHCC", "18229"),
)
CHANGED = dt.date(2025, 7, 4)
"""The day on which the second rules were put in force: other days off, other durations."""
FIELDS = ["Đất đai", "Hộ tịch", "Xây dựng", "=1+1"]
STATUSES = ["registered", "received", "refused", "in_process", "supplement_requested",
            "payment_requested", "withdrawn", "stopped", "result_ready", "returned"]  # fmt: skip
LAGS = [0] * 12 + [1, 1, 2, 3, 5, 9, 17, 33, 60]
NOTICE_STATES = ["sent", "sent", "delivered", "delivered", "failed", "failed", "wrong"]
SHARES = {"dossier": 62, "install": 12, "survey": 8, "activity": 7, "difficulty": 4, "list": 4,
          "filed": 2, "total": 2, "notice": 8, "refusal": 2}  # fmt: skip


class World:
    """Makes events; `events` is what the recount reads, `as_event` what is published of one."""

    def __init__(self, seed, size):
        self.random = Random(seed)
        self.events = []
        self.number = 0
        kinds = list(SHARES)
        while len(self.events) < size:
            kind = self.random.choices(kinds, [SHARES[each] for each in kinds])[0]
            getattr(self, f"_{kind}")()

    def _instant(self, around=None, spread=DAYS):
        random = self.random
        if around is None:
            first, days = random.choice([(START, DAYS), (START, DAYS), (EARLY, LONG)])
            around = dt.datetime.combine(first, dt.time(), LOCAL)
            found = around + dt.timedelta(minutes=random.randrange(days * 24 * 60))
        else:
            found = around + dt.timedelta(minutes=random.randrange(-600, spread * 24 * 60))
        chance = random.random()
        if chance < 0.03:  # the first instant of a day, or its last one
            return found.replace(hour=0, minute=0, second=0)
        if chance < 0.05:
            return found.replace(hour=23, minute=59, second=59, microsecond=999_000)
        if chance < 0.07:
            last = min(EDGES, key=lambda day: abs(day - found.date()))
            late = dt.datetime.combine(last, dt.time(23, 59, 59, 999_000), LOCAL)
            return late + dt.timedelta(milliseconds=random.choice([0, 1]))
        return found

    def _unit(self, at):
        return self.random.choice(BEFORE if at < END else AFTER)

    def _add(self, kind, time, unit=None, **values):
        self.number += 1
        lag = self.random.choice(LAGS)
        event = {
            "kind": kind,
            "source": self.random.choice(["/một-cửa/a", "/b"]),
            "id": f"e{self.number}",
            "time": time,
            "rday": time.astimezone(LOCAL).date() + dt.timedelta(days=lag),
            "unit": None if unit == "" else unit or self._unit(time),
            "zone": self.random.choice(ZONES),
            "spelt": self.random.choice(["NFC", "NFC", "NFD"]),
            **values,
        }
        self.events.append(event)
        return event

    def _void(self, target):
        later = target["time"] + dt.timedelta(hours=self.random.randrange(-20, 400))
        event = self._add("void", later, "-", of_source=target["source"], of_id=target["id"])
        if self.random.random() < 0.3:  # withdrawn twice, known on another day
            again = self._add("void", later, "-", of_source=target["source"], of_id=target["id"])
            again["rday"] = event["rday"] - dt.timedelta(days=2)
        if self.random.random() < 0.1:  # who withdraws a withdrawal gets nothing back
            self._add("void", later, "-", of_source=event["source"], of_id=event["id"])

    def _perhaps_void(self, target, chance=0.08):
        if self.random.random() < chance:
            self._void(target)
            return True
        return False

    def _dossier(self):
        random = self.random
        code = f"H{random.randrange(10**9):09d}"
        begun = self._instant()
        if random.random() < 0.97:
            told = self._submission(code, begun)
            while random.random() < 0.12:
                if random.random() < 0.7:
                    self._void(told)
                told = self._submission(code, self._instant(begun, 40))
        for _ in range(random.choice([0, 1, 2, 2, 3, 4, 6])):
            at = self._instant(begun, 50)
            time = at if random.random() < 0.8 else self._instant(at, 3)
            status = self._add(
                "status",
                time,
                code=code,
                status=random.choice(STATUSES),
                at=at,
                department=random.choice([None, None, "Phòng Tư pháp", "Phòng Nội vụ"]),
                due_at=self._instant(begun, 40) if random.random() < 0.15 else None,
                returned_at=self._instant(at, 4) if random.random() < 0.3 else None,
            )
            self._perhaps_void(status)

    def _submission(self, code, at):
        random = self.random
        procedure = random.choice(PROCEDURES)
        dated = 0.9 if procedure == PROCEDURES[0] else 0.2
        return self._add(
            "submitted",
            at if random.random() < 0.8 else self._instant(at, 4),
            code=code,
            field=random.choice(FIELDS),
            credited_unit=self._unit(at) if random.random() < 0.2 else None,
            authority=random.choice(["province", "district", "commune"]),
            channel=random.choice(["online", "online", "counter", "post"]),
            submitted_at=at,
            received_at=self._instant(at, 3) if random.random() < 0.7 else None,
            due_at=self._instant(at, 25) if random.random() < dated else None,
            procedure=procedure,
            service_level=random.choice([None, "một phần", "toàn trình"]),
            quality={
                "name": random.choice(["present", "present", "missing"]),
                "phone": random.choice(["present", "present", "missing", "invalid"]),
                "email": "missing",
            },
        )

    def _install(self):
        random = self.random
        event = self._add(
            "install",
            self._instant(),
            app=random.choice(["rtHome", "rtHome", "other"]),
            installer=f"BP-HD-01-{random.randrange(4):02}",
            device=random.choice([None, f"{random.randrange(40):064x}"]),
            citizen=random.choice([None, f"{random.randrange(30) + 10**6:064x}"]),
            place=random.choice(["one_stop", "home", "public", "other"]),
            result=random.choice(["succeeded", "succeeded", "failed"]),
        )
        self._perhaps_void(event)

    def _survey(self):
        random = self.random
        event = self._add(
            "survey",
            self._instant(),
            mode=random.choice(["phone", "tablet"]),
            **random.choice((self._points, self._levels, self._words))(),
        )
        self._perhaps_void(event)

    def _points(self):
        """Answers of which some lie outside the scale."""
        random = self.random
        return {
            "domain": "public_administration",
            "questionnaire": "mscore-hcc-2020",
            "answers": {
                "quality": random.choice([0, 1, 7, 8.5, 10, 11, "satisfied"]),
                "time": random.choice([3, 5, 9.25]),
                "bribe": random.choice(["no", "yes", True, "không nhớ", 3]),
            },
        }

    def _levels(self):
        random = self.random
        answers = {
            "attitude": random.choice(["very_satisfied", "neutral", 4, 6, "rất tốt"]),
            "waiting": random.choice(["dissatisfied", 1, 2.5, 5.0]),
        }
        if random.random() < 0.7:
            causes = ["waiting", "waiting", "cost", "other", "Bác sĩ nói to"]
            answers["unhappy_because"] = random.choice(causes)
        return {"domain": "health", "questionnaire": "mscore-yte-2020", "answers": answers}

    def _words(self):
        """A questionnaire that no file describes."""
        random = self.random
        return {
            "domain": random.choice(["public_administration", "health"]),
            "questionnaire": "q-1",
            "answers": {
                "quality": random.choice([0, 3, 7, 8.5, "very_satisfied", "dissatisfied"]),
                "bribe": random.choice(["no", "yes", "không nhớ"]),
            },
        }

    def _activity(self):
        random = self.random
        event = self._add(
            "activity",
            self._instant(),
            team=f"doi-{random.randrange(3)}",
            member=f"BP-HD-01-{random.randrange(5):02}",
            what=random.choice(
                ["reached", "guided", "supported", "trained", "core", "account_created", "duty"]
            ),
            people=random.choice([0, 1, 3, 40]),
        )
        self._perhaps_void(event)

    def _difficulty(self):
        random = self.random
        code = f"D{random.randrange(400)}"
        event = self._add(
            random.choice(["raised", "raised", "resolved"]),
            self._instant(),
            difficulty=code,
            category=random.choice(["network", "scanner"]),
            text=f"Chưa có sóng {self.number}",
        )
        self._perhaps_void(event)

    def _list(self):
        at = self._instant()
        month = at.astimezone(LOCAL).date().replace(day=1) - dt.timedelta(days=1)
        if self.random.random() < 0.4:
            month = month.replace(day=1) - dt.timedelta(days=1)
        random = self.random
        kind = random.choice(["patients", "patients", "clients", "installers"])
        period = month.strftime("%Y-%m") if random.random() < 0.8 else None
        rows = random.choice([0, 2, 3, 5])
        self._perhaps_void(self._add("list", at, list=kind, period=period, rows=rows))

    def _filed(self):
        at = self._instant()
        self._perhaps_void(
            self._add(
                "filed",
                at,
                self.random.choice(["QTR-TTHCC", "18229", "440" if at < END else "44"]),
                plan=self.random.choice(["invented", "invented", "other"]),
                obligation=self.random.choice(["progress", "progress", "undated", "patients"]),
                period=at.astimezone(LOCAL).strftime("%Y-%m"),
            )
        )

    def _total(self):
        random = self.random
        indicator = random.choice(["installs", "online", "credited"])
        value = random.randrange(12)
        event = self._add(
            "total",
            self._instant(),
            plan="invented",
            indicator=indicator,
            period=f"2025-{random.randrange(4, 10):02}",
            value=value,
            denominator=value + random.randrange(9) if random.random() < 0.8 else None,
        )
        self._perhaps_void(event)

    def _notice(self):
        random = self.random
        notice, subject = f"n{self.number}", f"H{random.randrange(60)}"
        told = {
            "notice": notice,
            "channel": random.choice(["sms", "sms", "sms", "email", "zns"]),
            "subject": subject,
            "audience": random.choice([None, "citizen", "citizen", "officer"]),
        }
        at = self._instant()
        unit = self._unit(at) if random.random() < 0.95 else ""
        for state in dict.fromkeys(random.sample(NOTICE_STATES, random.randint(1, 3))):
            later = self._instant(at, 6)
            if (later < END) != (at < END):
                later = at
            event = self._add(
                "notice", later, unit, **told, state=state, at=later,
                segments=random.choice([None, 0, 1, 2]), cost=random.choice([None, 350, 700]),
                reason=random.choice(["carrier", "refused", "expired"]) if state == "failed" else
                "wrong_number" if state == "wrong" else None,
            )  # fmt: skip
            event["rday"] = later.astimezone(LOCAL).date()

    def _refusal(self):
        at = self._instant()
        unit = "" if self.random.random() < 0.1 else None
        event = self._add("refusal", at, unit, count=self.random.randint(1, 4), at=at)
        event["rday"] = at.astimezone(LOCAL).date()


TYPES = {
    "submitted": "dossier.submitted",
    "status": "dossier.status_changed",
    "install": "install.recorded",
    "survey": "survey.completed",
    "activity": "activity.recorded",
    "raised": "difficulty.raised",
    "resolved": "difficulty.resolved",
    "list": "list.delivered",
    "filed": "report.filed",
    "total": "total.recorded",
    "void": "record.voided",
    "refusal": "event.refused",
}
KEYS = {
    "submitted": ("code", "procedure", "service_level", "unit", "credited_unit", "field",
                  "authority", "channel", "submitted_at",
                  "received_at", "due_at", "quality"),
    "status": ("code", "unit", "status", "at", "due_at", "department", "returned_at"),
    "install": ("unit", "app", "installer", "device", "citizen", "place", "result"),
    "survey": ("unit", "domain", "mode", "questionnaire", "answers"),
    "activity": ("unit", "team", "member", "people"),
    "raised": ("unit", "difficulty", "category", "text"),
    "resolved": ("unit", "difficulty", "category", "text"),
    "list": ("unit", "list", "period", "rows"),
    "filed": ("unit", "plan", "obligation", "period"),
    "total": ("unit", "plan", "indicator", "period", "value", "denominator"),
    "void": ("of_source", "of_id"),
    "notice": ("unit", "notice", "channel", "subject", "segments", "cost", "at", "reason",
               "audience"),
    "refusal": ("unit", "count", "at"),
}  # fmt: skip
OUTCOMES = ("notice", "refusal")


def as_event(event) -> Event:
    """An invented event as it is read."""
    return parse(as_json(event))


def as_json(event) -> bytes:
    """An invented event as it is published."""
    kind = event["kind"]
    data = {key: event[key] for key in KEYS[kind] if event.get(key) is not None}
    if kind == "void":
        data["reason"] = "test"
    if kind == "activity":
        data["kind"] = event["what"]
    if kind == "notice":
        data["template"] = "t"
    for key, value in data.items():
        if isinstance(value, dt.datetime):
            data[key] = value.astimezone(event["zone"])
        elif isinstance(value, str) and key in ("field", "department", "text", "category"):
            data[key] = unicodedata.normalize(event["spelt"], value)
    state = "failed" if event.get("state") == "wrong" else event.get("state")
    name = TYPES.get(kind) or f"notice.{state}"
    received = dt.datetime.combine(event["rday"], dt.time(9), LOCAL)
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": event["id"],
            "source": event["source"],
            "type": f"motcua.{name}.v1",
            "time": event["time"].astimezone(event["zone"]),
            "receivedat": received,
            "data": data,
        }
    )


APPLICANTS = {
    "name": {"present": "Người thử"},
    "phone": {"present": "0900000001", "invalid": "123"},
}
"""What a source says of an applicant, so that its quality is what was invented."""


def as_given(event) -> dict:
    """An invented event as a source sends it; of what other services announce there is none."""
    told = orjson.loads(as_json(event))
    del told["receivedat"]
    quality = told["data"].pop("quality", None)
    if quality is not None:
        words = {part: texts.get(quality[part]) for part, texts in APPLICANTS.items()}
        words = {part: text for part, text in words.items() if text}
        told["data"]["applicant"] = words | {"kind": "person", "notify": []}
    return told
