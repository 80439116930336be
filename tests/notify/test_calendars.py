"""Next year's calendar, missed in December: said once, to those who can mend it."""

import asyncio
import shutil
import subprocess
import sys
from datetime import date, datetime

import httpx
import pytest

from services.notify.handlers.calendars import Asking, CalendarWatch
from services.notify.rules.calendars import YearlyDay, missing_year, read_yearly_day
from services.notify.rules.notices import Officer
from services.notify.settings import read_calendar_targets
from shared import clock, events
from shared.settings import deploy_dir
from shared.working_days import WorkingDays
from tests.builders import submitted
from tests.instance import ADMIN, ROOT, instance, wait_for
from tests.notify.test_slips import appoint

DECEMBER = YearlyDay(12, 1)
FILES = WorkingDays.load(deploy_dir() / "calendar")
PLAN = """
plan: lich-2026
title: Kế hoạch thử lịch
issued: {number: 1/KH, date: 2026-01-01}
runs: {from: 2026-01-01, to: 2026-12-31}
contact: {office: Văn phòng, unit: QTR-HDND}
obligations:
  reports:
    title: Báo cáo
    owed_by: [QTR-BVDK]
    owed_to: [QTR-HDND]
    due: {every: month, day: 15, for: previous month}
    fulfilled_by: {event: list.delivered, where: {list: clients}}
"""


def at(text):
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=clock.VN)


@pytest.mark.parametrize(
    ("now", "known", "year"),
    [
        ("2026-11-30 23:59", {2026}, None),
        ("2026-12-01 07:59", {2026}, None),
        ("2026-12-01 08:00", {2026}, 2027),
        ("2026-12-01 08:00", {2026, 2027}, None),
        ("2026-12-31 23:59", {2026}, 2027),
        ("2027-01-01 00:00", {2026}, 2027),  # still missing when it has begun
        ("2027-06-01 09:00", {2026}, 2027),
        ("2027-06-01 09:00", {2027}, None),
        ("2027-12-01 09:00", {2027}, 2028),
    ],
)
def test_from_december_on_next_years_calendar_is_missed(now, known, year):
    assert missing_year(at(now), DECEMBER, known.__contains__) == year
    assert missing_year(at(now), None, known.__contains__) is None


def test_the_day_and_those_to_be_told_are_settings():
    assert read_yearly_day(" 12-01 ") == DECEMBER
    assert read_yearly_day("") is None
    for wrong in ("02-29", "13-01", "1-1", "2026-12-01", "12/01", "12-1x"):
        with pytest.raises(ValueError, match="MM-DD"):
            read_yearly_day(wrong)
    assert read_calendar_targets("461, 45:head,461,") == ("461", "45|head")
    for wrong in ("461:boss", ":head", "a|b"):
        with pytest.raises(ValueError, match="UNIT"):
            read_calendar_targets(wrong)


def watch(world, days=FILES, targets=(), since=DECEMBER):
    return CalendarWatch(
        world.database, world.desk, world.duties, Asking(since, targets),
        clockwork=world.watch.clockwork, days=days,
    )  # fmt: skip


async def told(world):
    return [
        (n.kind, n.version, n.unit, n.address, n.state)
        for n in await world.notices("calendar/2027")
    ]


async def outcomes(world):
    """(type, year) of each outcome about a calendar."""
    rows = await world.query("SELECT payload FROM outbox WHERE stream = 'OUTCOMES' ORDER BY id")
    read = [events.parse(bytes(row.payload)) for row in rows]
    return [(each.type, each.data.year) for each in read if "calendar" in each.type]


MISSING = [("motcua.calendar.missing.v1", 2027)]


async def test_it_is_told_once_to_the_help_desks_of_the_plans_that_run(world):
    await appoint(
        world,
        Officer("o1", "QTR-HDND", "Cán bộ một", email="mot@example.vn"),
        Officer("o2", "QTR-HDND", "Cán bộ hai", phone="+84900000002"),
        Officer("o3", "461", "Lãnh đạo", email="ba@example.vn", level="head"),
        Officer("o4", "461", "Cán bộ ba", email="bon@example.vn"),
        Officer("o5", "462", "Người khác", email="nam@example.vn"),
    )
    await world.order_text(PLAN)
    await world.order("quang-tri-mscore-2020")  # it has ended, and is no reason to tell anybody
    first = watch(world, targets=("461|head",))
    world.set_clock("2026-12-01 07:30")
    assert not await first.look()
    assert first.worry() is None
    world.set_clock("2026-12-01 08:00")
    assert await first.look()
    assert "2027" in first.worry()
    assert await told(world) == [
        ("calendar_missing", "2027", "461", "ba@example.vn", "ready"),
        ("calendar_missing", "2027", "QTR-HDND", "mot@example.vn", "ready"),
        ("calendar_missing", "2027", "QTR-HDND", "+84900000002", "ready"),
    ]
    assert await outcomes(world) == MISSING
    await world.deliver()
    [text] = [p.body for p in world.sms.parcels]
    assert "2027" in text
    assert len(text) <= 160
    assert {p.subject for p in world.email.parcels} == {"Chưa có lịch nghỉ, làm bù năm 2027"}
    # Not by another replica, not after a restart, not on another day, not in the year itself.
    for moment in ("2026-12-01 08:01", "2026-12-20 09:00", "2027-01-04 09:00"):
        world.set_clock(moment)
        assert not await watch(world).look()
    assert not await first.look()
    assert len(await told(world)) == 3
    # The year after is told anew.
    world.set_clock("2027-12-01 09:00")
    assert await watch(world, WorkingDays(announced=[2027])).look()
    assert (await outcomes(world))[1:] == [("motcua.calendar.missing.v1", 2028)]


