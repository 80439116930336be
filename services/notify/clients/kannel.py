"""SMS through Kannel's HTTP ``sendsms``; receipts come back to an address of ours."""

from urllib.parse import urlencode

import httpx

from services.notify.clients.attempt import Answer, Parcel
from services.notify.rules.terms import Terms
from services.notify.rules.texts import fits_gsm7

DEFAULT = Terms()
RECEIPTS_WANTED = 31
"""Delivered, failed, buffered, accepted, rejected (the bit mask ``dlr-mask``)."""


class Kannel:
    """One Kannel smsbox.

    Args:
        url: address of ``sendsms``, such as ``http://gateway:13013/cgi-bin/sendsms``.
        user, password: of Kannel's ``sendsms-user``.
        sender: what the handset shows as the sender; may be empty.
        receipt_url: our public address for receipts, or empty for no receipts.
        connect_timeout, timeout: seconds; a time-out after connecting leaves the result unknown.
    """

    channel = "sms"

    def __init__(
        self,
        url: str,
        user: str = "",
        password: str = "",
        sender: str = "",
        receipt_url: str = "",
        connect_timeout: float = 5.0,
        timeout: float = 20.0,
        name: str = "kannel",
        terms: Terms = DEFAULT,
    ) -> None:
        self.name, self.url, self.terms = name, url, terms
        self.user, self.password, self.sender = user, password, sender
        self.receipt_url = receipt_url.rstrip("/")
        # A pooled connection that the gateway has closed meanwhile looks like a lost answer, so
        # each message gets a connection of its own; a proxy would hide which side failed.
        self.http = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout, connect=connect_timeout),
            limits=httpx.Limits(max_keepalive_connections=0),
            trust_env=False,
            follow_redirects=False,
        )

    def parameters(self, parcel: Parcel) -> dict[str, str]:
        """The query of one message, in UTF-8; UCS-2 only where the GSM alphabet does not do."""
        query = {
            "username": self.user,
            "password": self.password,
            "to": parcel.address,
            "text": parcel.body,
            "charset": "UTF-8",
        }
        if self.sender:
            query["from"] = self.sender
        if not fits_gsm7(parcel.body):
            query["coding"] = "2"
        if self.receipt_url:
            # Kannel fills in %d; the rest must not be quoted twice.
            query["dlr-mask"] = str(RECEIPTS_WANTED)
            query["dlr-url"] = (
                f"{self.receipt_url}/v1/receipts/{self.name}"
                f"?{urlencode({'ref': parcel.reference})}&type=%d"
            )
        return query

    async def send(self, parcel: Parcel) -> Answer:
        """Hand one message to the gateway."""
        try:
            answer = await self.http.get(self.url, params=self.parameters(parcel))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as fault:
            return Answer("again", type(fault).__name__)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as fault:
            return Answer("refused", type(fault).__name__)
        except httpx.HTTPError as fault:
            return Answer("unknown", type(fault).__name__)
        return read_answer(answer.status_code)

    async def close(self) -> None:
        """Close the connections."""
        await self.http.aclose()


def read_answer(status: int) -> Answer:
    """What Kannel's HTTP status says: 202 taken or queued, 503 try later, 4xx no."""
    detail = f"http {status}"
    if 200 <= status < 300:
        return Answer("accepted", detail)
    if status in (429, 503):
        return Answer("again", detail)
    # A 5xx of a proxy in between says nothing about whether the gateway took the message.
    return Answer("unknown" if status >= 500 else "refused", detail)
