"""The units of rows: by which time a code is meant, and their order."""

from collections.abc import Iterable
from datetime import date

from services.reporting.handlers.reports.answer import Row
from services.reporting.handlers.reports.book import Book
from services.reporting.rules import Place


def dated(place: Place, book: Book, day: date) -> Place:
    """A unit with the day since which it bears its code: as on a day, where it is not told yet."""
    return place if place.since is not None else book.placed(place.unit, day)


def in_order(places: Iterable[Place]) -> list[Place]:
    """Units by code, and of one code the earlier one first."""
    return sorted(places, key=lambda one: (one.unit, one.since or date.min))


def place_of(row: Row) -> Place:
    """The unit of a row that `Book.named` began."""
    since = row["unit_valid_from"]
    return Place(row["unit"], None if since is None else date.fromisoformat(since))
