"""Each distribution takes the bundle that is made for its Python, and says which one it needs where it is given another."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bundle.server import DEBIAN_13, NEEDED, UBUNTU_24, Server, System, bundle, sign
from tests.bundle.work import DATA, articles, lose_and_restore, work
from tests.services.backup.office import everything

pytestmark = NEEDED


@pytest.mark.parametrize("system", [DEBIAN_13, UBUNTU_24], ids=lambda system: str(system.release))
def test_it_installs_works_is_restored_and_updated_by_the_bundles_for_its_python(
    system: System, tmp_path: Path, bundles: dict[str, Path]
) -> None:
    system.interpreter()
    server = Server(tmp_path / "root", system=system)
    key = tmp_path / "key.pem"
    sign("key", key, key)
    refused = server.run(f"tar -xf {server.bring(bundles['first'])} -C /tmp && /tmp/ngoclinh-7.0.0/install")
    assert refused.returncode == 2
    assert "Bộ cài này cần python3.11" in refused.stderr
    assert f"{system.python} (" in refused.stderr

    first = server.bring(bundle("7.0.1", tmp_path, key, system=system))
    (library,) = (server.root / "usr/lib").glob("*/libstdc++.so.6")
    library.rename(library.with_name("away"))
    refused = server.run(f"cd /srv && tar -xf {first} && ngoclinh-7.0.1/install")
    assert "The package libstdc++6" in refused.stderr
    library.with_name("away").rename(library)
    assert not (server.root / "opt/ngoclinh").exists(), "who was refused changed nothing"

    told = server.sound("/srv/ngoclinh-7.0.1/install")
    assert "Ngọc Linh 7.0.1 is installed" in told
    assert system.python in server.sound("readlink -f /opt/ngoclinh/current/bin/python")
    work(server, "một", "hai")
    lose_and_restore(server)

    before = everything(server.root / DATA)
    (server.root / "etc/ngoclinh/release.pub").unlink()  # the next bundle is of another maker
    other = server.run(f"ngoclinh --lang en update {server.bring(bundles['next'])}")
    assert other.returncode == 2
    assert (
        f"The bundle is for python3.11-x86_64, which this machine does not have; take the bundle for {system.python}"
        in (other.stderr.replace("aarch64", "x86_64"))
    )
    assert not list((server.root / DATA / "backups").iterdir()), "nothing was begun"
    following = server.bring(bundle("7.0.2", tmp_path, key, system=system))
    assert "7.0.1 → 7.0.2" in server.sound(f"ngoclinh --lang en update {following}")
    assert everything(server.root / DATA) == before
    work(server, "ba")
    assert articles(server) == 3

    # As after an upgrade of the distribution, which took the Python of the release away.
    server.sound("ln -sf /usr/bin/python3.9 /opt/ngoclinh/current/bin/python")
    server.sound(f"tar -xf {following} -C /srv && /srv/ngoclinh-7.0.2/install")
    assert "ngoclinh 7.0.2" in server.sound("ngoclinh --version")
    work(server, "bốn")
    assert articles(server) == 4
