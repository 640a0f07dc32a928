"""Every RPC behind the real doors, gRPC and REST, and an identity provider's keys on loopback: refusals as tables."""

from __future__ import annotations

import asyncio
import http.server
import json
import re
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import grpc.aio
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from google.protobuf import json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from ngoclinh.type.v1.access_pb2 import Role, Scope

from services.access.sign_in import SignIn
from services.adapters.embedded.ledger_sqlite import SqliteLedger
from services.core.config import Settings
from services.core.sections.doors import AuthSettings, GatewaySettings, GrpcSettings, TokenSettings
from services.gateway.app import Gateway
from services.gateway.serve import WebServer
from services.gateway.transcode import Binding
from services.rpc import methods, status
from services.rpc.access import Gate
from services.rpc.caller import INCLUDES, encode_roles
from services.rpc.routing import RoutingChannel
from services.rpc.serve import Server
from tests.services import every_rpc

ISSUER, AUDIENCE, AREA = "https://id.example.vn/realms/xa", "ngoclinh", every_rpc.MINE.removeprefix("watchAreas/")


class Provider:
    """Signs tokens, and shows its public keys at a port of loopback.

    Attributes:
        shown: keys by id, the ones that are shown now.
        url: where they are shown.
    """

    def __init__(self) -> None:
        self.first, self.second = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
        self.shown = {"first": self.first}
        self.url = ""

    def keys(self) -> bytes:
        """The public keys, as JWKS."""
        found = []
        for kid, key in self.shown.items():
            found.append(json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) | {"kid": kid, "use": "sig"})
        return json.dumps({"keys": found}).encode()

    def token(self, roles: frozenset[int] | set[int], kid: str = "first", alg: str = "RS256", **claims: Any) -> str:
        """A token for somebody with some roles."""
        words = [f"ngoclinh-{word}" for word in encode_roles(roles).split(",") if word]
        given = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "7",
            "exp": int(time.time()) + 3600,
            "preferred_username": "hoa",
        }
        given |= {"realm_access": {"roles": ["offline_access", *words]}} | claims
        key: Any = None if alg == "none" else getattr(self, kid)
        return jwt.encode(given, key, algorithm=alg, headers={"kid": kid})

    @contextmanager
    def serve(self) -> Iterator[None]:
        """Show the keys."""
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(provider.keys())

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}/keys"
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()


@dataclass(frozen=True)
class Case:
    """One way to be somebody who may not.

    Attributes:
        token: what such a caller shows to a method; "" is nothing.
        reason: why the method refuses them; "" where it does not have to.
        foreign: the request is about somebody else's area.
    """

    token: Callable[[Provider, MethodDescriptor], str]
    reason: Callable[[MethodDescriptor], str]
    foreign: bool = False


def _right(method: MethodDescriptor) -> frozenset[int]:
    return frozenset({methods.access(method).role})


def _wrong(method: MethodDescriptor) -> frozenset[int]:
    """All roles but those that include the one that is needed."""
    needed = methods.access(method).role
    return frozenset(role for role in Role.values() if role and needed not in INCLUDES[role])


def _not_the_role(method: MethodDescriptor) -> str:
    wrong = _wrong(method)
    return "FORBIDDEN" if wrong - {Role.ROLE_SIGNED_IN} else "PASSWORD_CHANGE_REQUIRED" if wrong else ""


def _not_the_area(method: MethodDescriptor) -> str:
    refused = methods.access(method).scope != Scope.SCOPE_NONE and not every_rpc.listed(method)
    return "OUTSIDE_AREA" if refused else ""


def _always(reason: str) -> Callable[[MethodDescriptor], str]:
    return lambda method: reason


def _unsigned(provider: Provider, method: MethodDescriptor) -> str:
    return provider.token(_right(method), alg="none")


CASES = {
    "nobody": Case(lambda provider, method: "", _always("UNAUTHENTICATED")),
    "no role": Case(lambda provider, method: provider.token(frozenset()), _always("FORBIDDEN")),
    "expired": Case(
        lambda provider, method: provider.token(_right(method), exp=int(time.time()) - 60), _always("EXPIRED")
    ),
    "wrong area": Case(
        lambda provider, method: provider.token(_right(method), areas=[AREA]), _not_the_area, foreign=True
    ),
    "wrong role": Case(lambda provider, method: provider.token(_wrong(method)), _not_the_role),
    "alg none": Case(_unsigned, _always("UNAUTHENTICATED")),
    "issuer": Case(
        lambda provider, method: provider.token(_right(method), iss="https://evil.example"), _always("UNAUTHENTICATED")
    ),
    "audience": Case(lambda provider, method: provider.token(_right(method), aud="other"), _always("UNAUTHENTICATED")),
    "rotated away": Case(
        lambda provider, method: provider.token(_right(method), kid="second"), _always("UNAUTHENTICATED")
    ),
}
"""By name; of "rotated away" the key is the one that the provider does not show (any more)."""


