"""One server without an engineer: the bundle on a bare Debian without network, from the first start to the next release."""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.bundle.server import NEEDED, ROOT, Server
from tests.bundle.work import DATA, articles, lose_and_restore, work
from tests.services.backup.office import everything

pytestmark = NEEDED


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, bundles: dict[str, Path]) -> Server:
    made = Server(tmp_path_factory.mktemp("server") / "root")
    path = made.bring(bundles["first"])
    made.told = made.sound(f"cd /srv && tar -xf {path} && ngoclinh-7.0.0/install")  # type: ignore[attr-defined]
    work(made, "một", "hai", "ba")
    return made


def test_it_installs_without_network_says_what_to_do_and_keeps_the_articles(server: Server) -> None:
    told = server.told  # type: ignore[attr-defined]
    assert "Ngọc Linh 7.0.0 đã được cài" in told
    assert "Ngọc Linh 7.0.0 is installed" in told
    assert "http://127.0.0.1:8080" in told
    assert "ngoclinh 7.0.0" in server.sound("ngoclinh --version")
    assert server.run("python3 -c 'import urllib.request as u; u.urlopen(\"http://192.0.2.1\", timeout=3)'").returncode
    assert articles(server) == 3
    owner = (server.root / DATA / "ledger.sqlite").stat()
    assert owner.st_uid != 0
    assert (server.root / DATA).stat().st_mode & 0o777 == 0o700
    again = server.run("/srv/ngoclinh-7.0.0/install")
    assert again.returncode == 2
    assert "ngoclinh update" in again.stderr


def test_the_unit_is_closed_up(server: Server) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd here to ask")
    unit = server.root / "etc/systemd/system/ngoclinh.service"
    asked = ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-300:]


def test_backup_wipe_and_restore_give_equal_rows_and_files(server: Server) -> None:
    lose_and_restore(server)
    work(server, "bốn")
    assert articles(server) == 4


SYSTEMD = """
systemctl() {  # this root has no systemd: what the unit would do
  case "$1" in
    start) rm -f /tmp/ready
           ngoclinh up --no-crawl > /tmp/ready 2>/tmp/errors & echo $! > /tmp/program
           for second in $(seq 120); do grep -q ^ready /tmp/ready && break; sleep 1; done ;;
    stop) [ ! -e /tmp/program ] || { kill "$(cat /tmp/program)"; wait "$(cat /tmp/program)" || true; rm -f /tmp/program; } ;;
  esac
}
"""


