"""A provider of identities that speaks OpenID Connect (code flow with PKCE)."""

import asyncio
import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt
import structlog
from jwt import PyJWKClient

log = structlog.get_logger()

ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
)
"""Signatures with a public key only: what is signed with a shared secret proves nothing."""
SECONDS = 10.0
LEEWAY = 60
"""Seconds by which clocks may differ."""


class Refused(Exception):
    """The provider did not vouch, or what it said does not hold; the text says which part."""


@dataclass(frozen=True, slots=True)
class Start:
    """A log-in on its way: where to send the browser, and what must be known when it returns."""

    address: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the provider vouches for; `name` is the claim that was asked for."""

    issuer: str
    subject: str
    name: str | None


class Provider:
    """One provider.

    Args:
        issuer: its address; its description lies below it.
        client_id: as whom we are registered there.
        client_secret: our word there, or empty for a public client.
        claim: which claim names the user.
    """

    def __init__(self, issuer: str, client_id: str, client_secret: str, claim: str) -> None:
        self.issuer, self.client_id = issuer.rstrip("/"), client_id
        self.client_secret, self.claim = client_secret, claim
        self._description: dict[str, Any] | None = None
        self._keys: PyJWKClient | None = None

    async def start(self, redirect: str) -> Start:
        """Begin a log-in; raises `Refused` where the provider does not answer."""
        description = await self._describe()
        state, nonce = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": redirect,
            "scope": "openid profile email",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge.rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        target = description["authorization_endpoint"]
        joint = "&" if "?" in target else "?"
        return Start(f"{target}{joint}{urlencode(query)}", state, nonce, verifier)

    async def finish(self, code: str, verifier: str, nonce: str, redirect: str) -> Person:
        """Exchange a code for whom it stands for; raises `Refused`."""
        description = await self._describe()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "client_id": self.client_id,
            "code_verifier": verifier,
        }
        auth = (self.client_id, self.client_secret) if self.client_secret else None
        try:
            async with httpx.AsyncClient(timeout=SECONDS) as client:
                answer = await client.post(
                    description["token_endpoint"],
                    data=form,
                    auth=auth,
                    headers={"Accept": "application/json"},
                )
            token = answer.json()["id_token"] if answer.status_code == 200 else None
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as fault:
            raise Refused(f"token: {type(fault).__name__}") from None
        if not isinstance(token, str):
            raise Refused(f"token: {answer.status_code}")
        claims = await asyncio.to_thread(self._check, token, description)
        if not secrets.compare_digest(str(claims.get("nonce", "")), nonce):
            raise Refused("nonce")
        name = claims.get(self.claim)
        if self.claim == "email" and claims.get("email_verified") is not True:
            name = None
        return Person(self.issuer, claims["sub"], name if isinstance(name, str) else None)

    def _check(self, token: str, description: dict[str, Any]) -> dict[str, Any]:
        if self._keys is None:
            self._keys = PyJWKClient(description["jwks_uri"], timeout=SECONDS)
        try:
            key = self._keys.get_signing_key_from_jwt(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=ALGORITHMS,
                audience=self.client_id,
                issuer=description["issuer"],
                leeway=LEEWAY,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as fault:
            raise Refused(f"id token: {type(fault).__name__}") from None
        audience = claims["aud"]
        several = isinstance(audience, list) and len(audience) > 1
        if (several or "azp" in claims) and claims.get("azp") != self.client_id:
            raise Refused("id token: azp")
        return claims

    async def _describe(self) -> dict[str, Any]:
        if self._description is None:
            address = f"{self.issuer}/.well-known/openid-configuration"
            try:
                async with httpx.AsyncClient(timeout=SECONDS) as client:
                    found = (await client.get(address)).raise_for_status().json()
                needed = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
                complete = all(isinstance(found[name], str) for name in needed)
            except (httpx.HTTPError, ValueError, KeyError, TypeError) as fault:
                raise Refused(f"description: {type(fault).__name__}") from None
            if not complete or found["issuer"].rstrip("/") != self.issuer:
                raise Refused("description: issuer")
            self._description = found
        return self._description
