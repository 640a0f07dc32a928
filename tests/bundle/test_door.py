"""The door from the settings page to root, under the real systemd: open, closed, and with an intruder at the other side."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.update.places import DOOR, INSTALLED
from tests.bundle.machine import Machine
from tests.bundle.server import NEEDED

pytestmark = NEEDED

ASK = """
import json, sys, time, urllib.error, urllib.request

def ask(path, body=None, kind="application/json"):
    request = urllib.request.Request("http://127.0.0.1:8080" + path, body, {"Content-Type": kind})
    try:
        return json.load(urllib.request.urlopen(request))
    except urllib.error.HTTPError as refused:
        return json.load(refused)
    except OSError:
        return None

def until(fine, most_s=300):
    end = time.monotonic() + most_s
    while time.monotonic() < end:
        told = ask("/v1/maintenance")
        if told and fine(told):
            return told
        time.sleep(0.5)
    raise SystemExit(f"not within {most_s} s: {told}")

def upload(path):
    return ask("/v1/bundles:upload", open(path, "rb").read(), "application/octet-stream")

def install(bundle):
    wanted = {"sha256": bundle["sha256"], "confirmation": bundle["version"]}
    return ask("/v1/bundles:install", json.dumps(wanted).encode())

def ended():
    return until(lambda told: told.get("install", {}).get("state", "").rsplit("_", 1)[-1] in ("DONE", "FAILED", "BACK"))
"""


class Office(Machine):
    """The product as `bundle/install` leaves it; its service runs."""

    def ask(self, script: str) -> Any:
        """What a script over REST prints as JSON."""
        done = self.run(f"python3 - <<'TEXT'\n{ASK}\n{script}\nTEXT\n")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def version(self) -> str:
        """The release that answers, once it does."""
        return str(self.ask("print(json.dumps(until(lambda told: True, 60)['version']))"))

    def articles(self) -> list[str]:
        """Titles of what is kept."""
        told = self.ask("print(json.dumps(sorted(each['title'] for each in ask('/v1/articles')['articles'])))")
        return list(told)

    def as_intruder(self, script: str) -> None:
        """Do what who broke into the program could do."""
        self.sound(f"setpriv --reuid ngoclinh --regid ngoclinh --init-groups -- sh -eu -c '{script}'")

    def ask_behind_its_back(self, bundle: str) -> Any:
        """Put a bundle and a wish there without the page, and see what root makes of it."""
        self.sound(f"cp {bundle} /tmp/next.tar && chmod 644 /tmp/next.tar")
        self.as_intruder(f"cp /tmp/next.tar {INSTALLED.bundle}")
        return self.ask(
            f"""
import hashlib, os, subprocess
wish = {{"sha256": hashlib.sha256(open("/tmp/next.tar", "rb").read()).hexdigest(), "version": "7.9.0", "user": "kẻ gian",
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}}
begun = time.time()
open("/tmp/wish", "w").write(json.dumps(wish))
os.chmod("/tmp/wish", 0o644)
subprocess.run(["setpriv", "--reuid", "ngoclinh", "--regid", "ngoclinh", "--init-groups", "--", "cp", "/tmp/wish", "{INSTALLED.wish}"], check=True)
until(lambda told: not os.path.exists("{INSTALLED.wish}"))
until(lambda told: os.stat("{INSTALLED.state}/last.json").st_mtime >= begun)
print(json.dumps(ended()["install"]))
"""
        )


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, bundles: dict[str, Path]) -> Iterator[Office]:
    made = Office(tmp_path_factory.mktemp("machine") / "root")
    try:
        for file in bundles.values():
            made.bring(file)
        made.sound("cd /srv && tar -xf ngoclinh-7.0.0.tar && ngoclinh-7.0.0/install")
        made.sound("printf '[crawler]\\nenabled = false\\n' >> /etc/ngoclinh/ngoclinh.toml; systemctl restart ngoclinh")
        assert made.version() == "7.0.0"
        made.ask(
            """
for text in ("một", "hai", "ba"):
    said = {"title": "Tin " + text, "text": "Nội dung ở xã Trà Leng: " + text}
    print(json.dumps(ask("/v1/articles:submit", json.dumps(said).encode())))
