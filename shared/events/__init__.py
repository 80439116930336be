"""The contract: which events exist, what is wrong with one, what of it is published."""

from shared.events.catalogue import INCOMING, OUTCOMES, TYPES, EventType
from shared.events.checking import IncomingEvent, check
from shared.events.contact import Contact, parse_contact
from shared.events.data import STATUS_CODES
from shared.events.digest import canonical_digest
from shared.events.faults import Fault
from shared.events.identity import message_id, subject, uid
from shared.events.publishing import (
    PublishedParts,
    hash_citizen,
    hash_device,
    listed_contact,
    publish,
)
from shared.events.reading import Event, outcome, parse

__all__ = [
    "INCOMING",
    "OUTCOMES",
    "STATUS_CODES",
    "TYPES",
    "Contact",
    "Event",
    "EventType",
    "Fault",
    "IncomingEvent",
    "PublishedParts",
    "canonical_digest",
    "check",
    "hash_citizen",
    "hash_device",
    "listed_contact",
    "message_id",
    "outcome",
    "parse",
    "parse_contact",
    "publish",
    "subject",
    "uid",
]
