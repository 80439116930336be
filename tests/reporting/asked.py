"""What people ask of reports, at random: typed words, and the same for the recount."""

import datetime as dt

UNITS = (
    None,
    None,
    "45",
    "44",
    "461",
    "64",
    "52",
    "625",
    "23668",
    "42",
    "QTR-TTHCC",
    "BP-TINHDOAN",
)
WORDS = {
    "unit": UNITS,
    "level": (None, "district", "province", "commune"),
    "field": (None, None, "Đất đai", "=1+1"),
    "domain": (None, None, "health"),
    "plan": (None, None, None, "invented", "other"),
    "obligation": (None, None, None, "patients", "undated"),
}
TURNS = (dt.date(2024, 12, 5), dt.date(2024, 12, 31), dt.date(2025, 1, 1), dt.date(2025, 3, 31),
         dt.date(2025, 6, 30))  # fmt: skip
"""Days near the turns of a year and of quarters."""


def question(today, first, last, as_of=None, **words):
    """(what is typed, what the recount looks at), asked on a day."""
    judged = min(last or today, as_of or today, today)
    typed = {"from": first, "to": last, "as_of": as_of}
    typed = {name: each.isoformat() for name, each in typed.items() if each} | words
    asked = dict.fromkeys(WORDS) | words | {"first": first or dt.date.min, "last": judged}
    return typed | {"limit": "1000"}, asked | {"as_of": as_of, "until": last or dt.date.max}


def questions(random, count, today, known=True):
    """Everything over the merger first, each unit for itself and by province, and all of all time;
    then so many at random. Without `known` none asks what was known on a past day."""
    yield question(today, dt.date(2025, 5, 20), dt.date(2025, 8, 31))
    yield question(today, dt.date(2025, 5, 20), dt.date(2025, 8, 31), level="province")
    yield question(today, None, None)
    while count:
        first = dt.date(2025, 4, 20) + dt.timedelta(random.randrange(120))
        if random.random() < 0.3:
            first = random.choice(TURNS)
        last = first + dt.timedelta(random.choice([0, 0, 1, 6, 29, 30, 60, 200]))
        as_of = None
        if known and random.random() < 0.6:
            as_of = max(first, last + dt.timedelta(random.randrange(-10, 40)))
        words = {name: random.choice(choices) for name, choices in WORDS.items()}
        words = {name: word for name, word in words.items() if word}
        yield question(today, None if random.random() < 0.1 else first, last, as_of, **words)
        count -= 1
