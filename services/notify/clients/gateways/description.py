"""How a gateway is described in a file. Every mistake is one clear fault, with how to mend it."""

import re
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from services.notify.clients.gateways.placeholders import Missing, fill
from services.notify.clients.smpp import SmppOptions
from services.notify.rules.terms import Terms

AT_ONCE = 16
WINDOW = 10
Scalar = str | int | float | bool


def _alternatives(value: Any) -> Any:
    """One alternative or a list of them, as texts: a code may be written as a number."""
    given = value if isinstance(value, list) else [value]
    if not given or not all(isinstance(each, Scalar) for each in given):
        raise ValueError("write a code, a range such as 1..63, or a list of them")
    return tuple(
        str(each).lower() if isinstance(each, bool) else str(each).strip() for each in given
    )


def _from_environment(value: Any) -> Any:
    """A number may come from the environment; what comes empty is as if it were not there."""
    if not isinstance(value, str):
        return value
    try:
        return fill(value, {}) or None
    except Missing as fault:
        raise ValueError(f"{fault.name} is not set: set it, or write a number") from None
    except KeyError:
        raise ValueError("write a number, or {env.NAME|number}") from None


Tunable = BeforeValidator(_from_environment)
Alternatives = Annotated[tuple[str, ...], BeforeValidator(_alternatives)]
Conditions = Annotated[dict[str, Alternatives], Field(min_length=1)]
Texts = dict[str, Scalar]
Path = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
EnvironmentText = Annotated[str, Field(min_length=1)]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TermsPart(Part):
    """On what terms it is used; ``rules/terms.py`` says what each means."""

    priority: Annotated[Annotated[int, Field(ge=1, le=1000)] | None, Tunable] = None
    weight: Annotated[Annotated[int, Field(ge=1, le=1000)] | None, Tunable] = None
    rate: Annotated[Annotated[float, Field(gt=0, le=100_000)] | None, Tunable] = None
    at_once: Annotated[Annotated[int, Field(ge=1, le=500)] | None, Tunable] = None
    price: Annotated[Annotated[int, Field(ge=0, le=10_000_000)] | None, Tunable] = None
    most_segments: Annotated[Annotated[int, Field(ge=1, le=255)] | None, Tunable] = None
    unicode: bool = True

    def terms(self, place: int, **more: Any) -> Terms:
        """The terms of the provider that is configured at a place (1 is the first)."""
        return Terms(
            priority=self.priority or place,
            weight=self.weight or 1,
            rate=self.rate,
            at_once=self.at_once or AT_ONCE,
            price=self.price,
            most_segments=self.most_segments,
            unicode=self.unicode,
            **more,
        )


class Basic(Part):
    """HTTP Basic authentication."""

    user: str
    password: str


