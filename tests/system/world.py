"""A made-up world of events in the contract's shape: the same seed gives the same events."""

from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any

from tests.builders import event

LOCAL = timezone(timedelta(hours=7))
OFFICES = ("QTR-TTHCC", "461", "462", "464", "465", "466", "467", "468", "469", "470")
COMMUNES = ("18229", "18235", "18304")
DEPARTMENTS = ("DT-TP", "DT-NV", "DT-TNMT")
HOSPITALS = ("QTR-BVDK", "QTR-TTYT-461", "QTR-TTYT-464", "QTR-TTYT-467")
TO_TUNG = "23665"
FIELDS = ("Đất đai", "Hộ tịch", "Kinh doanh")

Made = list[dict[str, Any]]


def make_world(seed: str, size: int) -> Made:
    """``size`` events, shuffled: installs, dossiers with their statuses, surveys, lists, voids."""
    random = Random(seed)
    made: Made = []
    number = 0
    while len(made) < size:
        number += 1
        kind = random.choices(("install", "dossier", "survey", "list"), (60, 25, 12, 3))[0]
        made += MAKERS[kind](random, f"{seed}-{number}")
    del made[size - size // 30 :]
    strangers = [event("x", f"{seed}-never-sent-{n}", "") for n in range(3)]
    for n, gone in enumerate(random.sample(made + strangers, size - len(made))):
        made.append(void(random, f"{seed}-void-{n}", gone))
    random.shuffle(made)
    return made


def install(random: Random, name: str) -> Made:
    """Few machines, so that many come twice; some fail, some lie outside the plan."""
    unit = random.choice(OFFICES)
    day = datetime(2019, 8, 1, 8, tzinfo=LOCAL) + timedelta(
        days=random.choice((random.randrange(0, 500), random.randrange(0, 40))),
        minutes=random.randrange(600),
    )
    data = {
        "unit": "471" if random.random() < 0.02 else unit,
        "app": "other" if random.random() < 0.02 else "rtHome",
        "installer": f"{unit}-{random.randrange(1, 9):02}",
        "place": random.choice(("one_stop", "home", "public", "other")),
        "result": "failed" if random.random() < 0.08 else "succeeded",
    }
    seed = name.rpartition("-")[0]
    if data["unit"] == "471":
        data["device"] = f"{name}-island"
    elif random.random() < 0.8:
        data["device"] = f"{seed}-device-{random.randrange(3000)}"
    if random.random() < 0.3:
        data["citizen"] = f"{seed}-citizen-{random.randrange(800)}"
    return [event("install.recorded", name, day.isoformat(), f"/app/{unit}", **data)]


def dossier(random: Random, name: str) -> Made:
    """A submission and what became of it; a third of the dossiers end late."""
    at = datetime(2020, 1, 2, 8, tzinfo=LOCAL) + timedelta(
        days=random.randrange(360), minutes=random.randrange(500)
    )
    place = random.choice(("district", "commune", "department", "to-tung"))
    data: dict[str, Any] = {
        "code": name,
        "procedure": "1.005129",
        "field": random.choice(FIELDS),
        "unit": random.choice(OFFICES),
        "authority": "district",
        "channel": random.choice(("online", "counter", "post")),
        "submitted_at": at.isoformat(),
    }
    if place == "commune":
        data |= {"unit": random.choice(COMMUNES), "authority": "commune"}
    elif place == "department":
        data |= {"unit": random.choice(DEPARTMENTS), "credited_unit": random.choice(COMMUNES)}
    elif place == "to-tung":
        at = at.replace(year=random.choice((2023, 2024)), day=min(at.day, 28))
        data |= {"unit": TO_TUNG, "authority": "commune", "submitted_at": at.isoformat()}
    if random.random() < 0.7:
        data["received_at"] = (at + timedelta(minutes=30)).isoformat()
    if random.random() < 0.8:
        data["due_at"] = (at + timedelta(days=random.randrange(2, 20))).isoformat()
    source = f"/one-stop/{data['unit']}"
    made = [event("dossier.submitted", f"{name}-s", at.isoformat(), source, **data)]
    ends = ("result_ready", "result_ready", "returned", "withdrawn", "refused", "stopped")
    path = ["received", random.choice(("in_process", "supplement_requested")), random.choice(ends)]
    for step in path[: random.randrange(0, 4)]:
        at += timedelta(days=random.randrange(1, 8), minutes=random.randrange(300))
        told: dict[str, Any] = {
            "code": name, "unit": data["unit"], "status": step, "at": at.isoformat()
        }  # fmt: skip
        if step == "supplement_requested" and random.random() < 0.5:
            told["due_at"] = (at + timedelta(days=9)).isoformat()
        made.append(
            event("dossier.status_changed", f"{name}-{step}", at.isoformat(), source, **told)
        )
    return made


def survey(random: Random, name: str) -> Made:
    at = datetime(2020, 1, 1, 9, tzinfo=LOCAL) + timedelta(days=random.randrange(300))
    data = {
        "unit": random.choice(OFFICES),
        "domain": "public_administration",
        "mode": random.choice(("phone", "tablet")),
        "questionnaire": "mscore-2020",
        "answers": {"quality": random.randrange(1, 11)},
    }
    if random.random() < 0.4:
        level = random.choice(("dissatisfied", "neutral", "satisfied"))
        data |= {
            "unit": random.choice(HOSPITALS), "domain": "health", "answers": {"attitude": level}
        }  # fmt: skip
    return [event("survey.completed", name, at.isoformat(), "/survey/rta", **data)]


def patients(random: Random, name: str) -> Made:
    month = random.randrange(1, 7)
    at = datetime(2020, month + 1, random.choice((3, 4, 5, 9)), 10, tzinfo=LOCAL)
    data = {
        "unit": random.choice(HOSPITALS),
        "list": "patients",
        "period": f"2020-{month:02}",
        "rows": random.randrange(1, 90),
    }
    return [event("list.delivered", name, at.isoformat(), "/hospital", **data)]


def void(random: Random, name: str, gone: dict[str, Any]) -> dict[str, Any]:
    at = datetime(2021, 1, 5, 9, tzinfo=LOCAL) + timedelta(hours=random.randrange(200))
    return event(
        "record.voided", name, at.isoformat(), gone["source"],
        of_source=gone["source"], of_id=gone["id"], reason="nhập sai",
    )  # fmt: skip


MAKERS = {"install": install, "dossier": dossier, "survey": survey, "list": patients}


def fresh_dossiers(seed: str, count: int, now: datetime) -> Made:
    """Dossiers of the last hours, whose applicants are to be told: half by SMS, half by e-mail."""
    made: Made = []
    for n in range(count):
        code = f"{seed}-fresh-{n}"
        at = now - timedelta(hours=5, minutes=n % 60)
        applicant = {"name": "Người thử nghiệm", "kind": "person"}
        if n % 2:
            applicant["email"] = f"thu{n}@example.vn"
        else:
            applicant["phone"] = f"09000000{n % 90 + 10}"
        data = {
            "code": code,
            "procedure": "1.005129",
            "field": "Hộ tịch",
            "unit": "19333",
            "authority": "commune",
            "channel": "online",
            "submitted_at": at.isoformat(),
            "received_at": at.isoformat(),
            "applicant": applicant,
        }
        made.append(event("dossier.submitted", f"{code}-s", at.isoformat(), "/fresh", **data))
        for hours, step in ((1, "in_process"), (3, "result_ready")):
            then = (at + timedelta(hours=hours)).isoformat()
            told = {"code": code, "unit": "19333", "status": step, "at": then}
            made.append(event("dossier.status_changed", f"{code}-{step}", then, "/fresh", **told))
    Random(seed).shuffle(made)
    return made
