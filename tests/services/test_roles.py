"""The parts of the product, each a process of its own, do together what the whole does."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from ngoclinh.area.v1.area_service_pb2 import GetWatchAreaRequest
from ngoclinh.area.v1.area_service_pb2_grpc import AreaServiceStub
from ngoclinh.situation.v1.situation_service_pb2 import GetSituationRequest
from ngoclinh.situation.v1.situation_service_pb2_grpc import SituationServiceStub

from services import bootstrap
from services.core.config import Settings
from services.core.errors import InvalidField
from services.core.ports import SUBJECTS
from services.core.sections.doors import PeersSettings
from services.roles import ALL, ONLY, ROLES, SERVICES, addresses
from services.rpc import methods
from services.stores import open_stores
from tests.engines.base import free_port
from tests.services.certificates import Authority


def test_every_service_and_every_group_belongs_to_one_part() -> None:
    served = [name for role in ROLES.values() for name in role.names]
    assert sorted(served) == sorted(service.full_name for service in methods.services())
    assert set(served) == ALL.names
    worked = [place for role in ROLES.values() for place in role.workers]
    every = {(subject, group) for subject, groups in SUBJECTS.items() for group in groups}
    assert len(worked) == len(set(worked))
    assert set(worked) | {("source.command", "crawler")} == every
    assert set(worked) == ALL.workers
    assert [name for name, role in ROLES.items() if role.web] == ["gateway"]
    assert [name for name, role in ROLES.items() if role.crawl] == ["crawler"]


def test_every_service_can_have_an_address() -> None:
    assert set(PeersSettings.model_fields) == set(SERVICES)
    assert addresses(PeersSettings(media="dns:///media:50051")) == {
        "ngoclinh.media.v1.MediaService": "dns:///media:50051",
        "ngoclinh.media.v1.AlertService": "dns:///media:50051",
    }


@pytest.mark.parametrize("mutual", [False, True], ids=["plain", "certificates"])
async def test_parts_reach_each_other_where_the_settings_say(tmp_path: Path, mutual: bool) -> None:
    authority = Authority(tmp_path / "authority")
    ports = {name: free_port() for name in ROLES}
    peers = {key: f"127.0.0.1:{ports[name]}" for name, role in ROLES.items() for key in role.services}
    shared = open_stores(Settings(data_dir=tmp_path / "shared"))
    (tmp_path / "shared").mkdir()
    given = {"bus": shared.bus, "ledger": shared.ledger, "index": shared.index, "parcels": shared.parcels}

    def settings_of(name: str) -> Settings:
        certificate, key = authority.issue(name)
        files = {"tls_cert_file": certificate, "tls_key_file": key, "ca_file": authority.file} if mutual else {}
        tree: dict[str, Any] = {
            "data_dir": tmp_path / name,
            "gateway": {"port": 0},
            "grpc": {"port": ports[name], **files},
            "crawler": {"enabled": False},
            "peers": peers,
        }
        return Settings.model_validate(tree)

    async with AsyncExitStack() as stack:
        parts = {
            name: await stack.enter_async_context(bootstrap.running(settings_of(name), role=role, **given))
            for name, role in ROLES.items()
        }
        assert [name for name, part in parts.items() if part.url] == ["gateway"]
        request = GetWatchAreaRequest(name="watchAreas/nam-tra-my")
        assert len((await AreaServiceStub(parts["media"].channel).GetWatchArea(request)).areas) == 5
        asked = GetSituationRequest(watch_area="watchAreas/nam-tra-my")
        situation = await SituationServiceStub(parts["land"].channel).GetSituation(asked)
        assert len(situation.areas) == 5
        async with aiohttp.ClientSession(parts["gateway"].url) as browser:
            for path in ("/v1/model", "/v1/sources", "/v1/imports", "/v1/situation", "/v1/health"):
                async with browser.get(path) as answer:
                    assert answer.status == 200, (path, await answer.text())


async def test_a_part_that_is_not_there_is_told(tmp_path: Path) -> None:
    from services.cli.serve import _serve

    with pytest.raises(InvalidField, match="gateway, media"):
        await _serve(Settings(data_dir=tmp_path), "nothing")


@pytest.mark.parametrize(("half", "imports"), [("land", 200), ("media", 404)])
async def test_one_half_serves_alone_and_media_knows_no_parcels(tmp_path: Path, half: str, imports: int) -> None:
    tree = {"data_dir": tmp_path, "gateway": {"port": 0}, "grpc": {"port": 0}}
    settings = Settings.model_validate(tree)
    async with (
        bootstrap.running(settings, role=ONLY[half], crawl=half == "land") as program,
        aiohttp.ClientSession(program.url) as browser,
    ):
        for path, status in (
            ("/v1/imports", imports),
            ("/v1/sources", 200),
            ("/v1/situation", 200),
            ("/v1/health", 200),
        ):
            async with browser.get(path) as answer:
                assert answer.status == status, (path, await answer.text())
        asked = GetSituationRequest(watch_area="watchAreas/nam-tra-my")
        situation = await SituationServiceStub(program.channel).GetSituation(asked)
        assert len(situation.areas) == 5
        assert not (tmp_path / "frontier.sqlite").exists(), "nothing was crawled"


def test_the_halves_are_together_what_the_whole_is() -> None:
    land, media = ONLY["land"], ONLY["media"]
    assert (land.crawl, media.crawl) == (False, True)
    assert not any("Land" in name or "Import" in name for name in media.names)
    assert land.names | media.names == ALL.names
    assert land.workers | media.workers == ALL.workers


async def test_a_part_needs_only_what_it_serves(tmp_path: Path) -> None:
    """No model but where texts are analysed, no sources but where they are crawled or analysed."""
    tree = {
        "gateway": {"port": 0},
        "grpc": {"port": 0},
        "crawler": {"sources_dir": tmp_path / "missing"},
        "sentiment": {"model_dir": tmp_path / "missing"},
    }
    for name in ("gateway", "media", "land", "imports"):
        settings = Settings.model_validate(tree | {"data_dir": tmp_path / name})
        async with bootstrap.running(settings, role=ROLES[name]) as part:
            assert part.grpc_address
    settings = Settings.model_validate(tree | {"data_dir": tmp_path / "sentiment"})
    with pytest.raises(InvalidField, match="model_dir"):
        async with bootstrap.running(settings, role=ROLES["sentiment"]):
            pass
