"""An OpenID Connect provider for tests, which signs whatever a test wants and counts what it is asked."""

from __future__ import annotations

import json
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

CLIENT = "forebear"


def new_key(algorithm: str, kid: str = "one", size: int = 2048) -> Key:
    """A private key that signs with this algorithm; `size` in bits is that of an RSA key."""
    warnings.filterwarnings("ignore", category=SecurityWarning)  # weak ones are what some tests are about
    options: Any = {"kid": kid, "use": "sig"}
    if algorithm == "RS256":
        return RSAKey.generate_key(size, options)
    if algorithm == "ES256":
        return ECKey.generate_key("P-256", options)
    return OKPKey.generate_key("Ed25519", options)


def signed(claims: Mapping[str, object], key: Key, algorithm: str, **header: object) -> str:
    """A compact JWS over the claims."""
    warnings.filterwarnings("ignore", category=SecurityWarning)
    allowed = jws.JWSRegistry(algorithms=[algorithm])
    allowed.strict_check_header = False
    return jws.serialize_compact(
        {"alg": algorithm, "kid": key.kid, **header}, json.dumps(claims).encode(), key, registry=allowed
    )


@dataclass
class Stage:
    """What the provider answers. A test changes it."""

    issuer: str = ""
    key: Key = field(default_factory=lambda: new_key("ES256"))
    algorithm: str = "ES256"
    claims: dict[str, object] = field(default_factory=dict)
    """Claims besides the usual ones of the next ID tokens."""
    metadata: dict[str, object] = field(default_factory=dict)
    nonce: str = ""
    token: str | None = None
    """The ID token, where it is not made from the claims."""
    asked: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    """Path, form and Authorization header of each request."""

    def discovery(self) -> dict[str, object]:
        at = self.issuer
        return {
            "issuer": at,
            "authorization_endpoint": f"{at}/authorize",
            "token_endpoint": f"{at}/token",
            "jwks_uri": f"{at}/keys",
            "code_challenge_methods_supported": ["S256"],
            **self.metadata,
        }

    def keys(self) -> dict[str, object]:
        return {"keys": [self.key.as_dict(private=False)]}

    def id_token(self) -> str:
        now = int(time.time())
        usual = {"iss": self.issuer, "aud": CLIENT, "sub": "u-1", "nonce": self.nonce, "iat": now, "exp": now + 300}
        return self.token or signed({**usual, **self.claims}, self.key, self.algorithm)

    def asked_for(self, path: str) -> int:
        return sum(one == path for one, _, _ in self.asked)


@contextmanager
def provider() -> Iterator[Stage]:
    """A provider on this machine, for as long as the test runs."""
    stage = Stage()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            stage.asked.append((urlsplit(self.path).path, {}, ""))
            known = {"/.well-known/openid-configuration": stage.discovery, "/keys": stage.keys}
            answer = known.get(urlsplit(self.path).path)
            self._send(200 if answer else 404, answer() if answer else {})

        def do_POST(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            stage.asked.append((self.path, form, self.headers.get("Authorization", "")))
            self._send(400, {"error": "invalid_grant"}) if form.get("code") != "good" else self._send(
                200, {"id_token": stage.id_token(), "access_token": "x", "token_type": "Bearer"}
            )

        def _send(self, status: int, body: Any) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: pytest shows what a test printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stage.issuer = f"http://127.0.0.1:{server.server_port}"
    yield stage
    server.shutdown()
    server.server_close()
