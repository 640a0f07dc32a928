"""Who made a bundle: the Ed25519 signature over its list of hashes, by the key that the first installation put down."""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from services.core.errors import RefusedFile

SUMS, SIGNATURE, KEY = "SHA256SUMS", "SHA256SUMS.sig", "release.pub"
"""Files of a bundle: hashes of all others, their signature (64 bytes), the maker's public key (PEM)."""


def require(folder: Path, key: Path, named: bool) -> bool:
    """Refuse a bundle that the maker of this installation did not sign, as far as that can be known.

    The key that the bundle itself brings proves nothing and is not looked at. Where this installation knows no key,
    people compare the hash, as at the first installation.

    Args:
        folder: the bundle, unpacked where nobody else can write.
        key: public key of this installation; it need not exist.
        named: the caller named the hash of the whole bundle, and the bundle has it; then it may lack a signature.

    Returns:
        Whether the key of this installation signed it.

    Raises:
        RefusedFile: another key signed it, nobody did, or the key of this installation cannot be read.
    """
    try:
        key.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _unreadable(key) from error
    if (folder / SIGNATURE).is_file():
        verify(folder, key)
        return True
    if not named:
        raise RefusedFile(
            "Bộ cài không có chữ ký; hãy nêu mã SHA-256 do nơi phát hành công bố bằng --sha256.",
            "The bundle is not signed; name the SHA-256 that its maker published, by --sha256.",
        )
    return False


def verify(folder: Path, key: Path) -> None:
    """Refuse whatever the key of this installation did not sign.

    Args:
        folder: the bundle, unpacked where nobody else can write.
        key: public key of this installation.

    Raises:
        RefusedFile: there is no such key, it cannot be read, another key signed the bundle, or nobody did.
    """
    try:
        public = load_pem_public_key(key.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise _unreadable(key) from error
    if not isinstance(public, Ed25519PublicKey):
        raise _unreadable(key)
    signature = folder / SIGNATURE
    if not signature.is_file():
        raise RefusedFile("Bộ cài không có chữ ký.", "The bundle is not signed.")
    try:
        public.verify(signature.read_bytes(), (folder / SUMS).read_bytes())
    except InvalidSignature as error:
        raise RefusedFile(
            f"Chữ ký của bộ cài không phải của khoá {key}.", f"The bundle is not signed by the key {key}."
        ) from error


def _unreadable(key: Path) -> RefusedFile:
    return RefusedFile(
        f"{key} không đọc được hoặc không phải khoá công khai Ed25519.",
        f"{key} cannot be read or is no public Ed25519 key.",
    )
