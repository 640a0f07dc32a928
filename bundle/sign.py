"""Makes the key of who releases, and signs a bundle with it.

python bundle/sign.py key FILE     a new private key (PEM, readable by its owner only) in FILE, which must not exist
python bundle/sign.py sign FOLDER  SHA256SUMS.sig over SHA256SUMS, by the private key that BUNDLE_KEY names
python bundle/sign.py pub FOLDER   release.pub, the public key of it
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)


def new(file: Path) -> None:
    """Make a private key."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        target.write(pem)


def private() -> Ed25519PrivateKey:
    """The private key that BUNDLE_KEY names.

    Raises:
        SystemExit: it is of another kind.
    """
    key = load_pem_private_key(Path(os.environ["BUNDLE_KEY"]).read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise SystemExit("BUNDLE_KEY: không phải khoá Ed25519 / no Ed25519 key")
    return key


def main(command: str, place: Path) -> None:
    """Do one of the three."""
    if command == "key":
        new(place)
    elif command == "pub":
        pem = private().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (place / "release.pub").write_bytes(pem)
    elif command == "sign":
        (place / "SHA256SUMS.sig").write_bytes(private().sign((place / "SHA256SUMS").read_bytes()))
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
