"""The five real plans to the letter: what just meets and what just misses every target and day."""

import pytest

from tests.builders import event, install, submitted
from tests.instance import instance, wait_for
from tests.quota.plans import progress

RTHOME, MSCORE = "quang-tri-rthome-2019", "quang-tri-mscore-2020"
TO_TUNG, DUC_THO, BINH_PHUOC = "to-tung-2023", "duc-tho-2020", "binh-phuoc-youth-2020"
DEPARTMENTS = ("DT-NV", "DT-TP")


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    names = ("intake", "quota", "reporting")
    with instance(tmp_path_factory.mktemp("five")) as made:
        for name in names:
            made.start(name)
        for name in names:
            made.wait_ready(name)
        for plan in (RTHOME, MSCORE, TO_TUNG, DUC_THO, BINH_PHUOC):
            made.apply_plan(plan)
        yield made


def post(running, *events):
    assert {result["status"] for result in running.post(list(events))} == {"accepted"}
    running.settle(("quota", "reporting"))


def row(running, plan, indicator, unit, period="whole"):
    return progress(running, plan, indicator=indicator)[indicator, unit, period]


def state(running, plan, indicator, unit, period="whole"):
    found = row(running, plan, indicator, unit, period)
    return found["numerator"], found["denominator"], found["state"]


def timeliness(running, plan, obligation, unit, period, first, last):
    def found():
        rows = running.get(
            "reporting", "/v1/reports/timeliness", **{"from": first, "to": last, "unit": unit}
        )["rows"]
        wanted = (plan, obligation, unit, period)
        keys = ("plan", "obligation", "unit", "period")
        return [one for one in rows if tuple(one[key] for key in keys) == wanted]

    (one,) = wait_for(found)
    return one["state"]


def test_installs_of_2019(running):
    """636/CV: 100 a place, 50 in two of them; 30,000 VND each; installer lists before 08/8."""
    enough = {"461": 100, "465": 50}
    short = {"462": 99, "467": 49}
    post(running, *(install(n, u) for u, k in (enough | short).items() for n in range(k)))
    for unit, number in enough.items():
        assert state(running, RTHOME, "installs", unit) == (number, None, "met")
    for unit, number in short.items():
        assert state(running, RTHOME, "installs", unit) == (number, None, "missed")
    paid = running.get("quota", "/v1/stipends", plan=RTHOME)["total"]
    assert (paid["payable"], paid["amount"]) == (298, 298 * 30_000)

    def listed(id, unit, time, rows):
        return event("list.delivered", id, time, unit=unit, list="installers", rows=rows)

    post(
        running,
        listed("l1", "QTR-DOAN-461", "2019-08-07T23:59:59+07:00", 8),
        listed("l2", "QTR-DOAN-462", "2019-08-08T00:00:00+07:00", 8),
        listed("l3", "QTR-DOAN-464", "2019-08-07T10:00:00+07:00", 7),
    )
    for unit, expected in (("461", "on_time"), ("462", "late"), ("464", "incomplete")):
        found = timeliness(running, RTHOME, "installer-list", f"QTR-DOAN-{unit}", "once",
                           "2019-08-01", "2019-08-31")  # fmt: skip
        assert found == expected


