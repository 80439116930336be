"""A plan read back in sentences: every number and date of the documents is there to be checked."""

from pathlib import Path

import pytest

from shared.plans import read_plan, sentences
from shared.units import UnitRegistry
from shared.working_days import working_days

ROOT = Path(__file__).parents[2]
REGISTRY = UnitRegistry.load(ROOT / "deploy" / "units")


def told(name: str) -> str:
    text = (ROOT / "deploy" / "plans" / f"{name}.yaml").read_bytes()
    return "\n".join(sentences(read_plan(text, registry=REGISTRY), working_days()))


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ("quang-tri-rthome-2019", "636/CV/TĐTN-TTNTH ngày 05/08/2019"),
        ("quang-tri-rthome-2019", "Huyện Hướng Hóa, Huyện Đakrông: mỗi đơn vị ít nhất 50."),
        ("quang-tri-rthome-2019", "Tổng giao: 900."),
        ("quang-tri-rthome-2019", "Chi 30.000 VND cho người cài mỗi lượt được tính; vượt chỉ tiêu"),
        ("quang-tri-rthome-2019", "Một lần, trước ngày 08/08/2019."),
        ("quang-tri-rthome-2019", "văn bản không nêu ngày: hiện ra, không bao giờ bị coi là trễ"),
        ("quang-tri-mscore-2020", "kỳ 2019-12 trước ngày 05/01/2020 (ngày nghỉ)"),
        ("quang-tri-mscore-2020", "kỳ 2020-12 trước ngày 05/01/2021"),
        ("quang-tri-mscore-2020", "nộp bù kỳ 2019-12, 2020-01 trước ngày 13/02/2020"),
        ("to-tung-2023", "Xã Tơ Tung: trên 30%; năm 2024 trên 40%; năm 2025 trên 50%."),
        ("to-tung-2023", "Một lần, hết ngày 14/03/2024."),
        ("duc-tho-2020", "16 đơn vị: mỗi đơn vị ít nhất 25%."),
        ("duc-tho-2020", "thì trừ số điểm chưa quyết định, một lần cho cả kế hoạch"),
        ("binh-phuoc-youth-2020", "Huyện đoàn (tỉnh Bình Phước): ít nhất 3.000."),
        ("binh-phuoc-youth-2020", "Huyện đoàn (tỉnh Bình Phước): trên 200."),
        ("binh-phuoc-youth-2020", "Mỗi ngày trước 17:00, ngày làm việc, từ 02/01/2020"),
        ("binh-phuoc-youth-2020", "kỳ 2020-01 trước ngày 25/01/2020 (ngày nghỉ)"),
        ("binh-phuoc-youth-2020", "Một lần, trước ngày 30/11/2020."),
    ],
)
def test_what_the_documents_order_is_told(plan: str, words: str) -> None:
    assert words in told(plan)


def test_duties_several_times_a_year_and_terms() -> None:
    plan = read_plan(
        """
plan: thu
title: Kế hoạch thử
issued: {number: 1/KH, date: 2020-01-31}
runs: {from: 2020-01-31, to: 2021-12-31}
indicators:
  surveys:
    count: survey.completed
    where: {any: [{mode: phone}, {domain: {not: health}}]}
    target: {for: 461, more_than: 12}
obligations:
  training:
    title: Tập huấn
    owed_by: 461
    owed_to: RTA
    due: {every: year, day: 12-31, before: false, for: this year}
    fulfilled_by: {event: report.filed, times: 2, require: {document: {exists: true}}}
  review:
    owed_by: 461
    owed_to: RTA
    due: {within: 1 month, of: 2020-01-31}
    fulfilled_by: {event: report.filed}
merits:
  - {when: {indicator: surveys, state: met}, points: 5}
""",
        registry=REGISTRY,
    )
    text = "\n".join(sentences(plan))
    assert "Thành phố Đông Hà: trên 12." in text
    assert "(mode là phone hoặc domain khác health)" in text
    assert "Tập huấn: Thành phố Đông Hà nộp cho Đơn vị khảo sát độc lập RTA, 2 lần mỗi kỳ" in text
    assert "đủ khi document được ghi" in text
    assert "kỳ 2020 hết ngày 31/12/2020; kỳ 2021 hết ngày 31/12/2021" in text
    assert "Một lần, hết ngày 29/02/2020 (ngày nghỉ)." in text
    assert "thì cộng 5 điểm, mỗi kỳ" in text