@dataclass
class Doors:
    """What is open: gRPC and the gateway, before servicers that answer at once.

    Attributes:
        provider: whose tokens are taken.
        grpc: a channel to the gRPC port, as another program has one.
        url: the gateway.
        seen: the last request that reached each method.
    """

    provider: Provider
    grpc: grpc.aio.Channel
    url: str
    seen: dict[str, Message]

    async def over_grpc(self, method: MethodDescriptor, case: Case) -> str:
        """Why the gRPC port refuses; "" where it does not."""
        token = case.token(self.provider, method)
        metadata = (("authorization", f"Bearer {token}"),) if token else ()
        try:
            await every_rpc.ask(self.grpc, method, every_rpc.request(method, case.foreign), metadata)
        except grpc.aio.AioRpcError as error:
            found = status.from_rpc_error(error)
            assert status.message(found, "vi") != status.message(found, "en"), "a reason in both languages"
            return status.reason(found)
        return ""


@asynccontextmanager
async def doors(folder: Path) -> AsyncIterator[Doors]:
    """Open them."""
    provider = Provider()
    async with AsyncExitStack() as stack:
        stack.enter_context(provider.serve())
        tokens = TokenSettings(issuer=ISSUER, audience=AUDIENCE, jwks_url=provider.url, areas_claim="areas")
        auth = AuthSettings(calls_per_second=0, tokens=tokens)
        settings = Settings(data_dir=folder, auth=auth, gateway=GatewaySettings(port=0), grpc=GrpcSettings(port=0))
        sign_in = SignIn(await stack.enter_async_context(SqliteLedger(folder / "ledger.sqlite")), settings)
        gate = Gate(settings.grpc, sign_in.by_authorization)
        server = Server(settings.grpc, unix=folder / "s", gate=gate)
        seen = every_rpc.add_all(server)
        inside = gate.channel = await stack.enter_async_context(RoutingChannel(server.target, {}, settings.grpc))
        await server.start()
        stack.push_async_callback(server.stop, 0)
        web = WebServer(Gateway(inside, settings, sign_in).app, settings.gateway)
        await web.start()
        stack.push_async_callback(web.stop)
        outside = await stack.enter_async_context(grpc.aio.insecure_channel(server.address))
        yield Doors(provider, outside, web.url, seen)


@contextmanager
def doors_in_a_thread(folder: Path) -> Iterator[Doors]:
    """Open them in a thread of their own, for tests whose own loop is a browser's."""
    ready, over = threading.Event(), threading.Event()
    found: list[Doors] = []

    async def hold() -> None:
        async with doors(folder) as opened:
            found.append(opened)
            ready.set()
            await asyncio.to_thread(over.wait)

    def run() -> None:
        try:
            asyncio.run(hold())
        finally:
            ready.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait()
    try:
        yield found[0]
    finally:
        over.set()
        thread.join()


def rest(binding: Binding, message: Message) -> tuple[str, str, dict[str, Any] | None]:
    """A request as REST has it: verb, path with query, body."""
    tree = json_format.MessageToDict(message, preserving_proto_field_name=True)
    path = binding.template
    for variable in binding.variables:
        value = _taken(tree, variable.split("."))
        path = _with_variable(path, variable, value)
    if binding.body == "*":
        return binding.verb, path, tree
    body = tree.pop(binding.body, {}) if binding.body else None
    query = urlencode(list(_parameters("", tree)))
    return binding.verb, f"{path}?{query}" if query else path, body


def _taken(tree: dict[str, Any], names: list[str]) -> str:
    """The text at a path; it is taken away where nothing but it is needed for the path."""
    for name in names[:-1]:
        tree = tree.get(name, {})
    return str(tree.pop(names[-1], "") if len(names) == 1 else tree.get(names[-1], ""))


def _parameters(prefix: str, tree: Any) -> Iterator[tuple[str, str]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _parameters(f"{prefix}{name}.", value)
        else:
            yield from ((f"{prefix}{name}", str(each)) for each in (value if isinstance(value, list) else [value]))


def _with_variable(template: str, variable: str, value: str) -> str:
    """A template with the value of one of its variables; one that fits where there is none."""
    pattern = re.compile(r"\{" + re.escape(variable) + r"(?:=([^}]*))?\}")
    return pattern.sub(lambda match: value or (match[1] or "x").replace("**", "x").replace("*", "x"), template)