class Request(Part):
    """What is sent for one message."""

    method: Literal["GET", "POST", "PUT"] = "POST"
    url: str
    headers: dict[str, str] = {}
    basic: Basic | None = None
    query: Texts = {}
    form: Texts | None = None
    json_: Annotated[Any, Field(alias="json")] = None

    @model_validator(mode="after")
    def check(self) -> "Request":
        bodies = [self.form is not None, self.json_ is not None]
        if sum(bodies) > 1:
            raise ValueError("a request has one body: write 'json' or 'form', not both")
        if self.method == "GET" and any(bodies):
            raise ValueError("a GET has no body: write 'query' instead of 'json' or 'form'")
        if not self.url.startswith("{env."):
            parts = urlsplit(self.url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError(
                    "'url' begins with http:// or https://, or is {env.NAME|https://...}"
                )
        return self


class AnswerRule(Part):
    """What an answer means if all conditions hold. ``down``: the gateway serves nobody now, as
    with an account that is locked or empty."""

    when: Conditions
    is_: Annotated[
        Literal["accepted", "refused", "elsewhere", "again", "down", "unknown"], Field(alias="is")
    ]


class Answer(Part):
    """How an answer is read."""

    body: Literal["json", "text"] = "json"
    rules: Annotated[list[AnswerRule], Field(min_length=1)]
    otherwise: Literal["refused", "elsewhere", "again", "down", "unknown"] = "refused"
    message_id: Path | None = None

    @model_validator(mode="after")
    def check(self) -> "Answer":
        if not any(rule.is_ == "accepted" for rule in self.rules):
            raise ValueError("no rule says what is accepted: write one with 'is: accepted'")
        return self


class Signature(Part):
    """What shows that a call comes from the gateway: a digest of ``of`` in a header, keyed by
    ``secret`` (HMAC) where there is one."""

    header: str
    algorithm: Literal["sha256", "sha512", "sha1", "md5"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    secret: EnvironmentText | None = None
    of: str = "{body}"

    @model_validator(mode="after")
    def check(self) -> "Signature":
        if self.secret is None and "{env." not in self.of:
            raise ValueError(
                "a digest that anybody can compute proves nothing: write 'secret: \"{env.NAME}\"'"
            )
        return self


class ReceiptRule(Part):
    """What a receipt means if all conditions hold."""

    when: Conditions
    is_: Annotated[
        Literal["delivered", "failed", "accepted", "buffered", "ignored"], Field(alias="is")
    ]


class Receipts(Part):
    """How calls about what became of messages are read: whose they are by ``reference`` (a field
    that gives ours back) or by ``message_id`` (the gateway's own)."""

    key: EnvironmentText | None = None
    signature: Signature | None = None
    reference: Path | None = None
    message_id: Path | None = None
    items: Path | None = None
    rules: Annotated[list[ReceiptRule], Field(min_length=1)]
    reply: str | None = None

    @model_validator(mode="after")
    def check(self) -> "Receipts":
        if (self.reference is None) == (self.message_id is None):
            raise ValueError("write either 'reference' or 'message_id': by it a message is found")
        if self.key is None and self.signature is None:
            raise ValueError(
                "anybody could report: write 'key: \"{env.NAME}\"' (it stands in the address) or "
                "'signature'"
            )
        return self


class Template(Part):
    """A template that the gateway keeps, and what it is filled in with."""

    id: str
    data: dict[str, Any] = {}


class HttpDescription(Part):
    """A gateway that takes one HTTP request a message."""

    kind: Literal["http"] = "http"
    title: str
    channel: Literal["sms", "email"] = "sms"
    told_as: Literal["sms", "email", "zns"] | None = None
    terms: TermsPart = TermsPart()
    timeout: Annotated[float, Field(gt=0, le=60)] | None = None
    sender: str = ""
    unicode_words: dict[Literal["yes", "no"], Scalar] = {"yes": "1", "no": "0"}
    templates: dict[str, Template] | None = None
    request: Request
    answer: Answer
    receipts: Receipts | None = None

    @model_validator(mode="after")
    def check(self) -> "HttpDescription":
        if set(self.unicode_words) != {"yes", "no"}:
            raise ValueError("'unicode_words' holds what {unicode} becomes: write 'yes' and 'no'")
        if self.receipts and self.receipts.message_id and self.answer.message_id is None:
            raise ValueError(
                "receipts go by the gateway's own id: write 'answer: message_id' to learn it"
            )
        return self


def _status(value: Any) -> Any:
    """A status of SMPP, as a number or in hex."""
    try:
        return int(value, 16) if isinstance(value, str) else value
    except ValueError:
        raise ValueError("write a status such as 0x58") from None


Statuses = list[Annotated[int, BeforeValidator(_status), Field(ge=1, le=0xFFFFFFFF)]]


class SmppDescription(Part):
    """A carrier that speaks SMPP 3.4; ``url`` is ``smpp://user:password@host:2775``, or ``smpps``
    for TLS. ``clients/smpp/options.py`` says what each of the others means."""

    kind: Literal["smpp"]
    title: str
    terms: TermsPart = TermsPart()
    timeout: Annotated[float, Field(gt=0, le=60)] | None = None
    url: str
    sender: str = ""
    sender_ton: Annotated[int, Field(ge=0, le=6)] | None = None
    sender_npi: Annotated[int, Field(ge=0, le=18)] | None = None
    system_type: Annotated[str, Field(max_length=12)] = ""
    window: Annotated[Annotated[int, Field(ge=1, le=500)] | None, Tunable] = None
    enquire: Annotated[float, Field(gt=0, le=600)] = 30
    long: Literal["udh", "payload", "sar"] = "udh"
    ids: Literal["same", "hex_in_answers", "hex_in_receipts"] = "same"
    receipts: bool = True
    validity: Annotated[str, Field(max_length=16, pattern=r"^(\d{15}[R+-]|)$")] = ""
    refused: Statuses = []
    again: Statuses = []

    @model_validator(mode="after")
    def check(self) -> "SmppDescription":
        if (self.sender_ton is None) != (self.sender_npi is None):
            raise ValueError("'sender_ton' and 'sender_npi' go together: write both or none")
        if not self.url.startswith(("{env.", "smpp://", "smpps://")):
            raise ValueError("'url' is smpp://user:password@host:2775, or {env.NAME}")
        return self

    def options(self, timeout: float) -> SmppOptions:
        """With what the environment holds.

        Raises:
            ValueError: the address is none.
        """
        parts = urlsplit(fill(self.url, {}))
        if parts.scheme not in ("smpp", "smpps") or not parts.hostname or parts.port == 0:
            raise ValueError("write smpp://user:password@host:2775")
        sender = fill(self.sender, {})
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if len(user) > 15 or len(password) > 64 or len(sender) > 20:
            raise ValueError("a user has 15 characters at most, a password 64, a sender 20")
        typed = None if self.sender_ton is None else (self.sender_ton, self.sender_npi or 0)
        return SmppOptions(
            host=parts.hostname,
            port=parts.port or 2775,
            system_id=user,
            password=password,
            tls=parts.scheme == "smpps",
            system_type=self.system_type,
            window=self.window or WINDOW,
            sender=sender,
            sender_type=typed,
            long=self.long,
            ids=self.ids,
            receipts=self.receipts,
            validity=self.validity,
            timeout=self.timeout or timeout,
            enquire=self.enquire,
            refused=frozenset(self.refused),
            again=frozenset(self.again),
        )


Description = HttpDescription | SmppDescription
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
TAKEN = re.compile(r"kannel(-\d+)?|smtp|email|outbox")