async def test_two_replicas_at_the_same_moment_tell_once(world):
    world.set_clock("2026-12-02 09:00")
    found = await asyncio.gather(*(watch(world, targets=("461",)).look() for _ in range(4)))
    assert sorted(found) == [False, False, False, True]
    assert await outcomes(world) == MISSING
    assert await told(world) == [("calendar_missing", "2027", "461", None, "outbox")]


async def test_a_file_that_is_there_ends_it_and_nobody_need_be_told(world):
    world.set_clock("2026-12-02 09:00")
    for days in (WorkingDays(announced=[2027]), WorkingDays(off=[date(2027, 1, 4)])):
        assert not await watch(world, days).look()
    assert not await watch(world, since=None).look()
    assert await outcomes(world) == []
    assert await watch(world).look()
    assert await outcomes(world) == MISSING
    assert await told(world) == []


async def test_a_clock_that_is_behind_tells_nothing(world):
    world.set_clock("2026-12-05 09:00")
    await world.tell(submitted("H-1", "461") | {"time": "2026-12-05T08:00:00+07:00"})
    world.set_clock("2026-12-02 09:00")
    assert not await watch(world).look()
    assert await outcomes(world) == []


# -- whole processes --------------------------------------------------------------------------


def motcua(made, *argv):
    urls = {"MOTCUA_NOTIFY_URL": made.url("notify"), "MOTCUA_KEY": ADMIN, "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [sys.executable, "-m", "shared.cli.main", *argv],
        env=urls, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_two_replicas_show_it_and_a_file_ends_it(tmp_path_factory):
    """From New Year's morning on, so that it is missed on whatever day this runs."""
    folder = tmp_path_factory.mktemp("calendars")
    with instance(folder) as made:
        made.extra = {"MOTCUA_NOTIFY_CALENDAR_FROM": "01-01", "MOTCUA_NOTIFY_CALENDAR_TO": "461"}
        for replica in (0, 1):
            made.start("notify", replica)
        for replica in (0, 1):
            made.wait_ready("notify", replica)
        year = clock.today().year + 1
        for replica in (0, 1):
            ready = httpx.get(made.url("notify", "/readyz", replica))
            assert ready.status_code == 200  # it warns, and works all the same
            assert str(year) in ready.json()["warnings"]["calendar"]
            metrics = httpx.get(made.url("notify", "/metrics", replica)).text
            assert f"motcua_calendar_missing {float(year)}" in metrics
        wait_for(lambda: made.get("notify", "/v1/notices", subject=f"calendar/{year}")["notices"])
        wait_for(lambda: made.get("notify", "/v1/status")["unpublished"] == 0)
        [notice] = made.get("notify", "/v1/notices", subject=f"calendar/{year}")["notices"]
        assert (notice["kind"], notice["unit"], notice["state"]) == (
            "calendar_missing", "461", "outbox",
        )  # fmt: skip
        said = motcua(made, "status")
        assert f"notify calendar: the calendar of {year} is not announced" in said.stdout
        shown = motcua(made, "calendar", "status")
        assert shown.returncode == 0
        assert "notify" in shown.stdout

        own = folder / "deploy"
        shutil.copytree(ROOT / "deploy", own)
        (own / "calendar" / "next.yaml").write_text(f"announced: [{year}]\n", encoding="utf-8")
        made.kill("notify")
        made.start("notify", MOTCUA_DEPLOY_DIR=str(own))
        made.wait_ready("notify")
        assert "warnings" not in httpx.get(made.url("notify", "/readyz")).json()
        assert "warnings" not in made.get("notify", "/v1/status")
        assert "motcua_calendar_missing 0.0" in httpx.get(made.url("notify", "/metrics")).text
