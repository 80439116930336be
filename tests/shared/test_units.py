"""The unit register: validity, the tree in time, names, and faults in files."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.units import COLUMNS, LEVELS, Unit, UnitFaults, UnitRegistry, fold

REGISTRY = UnitRegistry.load(Path(__file__).parents[2] / "deploy" / "units")
OLD, NEW = date(2020, 6, 1), date(2025, 7, 1)


def write(folder: Path, *lines: str, name: str = "a.csv") -> Path:
    (folder / name).write_text("\n".join([",".join(COLUMNS), *lines]), encoding="utf-8")
    return folder


def test_every_unit_that_the_five_plans_need_is_there() -> None:
    districts = ["461", "462", "464", "465", "466", "467", "468", "469", "470", "471"]
    assert all(REGISTRY.find(code, OLD).parent == "45" for code in districts)
    others = "QTR-TTHCC QTR-TINHDOAN QTR-HDND QTR-BQLDA QTR-BVDK RTA 440 DT-TNMT BP-HD-01"
    assert all(REGISTRY.find(code, OLD) for code in others.split())
    assert {unit.seat for unit in REGISTRY.all(OLD) if unit.kind == "health_centre"} == set(
        districts
    ) - {"471"}
    assert len([u for u in REGISTRY.all(OLD) if u.parent == "440" and u.kind == "commune"]) == 16


def test_a_code_means_another_unit_after_the_reform() -> None:
    assert REGISTRY.name("23668", OLD) == "Xã Kông Lơng Khơng"
    assert REGISTRY.name("23668", NEW) == "Xã Tơ Tung"
    assert [unit.code for unit in REGISTRY.successors("23665", OLD)] == ["23668"]
    assert REGISTRY.successors("23665", OLD)[0].name == "Xã Tơ Tung"
    assert REGISTRY.name("44", OLD) == "Tỉnh Quảng Bình"
    assert REGISTRY.successors("45", OLD)[0].name == "Tỉnh Quảng Trị"


def test_valid_to_is_the_first_day_without_it() -> None:
    assert REGISTRY.find("461", date(2025, 6, 30))
    assert REGISTRY.find("461", NEW) is None
    assert REGISTRY.known("461")
    assert not REGISTRY.known("999999")


def test_the_day_of_an_instant_is_the_day_in_viet_nam() -> None:
    assert REGISTRY.find("461", datetime(2025, 6, 30, 16, 59, tzinfo=UTC))
    assert REGISTRY.find("461", datetime(2025, 6, 30, 17, 0, tzinfo=UTC)) is None
    with pytest.raises(ValueError, match="zone"):
        REGISTRY.find("461", datetime(2020, 1, 1))  # noqa: DTZ001


def test_a_district_has_many_successors_and_none_gets_its_children() -> None:
    assert len(REGISTRY.successors("461", OLD)) == 2
    assert REGISTRY.descendants("461", NEW) == frozenset()
    assert "461" in REGISTRY.descendants("45", OLD)


def test_the_tree() -> None:
    assert REGISTRY.ancestors("23665", OLD) == ("23665", "625", "64")
    assert REGISTRY.ancestors("QTR-TTYT-464", OLD) == ("QTR-TTYT-464", "QTR-SYT", "45")
    assert REGISTRY.within("23665", {"64"}, OLD)
    assert not REGISTRY.within("23665", {"64"}, NEW)
    assert REGISTRY.within("23665", {"23665"}, NEW)
    assert "23665" in REGISTRY.descendants("64", OLD)
    assert [u.code for u in REGISTRY.seated("464", OLD, "health_centre")] == ["QTR-TTYT-464"]


@pytest.mark.parametrize(
    ("code", "level"),
    [("45", "province"), ("QTR-TTHCC", "province"), ("461", "district"), ("18229", "commune"),
     ("DT-TP", "district"), ("QTR-DOAN-461", "district"), ("nope", None)],
)  # fmt: skip
def test_the_level_of_government(code: str, level: str | None) -> None:
    assert REGISTRY.level(code, OLD) == level


def test_names_are_found_without_accents_and_only_when_one_is_meant() -> None:
    assert REGISTRY.resolve("huong hoa", OLD) == "465"
    assert REGISTRY.resolve("HUYỆN HƯỚNG HOÁ") == "465"
    assert REGISTRY.resolve("TTPVHCC tỉnh") == "QTR-TTHCC"
    assert REGISTRY.resolve("Đông Hà") is None
    assert REGISTRY.resolve("Đông Hà", OLD) == "461"
    assert REGISTRY.resolve("Đông Hà", NEW) == "19333"
    assert REGISTRY.resolve("461") == "461"
    assert REGISTRY.resolve("461", NEW) is None
    assert REGISTRY.resolve("Không có") is None


def test_a_mistyped_name_suggests_codes() -> None:
    assert "464" in REGISTRY.nearest("Vinh Lynh")
    assert "QTR-TTHCC" in REGISTRY.nearest("QTR-TTHC")
    assert REGISTRY.nearest("zzzzzz") == []
    assert REGISTRY.name("zzzzzz", OLD) == "zzzzzz"


def test_all_faults_of_all_files_at_once_with_their_lines(tmp_path: Path) -> None:
    write(
        tmp_path,
        "1,2000-01-01,,Một,,province,,,",
        "2,2000-13-01,,Hai,,province,,,",
        "3,2000-01-01,1999-01-01,,,Province,,,",
        "4,2000-01-01,,Bốn,,commune,99,98,",
        "5,2000-01-01,2001-01-01,Năm,,commune,1,,97",
        "1,2010-01-01,,Một nữa,,province,,,",
        "6,2000-01-01,,Sáu,,commune",
        "7,2000-01-01,,Bảy,,commune,1,,1",
    )
    (tmp_path / "b.csv").write_text("code,name\n", encoding="utf-8")
    (tmp_path / "c.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UnitFaults) as caught:
        UnitRegistry.load(tmp_path)
    found = {(fault.file, fault.line) for fault in caught.value.faults}
    assert found >= {("a.csv", n) for n in range(3, 10)} | {("b.csv", 1), ("c.csv", 1)}
    assert len([f for f in caught.value.faults if f.file == "a.csv" and f.line == 4]) == 3
    assert "a.csv:5: parent '99'" in str(caught.value)


def test_cycles_are_faults(tmp_path: Path) -> None:
    write(tmp_path, "1,2000-01-01,,A,,x,2,,", "2,2000-01-01,,B,,x,1,,", "3,2000-01-01,,C,,x,3,,")
    with pytest.raises(UnitFaults, match="lặp vòng") as caught:
        UnitRegistry.load(tmp_path)
    assert len(caught.value.faults) == 2


def test_a_folder_without_files_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(UnitFaults):
        UnitRegistry.load(tmp_path)


def test_a_byte_order_mark_is_read_over(tmp_path: Path) -> None:
    text = ",".join(COLUMNS) + "\n1,2000-01-01,,Một,,province,,,\n"
    (tmp_path / "a.csv").write_text(text, encoding="utf-8-sig")
    assert len(UnitRegistry.load(tmp_path)) == 1


@given(st.data())
def test_ancestors_and_descendants_are_each_others_mirror(data: st.DataObject) -> None:
    parents = data.draw(st.lists(st.integers(-1, 8), min_size=1, max_size=9))
    units = [
        Unit(str(n), date(2000, 1, 1), None, f"Đơn vị {n}", "x", str(p) if 0 <= p < n else None)
        for n, p in enumerate(parents)
    ]
    registry = UnitRegistry(units)
    for a in units:
        assert registry.ancestors(a.code, OLD)[0] == a.code
        for b in units:
            above = a.code in registry.ancestors(b.code, OLD)
            assert above == (b.code in registry.descendants(a.code, OLD))
            assert above == registry.within(b.code, {a.code}, OLD)


@given(st.text())
def test_folding_is_stable(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_levels_run_from_the_top() -> None:
    assert LEVELS == ("province", "district", "commune")
