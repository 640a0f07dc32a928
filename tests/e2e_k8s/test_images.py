"""The archives of our images: their bill of materials names what is in them, all of it and nothing else."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.e2e_k8s.conftest import MEASURED

pytestmark = pytest.mark.e2e

IMAGES = ROOT / "build/images"
METADATA = re.compile(r"(\./)?opt/ngoclinh/lib/python3\.\d+/site-packages/[^/]+\.dist-info/METADATA")
STATUS = re.compile(r"(\./)?var/lib/dpkg/status")


def files(archive: Path, *wanted: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """Name and text of some files of an image, later layers over earlier ones."""
    found: dict[str, str] = {}
    with tarfile.open(archive) as image:
        manifest = json.load(_opened(image, "manifest.json"))
        for layer in manifest[0]["Layers"]:
            with tarfile.open(fileobj=_opened(image, layer), mode="r|*") as entries:
                for entry in entries:
                    if entry.isfile() and any(each.fullmatch(entry.name) for each in wanted):
                        found[entry.name] = _opened(entries, entry).read().decode()
    yield from found.items()


def _opened(archive: tarfile.TarFile, member: str | tarfile.TarInfo) -> tarfile.ExFileObject:
    opened = archive.extractfile(member)
    assert opened is not None
    return opened


def installed(archive: Path) -> set[tuple[str, str, str]]:
    """(kind, name, version) of every package of an image."""
    found = set()
    for name, text in files(archive, METADATA, STATUS):
        if name.endswith("METADATA"):
            fields = Parser().parsestr(text, headersonly=True)
            found.add(("pypi", re.sub(r"[-_.]+", "-", fields["Name"]).lower(), fields["Version"]))
            continue
        for paragraph in text.split("\n\n"):
            package = Parser().parsestr(paragraph, headersonly=True)
            if package["Status"] == "install ok installed":
                found.add(("deb", package["Package"], package["Version"]))
    return found


@pytest.mark.parametrize("image", ["base", "phobert"])
def test_the_bill_of_materials_names_what_is_in_the_image(image: str) -> None:
    archive = IMAGES / f"{image}.tar"
    if not archive.exists():
        pytest.skip("this image was not built here (make images)")
    told = json.loads((IMAGES / f"{image}.cdx.json").read_text())
    named = {(each["purl"].split(":")[1].split("/")[0], each["name"], each["version"]) for each in told["components"]}
    assert len(named) == len(told["components"])
    assert named == installed(archive)
    python = [each for each in told["components"] if each["purl"].startswith("pkg:pypi/")]
    assert [each["name"] for each in python if not each.get("hashes") or not each.get("licenses")] == []
    debian = [each for each in told["components"] if each["purl"].startswith("pkg:deb/")]
    assert [each["name"] for each in debian if not each.get("licenses")] == []
    MEASURED[f"{image}: packages of Python and of Debian in its bill of materials"] = [
        len(python), len(named) - len(python),
    ]  # fmt: skip
