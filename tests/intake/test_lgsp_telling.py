"""Whatever a source sends in whatever order: repeats tell nothing, and no id is used twice."""

from datetime import datetime, timedelta, timezone

import orjson
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.intake.rules.lgsp_fields import read_progress, read_sync
from services.intake.rules.lgsp_telling import Dossier, Setting, Teller
from tests.intake.lgsp_client import dossier, step

VN = timezone(timedelta(hours=7))
ARRIVAL = datetime(2019, 9, 1, 12, tzinfo=VN)
LATER = datetime(2026, 1, 5, 8, tzinfo=VN)
KEY = b"k" * 32

days = st.sampled_from(["", "20190805080000", "20190812170000", "20190820170000"])
dues = st.sampled_from(["", "20190812170000", "20190820170000", "20190910170000", "20190920170000"])
statuses = st.sampled_from(["", *map(str, range(1, 11))])


@st.composite
def supplements(draw):
    return [
        {
            "HoSoBoSungId": key, "NoiDungBoSung": draw(st.sampled_from(["", "Thiếu giấy"])),
            "NgayBoSung": draw(days), "NgayTiepNhanBoSung": draw(days),
            "NgayHenTraTruoc": draw(dues), "NgayHenTraMoi": draw(dues),
        }
        for key in draw(st.lists(st.sampled_from(["1", "2", ""]), max_size=2, unique=True))
    ]  # fmt: skip


@st.composite
def syncs(draw):
    return dossier(
        "H50-1",
        NgayTiepNhan=draw(days.filter(bool)),
        NgayHenTra=draw(dues),
        TrangThaiHoSo=draw(statuses),
        NgayKetThucXuLy=draw(days),
        NgayTra=draw(days),
        SoDienThoai=draw(st.sampled_from(["0900000126", ""])),
        DanhSachHoSoBoSung=draw(supplements()),
    )


@st.composite
def logs(draw):
    return [
        step("H50-1", draw(statuses.filter(bool)), draw(days))
        for _ in range(draw(st.integers(1, 3)))
    ]


calls = st.lists(syncs() | logs(), min_size=1, max_size=8)


def tell(state, call, arrival):
    """(events, state afterwards) of one call; the state has been through the store's JSON."""
    setting = Setting("/lgsp/461", arrival, KEY, lambda unit, at: at.year < 2025)
    state = Dossier.from_json(orjson.loads(orjson.dumps(state.as_json())))
    teller = Teller("H50-1", state, setting)
    if isinstance(call, list):
        teller.tell_progress([read_progress(entry)[0] for entry in call])
    else:
        teller.tell_sync(read_sync(call)[0], "461", "district")
    return teller.events, state


def run(sequence, arrival):
    state, events = Dossier("461"), []
    for call in sequence:
        told, state = tell(state, call, arrival)
        events += told
        again, state = tell(state, call, arrival + timedelta(minutes=5))
        assert again == []
    return events, state


@settings(max_examples=150, deadline=None)
@given(calls)
@example([dossier("H50-1"), dossier("H50-1", TrangThaiHoSo="4"), dossier("H50-1")])
def test_a_repeat_tells_nothing_and_ids_are_new(sequence):
    events, _ = run(sequence, ARRIVAL)
    ids = [event["id"] for event in events]
    assert len(set(ids)) == len(ids)
    times = [event["time"] for event in events if event["type"].endswith("submitted.v1")]
    assert sorted(set(times)) == times
    voided = [event["data"]["of_id"] for event in events if "of_id" in event["data"]]
    assert set(voided) <= set(ids)
    assert len(set(voided)) == len(voided)


@settings(max_examples=60, deadline=None)
@given(calls)
def test_ids_do_not_depend_on_the_arrival(sequence):
    first, _ = run(sequence, LATER)
    second, _ = run(sequence, LATER + timedelta(days=400))
    assert [event["id"] for event in first] == [event["id"] for event in second]


@settings(max_examples=80, deadline=None)
@given(calls, syncs())
def test_the_last_call_holds(sequence, last):
    """Of what stands, the last result date and the last due date are those stated last."""
    _, state = run(sequence, LATER)
    told, state = tell(state, last, LATER)
    sync = read_sync(last)[0]
    if sync.status is not None:
        assert state.status == sync.status
    if sync.due_at is not None:
        assert state.due == sync.due_at
    for name, status, at in (("9", 9, sync.finished_at), ("10", 10, sync.returned_at)):
        if sync.status == status and at is not None:
            standing = state.dated[name][1:]
            assert standing
            fresh = [event for event in told if event["id"] in standing]
            assert all(event["data"]["at"] == at.isoformat() for event in fresh)