@pytest.mark.parametrize(("page", "name"), [("operate.md", "NAME"), ("operate.vi.md", "TÊN")])
def test_the_commands_of_the_chapter_on_restoring_do_what_it_says(server: Server, page: str, name: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    (commands,) = re.findall(r"^```sh restore\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert "ngoclinh restore " in commands
    count = articles(server)
    lost = f"/{DATA}/backups/{page}.ngoclinh"
    drill = commands.replace(f"/{DATA}/backups/{name}.ngoclinh", lost)
    assert drill != commands
    told = server.sound(
        f"{SYSTEMD}rm -f /tmp/program\nngoclinh backup {lost}\nsystemctl start ngoclinh\nrm -rf /{DATA}/evidence\n{drill}systemctl stop ngoclinh"
    )
    assert "✗" not in told
    assert "Đang chạy và trả lời" in told or "Runs and answers" in told
    assert articles(server) == count
    assert list((server.root / DATA).glob("before-restore-*"))


def test_only_the_maker_of_the_first_bundle_is_followed(server: Server, bundles: dict[str, Path]) -> None:
    key = (server.root / "etc/ngoclinh/release.pub").stat()
    assert (key.st_uid, key.st_mode & 0o777) == (0, 0o644)
    assert (server.root / "etc/ngoclinh").stat().st_mode & 0o777 == 0o750
    for name, why in (("forged", "not signed by the key"), ("unsigned", "--sha256")):
        done = server.run(f"ngoclinh --lang en update {server.bring(bundles[name])}")
        assert done.returncode == 2
        assert why in done.stderr
    assert "ngoclinh 7.0.0" in server.sound("ngoclinh --version")


def test_a_release_that_does_not_start_is_taken_back(server: Server, bundles: dict[str, Path]) -> None:
    before = everything(server.root / DATA)
    done = server.run(f"ngoclinh --lang en update {server.bring(bundles['broken'])}")
    assert done.returncode == 2
    assert "going back to the old release" in done.stderr
    assert "this release is broken" in done.stderr
    assert "ngoclinh 7.0.0" in server.sound("ngoclinh --version")
    assert everything(server.root / DATA) == before
    assert not (server.root / "opt/ngoclinh/releases/7.2.0").exists()


def test_an_update_keeps_everything(server: Server, bundles: dict[str, Path]) -> None:
    before = everything(server.root / DATA)
    damaged = server.bring(bundles["next"])
    data = bytearray(bundles["next"].read_bytes())
    data[len(data) // 2] ^= 1
    (server.root / damaged.lstrip("/")).write_bytes(data)
    assert "The bundle is damaged" in server.run(f"ngoclinh --lang en update {damaged}").stderr
    told = server.sound(f"ngoclinh --lang en update {server.bring(bundles['next'])}")
    assert "7.0.0 → 7.1.0" in told
    assert "ngoclinh 7.1.0" in server.sound("ngoclinh --version")
    assert everything(server.root / DATA) == before
    assert sorted(path.name for path in (server.root / "opt/ngoclinh/releases").iterdir()) == ["7.0.0", "7.1.0"]
    assert list((server.root / DATA / "backups").glob("before-7.1.0-*.ngoclinh"))
    count = articles(server)
    work(server, "năm")
    assert articles(server) == count + 1
    assert "7.1.0 is installed" in server.run(
        f"ngoclinh --lang en update {server.bring(bundles['first'])}"
    ).stderr.replace("Release ", "")


WISH = """
import json, sys, urllib.request

def ask(path, body=None, kind="application/json"):
    return json.load(urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:8080" + path, body, {"Content-Type": kind})))

if len(sys.argv) > 1:
    bundle = ask("/v1/bundles:upload", open(sys.argv[1], "rb").read(), "application/octet-stream")
    ask("/v1/bundles:install", json.dumps({"sha256": bundle["sha256"], "confirmation": bundle["version"]}).encode())
print(json.dumps(ask("/v1/maintenance")))
"""


def by_page(server: Server, *bundle: str) -> dict[str, Any]:
    """Start the program, ask for a bundle on it, end it; what it told last."""
    asking = f"python3 - {' '.join(bundle)} <<'TEXT'\n{WISH}TEXT\n"
    told = server.sound(f"{SYSTEMD}rm -f /tmp/program\nsystemctl start ngoclinh\n{asking}systemctl stop ngoclinh")
    return dict(json.loads(next(line for line in told.splitlines() if line.startswith("{"))))


def unit(server: Server, key: str) -> list[str]:
    """Values of a key of the unit that root's part runs by."""
    text = (server.root / "etc/systemd/system/ngoclinh-update.service").read_text()
    return re.findall(rf"(?m)^{key}=(.*)$", text)


def test_what_the_page_asks_for_is_installed_by_the_command_of_the_unit_with_the_rights_that_it_names(
    server: Server, bundles: dict[str, Path]
) -> None:
    (server.root / "etc/systemd/system/paths.target.wants").mkdir(exist_ok=True)
    (server.root / "etc/systemd/system/paths.target.wants/ngoclinh-update.path").symlink_to("../ngoclinh-update.path")
    told = by_page(server, server.bring(bundles["last"]))
    assert (told["version"], told["install"]["state"]) == ("7.1.0", "INSTALL_STATE_REQUESTED")
    wish = (server.root / "var/lib/ngoclinh/bundles/install.json").stat()
    assert (wish.st_mode & 0o777, wish.st_uid) == (0o600, (server.root / DATA / "ledger.sqlite").stat().st_uid)
    before = everything(server.root / DATA)
    (command,), (named,) = unit(server, "ExecStart"), unit(server, "CapabilityBoundingSet")
    rights = ",".join(f"+{name.removeprefix('CAP_').lower()}" for name in named.split())
    environment = " ".join([*unit(server, "Environment"), "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"])
    asked = f"cd / && env -i {environment} setpriv --bounding-set -all,{rights} --no-new-privs -- {command}"
    server.sound(asked)
    assert everything(server.root / DATA) == before
    assert "ngoclinh 7.3.0" in server.sound("ngoclinh --version")
    told = by_page(server)
    assert (told["version"], told["install"]["state"]) == ("7.3.0", "INSTALL_STATE_DONE")
    assert told["install"]["version_before"] == "7.1.0"
    assert "bundle" not in told
    assert server.run(asked).returncode == 2, "a wish is followed once"


def test_the_bundle_is_one_file_of_what_it_says(bundles: dict[str, Path]) -> None:
    listed = subprocess.run(["tar", "-tf", bundles["first"]], check=True, capture_output=True, text=True).stdout
    assert "ngoclinh-7.0.0/wheels/ngoclinh-7.0.0-py3-none-any.whl" in listed
    target = ["tar", "-xOf", bundles["first"], "ngoclinh-7.0.0/TARGET"]
    assert (
        subprocess.run(target, check=True, capture_output=True, text=True).stdout
        == f"python3.11-{platform.machine()}\n"
    )
