"""The whole year, in the order in which it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from shared.demo.activities import tell_activities, tell_difficulties, tell_totals, tell_voids
from shared.demo.dossiers import tell_dossiers
from shared.demo.envelope import Event
from shared.demo.installs import tell_installs
from shared.demo.lists import tell_lists, tell_reports
from shared.demo.scenario import Scenario
from shared.demo.surveys import tell_surveys


def tell(scenario: Scenario, scale: float = 1.0) -> Iterator[Event]:
    """All events of a scenario, or an even share of its many (0 to 1): the same at every call.

    A share is a part of the whole, with the same ids and bodies. What belongs together stands
    together, so that a consumer folds a dossier once rather than once an event.
    """
    return chain(
        tell_lists(scenario),
        tell_installs(scenario, scale),
        tell_totals(scenario),
        tell_difficulties(scenario),
        tell_voids(scenario),
        tell_reports(scenario, scale),
        tell_surveys(scenario, scale),
        tell_activities(scenario, scale),
        tell_dossiers(scenario, scale),
    )
