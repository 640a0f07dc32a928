"""`ngoclinh doctor` over servers: what answers, what is missing, what is wrong, in words of both languages."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli import app, engines
from services.cli.engines import Answer
from services.core import config
from services.core.config import Settings
from tests.cluster.places import Place
from tests.engines import Elastic, Nats, Postgres
from tests.engines.base import free_port
from tests.engines.elastic import VERSION
from tests.services.kibana.loopback import Loopback

SECRET = "khong-ai-biet"


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NGOCLINH_CONFIG", "NGOCLINH_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)


def settings_for(folder: Path, **flags: Any) -> Settings:
    return config.load(environ={}, flags={"data_dir": folder / "data", "crawler.enabled": False} | flags)


def doctor(file: Path, lang: str) -> tuple[int, list[str]]:
    """Exit code and lines."""
    done = CliRunner().invoke(app, ["--config", str(file), "--lang", lang, "doctor"])
    assert done.stderr == ""
    return done.exit_code, done.stdout.splitlines()


def told(answers: Iterator[Answer]) -> list[Answer]:
    """All answers, each in two languages."""
    found = list(answers)
    assert all(one.vi.strip() and one.en.strip() and one.vi != one.en for one in found)
    return found


# ------------------------------------------------------------ servers


@pytest.mark.cluster
def test_servers_that_answer_are_told_with_their_releases_and_what_is_still_to_be_made(
    nats: Nats, postgres: Postgres, elastic: Elastic, tmp_path: Path
) -> None:
    place = Place.on(nats, postgres, elastic)
    file = tmp_path / "ngoclinh.toml"
    file.write_text(f'mode = "cluster"\ndata_dir = "{tmp_path / "data"}"\n{place.sections}')
    _, fresh = doctor(file, "vi")
    made = [line for line in fresh if "lược đồ sẽ được tạo ở lần dùng đầu" in line]
    assert [line.partition(":")[0] for line in made] == ["✓ Sổ cái (PostgreSQL)", "✓ Kho thửa đất (PostGIS)"]
    assert "✓   Chưa có chỉ mục nào." in fresh
    moved = CliRunner().invoke(app, ["--config", str(file), "migrate"])
    assert moved.exit_code == 0, moved.output
    _, lines = doctor(file, "en")
    for title in ("Bus (NATS JetStream)", "Ledger (PostgreSQL)", "Parcels (PostGIS)", "Index (Elasticsearch)"):
        (line,) = [line for line in lines if title in line]
        assert line.startswith(f"✓ {title}: answers, ")
        assert line.endswith(" MiB")
    whole = "\n".join(lines)
    assert f"elasticsearch {VERSION}" in whole
    assert "postgis 3." in whole
    assert "sync_interval: always" in whole
    servers = ("NATS", "PostgreSQL", "PostGIS", "Elasticsearch", "clock", "index")
    assert not [line for line in lines if line.startswith("✗") and any(word in line for word in servers)], whole


def test_servers_that_do_not_answer_are_told_each_with_its_address_and_what_to_look_at(tmp_path: Path) -> None:
    ports = {name: free_port() for name in ("nats", "postgres", "elasticsearch")}
    file = tmp_path / "ngoclinh.toml"
    file.write_text(
        f'mode = "cluster"\ndata_dir = "{tmp_path / "data"}"\n'
        f'[nats]\nurls = ["nats://ai:{SECRET}@127.0.0.1:{ports["nats"]}"]\n'
        f'[postgres]\nurl = "postgresql://an@127.0.0.1:{ports["postgres"]}/so_cai"\n'
        f'[elasticsearch]\nurls = ["http://127.0.0.1:{ports["elasticsearch"]}"]\n'
    )
    wanted = {
        "vi": {
            "✗ Hàng đợi (NATS JetStream): ": ("không trả lời", "mục [nats]", ports["nats"]),
            "✗ Sổ cái (PostgreSQL): ": ("Không dùng được PostgreSQL", "postgres.url", ports["postgres"]),
            "✗ Kho thửa đất (PostGIS): ": ("Không dùng được PostgreSQL", "postgres.url", ports["postgres"]),
            "✗ Chỉ mục (Elasticsearch): ": ("không trả lời", "mục [elasticsearch]", ports["elasticsearch"]),
        },
        "en": {
            "✗ Bus (NATS JetStream): ": ("does not answer", "section [nats]", ports["nats"]),
            "✗ Ledger (PostgreSQL): ": ("cannot be used", "postgres.url", ports["postgres"]),
            "✗ Parcels (PostGIS): ": ("cannot be used", "postgres.url", ports["postgres"]),
            "✗ Index (Elasticsearch): ": ("does not answer", "section [elasticsearch]", ports["elasticsearch"]),
        },
    }
    for lang, servers in wanted.items():
        code, lines = doctor(file, lang)
        assert code == 1
        assert SECRET not in "\n".join(lines)
        for title, words in servers.items():
            (line,) = [line for line in lines if line.startswith(title)]
            assert all(str(word) in line for word in words), line
    assert not [line for line in lines if "không" in line], "no Vietnamese among the English lines"


def test_a_check_that_fails_is_told_in_the_language_that_was_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "ngoclinh.toml"
    file.write_text(f'data_dir = "{tmp_path / "data"}"\n[gateway]\nhost = "0.0.0.0"\n')
    for lang, words, other in (("vi", "cần có khi gateway.host", "is needed"), ("en", "is needed", "cần có")):
        code, lines = doctor(file, lang)
        (line,) = [line for line in lines if "tls_cert_file" in line]
        assert (code, line[0], words in line, other in line) == (1, "✗", True, False), line


def test_embedded_no_server_is_asked_for(tmp_path: Path) -> None:
    assert told(engines.servers(settings_for(tmp_path))) == []


def test_a_package_that_is_missing_is_told_with_the_extra_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    for module in ("nats", "psycopg", "elasticsearch"):
        for name in [known for known in sys.modules if known.partition(".")[0] == module]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, module, None)
    for name in [known for known in sys.modules if known.startswith("services.adapters.cluster.")]:
        monkeypatch.delitem(sys.modules, name)
    found = told(engines.servers(settings_for(tmp_path, mode="cluster")))
    assert [one.sound for one in found] == [False] * 4
    assert all("pip install 'ngoclinh[cluster]'" in text for one in found for text in (one.vi, one.en))


# ------------------------------------------------------------ Kibana, secrets


async def test_kibana_is_asked_where_the_settings_name_it(tmp_path: Path) -> None:
    async with Loopback(version="9.5.1") as kibana:
        settings = settings_for(tmp_path, **{"kibana.url": kibana.url})
        (there,) = await asyncio.to_thread(lambda: told(engines.servers(settings)))
        assert (there.sound, there.vi, there.en) == (
            True, f"Kibana 9.5 tại {kibana.url}", f"Kibana 9.5 at {kibana.url}",
        )  # fmt: skip
    (gone,) = await asyncio.to_thread(lambda: told(engines.servers(settings)))
    assert not gone.sound
    assert kibana.url in gone.vi


@pytest.mark.parametrize(
    "key",
    [
        "postgres.password_file",
        "elasticsearch.password_file",
        "kibana.password_file",
        "nats.credentials_file",
        "gateway.users_file",
        "gateway.tls_key_file",
        "grpc.tls_key_file",
        "auth.provider.client_secret_file",
    ],
)
def test_a_file_with_a_secret_is_private_or_told(key: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    settings = settings_for(tmp_path, **{key: file})
    (missing,) = told(engines.secrets(settings))
    assert (missing.sound, missing.vi) == (False, f"{key}: không đọc được {file}")
    file.write_text("x")
    file.chmod(0o644)
    (open_,) = told(engines.secrets(settings))
    assert not open_.sound
    assert f"chmod 600 {file}" in open_.vi
    assert f"chmod 600 {file}" in open_.en
    file.chmod(0o600)
    (private,) = told(engines.secrets(settings))
    assert private.sound