def test_lists_of_patients_of_2020(running):
    """43/HĐND-TH: before the 5th of each month; the late ones of December make up, and stay late."""

    def listed(id, unit, time, period):
        return event("list.delivered", id, time, unit=unit, list="patients", period=period, rows=9)

    post(
        running,
        listed("p1", "QTR-BVDK", "2020-04-04T23:59:59+07:00", "2020-03"),
        listed("p2", "QTR-TTYT-461", "2020-04-05T00:00:00+07:00", "2020-03"),
        listed("p3", "QTR-TTYT-464", "2020-02-12T10:00:00+07:00", "2019-12"),
        listed("p4", "QTR-TTYT-469", "2020-02-12T23:59:59+07:00", "2020-01"),
        listed("p5", "QTR-TTYT-470", "2020-02-13T00:00:00+07:00", "2020-01"),
    )
    asked = {"first": "2020-01-01", "last": "2020-12-31"}
    for unit, period, expected in (
        ("QTR-BVDK", "2020-03", "on_time"),
        ("QTR-TTYT-461", "2020-03", "late"),
        ("QTR-TTYT-464", "2019-12", "late"),
        ("QTR-TTYT-464", "2020-01", "missing"),
    ):
        assert timeliness(running, MSCORE, "patient-lists", unit, period, **asked) == expected
    # The make-up is before 13/02: what was late stays late, and it is shown who made it up.
    made_up = {
        row["unit"]: (row["state"], row["made_up"])
        for row in running.get("reporting", "/v1/reports/timeliness", plan=MSCORE)["rows"]
        if (row["obligation"], row["period"]) == ("patient-lists", "2020-01")
    }
    assert made_up["QTR-TTYT-469"] == ("late", True)
    assert made_up["QTR-TTYT-470"] == ("late", False)
    assert made_up["QTR-TTYT-466"] == ("missing", False)
    assert made_up["QTR-TTYT-461"] == ("missing", None)


def test_online_share_of_to_tung(running):
    """52/KH-UBND: more than 30% online in 2023, ten points more each later year."""

    def filed(year, online, all_of_them):
        return [
            submitted(
                f"TT-{year}-{n}", unit="23665", day=f"{year}-03-{n % 28 + 1:02}",
                channel="online" if n < online else "counter", authority="commune",
            )
            for n in range(all_of_them)
        ]  # fmt: skip

    post(running, *filed(2023, 3, 10), *filed(2024, 5, 12), *filed(2025, 5, 10))

    def share(year):
        return state(running, TO_TUNG, "online-share", "23665", year)

    assert share("2023") == (3, 10, "missed"), "exactly 30% is not more than 30%"
    assert share("2024") == (5, 12, "met")
    assert share("2025") == (5, 10, "missed"), "exactly 50% is not more than 50%"
    one_more = submitted("TT-2023-x", unit="23665", day="2023-04-03", authority="commune")
    post(running, one_more)
    assert share("2023") == (4, 11, "met")
    assert row(running, TO_TUNG, "online-share", "23665", "2025")["target"] == 0.5


def test_shares_of_duc_tho(running):
    """2440/UBND-VH: 20 dossiers and 25% for each commune, 30% for each department."""

    def filed(tag, unit, online, all_of_them, **data):
        return [
            submitted(
                f"DT-{tag}-{n}", unit=unit, day=f"2020-05-{n + 4:02}",
                channel="online" if n < online else "counter", **data,
            )
            for n in range(all_of_them)
        ]  # fmt: skip

    post(
        running,
        *filed("a", "18229", 1, 4, authority="commune"),
        *filed("b", "18235", 6, 25, authority="commune"),
        *filed("c", DEPARTMENTS[0], 3, 10),
        *filed("d", DEPARTMENTS[1], 5, 17),
        *filed("e", "440", 20, 20, credited_unit="18241"),
        *filed("f", "440", 19, 20, credited_unit="18244"),
    )
    assert state(running, DUC_THO, "commune-online-share", "18229") == (1, 4, "met")
    assert state(running, DUC_THO, "commune-online-share", "18235") == (6, 25, "missed")
    assert state(running, DUC_THO, "commune-online-share", "18247") == (0, 0, "not_applicable")
    share = "department-online-share"
    assert state(running, DUC_THO, share, DEPARTMENTS[0]) == (3, 10, "met")
    assert state(running, DUC_THO, share, DEPARTMENTS[1]) == (5, 17, "missed")
    dossiers = "commune-district-dossiers"
    assert state(running, DUC_THO, dossiers, "18241") == (20, None, "met")
    assert state(running, DUC_THO, dossiers, "18244") == (19, None, "missed")


