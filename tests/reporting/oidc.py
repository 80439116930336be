"""A small provider of identities that really signs: description, keys, codes, tokens."""

import base64
import contextlib
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT = "motcua-test"


class Identities:
    """What the provider knows and hands out; tests change `claims` to have it say wrong things."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.signer: Any = self.key
        self.algorithm = "RS256"
        self.claims: dict[str, Any] = {}
        self.asked: dict[str, dict[str, str]] = {}

    def authorize(self, query: dict[str, str]) -> str:
        """A code for a log-in that was asked for."""
        code = f"code-{len(self.asked)}"
        self.asked[code] = query
        return code

    def exchange(self, form: dict[str, str]) -> dict[str, Any] | None:
        """Tokens for a code, once, where the verifier fits the challenge."""
        query = self.asked.pop(form.get("code", ""), None)
        if query is None:
            return None
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        fits = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == query["code_challenge"]
        if not fits or form["redirect_uri"] != query["redirect_uri"]:
            return None
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "subject-1",
            "iat": now,
            "exp": now + 300,
            "nonce": query["nonce"],
            "preferred_username": "nguoi.xem",
        } | self.claims
        token = jwt.encode(claims, self.signer, self.algorithm, headers={"kid": "k1"})
        return {"id_token": token, "access_token": "unused", "token_type": "Bearer"}

    def public(self) -> dict[str, Any]:
        """The key by which tokens are checked."""
        shown = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return shown | {"kid": "k1", "use": "sig", "alg": "RS256"}


@contextlib.contextmanager
def provider() -> Iterator[Identities]:
    """A provider on a free port for as long as the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if url.path == "/.well-known/openid-configuration":
                self.answer(
                    {
                        "issuer": known.issuer,
                        "authorization_endpoint": f"{known.issuer}/authorize",
                        "token_endpoint": f"{known.issuer}/token",
                        "jwks_uri": f"{known.issuer}/keys",
                    }
                )
            elif url.path == "/keys":
                self.answer({"keys": [known.public()]})
            else:
                self.answer(None)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.answer(known.exchange({name: many[0] for name, many in parse_qs(body).items()}))

        def answer(self, content: dict[str, Any] | None) -> None:
            body = json.dumps(content or {"error": "invalid_grant"}).encode()
            self.send_response(200 if content else 400)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    known = Identities(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield known
    finally:
        server.shutdown()
        server.server_close()
