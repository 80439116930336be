"""A gateway that takes one HTTP request a message, as its description says."""

import unicodedata
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import httpx
import orjson

from services.notify.clients.attempt import Answer, Parcel
from services.notify.clients.gateways import placeholders, rules
from services.notify.clients.gateways.description import HttpDescription
from services.notify.rules.texts import fits_gsm7, segments
from shared import clock

PLACEHOLDERS = (
    "phone",
    "phone_84",
    "phone_0",
    "address",
    "text",
    "subject",
    "sender",
    "reference",
    "notice",
    "kind",
    "unicode",
    "segments",
    "receipt_url",
)
"""``phone`` is +84900000001, ``phone_84`` without the sign, ``phone_0`` 0900000001."""

MOST_BYTES = 64 << 10
CONNECT_SECONDS = 5.0
REST_SECONDS = 5.0


class HttpGateway:
    """One described gateway.

    Args:
        name: of its file.
        place: its place among those configured; its priority where its terms give none.
        receipt_url: our public address, or empty.
        timeout: seconds for an answer where the description gives none.
    """

    def __init__(
        self,
        name: str,
        description: HttpDescription,
        place: int = 1,
        receipt_url: str = "",
        timeout: float = 20.0,
    ) -> None:
        self.name, self.description, self.channel = name, description, description.channel
        self.receipt_url = receipt_url.rstrip("/")
        kinds = None
        if description.templates is not None:
            kinds = frozenset(
                kind
                for kind, template in description.templates.items()
                if placeholders.fill(template.id, {})
            )
        self.terms = description.terms.terms(place, told_as=description.told_as, kinds=kinds)
        # A pooled connection that the gateway has closed meanwhile looks like a lost answer, so
        # each message gets a connection of its own; a proxy would hide which side failed.
        self.http = httpx.AsyncClient(
            timeout=httpx.Timeout(description.timeout or timeout, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_keepalive_connections=0),
            trust_env=False,
            follow_redirects=False,
        )
        self._rules = [(rule.when, rule.is_) for rule in description.answer.rules]

    def values(self, parcel: Parcel) -> dict[str, Any]:
        """What the placeholders stand for."""
        text = unicodedata.normalize("NFC", parcel.body)
        words = self.description.unicode_words
        digits = parcel.address.removeprefix("+")
        values: dict[str, Any] = {
            "phone": parcel.address,
            "phone_84": digits,
            "phone_0": f"0{digits.removeprefix('84')}" if digits.startswith("84") else digits,
            "address": parcel.address,
            "text": text,
            "subject": parcel.subject or "",
            "sender": placeholders.fill(self.description.sender, {}),
            "reference": parcel.reference,
            "notice": parcel.notice,
            "kind": parcel.kind,
            "unicode": words["no" if fits_gsm7(text) else "yes"],
            "segments": segments(text),
            "receipt_url": self._receipt_address(),
        }
        values |= {f"fact.{name}": value for name, value in parcel.values.items()}
        template = (self.description.templates or {}).get(parcel.kind)
        if template is not None:
            values["template.id"] = placeholders.fill(template.id, {})
            values["template.data"] = placeholders.fill(template.data, values)
        return values

    def _receipt_address(self) -> str:
        receipts = self.description.receipts
        if not self.receipt_url or receipts is None:
            return ""
        address = f"{self.receipt_url}/v1/receipts/{self.name}"
        if receipts.key is not None:
            address += f"?key={quote(placeholders.fill(receipts.key, {}), safe='')}"
        return address

    def request(self, parcel: Parcel) -> httpx.Request:
        """The request of one message.

        Raises:
            Missing: a secret is no longer there.
        """
        described, values = self.description.request, self.values(parcel)
        given: dict[str, Any] = {
            "headers": {
                name: str(placeholders.fill(text, values)).encode("utf-8")
                for name, text in described.headers.items()
            }
        }
        if described.query:
            given["params"] = _texts(placeholders.fill(described.query, values))
        if described.form is not None:
            given["data"] = _texts(placeholders.fill(described.form, values))
        if described.json_ is not None:
            given["content"] = orjson.dumps(placeholders.fill(described.json_, values))
            given["headers"].setdefault("Content-Type", b"application/json; charset=utf-8")
        url = placeholders.fill(described.url, values, encode=True)
        request = self.http.build_request(described.method, url, **given)
        if described.basic is not None:
            user, password = (
                placeholders.fill(each, values)
                for each in (described.basic.user, described.basic.password)
            )
            request = next(httpx.BasicAuth(user, password).auth_flow(request))
        return request

    async def send(self, parcel: Parcel) -> Answer:
        """Hand one message to the gateway."""
        try:
            request = self.request(parcel)
        except placeholders.Missing:
            return Answer("again", "secret missing")
        except (httpx.InvalidURL, UnicodeError, ValueError, TypeError) as fault:
            return Answer("refused", type(fault).__name__)
        try:
            answer = await self.http.send(request, stream=True)
            try:
                body = await _read(answer)
            finally:
                await answer.aclose()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as fault:
            return Answer("again", type(fault).__name__)
        except httpx.UnsupportedProtocol as fault:
            return Answer("refused", type(fault).__name__)
        except httpx.HTTPError as fault:
            return Answer("unknown", type(fault).__name__)
        rest = _retry_after(answer.headers.get("retry-after", ""))
        return self.judge(answer.status_code, body, rest)

    def judge(self, status: int, body: bytes | None, rest: float = 0.0) -> Answer:
        """What an answer means; null ``body`` is one that could not be read whole."""
        described = self.description.answer
        document, readable = None, body is not None
        text = (body or b"").decode("utf-8", "replace").strip()
        if described.body == "json" and readable:
            try:
                document = orjson.loads(body or b"")
            except orjson.JSONDecodeError:
                readable = False
        # Nothing is taken that comes with the status of a failure, unless a rule says just that.
        fitting = [
            (conditions, verdict)
            for conditions, verdict in self._rules
            if 200 <= status < 300 or verdict != "accepted" or "http" in conditions
        ]
        verdict, code = rules.decide(
            fitting if readable else [], document, {"http": status, "text": text}
        )
        if verdict is None:
            return self._by_status(status, readable, rest)
        detail = f"code {code}" if code else f"http {status}"
        return self._answer(verdict, detail, document, text, rest)

    def _by_status(self, status: int, readable: bool, rest: float) -> Answer:
        detail = f"http {status}"
        if 200 <= status < 300:
            if not readable:
                # It may have taken the message and only garbled its answer.
                return Answer("unknown", "unreadable answer")
            return self._answer(self.description.answer.otherwise, "code unknown", None, "", rest)
        if status in (429, 503):
            return Answer("again", detail, rest=rest or (REST_SECONDS if status == 429 else 0.0))
        if status in (401, 402, 403, 407):
            return Answer("again", detail)
        # A 5xx of a proxy in between says nothing about whether the gateway took the message.
        return Answer("unknown" if status >= 500 else "refused", detail)

    def _answer(self, verdict: str, detail: str, document: Any, text: str, rest: float) -> Answer:
        if verdict == "down":
            return Answer("again", detail)
        if verdict == "again":
            return Answer("again", detail, blame=False, rest=rest)
        if verdict != "accepted":
            return Answer(verdict, detail)  # type: ignore[arg-type]
        path = self.description.answer.message_id
        named = None
        if path is not None:
            named = text if path == "text" else rules.as_text(rules.find(document, path))
        return Answer("accepted", detail, ids=(named,) if named and len(named) <= 200 else ())

    async def close(self) -> None:
        """Close the connections."""
        await self.http.aclose()


async def _read(answer: httpx.Response) -> bytes | None:
    """The body of an answer; null where it is absurdly long."""
    body = b""
    async for chunk in answer.aiter_bytes():
        body += chunk
        if len(body) > MOST_BYTES:
            return None
    return body


def _texts(given: dict[str, Any]) -> dict[str, str]:
    return {name: rules.as_text(value) or "" for name, value in given.items()}


def _retry_after(text: str) -> float:
    """Seconds of a ``Retry-After``, a number or a date; zero for none."""
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(text) - clock.now()).total_seconds())
    except (ValueError, TypeError):
        return 0.0
