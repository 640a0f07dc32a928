"""The index in Elasticsearch keeps the clauses of `ArticleIndex`."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.adapters.cluster.index_elastic import ElasticArticleIndex
from services.core.names import random_id
from services.core.sections.stores import ElasticsearchSettings
from tests.contracts.article_index import ArticleIndexContract
from tests.engines import Elastic

pytestmark = pytest.mark.cluster


def monthly(place: str) -> ElasticArticleIndex:
    """The index at ``url/alias`` with an index for each month."""
    url, _, alias = place.rpartition("/")
    return ElasticArticleIndex(ElasticsearchSettings(urls=[url], alias=alias, partition="monthly"))


class TestElasticArticleIndex(ArticleIndexContract):
    factory = "services.adapters.cluster.index_elastic:ElasticArticleIndex"

    @pytest.fixture(autouse=True)
    def _server(self, elastic: Elastic) -> None:
        self.server = elastic

    def location(self, tmp_path: Path) -> str:
        return f"{self.server.url}/test-{random_id()}"


class TestMonthlyElasticArticleIndex(TestElasticArticleIndex):
    factory = "tests.contracts.test_article_index_elastic:monthly"
