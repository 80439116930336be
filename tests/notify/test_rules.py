"""Which notices follow from a dossier's story, and whether they may go out."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.rules import deadlines, notices, receipts
from services.notify.rules.notices import Contact, Draft, Officer, Policy, Told
from shared.clock import VN, local_day
from shared.dossiers import StatusChange, Submission, read_story
from shared.events import uid

CODE = "000.00.24.H50-261008-0001"
SOURCE = "/one-stop/461"


def at(text: str) -> datetime:
    """Local time ``MM-DD HH:MM`` of 2026."""
    return datetime.strptime(f"2026-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=VN)


def submitted(
    when="10-05 08:00", received="10-05 08:10", due="10-12 17:00", event="s1", source=SOURCE
):
    moment = at(when)
    return Submission(
        order=(moment, source, event),
        unit="461",
        field="Đất đai",
        procedure="1.005129",
        authority="district",
        channel="counter",
        submitted_at=moment,
        rday=local_day(moment),
        uid=uid(source, event),
        received_at=at(received) if received else None,
        due_at=at(due) if due else None,
        contact="token",
    )


def status(name, when, due=None, department=None, event=None, source=SOURCE):
    moment = at(when)
    event = event or f"{name}-{when}"
    return StatusChange(
        order=(moment, source, event),
        unit="461",
        status=name,
        at=moment,
        rday=local_day(moment),
        uid=uid(source, event),
        due_at=at(due) if due else None,
        department=department,
    )


def told_by(submission, *statuses):
    story = read_story([submission], statuses)
    versions = deadlines.versions_of(story)
    return notices.facts_of(CODE, story.submission, story.statuses, versions)


def kinds(facts):
    return [fact.kind for fact in facts]


NOW = at("10-12 12:00")
POLICY = Policy(channels=frozenset({"sms", "email"}))
MOBILE, FIXED = "+84900000001", "+842333000001"


class TestFacts:
    def test_a_whole_life_is_told_in_order(self):
        facts = told_by(
            submitted(),
            status("received", "10-05 08:10"),
            status("in_process", "10-05 14:00", department="Phòng Tài nguyên"),
            status("supplement_requested", "10-06 09:00"),
            status("result_ready", "10-09 15:00"),
            status("returned", "10-10 09:00"),
        )
        assert kinds(facts) == [
            "received",
            "in_process",
            "supplement_requested",
            "result_ready",
            "returned",
        ]

    def test_receipt_is_told_once_though_submission_and_status_state_it(self):
        facts = told_by(submitted(), status("received", "10-05 08:30"))
        assert kinds(facts) == ["received"]
        assert facts[0].at == at("10-05 08:10")

    def test_receipt_is_told_by_the_status_where_the_submission_is_silent(self):
        facts = told_by(submitted(received=None), status("received", "10-05 10:00"))
        assert kinds(facts) == ["received"]
        assert facts[0].at == at("10-05 10:00")

    def test_an_implied_receipt_is_not_told(self):
        facts = told_by(submitted(received=None), status("in_process", "10-05 10:00"))
        assert kinds(facts) == ["in_process"]

    def test_registration_alone_is_told_to_nobody(self):
        assert told_by(submitted(received=None), status("registered", "10-05 08:00")) == []

    def test_the_receipt_names_the_due_date(self):
        assert dict(told_by(submitted())[0].facts)["due"] == "12/10/2026"

    def test_progress_in_the_same_department_is_told_once(self):
        facts = told_by(
            submitted(),
            status("in_process", "10-05 10:00", department="A"),
            status("in_process", "10-05 11:00", department="A"),
            status("in_process", "10-05 12:00"),
            status("in_process", "10-06 10:00", department="B"),
        )
        assert [dict(f.facts).get("department") for f in facts[1:]] == ["A", "B"]

    def test_taking_it_up_again_after_a_supplement_is_told(self):
        facts = told_by(
            submitted(),
            status("in_process", "10-05 10:00", department="A"),
            status("supplement_requested", "10-06 10:00"),
            status("in_process", "10-07 10:00", department="A"),
        )
        assert kinds(facts) == ["received", "in_process", "supplement_requested", "resumed"]

    def test_each_supplement_request_is_told(self):
        facts = told_by(
            submitted(),
            status("supplement_requested", "10-06 10:00"),
            status("supplement_requested", "10-08 10:00"),
        )
        assert kinds(facts).count("supplement_requested") == 2

    def test_only_the_first_result_is_told(self):
        facts = told_by(
            submitted(),
            status("result_ready", "10-09 15:00"),
            status("result_ready", "10-09 16:00"),
        )
        assert [f.at for f in facts if f.kind == "result_ready"] == [at("10-09 15:00")]

    def test_a_dossier_not_yet_submitted_is_told_of_under_the_unit_of_its_status(self):
        facts = notices.facts_of(CODE, None, [status("result_ready", "10-09 15:00")])
        assert kinds(facts) == ["result_ready"]
        assert facts[0].unit == "461"

    @given(st.permutations(range(5)), st.data())
    def test_order_and_repeats_do_not_matter(self, order, data):
        events = [
            status("received", "10-05 08:10"),
            status("in_process", "10-05 14:00", department="A"),
            status("supplement_requested", "10-06 09:00"),
            status("in_process", "10-07 14:00", department="A"),
            status("result_ready", "10-09 15:00"),
        ]
        shuffled = [events[index] for index in order]
        assert told_by(submitted(), *shuffled) == told_by(submitted(), *events)


class TestNews:
    def test_nothing_is_told_twice(self):
        facts = told_by(submitted(), status("result_ready", "10-09 15:00"))
        told = [Told(fact.kind, fact.version) for fact in facts]
        assert notices.news(facts, told) == []

    def test_a_result_reported_anew_with_another_instant_is_no_news(self):
        facts = told_by(submitted(), status("result_ready", "10-09 15:00"))
        told = [Told("received", "x"), Told("result_ready", at("10-09 16:00").isoformat())]
        assert notices.news(facts, told) == []

    def test_after_a_void_the_true_result_is_news(self):
        facts = told_by(submitted(), status("result_ready", "10-09 15:00"))
        told = [Told("received", "x"), Told("result_ready", "earlier", standing=False)]
        assert kinds(notices.news(facts, told)) == ["result_ready"]

    def test_a_void_and_the_same_instant_again_is_no_news(self):
        facts = told_by(submitted())
        assert notices.news(facts, [Told("received", facts[0].version, standing=False)]) == []


class TestDraft:
    fact = told_by(submitted(when="10-12 08:00", received="10-12 08:10", due="10-20 17:00"))[0]

    def one(self, contact, expected=True, now=NOW, policy=POLICY, fact=None):
        return notices.draft(fact or self.fact, contact, expected, now, policy)

    def test_sms_is_usual(self):
        contact = Contact("A", MOBILE, "a@example.org")
        assert self.one(contact) == [Draft("sms", MOBILE, "ready")]

    @pytest.mark.parametrize("phone", [None, FIXED])
    def test_email_where_there_is_no_mobile(self, phone):
        contact = Contact("A", phone, "a@example.org")
        assert self.one(contact) == [Draft("email", "a@example.org", "ready")]

    def test_both_when_both_were_chosen(self):
        contact = Contact("A", MOBILE, "a@example.org", ("sms", "email"))
        assert [d.channel for d in self.one(contact)] == ["sms", "email"]

    def test_a_choice_is_kept_to(self):
        contact = Contact("A", FIXED, "a@example.org", ("sms",))
        assert self.one(contact) == [Draft(None, None, "unreachable", "no_address")]

    def test_whoever_wants_nothing_gets_nothing(self):
        contact = Contact("A", MOBILE, "a@example.org", ())
        assert self.one(contact) == [Draft(None, None, "withheld", "declined")]

    def test_nothing_reachable(self):
        assert self.one(Contact("A")) == [Draft(None, None, "unreachable", "no_address")]

    def test_an_applicant_without_any_contact(self):
        assert self.one(None, expected=False) == [Draft(None, None, "unreachable", "no_contact")]

    def test_a_contact_that_may_come_is_waited_for(self):
        assert self.one(None) == [Draft(None, None, "waiting_contact")]

    def test_without_a_provider_it_goes_to_the_outbox(self):
        policy = Policy(channels=frozenset({"email"}))
        contact = Contact("A", MOBILE)
        assert self.one(contact, policy=policy) == [Draft("sms", MOBILE, "outbox", "no_provider")]

    @pytest.mark.parametrize("contact", [None, Contact("A", MOBILE), Contact("A")])
    def test_what_is_older_than_two_days_is_withheld(self, contact):
        late = self.fact.at + timedelta(hours=48)
        [draft] = self.one(contact, now=late)
        assert (draft.state, draft.reason) == ("withheld", "stale")

    def test_just_inside_two_days_it_is_sent(self):
        soon = self.fact.origin.time + timedelta(hours=47, minutes=59)
        assert self.one(Contact("A", MOBILE), now=soon)[0].state == "ready"

    def test_an_old_event_is_stale_though_its_instant_is_not(self):
        origin = notices.Origin(b"x", SOURCE, NOW - timedelta(hours=49))
        fact = notices.Fact(CODE, "received", "v", NOW, "461", origin)
        assert self.one(Contact("A", MOBILE), fact=fact)[0].reason == "stale"

    def test_demo_is_withheld_even_when_fresh(self):
        [fact] = told_by(
            submitted(when="10-12 08:00", received="10-12 08:10", source="/demo/one-stop/461")
        )
        [draft] = self.one(Contact("A", MOBILE), fact=fact)
        assert draft == Draft("sms", MOBILE, "withheld", "demo")


class TestOfficers:
    fact = TestDraft.fact

    def drafts(self, *officers, policy=POLICY):
        return notices.draft_for_officers(self.fact, officers, NOW, policy)

    def test_every_officer_on_duty_is_told(self):
        found = self.drafts(
            Officer("1", "461", phone=MOBILE),
            Officer("2", "461", email="o@example.org"),
            Officer("3", "461", phone=MOBILE, valid_to=date(2026, 10, 12)),
            Officer("4", "461", phone=MOBILE, valid_from=date(2026, 10, 13)),
        )
        assert [(o.id, d.channel, d.state) for o, d in found] == [
            ("1", "sms", "ready"),
            ("2", "email", "ready"),
        ]

    def test_the_office_itself_where_nobody_is_known(self):
        assert self.drafts() == [(None, Draft(None, None, "outbox", "no_recipient"))]


def versions(submission, *statuses):
    return deadlines.versions_of(read_story([submission], statuses))


class TestDeadlines:
    def test_it_slips_when_the_day_after_begins(self):
        [version] = versions(submitted())
        assert version.slips_at == at("10-13 00:00")
        assert deadlines.state_of(version, at("10-12 23:59")) == "open"
        assert deadlines.state_of(version, at("10-13 00:00")) == "slipped"

    def test_a_result_on_the_due_day_meets_it(self):
        [version] = versions(submitted(), status("result_ready", "10-12 23:00"))
        assert (version.slips_at, version.rest) == (None, "met")

    def test_a_result_the_day_after_does_not_undo_the_slip(self):
        [version] = versions(submitted(), status("result_ready", "10-13 08:00"))
        assert version.slips_at == at("10-13 00:00")

    @pytest.mark.parametrize("pause", ["supplement_requested", "payment_requested", "stopped"])
    def test_paused_it_does_not_slip(self, pause):
        [version] = versions(submitted(), status(pause, "10-09 08:00"))
        assert (version.slips_at, version.rest) == (None, "paused")

    def test_taken_up_again_it_has_the_rest_of_that_day(self):
        [version] = versions(
            submitted(),
            status("supplement_requested", "10-09 08:00"),
            status("in_process", "10-15 09:00"),
        )
        assert version.slips_at == at("10-16 00:00")

    def test_taken_up_again_in_time_changes_nothing(self):
        [version] = versions(
            submitted(),
            status("supplement_requested", "10-06 08:00"),
            status("in_process", "10-07 09:00"),
        )
        assert version.slips_at == at("10-13 00:00")

    def test_paused_over_the_due_date_and_resolved_after_it(self):
        [version] = versions(
            submitted(),
            status("supplement_requested", "10-09 08:00"),
            status("result_ready", "10-15 09:00"),
        )
        assert (version.slips_at, version.rest) == (None, "late")

    def test_a_new_date_in_time_moves_it(self):
        old, new = versions(submitted(), status("in_process", "10-12 09:00", due="10-20 17:00"))
        assert (old.slips_at, old.rest) == (None, "moved")
        assert (new.number, new.slips_at) == (2, at("10-21 00:00"))

    def test_a_new_date_after_the_slip_is_a_second_version(self):
        story = read_story([submitted()], [status("in_process", "10-14 09:00", due="10-20 17:00")])
        found = deadlines.versions_of(story)
        assert [v.slips_at for v in found] == [at("10-13 00:00"), at("10-21 00:00")]
        assert deadlines.rescheduled(found, story.closed_at) == [tuple(found)]

    def test_a_date_stated_with_the_result_reschedules_nothing(self):
        story = read_story(
            [submitted()], [status("result_ready", "10-14 09:00", due="10-20 17:00")]
        )
        assert deadlines.rescheduled(deadlines.versions_of(story), story.closed_at) == []

    def test_the_same_date_stated_again_is_no_new_version(self):
        found = versions(submitted(), status("in_process", "10-06 09:00", due="10-12 11:00"))
        assert len(found) == 1

    def test_withdrawn_before_it_was_due(self):
        [version] = versions(submitted(), status("withdrawn", "10-09 09:00"))
        assert (version.slips_at, version.rest) == (None, "cancelled")

    def test_what_was_never_received_does_not_slip(self):
        [version] = versions(submitted(received=None))
        assert (version.slips_at, version.rest) == (None, "open")

    def test_no_due_date_no_deadline(self):
        assert versions(submitted(due=None)) == []


class TestReceipts:
    @pytest.mark.parametrize(
        ("mask", "meaning"),
        [(1, "delivered"), (2, "failed"), (4, "buffered"), (8, "accepted"), (16, "failed"),
         (34, "failed"), (0, None), (64, None)],
    )  # fmt: skip
    def test_the_bit_mask(self, mask, meaning):
        assert receipts.read_receipt(mask) == meaning

    @given(st.permutations([8, 4, 2, 1, 16, 34]))
    def test_any_order_ends_delivered(self, masks):
        state, by_receipt = "sent", False
        for mask in masks:
            new = receipts.after_receipt(state, by_receipt, receipts.read_receipt(mask), True)
            if new:
                state, by_receipt = new, new == "failed"
        assert state == "delivered"

    @given(st.permutations([8, 4, 2, 16]))
    def test_a_failure_is_not_undone_by_a_late_acceptance(self, masks):
        state, by_receipt = "sent", False
        for mask in masks:
            new = receipts.after_receipt(state, by_receipt, receipts.read_receipt(mask), True)
            if new:
                state, by_receipt = new, new == "failed"
        assert state == "failed"

    def test_a_receipt_settles_an_unknown_send(self):
        assert receipts.after_receipt("unknown", False, "accepted", True) == "sent"
        assert receipts.after_receipt("unknown", False, "delivered", True) == "delivered"

    def test_an_old_attempt_cannot_fail_a_newer_one(self):
        assert receipts.after_receipt("sent", False, "failed", False) is None

    def test_withheld_notices_have_no_receipts(self):
        assert receipts.after_receipt("withheld", False, "delivered", True) is None


class TestPace:
    def test_pauses_grow_to_a_limit(self):
        pauses = [receipts.pause(n, 0.5).total_seconds() for n in range(1, 30)]
        assert pauses == sorted(pauses)
        assert pauses[-1] <= receipts.LONGEST_PAUSE_SECONDS

    @pytest.mark.parametrize(
        ("when", "opens"),
        [("10-12 23:00", "10-13 07:00"), ("10-13 03:00", "10-13 07:00"),
         ("10-13 07:00", "10-13 07:00"), ("10-13 21:59", "10-13 21:59")],
    )  # fmt: skip
    def test_nobody_is_woken(self, when, opens):
        assert receipts.not_before(at(when), (time(22), time(7))) == at(opens)

    def test_quiet_hours_read(self):
        assert receipts.read_quiet_hours("22:00-07:00") == (time(22), time(7))
        assert receipts.read_quiet_hours("") is None
        with pytest.raises(ValueError):
            receipts.read_quiet_hours("late")

    def test_utc_instants_are_read_in_local_time(self):
        night = datetime(2026, 10, 12, 16, 0, tzinfo=UTC)
        assert receipts.not_before(night, (time(22), time(7))) == at("10-13 07:00")
