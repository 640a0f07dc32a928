"""Prints the bill of materials of an image or a bundle: CycloneDX 1.6 as JSON, checked against its schema.

Runs in an environment of its own (`make .venv-sbom/bin/python`): what it lists is not what it runs with.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, distributions
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.contact import OrganizationalEntity
from cyclonedx.model.license import License
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from debian_licenses import licenses as debian_licenses
from packageurl import PackageURL

OURS = "ngoclinh"
_OSI = "License :: OSI Approved :: "
_LONGEST_LICENSE = 100
"""Characters: what is longer in the field License is the text of one, not its name."""


def normal(name: str) -> str:
    """The name of a Python package as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(paths: Sequence[Path]) -> dict[tuple[str, str], set[str]]:
    """SHA-256 of the files that lock files allow, by name and version of the package."""
    found: dict[tuple[str, str], set[str]] = {}
    for path in paths:
        key = ("", "")
        for line in path.read_text("utf-8").splitlines():
            if start := re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)", line):
                key = (normal(start[1]), start[2])
            found.setdefault(key, set()).update(re.findall(r"--hash=sha256:([0-9a-f]{64})", line))
    return found


def wheels(folder: Path) -> dict[tuple[str, str], str]:
    """SHA-256 of the wheels of a folder, by name and version of the package."""
    named = ((path, path.name.split("-")) for path in sorted(folder.glob("*.whl")))
    return {(normal(part[0]), part[1]): hashlib.sha256(path.read_bytes()).hexdigest() for path, part in named}


def licenses(package: Distribution) -> Iterator[License]:
    """What a package says of its licence: an SPDX expression, a short name, or classifiers."""
    said = package.metadata.get("License-Expression") or package.metadata.get("License") or ""
    names = [said] if said.strip() and len(said) <= _LONGEST_LICENSE and "\n" not in said else []
    names = names or [
        each.removeprefix(_OSI)
        for each in package.metadata.get_all("Classifier") or ()
        if each.startswith("License :: ") and each != _OSI.removesuffix(" :: ")
    ]
    for name in dict.fromkeys(names):
        yield LicenseFactory().make_from_string(name)


def python_packages(places: Sequence[Path], locks: Sequence[Path], folder: Path) -> Iterator[Component]:
    """The packages that are installed in some places (folders of packages, or wheels).

    The hash is that of the wheel that was installed; where the lock names the source instead, from which the wheel was
    made, a property says so.
    """
    allowed, made = locked(locks), wheels(folder)
    for package in distributions(path=[str(place) for place in places]):
        name, version = normal(package.metadata["Name"]), package.version
        digest = made.get((name, version))
        known = allowed.get((name, version), set())
        yield Component(
            name=name,
            version=version,
            type=ComponentType.APPLICATION if name == OURS else ComponentType.LIBRARY,
            description=package.metadata.get("Summary"),
            licenses=list(licenses(package)),
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)] if digest else [],
            properties=[Property(name="ngoclinh:source:sha256", value=each) for each in sorted(known)]
            if digest not in known
            else [],
            purl=PackageURL("pypi", name=name, version=version),
            bom_ref=f"python:{name}",
        )


def debian_packages(root: Path, release: str) -> Iterator[Component]:
    """The packages that dpkg says are installed, with what their copyright files say.

    Args:
        root: root of an image, or a copy of its /var/lib/dpkg/status and /usr/share/doc.
        release: of Debian. Example: "12".
    """
    for paragraph in (root / "var/lib/dpkg/status").read_text("utf-8").split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z-]+): *(.*)$", paragraph, re.MULTILINE))
        if fields.get("Status") != "install ok installed":
            continue
        qualifiers = {"arch": fields["Architecture"], "distro": f"debian-{release}"}
        yield Component(
            name=fields["Package"],
            version=fields["Version"],
            type=ComponentType.LIBRARY,
            supplier=OrganizationalEntity(name=fields["Maintainer"]) if "Maintainer" in fields else None,
            description=fields.get("Description"),
            licenses=list(debian_licenses(root, fields["Package"])),
            purl=PackageURL("deb", "debian", fields["Package"], fields["Version"], qualifiers),
            bom_ref=f"debian:{fields['Package']}:{fields['Architecture']}",
        )


def document(root: Component, parts: Sequence[Component]) -> str:
    """The bill of what `root` holds.

    Raises:
        ValueError: it does not follow the schema.
    """
    bom = Bom(components=parts)
    bom.metadata.component = root
    bom.register_dependency(root, parts)
    text = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=1)
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong:
        raise ValueError(str(wrong))
    return text


def main() -> None:
    """Read the arguments, print the bill."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="what is listed, such as ngoclinh/base")
    parser.add_argument("version")
    parser.add_argument("--type", default="container", choices=[each.value for each in ComponentType])
    parser.add_argument("--packages", type=Path, nargs="+", required=True, help="folders of packages, or wheels")
    parser.add_argument("--wheels", type=Path, required=True, help="folder of the wheels that were installed")
    parser.add_argument("--locks", type=Path, nargs="+", required=True, help="lock files with hashes")
    parser.add_argument("--root", type=Path, help="root of an image of Debian: /var/lib/dpkg/status, /usr/share/doc")
    parser.add_argument("--debian", default="12", help="release of Debian")
    given = parser.parse_args()
    root = Component(
        name=given.name, version=given.version, type=ComponentType(given.type), bom_ref=f"{given.name}@{given.version}"
    )
    parts = list(python_packages(given.packages, given.locks, given.wheels))
    parts += debian_packages(given.root, given.debian) if given.root else []
    sys.stdout.write(document(root, parts) + "\n")


if __name__ == "__main__":
    main()
