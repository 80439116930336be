"""From what a sync call says and what was accepted before, to the events that tell the difference.

The calls send no event ids. Each event's id is a keyed digest of its content and of the chain of
everything accepted of its dossier so far, without the time of arrival: what equals the present
state tells nothing, and A, B, A are three events. What is kept of a dossier is no more than
digests, dates and codes.
"""

import hmac
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import orjson

from services.intake.rules.lgsp_fields import STATUSES, Progress, Supplement, Sync
from shared.redaction import MASK

SUBMITTED = "motcua.dossier.submitted.v1"
CHANGED = "motcua.dossier.status_changed.v1"
VOIDED = "motcua.record.voided.v1"
NOT_YET_RECEIVED = frozenset({1, 3})
EXPLAINED = frozenset({3, 5, 6, 7, 8})
"""Statuses of which the free text is the reason."""
RESTATABLE = frozenset({1, 2, 4})
"""Present statuses that may be told again to carry a new due date."""
LONGEST_TAIL = 200
MOST_IDS = 20
MOVES = "due"
"""Among the dated facts: the events that moved the due date."""
_STEP = timedelta(milliseconds=1)
_INSTANTS = ("filed_at", "told_at", "filed_due", "due")
_WORD = re.compile(r"\w+")


@dataclass(slots=True)
class Dossier:
    """What was accepted of one dossier of one source."""

    unit: str
    """The unit that counts for it."""
    chain: str = ""
    """Digest of everything told so far, in order."""
    status: int | None = None
    received: bool = False
    filed: str | None = None
    """Digest of the submission last told."""
    filed_at: datetime | None = None
    told_at: datetime | None = None
    """The time of the submission last told: a correction's is later."""
    filed_due: datetime | None = None
    """The due date of the submission last told."""
    due: datetime | None = None
    """`NgayHenTra` as last seen."""
    dated: dict[str, list[str]] = field(default_factory=dict)
    """Facts with dates of their own: digest of the last, then the ids that told it."""
    prolonged: dict[str, str] = field(default_factory=dict)
    """Resumptions that were told with a later due date than their own."""
    tail: list[str] = field(default_factory=list)
    """Digests of the progress entries last told, in order."""
    name: list[Any] = field(default_factory=list)
    """Keyed digest of the applicant's name and its number of words: to take it out of texts."""

    def as_json(self) -> dict[str, Any]:
        kept = asdict(self)
        for name in _INSTANTS:
            kept[name] = kept[name].isoformat() if kept[name] else None
        return kept

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Dossier":
        instants = {n: datetime.fromisoformat(kept[n]) for n in _INSTANTS if kept.get(n)}
        return cls(**(kept | instants))


@dataclass(frozen=True, slots=True)
class Setting:
    """What telling needs besides the call.

    Args:
        source: the events' source.
        arrival: when the call came; stands in for a time that is not given.
        key: keys all digests.
        valid: (unit, at) whether the unit exists then.
    """

    source: str
    arrival: datetime
    key: bytes
    valid: Callable[[str, datetime], bool]


