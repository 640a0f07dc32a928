"""A small identity provider (OpenID Connect) on loopback: authorization code flow, PKCE checked, signing out, one fault at a time."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import secrets
import threading
import time
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "ngoclinh-dashboard", "bi-mat-cua-may-khach"


class Identity:
    """The provider; everybody who comes is `name` with `roles`.

    Attributes:
        issuer: its address. `localhost` is another site than 127.0.0.1, so cookies are as between two hosts.
        fault: what it does wrong: "", state, replay, expired, nonce, signature, denied.
        came_back: the address that the browser was sent back to last.
        named: what its document says besides, or in the place of what it says by itself.
        left: what it was asked by those who signed out here.
        pieces: in how many pieces it sends its answers.
    """

    def __init__(self) -> None:
        self.name, self.roles, self.fault, self.came_back = "thu.ha", ["ngoclinh-analyst"], "", ""
        self._key, self._other = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
        self._codes: dict[str, dict[str, str]] = {}
        self.named: dict[str, Any] = {}
        self.left: list[dict[str, str]] = []
        self.pieces = 1
        identity = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
                asked = {key: each[0] for key, each in query.items()}
                if path in ("/authorize", "/logout"):
                    there = identity._authorized(asked) if path == "/authorize" else identity._signed_out(asked)
                    self.send_response(302)
                    self.send_header("Location", there)
                    self.end_headers()
                else:
                    self._answer(200, identity._document() if "well-known" in path else identity._keys())

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                given = {key: each[0] for key, each in form.items()}
                self._answer(*identity._redeemed(given, self.headers.get("Authorization", "")))

            def _answer(self, status: int, body: Any) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                size = -(-len(data) // identity.pieces)
                for start in range(0, len(data), size):
                    self.wfile.write(data[start : start + size])
                    time.sleep(0.05 * (identity.pieces > 1))

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.issuer = f"http://localhost:{self._server.server_address[1]}"

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()

    def _document(self) -> dict[str, Any]:
        places = {
            "authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys",
            "end_session_endpoint": "logout",
        }  # fmt: skip
        found = {"issuer": self.issuer} | {name: f"{self.issuer}/{place}" for name, place in places.items()}
        return found | self.named

    def _keys(self) -> dict[str, Any]:
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        return {"keys": [key | {"kid": "k", "use": "sig"}]}

    def _authorized(self, asked: dict[str, str]) -> str:
        """Where the browser goes back to."""
        assert (asked["client_id"], asked["response_type"]) == (CLIENT, "code")
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        given = {"state": "another" if self.fault == "state" else asked["state"], "code": code}
        if self.fault == "denied":
            given = {"state": asked["state"], "error": "access_denied"}
        if self.fault == "replay":
            self._codes.pop(code)  # somebody else was quicker
        self.came_back = f"{asked['redirect_uri']}?{urlencode(given)}"
        return self.came_back

    def _signed_out(self, asked: dict[str, str]) -> str:
        """Where the browser goes back to from signing out."""
        assert asked["client_id"] == CLIENT
        self.left.append(asked)
        return f"{asked['post_logout_redirect_uri']}?{urlencode({'state': asked['state']})}"

    def _redeemed(self, given: dict[str, str], authorization: str) -> tuple[int, dict[str, str]]:
        """The ID token for a code, once, to who began and knows the secret."""
        asked = self._codes.pop(given.get("code", ""), None)
        verifier = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        pair = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        good = asked and asked["code_challenge"] == challenge and asked["redirect_uri"] == given["redirect_uri"]
        if not asked or not good or authorization != pair:
            return 400, {"error": "invalid_grant"}
        end = int(time.time()) + (-600 if self.fault == "expired" else 300)
        claims: dict[str, Any] = {
            "iss": self.issuer, "aud": CLIENT, "sub": "42", "exp": end, "preferred_username": self.name,
            "nonce": "another" if self.fault == "nonce" else asked["nonce"],
            "realm_access": {"roles": self.roles},
        }  # fmt: skip
        key = self._other if self.fault == "signature" else self._key
        return 200, {
            "id_token": jwt.encode(claims, key, algorithm="RS256", headers={"kid": "k"}),
            "token_type": "Bearer",
        }
