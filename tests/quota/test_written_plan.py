"""The plan that the documentation writes out in full: usable as it stands, and counted by its words."""

import datetime as dt

import pytest

from tests.builders import event, status, submitted
from tests.instance import ROOT, stores
from tests.quota.desk import Desk, delivery

PLAN = "to-tung-2024"
XA = "23665"
DAY = dt.date(2024, 12, 31)


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with stores(tmp_path_factory.mktemp("written")) as urls:
        yield urls["quota"]


def example():
    text = (ROOT / "docs" / "plans" / "README.md").read_text(encoding="utf-8")
    return text.partition("```yaml\n")[2].partition("```")[0]


def dossier(code, day, closed=None, due=None, **data):
    due_at = {"due_at": f"{due}T17:00:00+07:00"} if due else {}
    told = [submitted(code, XA, day, authority="commune", **due_at, **data)]
    if closed:
        told.append(status(code, "result_ready", f"{closed}T10:00:00+07:00", XA))
    return told


def dossiers():
    chung_thuc = {"field": "Chứng thực", "channel": "online"}
    told = [
        *dossier("D-1", "2024-02-05", "2024-02-07", "2024-02-08", **chung_thuc,
                 assisted_by="to-ho-tro"),
        *dossier("D-2", "2024-02-05", "2024-02-08", "2024-02-08", **chung_thuc),
        *dossier("D-3", "2024-03-05", "2024-03-12", "2024-03-11", channel="counter"),
        *dossier("D-4", "2024-03-05", "2024-03-12", channel="counter"),
        *dossier("D-5", "2024-04-01", channel="online"),
        *dossier("D-0", "2024-01-31", "2024-02-01", channel="online"),
    ]  # fmt: skip
    told += [
        event("activity.recorded", f"a-{n}", "2024-05-06T09:00:00+07:00", unit=XA, team="to-ho-tro",
              member=f"M-{n % 29:02}", kind="trained", people=1)
        for n in range(40)
    ]  # fmt: skip
    return told


async def test_what_the_documentation_writes_is_counted_by_its_words(url):
    async with Desk(url) as desk:
        applied = await desk.apply(PLAN, example())
        assert (applied["version"], applied["changed"]) == (1, True)
        assert {warning["code"] for warning in applied["warnings"]} == {
            "mixed_comparison",
            "undecided",
        }
        await desk.take([delivery(each, DAY) for each in dossiers()])
        rows = (await desk.get("/v1/progress", plan=PLAN))["rows"]
        found = {
            (row["indicator"], row["period"]): (row["numerator"], row["denominator"], row["state"])
            for row in rows
        }
        assert found["truc-tuyen", "2024-Q1"] == (2, 4, "met")
        assert found["truc-tuyen", "2024-Q2"] == (1, 1, "met")
        # Received before the plan and closed in it: it is resolved in the plan's time, too.
        assert found["dung-han", "whole"] == (4, 5, "missed")
        assert found["chung-thuc", "whole"] == (1, None, "missed")
        assert found["tap-huan", "whole"] == (29, None, "missed")
        more = event("activity.recorded", "a-40", "2024-05-06T09:00:00+07:00", unit=XA,
                     team="to-ho-tro", member="M-99", kind="trained", people=1)  # fmt: skip
        await desk.take([delivery(more, DAY)])
        rows = (await desk.get("/v1/progress", plan=PLAN, indicator="tap-huan"))["rows"]
        assert [(row["numerator"], row["state"]) for row in rows] == [(30, "met")]
