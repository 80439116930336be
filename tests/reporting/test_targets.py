"""Which target of a plan a unit's online share is held against."""

from datetime import date
from fractions import Fraction

import pytest

from services.reporting import rules
from shared.plans import PlanVersion, Versions, read_plan
from tests.shared.test_plans_real import DEPLOY, REGISTRY

DUC_THO = (DEPLOY / "plans" / "duc-tho-2020.yaml").read_text()
YEAR = (date(2020, 1, 1), date(2020, 12, 31))


def target(unit, authority, text=DUC_THO):
    plan = read_plan(text.encode(), registry=REGISTRY)
    found = rules.online_target([Versions([PlanVersion(plan, 1)])], unit, authority, *YEAR)
    return found and found.bound.value


@pytest.mark.parametrize(
    ("unit", "authority", "share"),
    [
        ("18229", "commune", Fraction(1, 4)),
        ("DT-TNMT", "district", Fraction(3, 10)),
        ("18229", "district", None),  # a number of dossiers is asked there, not a share
        ("DT-TNMT", "commune", None),
        ("461", "district", None),
    ],
)
def test_a_list_that_nobody_has_decided_leaves_the_target_to_all_dossiers(unit, authority, share):
    assert target(unit, authority) == share


def test_a_target_about_listed_procedures_judges_no_share_of_all():
    text = DUC_THO.replace("commune-40: undecided", 'commune-40: ["2.000815"]')
    assert text != DUC_THO
    assert target("18229", "commune", text) is None
    assert target("DT-TNMT", "district", text) == Fraction(3, 10)