until(lambda told: int(ask("/v1/articles")["total_count"]) == 3, 60)
"""
        )
        yield made
    finally:
        made.stop()


def test_the_service_runs_as_closed_up_as_its_unit_says_and_can_still_fence_its_reader(office: Office) -> None:
    probe = (office.root / "etc/systemd/system/ngoclinh.service").read_text()
    probe = re.sub(r"(?m)^ExecStart=(.*) up$", r"Type=oneshot\nExecStart=\1 --lang en doctor", probe)
    probe = re.sub(r"(?m)^(Restart|RestartSec|ExecReload|StateDirectory|CacheDirectory)=.*\n", "", probe)
    (office.root / "etc/systemd/system/probe.service").write_text(probe)
    office.run("systemctl daemon-reload; systemctl start probe")
    told = office.sound("journalctl -u probe --no-pager")
    assert "no network, no other programs (seccomp)" in told


def test_a_closed_door_stays_closed_over_an_update_and_the_page_says_how_to_open_it(
    office: Office, bundles: dict[str, Path]
) -> None:
    assert office.run(f"systemctl is-active {DOOR}").stdout.strip() == "active", "it comes open with a signed bundle"
    office.sound(f"systemctl disable --now {DOOR}")
    told = office.ask(
        "b = upload('/srv/ngoclinh-7.1.0.tar'); print(json.dumps([b, install(b), ask('/v1/maintenance')]))"
    )
    assert told[0]["signed"]
    assert told[1]["error"]["status"] == "FAILED_PRECONDITION"
    assert "systemctl enable --now" in told[2]["install_hindrance"]["en"]
    assert "7.0.0 → 7.1.0" in office.sound("ngoclinh --lang en update /srv/ngoclinh-7.1.0.tar")
    assert office.version() == "7.1.0"
    assert office.run(f"systemctl is-enabled {DOOR}").stdout.strip() == "disabled"
    office.sound(f"systemctl enable --now {DOOR}")


@pytest.mark.parametrize(("name", "why"), [("forged", "not signed by the key"), ("unsigned", "not signed.")])
def test_root_refuses_what_the_maker_did_not_sign_whatever_the_program_writes(
    office: Office, bundles: dict[str, Path], name: str, why: str
) -> None:
    install = office.ask_behind_its_back(f"/srv/{bundles[name].name}")
    assert install["state"] == "INSTALL_STATE_FAILED"
    assert why in install["problem"]["en"]
    assert (install["version_before"], install["user"]) == ("7.1.0", "kẻ gian")
    assert office.version() == "7.1.0"


def test_a_release_that_does_not_run_is_taken_back_and_told(office: Office) -> None:
    before = office.articles()
    told = office.ask("install(upload('/srv/ngoclinh-7.2.0.tar')); print(json.dumps(ended()))")
    assert (told["version"], told["install"]["state"]) == ("7.1.0", "INSTALL_STATE_TAKEN_BACK")
    assert "this release is broken" in told["install"]["problem"]["en"]
    assert office.articles() == before
    assert len(before) == 3
    assert not (office.root / "opt/ngoclinh/releases/7.2.0").exists()


def test_an_update_in_the_middle_of_which_the_power_goes_is_taken_back_at_the_next_start(office: Office) -> None:
    before = office.articles()
    office.sound("touch /srv/slow")
    data = office.root / "var/lib/ngoclinh"
    office.ask("print(json.dumps(install(upload('/srv/ngoclinh-7.2.0.tar'))))")
    office.sound("for n in $(seq 300); do [ -e /var/lib/ngoclinh/tried ] && exit; sleep 1; done; exit 1")
    assert (office.root / "var/lib/ngoclinh-update/undo.json").exists()
    office.stop()
    with sqlite3.connect(data / "ledger.sqlite") as file:
        assert file.execute("PRAGMA user_version").fetchone() == (99,), "the old release could not use these data"
    office.switch_on()
    assert office.version() == "7.1.0"
    install = office.ask("print(json.dumps(ask('/v1/maintenance')['install']))")
    assert install["state"] == "INSTALL_STATE_TAKEN_BACK"
    assert "machine went off" in install["problem"]["en"]
    assert office.articles() == before
    assert len(before) == 3
    assert not (office.root / "opt/ngoclinh/releases/7.2.0").exists()
    assert not (office.root / "var/lib/ngoclinh-update/undo.json").exists()
    office.sound("rm /srv/slow; systemctl restart ngoclinh")
    assert office.version() == "7.1.0"
    assert office.articles() == before, "what was settled is not done again"


def test_an_intruder_gets_nothing_of_roots_and_closes_the_door(office: Office) -> None:
    office.sound("systemctl reset-failed ngoclinh-update.service || true")
    secret = (office.root / "etc/shadow").read_bytes()
    wish = INSTALLED.wish
    office.as_intruder(f"ln -s /etc/shadow {wish}")
    office.ask(f"import os; until(lambda told: not os.path.lexists('{wish}'), 60); print(1)")
    assert (office.root / "etc/shadow").read_bytes() == secret
    assert "root:" not in (office.root / "var/lib/ngoclinh-update/last.json").read_text()
    office.sound(
        "setpriv --reuid ngoclinh --regid ngoclinh --init-groups -- "
        f"sh -c 'while :; do [ -e {wish} ] || echo rubbish > {wish}; sleep 0.1; done' & "
        f"for n in $(seq 600); do [ $(systemctl is-active {DOOR}) = active ] || break; sleep 0.5; done; kill $!"
    )
    assert office.run(f"systemctl is-active {DOOR}").stdout.strip() == "failed"
    runs = office.sound("journalctl -u ngoclinh-update.service --no-pager").count("Starting ngoclinh-update.service")
    assert 6 <= runs <= 30
    assert office.version() == "7.1.0"
    office.as_intruder(f"rm -f {wish}")
    office.sound(f"systemctl reset-failed ngoclinh-update.service; systemctl restart {DOOR}")


def test_the_page_asks_root_installs_and_the_next_release_tells_it(office: Office) -> None:
    office.sound("systemctl reset-failed ngoclinh-update.service || true")
    before = office.articles()
    told = office.ask(
        "asked = install(upload('/srv/ngoclinh-7.3.0.tar')); print(json.dumps([asked['install'], "
        "until(lambda told: told['version'] == '7.3.0' and told['install']['state'] == 'INSTALL_STATE_DONE')]))"
    )
    assert told[0]["state"] == "INSTALL_STATE_REQUESTED"
    done = told[1]["install"]
    assert (done["version_before"], done["version"], done["user"]) == ("7.1.0", "7.3.0", "local")
    assert "bundle" not in told[1], "it does not wait any more"
    assert office.articles() == before
    assert "ngoclinh 7.3.0" in office.sound("ngoclinh --version")
    assert office.run(f"systemctl is-active {DOOR}").stdout.strip() == "active", "it waits for the next one"
    assert not (office.root / str(INSTALLED.wish).lstrip("/")).exists()
    audit = office.ask("print(json.dumps([each['method'] for each in ask('/v1/auditEntries')['entries']]))")
    assert any(method.endswith("MaintenanceService/InstallBundle") for method in audit)