def test_youth_of_binh_phuoc(running):
    """55-KH/HĐTĐN: 3,000 dossiers, more than 200 trained and core, 100%; reports by the clock."""

    def done(id, kind, people, member="m1", unit="BP-HD-01"):
        return event(
            "activity.recorded", id, "2020-05-06T09:00:00+07:00", unit=unit, team="T1",
            member=member, kind=kind, people=people,
        )  # fmt: skip

    post(
        running,
        done("s1", "supported", 2999),
        *(done(f"t{n}", "trained", 1, f"m{n}") for n in range(200)),
        *(done(f"c{n}", "core", 1, f"m{n}", "BP-HD") for n in range(200)),
        done("again", "trained", 1, "m7", "BP-HD-02"),
    )
    for name, number in (
        ("dossiers-supported", 2999),
        ("members-trained", 200),
        ("core-members", 200),
    ):
        assert state(running, BINH_PHUOC, name, "BP-HD") == (number, None, "missed")
    post(
        running,
        done("s2", "supported", 1, unit="BP-HD-02"),
        done("t-more", "trained", 1, "m200"),
        done("c-more", "core", 1, "m200"),
    )
    for name, number in (
        ("dossiers-supported", 3000),
        ("members-trained", 201),
        ("core-members", 201),
    ):
        assert state(running, BINH_PHUOC, name, "BP-HD") == (number, None, "met")

    def figures(id, indicator, value, denominator, day):
        return event(
            "total.recorded", id, f"2020-12-{day:02}T09:00:00+07:00", unit="BP-HD",
            plan=BINH_PHUOC, indicator=indicator, period="whole", value=value,
            denominator=denominator,
        )  # fmt: skip

    cadres, pupils = "cadres-trained", "pupils-with-accounts"
    post(running, figures("k1", cadres, 45, 46, 1), figures("h1", pupils, 2103, 2104, 1))
    assert state(running, BINH_PHUOC, cadres, "BP-HD") == (45, 46, "missed")
    assert state(running, BINH_PHUOC, pupils, "BP-HD") == (2103, 2104, "missed")
    post(running, figures("k2", cadres, 46, 46, 2), figures("h2", pupils, 2104, 2104, 2))
    assert state(running, BINH_PHUOC, cadres, "BP-HD") == (46, 46, "met")
    assert state(running, BINH_PHUOC, pupils, "BP-HD") == (2104, 2104, "met")

    def filed(id, unit, obligation, period, time):
        return event(
            "report.filed", id, time, unit=unit, plan=BINH_PHUOC, obligation=obligation,
            period=period,
        )  # fmt: skip

    post(
        running,
        filed("d1", "BP-HD-01", "daily-report", "2020-05-06", "2020-05-06T16:59:59+07:00"),
        filed("d2", "BP-HD-02", "daily-report", "2020-05-06", "2020-05-06T17:00:00+07:00"),
        filed("m1", "BP-HD-01", "monthly-report", "2020-05", "2020-05-24T23:59:59+07:00"),
        filed("m2", "BP-HD-02", "monthly-report", "2020-05", "2020-05-25T00:00:00+07:00"),
        filed("y1", "BP-HD-01", "yearly-report", "once", "2020-11-29T23:59:59+07:00"),
        filed("y2", "BP-HD-02", "yearly-report", "once", "2020-11-30T00:00:00+07:00"),
    )
    for obligation, period, first, last in (
        ("daily-report", "2020-05-06", "2020-05-06", "2020-05-06"),
        ("monthly-report", "2020-05", "2020-05-01", "2020-05-31"),
        ("yearly-report", "once", "2020-01-01", "2020-12-31"),
    ):
        for unit, expected in (("BP-HD-01", "on_time"), ("BP-HD-02", "late")):
            found = timeliness(running, BINH_PHUOC, obligation, unit, period, first, last)
            assert found == expected, (obligation, unit)