class Teller:
    """Collects the events that one dossier's items lead to, and the state after them.

    `state` is changed in place: the caller keeps it only where the events were accepted.
    """

    def __init__(self, code: str, state: Dossier, setting: Setting) -> None:
        self.code, self.state, self.setting = code, state, setting
        self.events: list[dict[str, Any]] = []

    # -- a dossier's sync --------------------------------------------------------------------

    def tell_sync(self, sync: Sync, unit: str, authority: str | None) -> None:
        """Tell what is new in a dossier as its software states it now."""
        state = self.state
        if sync.name:
            state.name = name_digest(sync.name, self.setting.key)
        received = state.received or sync.status not in NOT_YET_RECEIVED
        filed_due, moved = self._plan_due(sync)
        if not sync.missing and authority is not None:
            self._tell_submission(sync, unit, authority, received, filed_due)
        state.due = sync.due_at or state.due
        resumed = self._tell_supplements(sync.supplements, moved is not None)
        self._tell_dates(sync)
        self._tell_status(sync, resumed, moved)
        if not state.received and state.status is not None:
            state.received = state.status not in NOT_YET_RECEIVED

    def _plan_due(self, sync: Sync) -> tuple[datetime | None, datetime | None]:
        """The due date that the submission states, and one that is to be told from now on.

        A new date that lies ahead, while the dossier is at work, moves the due date as of now;
        any other corrects what was recorded, for the dossier's whole life.
        """
        state, due = self.state, sync.due_at
        if state.filed is None and not sync.missing:
            return due, None
        if due is None or due == state.due:
            return state.filed_due, None
        last = _last_resumed(sync.supplements)
        if last is not None and last.new_due == due:
            return state.filed_due, None
        ahead = state.due is not None and due > self.setting.arrival
        if sync.missing or (ahead and (sync.status or state.status) in RESTATABLE):
            return state.filed_due, due
        for old in state.dated.pop(MOVES, [""])[1:]:
            self._withdraw(old)
        return due, None

    def _tell_submission(
        self, sync: Sync, unit: str, authority: str, received: bool, due: datetime | None
    ) -> None:
        state = self.state
        assert sync.filed_at is not None
        applicant = {
            "name": sync.name,
            "phone": sync.phone,
            "email": sync.email,
            "kind": sync.kind,
        }
        data = {
            "code": self.code,
            "procedure": sync.procedure,
            "field": sync.field,
            "unit": unit,
            "authority": authority,
            "channel": sync.channel,
            "assumed": list(sync.assumed) or None,
            "submitted_at": sync.filed_at.isoformat(),
            "received_at": sync.filed_at.isoformat() if received else None,
            "due_at": due.isoformat() if due else None,
            "return_by": sync.return_by,
            "applicant": {k: v for k, v in applicant.items() if v} or None,
        }
        data = {name: value for name, value in data.items() if value is not None}
        stated = self._digest("", data)
        if stated == state.filed:
            return
        time = sync.filed_at
        if state.told_at is not None:
            time = max(time, state.told_at + _STEP)
        state.unit, state.filed, state.told_at = unit, stated, time
        state.filed_at, state.filed_due = sync.filed_at, due
        self._add(SUBMITTED, "submitted", time, data, data)

    def _tell_supplements(self, supplements: Sequence[Supplement], moved: bool) -> int | None:
        """Returns the national code of the latest status that was told here, if any was."""
        told: list[tuple[datetime, int]] = []
        last = _last_resumed(supplements)
        for each in supplements:
            waiting = each.resumed_at is None
            key = f"supplement:{self._digest('', each.key)[:16]}"
            due = each.new_due if waiting and each.new_due else each.old_due
            if each.requested_at is not None or waiting:
                reason = self.masked(each.text)
                at = self._tell_dated(f"{key}:5", 5, each.requested_at, due, reason)
                if at is not None:
                    told.append((at, 5))
            if each.resumed_at is not None:
                due = self._prolonged(key, each.new_due, each is last, moved)
                at = self._tell_dated(f"{key}:4", 4, each.resumed_at, due)
                if at is not None:
                    told.append((at, 4))
        return max(told)[1] if told else None

    def _prolonged(
        self, key: str, due: datetime | None, is_last: bool, moved: bool
    ) -> datetime | None:
        """The due date from a resumption on: the dossier's of today where that is later still,
        unless it was moved at a time of its own."""
        state = self.state
        if is_last and not moved and MOVES not in state.dated:
            if due is None or state.due is None or state.due <= due:
                state.prolonged.pop(key, None)
            else:
                state.prolonged[key] = state.due.isoformat()
        later = state.prolonged.get(key)
        return datetime.fromisoformat(later) if later and due is not None else due

    def _tell_dates(self, sync: Sync) -> None:
        """The result's dates, where the status does not tell them itself."""
        if sync.status not in (None, 9, 10):
            return
        for status, at in ((9, sync.finished_at), (10, sync.returned_at)):
            if at is not None and sync.status != status:
                told = self._tell_dated(str(status), status, at)
                if told is not None and sync.status is None:
                    self.state.status = status

    def _tell_status(self, sync: Sync, resumed: int | None, moved: datetime | None) -> None:
        state, status = self.state, sync.status
        if status is None or (status == resumed and status in (4, 5)):
            state.status = resumed or state.status
            if moved is not None and state.status is not None:
                self._move_due(state.status, moved)
            return
        at = {2: sync.filed_at, 9: sync.finished_at, 10: sync.returned_at}.get(status)
        if at is not None:
            self._tell_dated(str(status), status, at, again=status != state.status)
        if moved is not None:
            self._move_due(status, moved)
        elif at is None and status != state.status:
            self._tell_change(status, None)
        state.status = status

    def _move_due(self, status: int, due: datetime) -> None:
        told = self._tell_change(status, None, due=due)
        ids = self.state.dated.get(MOVES, [""])
        self.state.dated[MOVES] = [*ids, told["id"]][: MOST_IDS + 1]

    # -- progress ----------------------------------------------------------------------------

    def tell_progress(self, entries: Sequence[Progress]) -> list[int]:
        """Tell a call's entries about this dossier; returns the positions of those that are new.

        What the call repeats of the entries told last, in their order, is not told again: a whole
        call that is sent twice, and a log that is sent again with each new line.
        """
        state = self.state
        stated = [self._digest("", _plain(entry)) for entry in entries]
        known = next(
            (n for n in range(len(stated), 0, -1) if stated[:n] == state.tail[-n:]),
            0,
        )
        before = state.tail[: len(state.tail) - known]
        if known and entries[known - 1].at is None and entries[known - 1].status != state.status:
            known -= 1  # the dossier has had another status since
        fresh = list(range(known, len(entries)))
        for position in fresh:
            entry = entries[position]
            # Where the applicant's name is not known, it cannot be taken out of a text.
            explained = entry.status in EXPLAINED and bool(state.name)
            text = self.masked(entry.text, entry.officer) if explained else None
            self._tell_change(
                entry.status,
                entry.at,
                department=self.masked(entry.department),
                reason=text,
            )
            state.status = entry.status
            state.received = state.received or entry.status not in NOT_YET_RECEIVED
        state.tail = [*before, *stated][-max(LONGEST_TAIL, len(stated)) :]
        return fresh

    # -- single events -----------------------------------------------------------------------

    def _tell_dated(
        self,
        key: str,
        status: int,
        at: datetime | None,
        due: datetime | None = None,
        reason: str | None = None,
        again: bool = False,
    ) -> datetime | None:
        """Tell a status that has a date of its own, once; where it differs from what was told,
        what was told is withdrawn. Returns its instant if it was told now."""
        state = self.state
        content = [at.isoformat() if at else "", due.isoformat() if due else "", reason or ""]
        stated = self._digest(key, content)
        before, *ids = state.dated.get(key, [""])
        if before == stated and not again:
            return None
        if before and before != stated:
            for old in ids:
                self._withdraw(old)
            ids = []
        returned = at if status == 10 else None
        told = self._tell_change(status, at, due=due, reason=reason, returned=returned)
        state.dated[key] = [stated, *[*ids, told["id"]][-MOST_IDS:]]
        return at or self.setting.arrival

    def _tell_change(
        self,
        status: int,
        at: datetime | None,
        due: datetime | None = None,
        department: str | None = None,
        reason: str | None = None,
        returned: datetime | None = None,
    ) -> dict[str, Any]:
        unit = self.state.unit
        data = {
            "code": self.code,
            "unit": unit,
            "status": STATUSES[status - 1],
            "department": department,
            "due_at": due.isoformat() if due else None,
            "returned_at": returned.isoformat() if returned else None,
            "reason": reason,
        }
        data = {name: value for name, value in data.items() if value is not None}
        given = data | ({"at": at.isoformat()} if at else {})
        moment = at or self.setting.arrival
        body = given | {"at": moment.isoformat()}
        return self._add(CHANGED, STATUSES[status - 1], self._time(unit, moment), body, given)

    def _time(self, unit: str, at: datetime) -> datetime:
        """When it happened; for a unit that has ended since, the time at which it was filed."""
        base = self.state.filed_at
        return base if base is not None and not self.setting.valid(unit, at) else at

    def _withdraw(self, event_id: str) -> None:
        data = {
            "of_source": self.setting.source,
            "of_id": event_id,
            "reason": "Phần mềm một cửa đã đính chính.",
        }
        self._add(VOIDED, "voided", self.setting.arrival, data, data)

    def _add(
        self, kind: str, word: str, time: datetime, data: dict[str, Any], given: dict[str, Any]
    ) -> dict[str, Any]:
        """Add an event; `given` is its content without what only the arrival says."""
        state = self.state
        state.chain = self._digest(state.chain, [kind, given])
        event = {
            "specversion": "1.0",
            "id": f"{self.code}-{word}-{state.chain[:24]}",
            "source": self.setting.source,
            "type": kind,
            "time": time.isoformat(),
            "datacontenttype": "application/json",
            "data": data,
        }
        self.events.append(event)
        return event

    def _digest(self, before: str, content: Any) -> str:
        body = orjson.dumps([before, content], option=orjson.OPT_SORT_KEYS)
        return hmac.new(self.setting.key, b"lgsp:" + body, sha256).hexdigest()

    def masked(self, text: str | None, *names: str | None) -> str | None:
        """A text without the applicant's name and the names given."""
        if text is None:
            return None
        wanted = [self.state.name] if self.state.name else []
        wanted += [name_digest(name, self.setting.key) for name in names if name]
        for digest, words in filter(None, wanted):
            text = _without(text, digest, words, self.setting.key)
        return text


