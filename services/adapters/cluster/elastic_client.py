"""One connection to Elasticsearch: made at its first use, bounded in time, its errors told in both languages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from operator import attrgetter
from typing import Any, TypeVar
from urllib.parse import urlsplit

import elastic_transport
from elasticsearch import ApiError, AsyncElasticsearch, NotFoundError, UnsupportedProductError
from elasticsearch.serializer import CompatibilityModeNdjsonSerializer

from services.core.errors import InvalidField, Overloaded, Unavailable
from services.core.sections.stores import ElasticsearchSettings

BUSY = frozenset({429, 502, 503, 504})
"""Status codes after which the same request may succeed."""
_REFUSED = frozenset({401, 403})

T = TypeVar("T")


class _Lines(CompatibilityModeNdjsonSerializer):
    """Sends bytes as they are, each line with its end; the serializer of the client would copy them twice."""

    def dumps(self, data: Any) -> bytes:
        """The body of a request."""
        return data if isinstance(data, bytes) else super().dumps(data)


_SERIALIZERS = {_Lines.mimetype: _Lines()}


class Client:
    """A client of the nodes that the settings name.

    Args:
        settings: addresses, user, limits.

    Raises:
        InvalidField: an address holds a password, which belongs into a file.
    """

    def __init__(self, settings: ElasticsearchSettings) -> None:
        for url in settings.urls:
            if urlsplit(url).password is not None:
                raise InvalidField(
                    "elasticsearch.urls",
                    "địa chỉ không được chứa mật khẩu; hãy dùng elasticsearch.password_file",
                    "an address must not hold a password; use elasticsearch.password_file",
                )
        self._settings = settings
        self._client: AsyncElasticsearch | None = None
        self._closed = False
        self.address = ", ".join(settings.urls)

    async def ask(self, request: Callable[[AsyncElasticsearch], Awaitable[T]]) -> T:
        """The answer to a request.

        Raises:
            Unavailable: no node answers in time, or they refuse the user; it may pass.
            Overloaded: the cluster has too much to do.
            NotFoundError: what the request names is not there.
            ApiError: the cluster refuses the request for another reason.
        """
        try:
            return await request(self._open())
        except NotFoundError:
            raise
        except ApiError as error:
            raise self._domain_error(error) from error
        except (elastic_transport.TransportError, UnsupportedProductError, OSError) as error:
            raise self.unavailable(error) from error

    async def call(self, method: str, **arguments: Any) -> Any:
        """The answer of a method of the client; errors as in `ask`. Example: ``call("indices.create", index=name)``."""
        return await self.ask(lambda client: attrgetter(method)(client)(**arguments))

    async def find(self, method: str, **arguments: Any) -> Any:
        """As `call`, but None where what the request names is not there."""
        try:
            return await self.call(method, **arguments)
        except NotFoundError:
            return None

    async def close(self) -> None:
        """Close the connections."""
        self._closed = True
        if self._client is not None:
            await self._client.close()

    def unavailable(self, error: Exception | str) -> Unavailable:
        """That no node answers, and what to look at."""
        why = error if isinstance(error, str) else type(error).__name__
        return Unavailable(
            f"Elasticsearch tại {self.address} không trả lời ({why}); hãy kiểm tra máy chủ và mục [elasticsearch].",
            f"Elasticsearch at {self.address} does not answer ({why}); check the server and the section [elasticsearch].",
        )

    def _open(self) -> AsyncElasticsearch:
        if self._closed:
            raise Unavailable("Kho tìm kiếm đã đóng.", "The index is closed.")
        if self._client is None:
            chosen = self._settings
            options: dict[str, Any] = {"serializers": _SERIALIZERS}
            if chosen.ca_file is not None:
                options["ca_certs"] = str(chosen.ca_file)
            if chosen.username:
                options["basic_auth"] = (chosen.username, _password(chosen))
            self._client = AsyncElasticsearch(
                chosen.urls, request_timeout=chosen.timeout_s, max_retries=0, retry_on_timeout=False, **options
            )
        return self._client

    def _domain_error(self, error: ApiError) -> Exception:
        if error.status_code == 429:
            return Overloaded(
                f"Elasticsearch tại {self.address} đang quá tải.", f"Elasticsearch at {self.address} is overloaded."
            )
        if error.status_code in BUSY:
            return self.unavailable(f"HTTP {error.status_code}, {error.error}")
        if error.status_code in _REFUSED:
            return Unavailable(
                f"Elasticsearch tại {self.address} từ chối người dùng “{self._settings.username}” "
                f"(HTTP {error.status_code}); hãy kiểm tra elasticsearch.username, elasticsearch.password_file và quyền.",
                f"Elasticsearch at {self.address} refuses the user '{self._settings.username}' "
                f"(HTTP {error.status_code}); check elasticsearch.username, elasticsearch.password_file and its roles.",
            )
        return error


def _password(settings: ElasticsearchSettings) -> str:
    if settings.password_file is None:
        return ""
    try:
        return settings.password_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise InvalidField(
            "elasticsearch.password_file",
            f"không đọc được {settings.password_file}: {error.strerror}",
            f"cannot read {settings.password_file}: {error.strerror}",
        ) from error
