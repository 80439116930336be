"""What each event says. `...Given` models are what a source sends; the others are published."""

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict

from shared.events.scalars import (
    AbsentIfBlank,
    Answers,
    Code,
    EventRef,
    Hash,
    Instant,
    Month,
    Name,
    Opaque,
    Period,
    PersonCode,
    Reference,
    ShortName,
    Text,
    Whole,
)

Authority = Literal["province", "district", "commune"]
Channel = Literal["online", "counter", "post"]
ReturnBy = Literal["counter", "post"]
Status = Literal[
    "registered",
    "received",
    "refused",
    "in_process",
    "supplement_requested",
    "payment_requested",
    "withdrawn",
    "stopped",
    "result_ready",
    "returned",
]
Flag = Literal["present", "missing", "invalid"]

STATUS_CODES: dict[Status, int] = {status: code for code, status in enumerate(get_args(Status), 1)}
"""Status -> national code, in the order of these codes."""

OptionalInstant = Instant | None
OptionalCode = Annotated[Code | None, AbsentIfBlank]


class Data(BaseModel):
    """Base: strict, immutable; keys that it doesn't know are dropped."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="ignore", hide_input_in_errors=True, allow_inf_nan=False
    )


class InstallGiven(Data):
    """An attempt to install the citizens' app on one device."""

    unit: Code
    app: ShortName
    installer: PersonCode
    device: Annotated[Reference | None, AbsentIfBlank] = None
    citizen: Annotated[Reference | None, AbsentIfBlank] = None
    place: Literal["one_stop", "home", "public", "other"]
    result: Literal["succeeded", "failed"]
    reason: Annotated[Text | None, AbsentIfBlank] = None


class Install(InstallGiven):
    """As published: device and citizen are keyed hashes."""

    device: Hash | None = None
    citizen: Hash | None = None


class Applicant(Data):
    """Who filed a dossier. What is malformed here is a quality flag, not a fault."""

    name: Annotated[Reference | None, AbsentIfBlank] = None
    phone: Annotated[Reference | None, AbsentIfBlank] = None
    email: Annotated[Reference | None, AbsentIfBlank] = None
    kind: Literal["person", "organization"] | None = None
    notify: list[Literal["sms", "email"]] | None = None


class _Submission(Data):
    code: Opaque
    procedure: Code
    field: Name
    unit: Code
    credited_unit: OptionalCode = None
    authority: Authority
    channel: Channel
    service_level: Annotated[ShortName | None, AbsentIfBlank] = None
    submitted_at: Instant
    received_at: OptionalInstant = None
    due_at: OptionalInstant = None
    return_by: ReturnBy | None = None
    assisted_by: Annotated[PersonCode | None, AbsentIfBlank] = None
    assumed: list[Literal["channel"]] | None = None
    """What the source did not say, and was taken for the usual."""


class SubmissionGiven(_Submission):
    """A dossier was filed."""

    applicant: Applicant | None = None


class Quality(Data):
    """How good the contact data are. `present` for a phone means a valid mobile number."""

    name: Flag
    phone: Flag
    email: Flag


class Submission(_Submission):
    """As published: the applicant is a token, a hash and quality flags."""

    contact: Reference | None = None
    citizen: Hash | None = None
    applicant_kind: Literal["person", "organization"] | None = None
    quality: Quality


class StatusChange(Data):
    """A dossier reached a status of the national list."""

    code: Opaque
    unit: Code
    status: Status
    at: Instant
    department: Annotated[Name | None, AbsentIfBlank] = None
    due_at: OptionalInstant = None
    returned_at: OptionalInstant = None
    reason: Annotated[Text | None, AbsentIfBlank] = None


class Survey(Data):
    """A user of a service answered a questionnaire."""

    unit: Code
    domain: Literal["public_administration", "health"]
    mode: Literal["phone", "tablet"]
    questionnaire: Code
    answers: Answers
    dossier: Annotated[Opaque | None, AbsentIfBlank] = None


class ListDelivery(Data):
    """A unit handed in a list of people to ask, or of its installers."""

    unit: Code
    list: Literal["clients", "patients", "installers"]
    period: Annotated[Month | None, AbsentIfBlank] = None
    rows: Whole
    eligible: Whole | None = None
    mark: OptionalCode = None
    """Where those who can be asked are known to notify: what their references are made of."""


class ReportFiling(Data):
    """A unit handed in what a plan's obligation asks for."""

    unit: Code
    plan: Code
    obligation: Code
    period: Period
    document: Annotated[Name | None, AbsentIfBlank] = None


class Activity(Data):
    """What a team did; `people` counts visits, not persons."""

    unit: Code
    team: PersonCode
    member: PersonCode
    kind: Literal["reached", "guided", "supported", "trained", "core", "account_created", "duty"]
    people: Whole


class Difficulty(Data):
    """An obstacle that a unit met, or got over."""

    difficulty: Code
    unit: Code
    category: ShortName
    text: Text


class Total(Data):
    """An opening figure for a time of which no events exist."""

    unit: Code
    plan: Code
    indicator: Code
    period: Period
    value: Whole
    denominator: Whole | None = None


class Voiding(Data):
    """Withdraws an earlier or later event from every count."""

    of_source: EventRef
    of_id: EventRef
    reason: Text
