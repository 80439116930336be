"""Events of invented dossiers for property tests, and the facts that reporting keeps of them."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import strategies as st

from shared.dossiers import NATIONAL_CODES, StatusChange, Submission
from tests.reporting.recount import by_code

START = datetime(2020, 1, 1, tzinfo=UTC)
SOURCES = ("/a", "/b")


def _hours(limit):
    return st.integers(0, limit).map(lambda hours: START + timedelta(hours=4 * hours))


_DAYS = st.integers(0, 14).map(lambda days: date(2020, 1, 1) + timedelta(days=days))
_DUES = st.none() | _hours(60)


@st.composite
def stories(draw, codes=("A", "B"), limit=8):
    """A list of events: submissions, statuses, and voids of some of both."""
    events = []
    for number in range(draw(st.integers(1, limit))):
        event = {
            "code": draw(st.sampled_from(codes)),
            "source": draw(st.sampled_from(SOURCES)),
            "id": f"e{number}",
            "time": draw(_hours(40)),
            "rday": draw(_DAYS),
            "unit": draw(st.sampled_from(("461", "462"))),
            "due_at": draw(_DUES),
        }
        if draw(st.integers(0, 2)) == 0:
            event |= {
                "kind": "submitted",
                "field": draw(st.sampled_from(("Land", "Justice"))),
                "authority": draw(st.sampled_from(("district", "commune"))),
                "channel": draw(st.sampled_from(("online", "counter", "post"))),
                "submitted_at": draw(_hours(40)),
                "received_at": draw(st.none() | _hours(40)),
            }
        else:
            event |= {
                "kind": "status",
                "status": draw(st.sampled_from(sorted(NATIONAL_CODES))),
                "at": draw(_hours(60)),
            }
        events.append(event)
    for number in range(draw(st.integers(0, 3))):
        target = draw(st.sampled_from(events))
        events.append(
            {
                "kind": "void",
                "source": "/a",
                "id": f"v{number}",
                "rday": draw(_DAYS),
                "of_source": target.get("source"),
                "of_id": target.get("id"),
            }
        )
    return events


def facts(events):
    """{code: (submissions, statuses)} as a store would hold them, in the events' order."""
    voids = {}
    for event in events:
        if event["kind"] == "void":
            key = (event["of_source"], event["of_id"])
            voids[key] = min(voids.get(key, event["rday"]), event["rday"])
    told = [event for event in events if event["kind"] != "void"]
    found = {}
    for code, own in by_code(told).items():
        submissions, statuses = [], []
        for event in own:
            common = {
                "order": (event["time"], event["source"], event["id"]),
                "unit": event["unit"],
                "rday": event["rday"],
                "uid": f"{event['source']} {event['id']}".encode(),
                "due_at": event["due_at"],
                "voided_rday": voids.get((event["source"], event["id"])),
            }
            if event["kind"] == "submitted":
                submissions.append(
                    Submission(
                        **common,
                        field=event["field"],
                        procedure="1.005129",
                        authority=event["authority"],
                        channel=event["channel"],
                        submitted_at=event["submitted_at"],
                        received_at=event["received_at"],
                    )
                )
            else:
                statuses.append(StatusChange(**common, status=event["status"], at=event["at"]))
        found[code] = (submissions, statuses)
    return found
