"""Every query of intake."""

from services.intake.store.events import (
    digests_of,
    find_event,
    log_events,
    reopen_outbox,
    tokens_of,
    units_of,
)
from services.intake.store.keys import (
    check_fingerprint,
    list_keys,
    revoke_key,
)
from services.intake.store.quarantine import (
    list_quarantine,
    quarantine,
)

__all__ = [
    "check_fingerprint",
    "digests_of",
    "find_event",
    "list_keys",
    "list_quarantine",
    "log_events",
    "quarantine",
    "reopen_outbox",
    "revoke_key",
    "tokens_of",
    "units_of",
]
