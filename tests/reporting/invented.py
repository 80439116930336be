"""Invented events of all kinds around a merger of units, as the recount and as the product see them.

Every dossier has a story of its own: several submissions, any statuses, pauses, new due dates,
corrections (a void and a new event); events reach us early, late, repeated and in any order.
"""

import datetime as dt
from random import Random

import orjson

from shared.events import Event, parse

LOCAL = dt.timezone(dt.timedelta(hours=7))
START, DAYS = dt.date(2025, 5, 15), 92
MERGER = dt.date(2025, 7, 1)
BEFORE = ["461", "462", "QTR-TTYT-464", "625", "23638", "23644", "23665", "23668", "440", "18229",
          "DT-TP", "BP-HD-01", "QTR-TTHCC", "45"]  # fmt: skip
AFTER = ["19333", "23638", "23644", "23668", "18229", "QTR-TTHCC", "44", "52"]
FIELDS = ["Đất đai", "Hộ tịch", "Xây dựng", "=1+1"]
STATUSES = ["registered", "received", "refused", "in_process", "supplement_requested",
            "payment_requested", "withdrawn", "stopped", "result_ready", "returned"]  # fmt: skip
LAGS = [0] * 12 + [1, 1, 2, 3, 5, 9, 17, 33, 60]
NOTICE_STATES = ["sent", "delivered", "failed"]
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
            around = dt.datetime.combine(START, dt.time(), LOCAL)
            found = around + dt.timedelta(minutes=random.randrange(DAYS * 24 * 60))
        else:
            found = around + dt.timedelta(minutes=random.randrange(-600, spread * 24 * 60))
        if random.random() < 0.05:  # on the edge of a day
            found = found.replace(hour=0, minute=0, second=0)
        return found

    def _unit(self, at):
        return self.random.choice(BEFORE if at.astimezone(LOCAL).date() < MERGER else AFTER)

    def _add(self, kind, time, unit=None, **values):
        self.number += 1
        lag = self.random.choice(LAGS)
        event = {
            "kind": kind,
            "source": self.random.choice(["/một-cửa/a", "/b"]),
            "id": f"e{self.number}",
            "time": time,
            "rday": time.astimezone(LOCAL).date() + dt.timedelta(days=lag),
            "unit": unit or self._unit(time),
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
                due_at=self._instant(begun, 40) if random.random() < 0.2 else None,
                returned_at=self._instant(at, 4) if random.random() < 0.3 else None,
            )
            self._perhaps_void(status)

    def _submission(self, code, at):
        random = self.random
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
            due_at=self._instant(at, 25) if random.random() < 0.8 else None,
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
            what=random.choice(["reached", "guided", "supported", "duty"]),
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
                self.random.choice(["QTR-TTHCC", "440", "18229"]),
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
            "channel": random.choice(["sms", "sms", "email"]),
            "subject": subject,
            "segments": random.choice([0, 1, 2]),
            "cost": random.choice([None, 350, 700]),
            "audience": random.choice([None, "citizen", "citizen", "officer"]),
        }
        at = self._instant()
        unit = self._unit(at)
        for state in random.sample(NOTICE_STATES, random.randint(1, 3)):
            later = self._instant(at, 6)
            if (later.astimezone(LOCAL).date() < MERGER) != (at.astimezone(LOCAL).date() < MERGER):
                later = at
            event = self._add(
                "notice", later, unit, **told, state=state, at=later,
                reason=random.choice(["carrier", "refused", "expired"]) if state == "failed" else None,
            )  # fmt: skip
            event["rday"] = later.astimezone(LOCAL).date()

    def _refusal(self):
        at = self._instant()
        event = self._add("refusal", at, count=self.random.randint(1, 4), at=at)
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
    "submitted": ("code", "unit", "credited_unit", "field", "authority", "channel", "submitted_at",
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
    if kind == "submitted":
        data["procedure"] = "1.005129"
    if kind == "void":
        data["reason"] = "test"
    if kind == "activity":
        data["kind"] = event["what"]
    if kind == "notice":
        data["template"] = "t"
    name = TYPES.get(kind) or f"notice.{event['state']}"
    received = dt.datetime.combine(event["rday"], dt.time(9), LOCAL)
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": event["id"],
            "source": event["source"],
            "type": f"motcua.{name}.v1",
            "time": event["time"],
            "receivedat": received,
            "data": data,
        }
    )
