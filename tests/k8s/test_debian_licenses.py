"""Licences of Debian packages in a bill of materials: what a copyright file says, and not a word more."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.kubernetes

PYTHON = ROOT / ".venv-sbom/bin/python"
FORMAT = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
OPERATORS = re.compile(r" (?:AND|OR) ")


def groups(*names: str) -> bytes:
    """A copyright file with a group of files under each of some licences."""
    return (
        FORMAT
        + "".join(f"\nFiles: {n}/*\nCopyright: nobody\nLicense: {name}\n text of it\n" for n, name in enumerate(names))
    ).encode()


def listed(root: Path, packages: list[str], tmp_path: Path) -> dict[str, list[dict[str, Any]]]:
    """Licences by package in the bill of an image; the bill is checked against the schema while it is made."""
    status = root / "var/lib/dpkg/status"
    if not status.exists():
        status.parent.mkdir(parents=True, exist_ok=True)
        status.write_text(
            "\n\n".join(
                f"Package: {each}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1" for each in packages
            )
        )
    (tmp_path / "empty.lock").touch()
    (tmp_path / "wheels").mkdir(exist_ok=True)
    command = [
        PYTHON,
        ROOT / "k8s/sbom.py",
        "x",
        "1",
        "--packages",
        tmp_path / "wheels",
        "--wheels",
        tmp_path / "wheels",
    ]
    command += ["--locks", tmp_path / "empty.lock", "--root", root]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {each["name"]: each.get("licenses", []) for each in json.loads(done.stdout)["components"]}


def expression(found: list[dict[str, Any]]) -> str:
    """The one expression, id or name."""
    (one,) = found
    return str(one.get("expression") or one["license"].get("id") or one["license"]["name"])


SAID = {
    # What the format and SPDX define.
    "one": (groups("Apache-2.0"), "Apache-2.0"),
    "expat": (groups("Expat"), "MIT"),
    "gnu": (groups("GPL-2+", "LGPL-2.1", "gpl-3.0+", "GFDL-NIV-1.3+", "LGPL-2"),
            "GPL-2.0-or-later AND LGPL-2.1-only AND GPL-3.0-or-later AND GFDL-1.3-no-invariants-or-later AND LGPL-2.0-only"),
    "shortened": (groups("Apache-2", "BSD-3-clause", "MPL-1.1+", "ZLIB", "CC0"), "Apache-2.0 AND BSD-3-Clause AND MPL-1.1+ AND Zlib AND CC0-1.0"),
    "new-names": (groups("GPL-2.0-or-later", "AGPL-3.0-only"), "GPL-2.0-or-later AND AGPL-3.0-only"),
    "same": (groups("GPL-2+", "GPL-2+", "GPL-2+ and Expat"), "GPL-2.0-or-later AND MIT"),
    # "and" binds more closely than "or", a comma less closely.
    "choice": (groups("GPL-2+ or Expat", "ISC"), "(GPL-2.0-or-later OR MIT) AND ISC"),
    "binds": (groups("GPL-2+ or Expat and ISC"), "GPL-2.0-or-later OR MIT AND ISC"),
    "comma": (groups("GPL-2+ or Expat, and ISC"), "(GPL-2.0-or-later OR MIT) AND ISC"),
    "comma-or": (groups("GPL-2+ and Expat, or ISC", "Zlib"), "(GPL-2.0-or-later AND MIT OR ISC) AND Zlib"),
    # What only the file explains.
    "mit": (groups("MIT"), "MIT*"),
    "word": (groups("public-domain"), "public-domain*"),
    "words": (groups("public-domain", "Expat"), "LicenseRef-words-public-domain AND MIT"),
    "versionless": (groups("GPL", "Artistic"), "LicenseRef-versionless-GPL AND LicenseRef-versionless-Artistic"),
    "no-such": (groups("GPL-2.7+", "ISC"), "LicenseRef-no-such-GPL-2.7-plus AND ISC"),
    "exception": (groups("GPL-3+ with Bison exception and Expat"), "LicenseRef-exception-GPL-3-plus-with-Bison-exception AND MIT"),
    "prose": (groups("same as above, see there", "ISC"), "LicenseRef-prose-same-as-above-see-there AND ISC"),
    "brackets": (groups("GPL-2+ (or newer)", "ISC"), "LicenseRef-brackets-GPL-2-plus-or-newer AND ISC"),
    "letters": (groups("Giấy phép số 1", "ISC"), "LicenseRef-letters-Gi-y-ph-p-s-1 AND ISC"),
}  # fmt: skip
"""By package: its copyright file, and what is said of it; with a star it is a name that is not SPDX's."""


def test_a_name_becomes_what_it_certainly_means_and_else_stays_a_name(tmp_path: Path) -> None:
    for package, (content, _) in SAID.items():
        place(tmp_path / "root", package, content)
    found = listed(tmp_path / "root", list(SAID), tmp_path)
    for package, (_, wanted) in SAID.items():
        assert expression(found[package]) == wanted.removesuffix("*"), package
        if wanted.endswith("*"):
            assert "name" in found[package][0]["license"], "an id of SPDX would be a guess"


