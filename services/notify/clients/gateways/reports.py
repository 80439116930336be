"""Receipts of a described gateway: is the call from it, and what does it say."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from services.notify.clients.calls import Call, Forbidden, Report, Unreadable, form_of
from services.notify.clients.gateways import placeholders, rules
from services.notify.clients.gateways.description import Receipts, Signature

OF_SIGNATURE = ("body",)
"""Beside these, ``{field.PATH}`` is a field of the call."""
MOST_ITEMS = 1000


class DescribedReports:
    """Reads the calls of one gateway."""

    def __init__(self, receipts: Receipts) -> None:
        self.receipts, self.reply = receipts, receipts.reply
        self._rules = [(rule.when, rule.is_) for rule in receipts.rules]

    def read(self, call: Call) -> Sequence[Report]:
        """The reports in a call.

        Raises:
            Forbidden: neither its key nor its signature is right.
            Unreadable: it names no message, or a state that the description does not know.
        """
        fields = fields_of(call)
        self._check(call, fields)
        items = [fields]
        if self.receipts.items is not None:
            found = rules.find(fields, self.receipts.items)
            if not isinstance(found, list) or len(found) > MOST_ITEMS:
                raise Unreadable(self.receipts.items)
            items = [each for each in found if isinstance(each, Mapping)]
        return [report for each in items if (report := self._report(each)) is not None]

    def _report(self, fields: Mapping[str, Any]) -> Report | None:
        state, code = rules.decide(self._rules, fields, {})
        if state == "ignored":
            return None
        if state is None:
            raise Unreadable(next(iter(self.receipts.rules[0].when)))
        by = self.receipts.reference or self.receipts.message_id or ""
        named = rules.as_text(rules.find(fields, by))
        if not named or len(named) > 200:
            raise Unreadable(by)
        detail = f"receipt {code}".strip()
        if self.receipts.reference is not None:
            return Report(state, detail, reference=named)  # type: ignore[arg-type]
        return Report(state, detail, message_id=named)  # type: ignore[arg-type]

    def _check(self, call: Call, fields: Mapping[str, Any]) -> None:
        receipts = self.receipts
        if receipts.key is not None:
            key = str(placeholders.fill(receipts.key, {}))
            if not key or not _same(call.query.get("key", ""), key):
                raise Forbidden
        if receipts.signature is not None:
            shown = call.headers.get(receipts.signature.header.lower(), "")
            if not any(_same(shown, right) for right in sign(receipts.signature, call, fields)):
                raise Forbidden


def sign(signature: Signature, call: Call, fields: Mapping[str, Any]) -> list[str]:
    """What the header of a call has to hold: hex digits may be large or small."""
    values: dict[str, Any] = {"body": call.body.decode("utf-8", "surrogateescape")}
    for name in placeholders.used(signature.of):
        if name.startswith("field."):
            values[name] = rules.as_text(rules.find(fields, name.removeprefix("field."))) or ""
    text = str(placeholders.fill(signature.of, values)).encode("utf-8", "surrogateescape")
    if signature.secret is not None:
        secret = str(placeholders.fill(signature.secret, {})).encode()
        digest = hmac.new(secret, text, signature.algorithm).digest()
    else:
        digest = hashlib.new(signature.algorithm, text).digest()
    if signature.encoding == "base64":
        return [signature.prefix + base64.b64encode(digest).decode()]
    return [signature.prefix + digest.hex(), signature.prefix + digest.hex().upper()]


def fields_of(call: Call) -> dict[str, Any]:
    """The fields of a call: those of its body, JSON or a form, over those of its address."""
    found: dict[str, Any] = {name: value for name, value in call.query.items() if name != "key"}
    body = call.body.strip()
    if body.startswith((b"{", b"[")):
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise Unreadable("") from None
        return found | (document if isinstance(document, dict) else {"items": document})
    return found | form_of(call.body)


def _same(shown: str, right: str) -> bool:
    return hmac.compare_digest(shown.encode("utf-8", "replace"), right.encode("utf-8", "replace"))
