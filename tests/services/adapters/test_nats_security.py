"""The bus on a NATS server that wants TLS and the credentials of a user."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nkeys
import pytest

from services.adapters.cluster.bus_nats import NatsBus
from services.core.errors import InvalidField, Unavailable
from services.core.sections.stores import NatsSettings
from tests.contracts.bus import GROUP, SUBJECT, drain
from tests.contracts.bus_worker import submission
from tests.engines import Nats
from tests.engines.fixtures import started
from tests.services.certificates import Authority

pytestmark = pytest.mark.cluster


@dataclass
class Key:
    """An nkey and its secret."""

    pair: Any
    seed: bytes

    @classmethod
    def new(cls, kind: int) -> Key:
        seed = nkeys.encode_seed(os.urandom(32), kind)
        return cls(nkeys.from_seed(bytearray(seed)), bytes(seed))

    @property
    def public(self) -> str:
        return str(self.pair.public_key.decode())

    def token(self, subject: str, claims: dict[str, Any]) -> str:
        """A JWT about another key, signed by this one."""
        body = {"iat": int(time.time()), "iss": self.public, "sub": subject, "name": "test", "nats": claims}
        body["jti"] = base64.b32encode(hashlib.sha256(json.dumps(body).encode()).digest()).decode().rstrip("=")
        signed = ".".join(_packed(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "ed25519-nkey"}, body))
        return f"{signed}.{_packed(self.pair.sign(signed.encode()))}"


def _packed(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class SecureNats(Nats):
    """It takes connections over TLS only, of users whom its operator's account lets in."""

    def prepare(self) -> None:
        super().prepare()
        authority = Authority(self.folder / "tls")
        certificate, key = authority.issue("server")
        self.ca_file = authority.file
        operator, user = Key.new(nkeys.PREFIX_BYTE_OPERATOR), Key.new(nkeys.PREFIX_BYTE_USER)
        account, system = Key.new(nkeys.PREFIX_BYTE_ACCOUNT), Key.new(nkeys.PREFIX_BYTE_ACCOUNT)
        plain = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1)
        stored = dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer", "max_ack_pending"), -1)
        accounts = {
            key.public: operator.token(key.public, {"type": "account", "version": 2, "limits": plain | limits})
            for key, limits in ((account, stored), (system, {}))
        }
        everything = {"subs": -1, "data": -1, "payload": -1, "pub": {}, "sub": {}}
        self.credentials = (
            "-----BEGIN NATS USER JWT-----\n"
            f"{account.token(user.public, {'type': 'user', 'version': 2, **everything})}\n"
            "------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{user.seed.decode()}\n------END USER NKEY SEED------\n"
        )
        with (self.folder / "nats.conf").open("a") as file:
            file.write(
                f'tls: {{cert_file: "{certificate}", key_file: "{key}"}}\n'
                f"operator: {operator.token(operator.public, {'type': 'operator', 'version': 2})}\n"
                f"resolver: MEMORY\nsystem_account: {system.public}\n"
                f"resolver_preload: {json.dumps(accounts)}\n"
            )


@pytest.fixture(scope="module")
def secure() -> Iterator[SecureNats]:
    yield from started(SecureNats)  # type: ignore[misc]


@pytest.fixture
def settings(secure: SecureNats, tmp_path: Path) -> NatsSettings:
    credentials = tmp_path / "office.creds"
    credentials.write_text(secure.credentials)
    return NatsSettings(
        urls=[secure.url.replace("nats://", "tls://")], credentials_file=credentials, ca_file=secure.ca_file
    )


async def test_the_credentials_and_the_authority_of_the_settings_let_it_in(settings: NatsSettings) -> None:
    async with NatsBus(settings) as bus:
        await bus.publish(SUBJECT, submission("k"), "k")
        assert await drain(bus, SUBJECT, GROUP) == ["k"]


async def test_without_credentials_it_is_not_let_in(settings: NatsSettings) -> None:
    async with NatsBus(settings.model_copy(update={"credentials_file": None})) as bus:
        with pytest.raises(Unavailable, match=r"tls://127\.0\.0\.1"):
            await bus.depth()


async def test_a_server_that_another_authority_signed_is_not_trusted(settings: NatsSettings, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    async with NatsBus(settings.model_copy(update={"ca_file": other.file})) as bus:
        with pytest.raises(Unavailable, match="certificate verify failed"):
            await bus.depth()


@pytest.mark.parametrize("field", ["credentials_file", "ca_file"])
def test_a_file_that_is_not_there_is_told_by_its_setting(tmp_path: Path, field: str) -> None:
    with pytest.raises(InvalidField) as caught:
        NatsBus(NatsSettings.model_validate({field: tmp_path / "none"}))
    assert caught.value.field == f"nats.{field}"
    assert "không đọc được" in caught.value.vi


def test_a_file_without_certificates_is_told(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("none")
    with pytest.raises(InvalidField, match=r"nats\.ca_file"):
        NatsBus(NatsSettings(ca_file=tmp_path / "ca.pem"))


def test_a_file_without_credentials_is_told(tmp_path: Path) -> None:
    (tmp_path / "wrong.creds").write_text("none\n")
    with pytest.raises(InvalidField, match=r"nats\.credentials_file"):
        NatsBus(NatsSettings(credentials_file=tmp_path / "wrong.creds"))