def _last_resumed(supplements: Sequence[Supplement]) -> Supplement | None:
    resumed = [each for each in supplements if each.resumed_at is not None]
    return max(resumed, key=lambda each: each.resumed_at) if resumed else None


def name_digest(name: str, key: bytes) -> list[Any]:
    """A name's keyed digest and its number of words; one word alone is too little to look for."""
    words = _words(name)
    return [_name_hash(words, key), len(words)] if len(words) > 1 else []


def _without(text: str, digest: str, count: int, key: bytes) -> str:
    text = unicodedata.normalize("NFC", text)
    found = list(_WORD.finditer(text))
    position = len(found) - count
    while position >= 0:
        run = found[position : position + count]
        if _name_hash([each.group().casefold() for each in run], key) == digest:
            text = text[: run[0].start()] + MASK + text[run[-1].end() :]
            found = found[:position]
            position -= count
        else:
            position -= 1
    return text


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(unicodedata.normalize("NFC", text))]


def _name_hash(words: Sequence[str], key: bytes) -> str:
    return hmac.new(key, b"name:" + " ".join(words).encode(), sha256).hexdigest()[:32]


def _plain(entry: Progress) -> list[str]:
    at = entry.at.isoformat() if entry.at else ""
    return [str(entry.status), at, entry.department or "", entry.text or ""]
