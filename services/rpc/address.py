"""Which addresses are safe to listen on."""

from __future__ import annotations

import ipaddress

from services.core.errors import InvalidField
from services.core.sections.doors import GrpcSettings
from services.rpc import tls


def is_loopback(host: str) -> bool:
    """Is it an address of this machine that others cannot reach?"""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def require_safe_address(settings: GrpcSettings) -> None:
    """Refuse to listen beyond loopback where nothing keeps strangers out.

    Raises:
        InvalidField: names what is missing.
    """
    if is_loopback(settings.host) or settings.trust_network or tls.is_mutual(settings):
        return
    raise InvalidField(
        "grpc.host",
        f"{settings.host} nằm ngoài máy này: cần grpc.tls_cert_file, grpc.tls_key_file, grpc.ca_file, "
        "hoặc grpc.trust_network khi mạng đã chặn người ngoài",
        f"{settings.host} is beyond this machine: grpc.tls_cert_file, grpc.tls_key_file and grpc.ca_file are needed, "
        "or grpc.trust_network where the network keeps strangers out",
    )
