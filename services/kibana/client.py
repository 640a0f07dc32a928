"""Kibana over HTTP: what it is, what it takes, and its refusals in both languages."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from services.core.errors import Forbidden, InputError, InvalidField, Unavailable
from services.core.sections.stores import KibanaSettings

TIMEOUT_S = 30.0
"""Seconds for one request."""
HEADERS = {"kbn-xsrf": "true", "Elastic-Api-Version": "2023-10-31"}
"""What Kibana wants of programs that write: a mark against forged requests, and the version of its public interface."""


class Kibana:
    """A Kibana over HTTP; use as an asynchronous context manager.

    Args:
        settings: where it is and as whom.
    """

    def __init__(self, settings: KibanaSettings) -> None:
        self._settings = settings
        self.address = _address(settings.url)
        self._space = f"/s/{settings.space}" if settings.space else ""

    async def __aenter__(self) -> Kibana:
        """Read password and certificates; nothing is asked yet."""
        settings = self._settings
        self._session = aiohttp.ClientSession(
            headers=HEADERS | _login(settings),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            connector=aiohttp.TCPConnector(ssl=_trust(settings.ca_file)),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close connections."""
        await self._session.close()

    async def version(self) -> tuple[int, int]:
        """Its version as major and minor number.

        Raises:
            Unavailable: it does not answer or is not ready.
            Forbidden: it wants another user.
            InputError: it does not tell.
        """
        status, answer = await self._request("GET", "/api/status")
        if status in (401, 403):
            raise self._forbidden(status)
        level = answer.get("status", {}).get("overall", {}).get("level", "")
        if status >= 500 or level in ("unavailable", "critical"):
            raise Unavailable(
                f"Kibana ở {self.address} chưa sẵn sàng ({level or status}); hãy thử lại sau.",
                f"Kibana at {self.address} is not ready ({level or status}); try again later.",
            )
        number = str(answer.get("version", {}).get("number", ""))
        major, _, rest = number.partition(".")
        minor = rest.partition(".")[0]
        if not (major.isdigit() and minor.isdigit()):
            raise InputError(
                f"{self.address} không cho biết phiên bản Kibana; hãy kiểm tra địa chỉ và người dùng trong [kibana]",
                f"{self.address} does not tell a version of Kibana; check address and user in [kibana]",
            )
        return int(major), int(minor)

    async def write(self, method: str, path: str, body: Mapping[str, Any]) -> str:
        """Send JSON; what was wrong, empty where it was taken.

        Raises:
            Unavailable: it does not answer.
            Forbidden: it refuses this user.
        """
        status, answer = await self._request(method, self._space + path, json=body)
        if status in (401, 403):
            raise self._forbidden(status)
        return "" if status < 300 else told(status, answer)

    async def upload(self, path: str, name: str, text: str) -> tuple[int, dict[str, Any]]:
        """Send a file as a form; status and answer.

        Raises:
            Unavailable: it does not answer.
            Forbidden: it refuses this user.
        """
        form = aiohttp.FormData()
        form.add_field("file", text.encode(), filename=name, content_type="application/x-ndjson")
        status, answer = await self._request("POST", self._space + path, data=form)
        if status in (401, 403):
            raise self._forbidden(status)
        return status, answer

    async def _request(self, method: str, path: str, **content: Any) -> tuple[int, dict[str, Any]]:
        try:
            async with self._session.request(method, self.address + path, allow_redirects=False, **content) as answer:
                text = await answer.text()
                return answer.status, _object(text)
        except (TimeoutError, aiohttp.ClientError) as error:
            why = str(error) or type(error).__name__
            raise Unavailable(
                f"Kibana ở {self.address} không trả lời: {why}. Kiểm tra kibana.url, hoặc dùng `ngoclinh kibana export`.",
                f"Kibana at {self.address} does not answer: {why}. Check kibana.url, or use `ngoclinh kibana export`.",
            ) from error

    def _forbidden(self, status: int) -> Forbidden:
        user = self._settings.username
        return Forbidden(
            f"Kibana ở {self.address} từ chối {f'người dùng {user}' if user else 'khi không có người dùng'} ({status}); "
            "kiểm tra kibana.username, kibana.password_file và quyền trên space.",
            f"Kibana at {self.address} refuses {f'the user {user}' if user else 'requests without a user'} ({status}); "
            "check kibana.username, kibana.password_file and the privileges in the space.",
        )


def _address(url: str) -> str:
    """The address without a password that somebody wrote into it.

    Raises:
        InvalidField: it is no http or https address.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidField("kibana.url", f"“{url}” không phải địa chỉ http(s)", f"'{url}' is no http(s) address")
    if parts.username or parts.password:
        raise InvalidField(
            "kibana.url",
            "không ghi người dùng và mật khẩu vào địa chỉ; dùng kibana.username và kibana.password_file",
            "holds a user or password; use kibana.username and kibana.password_file",
        )
    return url.rstrip("/")


def _login(settings: KibanaSettings) -> dict[str, str]:
    if not settings.username:
        return {}
    password = ""
    if settings.password_file is not None:
        try:
            password = settings.password_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            why = error.strerror or str(error)
            raise InvalidField(
                "kibana.password_file",
                f"không đọc được {settings.password_file}: {why}",
                f"cannot read {settings.password_file}: {why}",
            ) from error
    pair = base64.b64encode(f"{settings.username}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def _trust(ca_file: Path | None) -> ssl.SSLContext | bool:
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise InvalidField(
            "kibana.ca_file", f"không dùng được {ca_file}: {error}", f"cannot use {ca_file}: {error}"
        ) from error


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {"message": text[:200]}
    return found if isinstance(found, dict) else {}


def told(status: int, answer: Mapping[str, Any]) -> str:
    """A refusal in words. Example: ``400: [request body.panels.3]: …``."""
    return f"{status}: {answer.get('message') or answer.get('error') or '?'}"
