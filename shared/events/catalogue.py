"""Every event type that exists, with the models of its data."""

from typing import NamedTuple

from shared.events import data, outcomes


class EventType(NamedTuple):
    """`given` is what a source may send: None for what only our services emit."""

    given: type[data.Data] | None
    published: type[data.Data]


def _same(model: type[data.Data]) -> EventType:
    return EventType(model, model)


TYPES: dict[str, EventType] = {
    "motcua.install.recorded.v1": EventType(data.InstallGiven, data.Install),
    "motcua.dossier.submitted.v1": EventType(data.SubmissionGiven, data.Submission),
    "motcua.dossier.status_changed.v1": _same(data.StatusChange),
    "motcua.survey.completed.v1": _same(data.Survey),
    "motcua.list.delivered.v1": _same(data.ListDelivery),
    "motcua.report.filed.v1": _same(data.ReportFiling),
    "motcua.activity.recorded.v1": _same(data.Activity),
    "motcua.difficulty.raised.v1": _same(data.Difficulty),
    "motcua.difficulty.resolved.v1": _same(data.Difficulty),
    "motcua.total.recorded.v1": _same(data.Total),
    "motcua.record.voided.v1": _same(data.Voiding),
    "motcua.quota.progressed.v1": EventType(None, outcomes.Progress),
    "motcua.quota.reached.v1": EventType(None, outcomes.Progress),
    "motcua.quota.fell_behind.v1": EventType(None, outcomes.Progress),
    "motcua.stipend.earned.v1": EventType(None, outcomes.StipendEntry),
    "motcua.deadline.approaching.v1": EventType(None, outcomes.Deadline),
    "motcua.deadline.slipped.v1": EventType(None, outcomes.Deadline),
    "motcua.deadline.met.v1": EventType(None, outcomes.Deadline),
    "motcua.notice.sent.v1": EventType(None, outcomes.Notice),
    "motcua.notice.delivered.v1": EventType(None, outcomes.Notice),
    "motcua.notice.failed.v1": EventType(None, outcomes.Notice),
    "motcua.event.refused.v1": EventType(None, outcomes.Refusals),
    "motcua.calendar.missing.v1": EventType(None, outcomes.MissingCalendar),
    "motcua.publication.issued.v1": EventType(None, outcomes.Publication),
    "motcua.publication.revised.v1": EventType(None, outcomes.Publication),
    "motcua.publication.withdrawn.v1": EventType(None, outcomes.Publication),
    "motcua.report.built.v1": EventType(None, outcomes.BuiltReport),
}
"""Type -> models of its data."""

INCOMING = frozenset(name for name, models in TYPES.items() if models.given)
OUTCOMES = frozenset(name for name, models in TYPES.items() if models.given is None)
