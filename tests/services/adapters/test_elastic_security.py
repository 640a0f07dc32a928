"""The index on an Elasticsearch that wants a user: the rights that the guide names are enough, and refusals are told."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from ngoclinh.media.v1.media_service_pb2 import ArticleFilter

from services.adapters.cluster.elastic_companions import refresh_companions
from services.adapters.cluster.index_elastic import ElasticArticleIndex
from services.adapters.embedded.ledger_sqlite import SqliteLedger
from services.core.errors import Unavailable
from services.core.sections.stores import ElasticsearchSettings
from services.media.rebuild import rebuild, restore
from tests.contracts.articles import article, collected
from tests.engines import Elastic
from tests.engines.fixtures import started

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

PASSWORD = "mat-khau-bia-dat"
ALIAS = "van-phong"
ROLES = f"""
ngoclinh:
  cluster: [monitor]
  indices:
    - names: ["{ALIAS}*"]
      privileges: [manage, read, write]
keeper:
  cluster: [monitor, "cluster:admin/snapshot/*", "cluster:admin/repository/*"]
  indices:
    - names: ["{ALIAS}*"]
      privileges: [manage, read, write]
reader:
  cluster: [monitor]
  indices:
    - names: ["{ALIAS}*"]
      privileges: [read]
"""
"""`ngoclinh` has what docs/cluster.md says that it needs, `keeper` what it needs for snapshots, and nothing else."""


class SecureElastic(Elastic):
    """A node that lets in users of its files only."""

    def prepare(self) -> None:
        super().prepare()
        config = self.home / "config"
        settings = config / "elasticsearch.yml"
        settings.write_text(settings.read_text().replace("security.enabled: false", "security.enabled: true"))
        (config / "roles.yml").write_text(ROLES)
        self.own()
        for name, role in (("chi", "ngoclinh"), ("luu", "keeper"), ("khach", "reader")):
            self.run(self.home / "bin/elasticsearch-users", "useradd", name, "-p", PASSWORD, "-r", role)

    def ready(self) -> bool:
        """It answers, if only that it knows nobody without a name."""
        try:
            urllib.request.urlopen(f"{self.url}/_cluster/health", timeout=5)
        except urllib.error.HTTPError as error:
            return error.code == 401
        except OSError:
            return False
        raise AssertionError("it lets everybody in")


@pytest.fixture(scope="module")
def secure() -> Iterator[SecureElastic]:
    yield from started(SecureElastic)  # type: ignore[misc]


def settings_for(server: Elastic, folder: Path, user: str, password: str = PASSWORD) -> ElasticsearchSettings:
    file = folder / f"password-{len(password)}"
    file.write_text(f"{password}\n")
    return ElasticsearchSettings(urls=[server.url], alias=ALIAS, username=user, password_file=file, timeout_s=30)


async def test_the_rights_that_the_guide_names_are_enough(secure: SecureElastic, tmp_path: Path) -> None:
    settings = settings_for(secure, tmp_path, "chi")
    async with SqliteLedger(tmp_path / "ledger.sqlite") as ledger, ElasticArticleIndex(settings) as index:
        for number in range(3):
            await ledger.record_collected(collected(article(f"k{number}"), day=number))
        assert await rebuild(ledger, index) == 3
        await index.put([article("more")])
        await index.delete([article("k0").name])
        assert (await index.search(ArticleFilter(), 9)).total == 3
        assert (await index.summarize(ArticleFilter(), [], 2)).total_count == 3
        assert (await index.engine()).problems == []
        assert await index.tidy("2026-01") == []
        assert await refresh_companions(ledger, settings) == 0
        await index.clear()


async def test_the_rights_to_snapshots_that_the_guide_names_are_enough(secure: SecureElastic, tmp_path: Path) -> None:
    place = {"snapshot_repository": "kho", "snapshot_folder": str(secure.folder / "snapshots/kho")}
    settings = settings_for(secure, tmp_path, "luu").model_copy(update=place)
    async with SqliteLedger(tmp_path / "ledger.sqlite") as ledger, ElasticArticleIndex(settings) as index:
        await ledger.record_collected(collected(article("a")))
        assert await rebuild(ledger, index) == 1
        assert (await index.snapshot("evening")).state == "SUCCESS"
        assert [each.name for each in await index.snapshots()] == ["evening"]
        assert await restore(ledger, index, "evening") == 0
        assert (await index.search(ArticleFilter(), 9)).total == 1
        await index.clear()


@pytest.mark.parametrize(("user", "password"), [("chi", "sai-mat-khau"), ("khach", PASSWORD), ("", PASSWORD)])
async def test_who_may_not_is_told_by_name_and_without_the_password(
    secure: SecureElastic, tmp_path: Path, user: str, password: str
) -> None:
    async with ElasticArticleIndex(settings_for(secure, tmp_path, user, password)) as index:
        with pytest.raises(Unavailable) as refused:
            await index.put([article("a")])
    for text in (refused.value.vi, refused.value.en):
        assert secure.url in text
        assert "elasticsearch.username" in text
        assert "elasticsearch.password_file" in text
        assert password not in text
        assert user in text
