"""Sample people: numbered, with numbers that nobody has."""

from __future__ import annotations

from random import Random
from typing import Any

PEOPLE = 1000
"""So many sample people; each files several dossiers."""

_BAD_PHONES = ("chưa cung cấp", "12345", "0900")
_STYLES = ("0900000{:03}", "0900.000.{:03}", "0900 000 {:03}", "+84900000{:03}")


def phone(number: int) -> str:
    """The telephone of a sample person."""
    return f"0900000{number % PEOPLE:03}"


def applicant(number: int, rng: Random) -> dict[str, Any]:
    """A sample applicant as offices type them in: some without a name, or with a bad number."""
    organization = number % 12 == 5
    word = "Tổ chức nộp hồ sơ mẫu" if organization else "Người nộp hồ sơ mẫu"
    found: dict[str, Any] = {"kind": "organization" if organization else "person"}
    if rng.random() >= 0.02:
        found["name"] = f"{word} {number}"
    quality = rng.random()
    if quality >= 0.08:
        found["phone"] = rng.choice(_STYLES).format(number)
    elif quality < 0.015:
        found["phone"] = rng.choice(_BAD_PHONES)
    if number % 4 == 1:
        found["email"] = f"nguoi.nop.{number}@example.org"
        found["notify"] = ["sms", "email"]
    elif number % 25 == 3:
        found["notify"] = []
    return found
