"""An OIDC issuer that does what a test wants: real ones can't be made to do wrong."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qsl

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tests.support.free_port import free_port

AUDIENCE = "dns-api"
ISSUER = "https://login.example.org/realms/dns"
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def claims(**changes: Any) -> dict[str, Any]:
    """What a good access token says, with changes; None leaves a claim out."""
    now = int(time.time())
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "1234",
        "iat": now,
        "exp": now + 300,
        "email": "Ann@example.org",
        "groups": ["team-a"],
        "realm_access": {"roles": ["dns-users"]},
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


@dataclass(frozen=True)
class SigningKey:
    """A private key of an issuer."""

    key_id: str | None = "k1"
    algorithm: str = "ES256"
    key: PrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def sign(self, payload: Mapping[str, Any] | bytes, **header: Any) -> str:
        """Make a token; None leaves a field of its header out."""
        content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        fields = {"kid": self.key_id, "typ": "at+jwt"} | header
        named = {name: value for name, value in fields.items() if value is not None}
        return jwt.PyJWS().encode(content, self.key, self.algorithm, named)

    def jwk(self, **changes: Any) -> dict[str, Any]:
        """The public key, as it is published."""
        made = jwt.get_algorithm_by_name(self.algorithm).to_jwk(self.key.public_key(), as_dict=True)
        found = {"kid": self.key_id, "use": "sig", "alg": self.algorithm} | made | changes
        found.pop("key_ops", None)
        return {name: value for name, value in found.items() if value is not None}


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """A new RSA key."""
    return rsa.generate_private_key(65537, bits)


def written(header: object, payload: object, signature: bytes = b"") -> str:
    """A token that no library would make."""
    parts = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in (header, payload)]
    return ".".join(urlsafe_b64encode(each).rstrip(b"=").decode() for each in (*parts, signature))


class RunningIssuer:
    """An issuer at an address. It publishes what stands in its attributes at that time."""

    def __init__(self, *keys: SigningKey, tls: SSLContext | None = None) -> None:
        self.keys = [key.jwk() for key in keys]
        self.port = free_port()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.described: dict[str, Any] = {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/keys",
            "authorization_endpoint": f"{self.url}/authorize?realm=main",
            "end_session_endpoint": f"{self.url}/logout?realm=main",
            "token_endpoint": f"{self.url}/token",
        }
        self.given: object = {}  # for a code
        self.forms: list[dict[str, str]] = []  # with codes
        self.authorizations: list[str | None] = []  # headers that came with these
        self.status = 200
        self.padding = 0  # bytes before the keys
        self.asked: list[str] = []  # paths, in their order
        self.answering = Event()  # else they wait
        self.answering.set()
        self._tls = tls
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        """Begin to answer."""
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                issuer.answering.wait(10)
                content = issuer.content(self.path)
                self.send_response(issuer.status)
                self.send_header("Location", f"{issuer.url}/elsewhere")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                issuer.forms.append(dict(parse_qsl(self.rfile.read(length).decode())))
                issuer.authorizations.append(self.headers["Authorization"])
                self.do_GET()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        if self._tls:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def content(self, path: str) -> bytes:
        """What stands at a path."""
        found = {"/.well-known/openid-configuration": self.described, "/token": self.given}
        return b" " * self.padding + json.dumps(found.get(path, {"keys": self.keys})).encode()

    def stop(self) -> None:
        """Be away."""
        if self._server is not None:
            self.answering.set()
            self._server.shutdown()
            self._server.server_close()
            self._server = None
