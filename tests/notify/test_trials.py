"""A trial writes and shows everything and reaches nobody, or only those who take part in it."""

import pytest

from services.notify.rules.notices import Officer
from services.notify.rules.trials import Trial, read_allowed
from tests.builders import status
from tests.notify.test_leaving import appoint, dossier


def trial(world, **given):
    world.set_policy(trial=Trial(**given))


async def test_a_dry_run_writes_everything_and_sends_nothing_then_or_later(world):
    trial(world, dry_run=True)
    await world.tell(dossier("C-1", notify=["sms", "email"]))
    await world.deliver()
    assert await world.states() == [("received", "dry_run", "dry_run")] * 2
    assert all("C-1" in n.body for n in await world.notices())
    trial(world)
    await world.tell(dossier("C-1", notify=["sms", "email"]), dossier("C-2", number=2))
    await world.deliver()
    assert [p.address for p in world.sms.parcels] == ["+84900000002"]
    assert await world.states("C-1") == [("received", "dry_run", "dry_run")] * 2


async def test_a_dry_run_needs_no_provider(world):
    world.channels = frozenset()
    world.rebuild()
    trial(world, dry_run=True)
    await world.tell(dossier("C-1"))
    assert await world.states() == [("received", "dry_run", "dry_run")]


async def test_a_contact_that_comes_after_a_dry_run_lets_go_nothing(world):
    trial(world, dry_run=True)
    contacts, published = world.split(dossier("C-1"))
    await world.apply(world.on_events, published)
    assert await world.states() == [("received", "waiting_contact", "dry_run")]
    trial(world)
    await world.apply(world.on_contacts, contacts)
    await world.deliver()
    assert await world.states() == [("received", "dry_run", "dry_run")]
    assert world.sms.parcels == []


async def test_what_was_ready_before_the_trial_stays_here(world):
    await world.tell(dossier("C-1"))
    trial(world, dry_run=True)
    await world.deliver()
    assert await world.states() == [("received", "dry_run", "dry_run")]
    trial(world)
    await world.deliver()
    assert world.sms.parcels == []


async def test_only_those_on_the_list_are_sent_anything(world):
    await appoint(world, Officer("o1", "461", "Cán bộ mẫu", None, None, "O1@Example.org"))
    trial(world, allowed=read_allowed(["0900000001", "@example.org # the office"]))
    await world.tell(
        dossier("C-1", number=1),
        dossier("C-2", number=2),
        dossier("C-3", number=3, notify=["sms", "email"]),
        status("C-1", "result_ready", "2026-10-12T08:50:00+07:00"),
    )
    await world.deliver()
    assert {p.address for p in world.sms.parcels} == {"+84900000001"}
    assert {p.address for p in world.email.parcels} == {"nop3@example.org"}
    assert await world.states("C-2") == [("received", "dry_run", "not_allowed")]


@pytest.mark.parametrize("entry", ["nobody", "0233123", "a b@example.org", "@", "x@y"])
def test_a_list_with_rubbish_is_refused_unrepeated(entry):
    with pytest.raises(ValueError, match="list mobile numbers") as caught:
        read_allowed(["0900000001", entry])
    assert entry not in str(caught.value) or entry == "@"


def test_an_empty_list_lets_nobody_through():
    assert Trial(allowed=read_allowed(["# nobody yet", ""])).bars("+84900000001") == "not_allowed"
    assert Trial().bars("+84900000001") is None
