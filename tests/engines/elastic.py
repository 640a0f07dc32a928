"""Elasticsearch 9.2.8: the vendor's own distribution for the tests of plugin authors, from Maven Central."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import urllib.request
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tests.engines.base import Missing, Server

VERSION = "9.2.8"
ARTIFACT = f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{VERSION}:zip"
JAVA_MIN = 21
JVMS = Path("/usr/lib/jvm")
"""Where the packages of the distribution and of vendors put Java."""


def java_home() -> Path:
    """A full JDK of Java 21 or newer.

    Raises:
        Missing: there is none, with what to install.
    """
    named = [os.environ[name] for name in ("ES_JAVA_HOME", "JAVA_HOME") if os.environ.get(name)]
    for home in [Path(name) for name in named] + sorted(JVMS.glob("*"), reverse=True):
        if _version(home) >= JAVA_MIN and _has_vector_module(home):
            return home
    raise Missing(
        f"Elasticsearch: a JDK {JAVA_MIN} or newer with the module jdk.incubator.vector, at ES_JAVA_HOME, JAVA_HOME or "
        "under /usr/lib/jvm (Temurin, apt-get install openjdk-21-jdk-headless)"
    )


def _version(home: Path) -> int:
    """First number of the version of a Java; 0 where there is none."""
    release = home / "release"
    if not release.is_file():
        return 0
    version = next((line for line in release.read_text().splitlines() if line.startswith("JAVA_VERSION=")), "")
    number = version.partition('"')[2].split(".")[0].rstrip('"')
    return int(number) if number.isdigit() else 0


def _has_vector_module(home: Path) -> bool:
    if (home / "jmods/jdk.incubator.vector.jmod").is_file():
        return True
    java = home / "bin/java"
    if not java.is_file():
        return False
    modules = subprocess.run([java, "--list-modules"], capture_output=True, text=True, timeout=60).stdout
    return "jdk.incubator.vector" in modules


def distribution() -> Path:
    """The archive in the local Maven repository, fetched by the ordinary client where it is not there yet.

    Raises:
        Missing: neither the archive nor a client that fetches it.
    """
    repository = Path(os.environ.get("MAVEN_REPOSITORY") or Path.home() / ".m2/repository")
    name = f"org/elasticsearch/distribution/integ-test-zip/elasticsearch/{VERSION}/elasticsearch-{VERSION}.zip"
    archive = repository / name
    repository.mkdir(parents=True, exist_ok=True)
    with (repository / ".ngoclinh-lock").open("w") as lock:  # tests run in several processes: one of them fetches
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.is_file():
            _fetch(repository, archive)
    return archive


def _fetch(repository: Path, archive: Path) -> None:
    if shutil.which("mvn") is None:
        raise Missing("Elasticsearch: apt-get install maven, which fetches its distribution for tests")
    # Maven itself takes the home of the user's account, not HOME: it is told where we look.
    get = ["mvn", "-q", "-B", f"-Dmaven.repo.local={repository}", "dependency:get"]
    get += [f"-Dartifact={ARTIFACT}", "-Dtransitive=false"]
    done = subprocess.run(get, capture_output=True, text=True, cwd="/", timeout=600)
    if done.returncode or not archive.is_file():
        raise Missing(f"Elasticsearch: {ARTIFACT} could not be fetched: {done.stdout[-2000:]}")


class Elastic(Server):
    """One node without authentication, on one shard's worth of memory."""

    start_s = 180

    def prepare(self) -> None:
        """Unpack it and write the configuration."""
        self._java = java_home()
        with zipfile.ZipFile(distribution()) as archive:
            archive.extractall(self.folder)
        self.home = next(self.folder.glob("elasticsearch-*"))
        for program in (self.home / "bin").iterdir():
            program.chmod(0o755)
        for made in ("logs", "snapshots", "tmp"):
            (self.folder / made).mkdir()
        self.data.mkdir(exist_ok=True)
        (self.home / "config/elasticsearch.yml").write_text(
            "network.host: 127.0.0.1\n"
            f"http.port: {self.port}\n"
            "transport.port: 0\n"
            "discovery.type: single-node\n"
            "xpack.security.enabled: false\n"
            "cluster.routing.allocation.disk.threshold_enabled: false\n"
            f"path.data: {self.data}\npath.logs: {self.folder}/logs\npath.repo: {self.folder}/snapshots\n"
        )
        options = self.home / "config/jvm.options.d/tests.options"
        options.parent.mkdir(exist_ok=True)
        # It attaches to itself, for which a busy machine needs longer than the default of 10 s.
        options.write_text("-Xms768m\n-Xmx768m\n-Dsun.tools.attach.attachTimeout=120000\n")

    def environment(self) -> Mapping[str, str]:
        """With the JDK; nothing is written outside of the folder."""
        temporary = str(self.folder / "tmp")
        return {
            **super().environment(),
            "ES_JAVA_HOME": str(self._java),
            "ES_TMPDIR": temporary,
            "CLI_JAVA_OPTS": f"-Djava.io.tmpdir={temporary}",
        }

    def command(self) -> list[str | Path]:
        """Run it."""
        return [self.home / "bin/elasticsearch"]

    def ready(self) -> bool:
        """Its cluster is green or yellow."""
        try:
            with urllib.request.urlopen(
                f"{self.url}/_cluster/health?wait_for_status=yellow&timeout=1s", timeout=5
            ) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"http://127.0.0.1:{self.port}"