def place(root: Path, package: str, content: bytes) -> None:
    """Install a copyright file."""
    path = root / "usr/share/doc" / package / "copyright"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)


def test_odd_files_are_named_carried_along_or_left_out_and_never_guessed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    doc = root / "usr/share/doc"
    old = b"This package is free software; see /usr/share/common-licenses/GPL-2.\n"
    unnamed = groups("GPL-2+") + b"\nFiles: debian/*\nCopyright: nobody\n"
    prose = {
        "old": old, "empty": b"", "unnamed": unnamed, "nameless": groups("GPL-2+", ""),
        "headless": b"Files: *\nLicense: GPL-2+\n", "no-files": FORMAT.encode() + b"License: GPL-2+\n",
        "latin": "Copyright: José\nLicense: GPL-2+\n".encode("latin-1"), "nul": b"a\0b\x1b[31m\n",
    }  # fmt: skip
    for package, content in prose.items():
        place(root, package, content)
    place(root, "latin-groups", groups("GPL-2+") + "\nFiles: x\nCopyright: José\nLicense: ISC\n".encode("latin-1"))
    place(root, "windows", groups("GPL-2+", "ISC").replace(b"\n", b"\r\n"))
    place(root, "huge", groups("GPL-2+") + b"\n" + b" more of it\n" * 500_000)
    place(root, "long", b"a line of an old licence\n" * 10_000)
    place(root, "target", groups("Zlib"))
    (doc / "linked").symlink_to("target")
    (doc / "link").mkdir()
    (doc / "link/copyright").symlink_to("../target/copyright")
    (doc / "loop").symlink_to("loop")
    (doc / "folder/copyright").mkdir(parents=True)
    (doc / "dangling").symlink_to("nowhere")
    (tmp_path / "secret").write_bytes(groups("ISC"))
    (doc / "outside").mkdir()
    (doc / "outside/copyright").symlink_to(tmp_path / "secret")
    (doc / "escape").mkdir()
    (doc / "escape/copyright").symlink_to("../../../../../secret")
    nothing = ["missing", "loop", "folder", "dangling", "outside", "escape"]
    packages = [*(each.name for each in doc.iterdir()), "missing"]

    found = listed(root, packages, tmp_path)

    assert set(found) == set(packages)
    assert {each: found[each] for each in nothing} == {each: [] for each in nothing}
    assert {expression(found[each]) for each in ("target", "linked", "link")} == {"Zlib"}
    assert {expression(found[each]) for each in ("latin-groups", "windows")} == {"GPL-2.0-or-later AND ISC"}
    for package in (*prose, "huge", "long"):
        assert expression(found[package]) == f"/usr/share/doc/{package}/copyright"
    assert found["old"][0]["license"]["text"]["content"] == old.decode()
    assert "José".encode("latin-1").decode("utf-8", "replace") in found["latin"][0]["license"]["text"]["content"]
    assert not any("text" in found[each][0]["license"] for each in ("huge", "long", "empty"))


def test_the_files_of_this_machine_are_read_without_a_guess(tmp_path: Path) -> None:
    """Every package that dpkg knows here; those that every Debian 12 has are looked at one by one."""
    release = Path("/etc/os-release")
    if not release.exists() or "VERSION_CODENAME=bookworm" not in release.read_text():
        pytest.skip("this machine is no Debian 12")
    if not all(Path("/usr/share/doc", each, "copyright").exists() for each in ("libssl3", "bash", "libc6")):
        pytest.skip("this machine keeps no copyright files")
    found = listed(Path("/"), [], tmp_path)
    told = {name: expression(licenses) for name, licenses in found.items() if licenses}
    assert told["libssl3"] == "Apache-2.0 AND (LicenseRef-libssl3-Artistic OR GPL-1.0-or-later)"
    assert "GPL-3.0-or-later" in told["bash"]
    assert told["libc6"] == "/usr/share/doc/libc6/copyright"  # in no machine-readable form
    if Path("/usr/share/doc/libstdc++6").is_symlink():
        assert told["libstdc++6"] == "/usr/share/doc/libstdc++6/copyright"
    machine = {name: said for name, said in told.items() if said != f"/usr/share/doc/{name}/copyright"}
    assert len(machine) > len(found) / 4
    script = (
        "import json, sys\nfrom license_expression import get_spdx_licensing\nspdx = get_spdx_licensing()\n"
        "said = json.load(sys.stdin)\n"
        "keys = {name: spdx.license_keys(spdx.parse(one)) for name, one in said.items()}\n"
        "known = set(spdx.known_symbols)\n"
        "print(json.dumps({name: [key for key in keys[name] if key.removesuffix('+') not in known] for name in keys}))"
    )
    expressions = {name: said for name, said in machine.items() if OPERATORS.search(said)}
    done = subprocess.run(
        [PYTHON, "-c", script], input=json.dumps(expressions), capture_output=True, text=True, check=True
    )
    for name, unknown in json.loads(done.stdout).items():
        assert all(each.startswith("LicenseRef-") for each in unknown), (name, unknown)
