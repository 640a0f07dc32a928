"""TLS between services: both sides show a certificate, and certificates are replaced without a restart."""

from __future__ import annotations

from pathlib import Path

import grpc

from services.core.errors import InvalidField
from services.core.sections.doors import GrpcSettings

FILES = ("tls_cert_file", "tls_key_file", "ca_file")
"""The settings that are given together or not at all."""


def is_mutual(settings: GrpcSettings) -> bool:
    """Do services show certificates to each other?

    Raises:
        InvalidField: only a part of the files is named.
    """
    given = [name for name in FILES if getattr(settings, name) is not None]
    missing = [name for name in FILES if name not in given]
    if given and missing:
        raise InvalidField(
            f"grpc.{missing[0]}",
            f"cần có khi đã đặt grpc.{given[0]}",
            f"is needed where grpc.{given[0]} is set",
        )
    return bool(given)


def stamp(settings: GrpcSettings) -> tuple[tuple[int, int], ...]:
    """Changes whenever a file was replaced: inode and time of change of each."""
    found = (_path(settings, name).stat() for name in FILES)
    return tuple((each.st_ino, each.st_mtime_ns) for each in found)


def server_credentials(settings: GrpcSettings) -> grpc.ServerCredentials:
    """Credentials that ask every client for a certificate and follow the files when they are replaced."""
    seen = stamp(settings)

    def configuration() -> grpc.ServerCertificateConfiguration:
        key, chain, authorities = _read(settings)
        return grpc.ssl_server_certificate_configuration([(key, chain)], authorities)

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        nonlocal seen
        try:
            now = stamp(settings)
            if now == seen:
                return None
            fresh = configuration()
        except (OSError, InvalidField):  # a file that is being replaced: the present ones still hold
            return None
        seen = now
        return fresh

    return grpc.dynamic_ssl_server_credentials(
        configuration(),
        fetch,  # type: ignore[arg-type]  # None says "nothing new", as its documentation has it
        require_client_authentication=True,
    )


def channel_credentials(settings: GrpcSettings) -> grpc.ChannelCredentials:
    """Credentials of a client: our certificate, and the authorities that we believe."""
    key, chain, authorities = _read(settings)
    return grpc.ssl_channel_credentials(authorities, key, chain)


def _read(settings: GrpcSettings) -> tuple[bytes, bytes, bytes]:
    """Key, chain, authorities."""
    found = []
    for name in ("tls_key_file", "tls_cert_file", "ca_file"):
        path = _path(settings, name)
        try:
            found.append(path.read_bytes())
        except OSError as error:
            why = error.strerror or str(error)
            raise InvalidField(
                f"grpc.{name}", f"không đọc được {path}: {why}", f"{path} cannot be read: {why}"
            ) from error
    key, chain, authorities = found
    return key, chain, authorities


def _path(settings: GrpcSettings, name: str) -> Path:
    path = getattr(settings, name)
    assert isinstance(path, Path)
    return path
