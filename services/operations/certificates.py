"""When the certificates of the settings end: whoever renews them must be told in time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cryptography import x509
from ngoclinh.operations.v1.operations_service_pb2 import CertificateHealth
from ngoclinh.type.v1.type_pb2 import LocalizedText

from services.core.clock import to_timestamp
from services.core.config import Settings


def files(settings: Settings) -> Mapping[str, Path]:
    """The files of certificates that the settings name, by the key of the setting."""
    named = {
        "gateway.tls_cert_file": settings.gateway.tls_cert_file,
        "grpc.tls_cert_file": settings.grpc.tls_cert_file,
        "grpc.ca_file": settings.grpc.ca_file,
        "nats.ca_file": settings.nats.ca_file,
        "elasticsearch.ca_file": settings.elasticsearch.ca_file,
    }
    return {key: path for key, path in named.items() if path is not None}


def look(settings: Settings) -> list[CertificateHealth]:
    """Every certificate file with the end of the certificate in it that ends first."""
    return [_told(key, path) for key, path in files(settings).items()]


def _told(key: str, path: Path) -> CertificateHealth:
    told = CertificateHealth(name=key)
    try:
        chain = x509.load_pem_x509_certificates(path.read_bytes())
        told.expire_time.CopyFrom(to_timestamp(min(each.not_valid_after_utc for each in chain)))
    except (OSError, ValueError) as error:
        told.problem.CopyFrom(LocalizedText(vi=f"Không đọc được {path}: {error}", en=f"{path} cannot be read: {error}"))
    return told
