"""The FTS5 index keeps the clauses of `ArticleIndex`."""

from __future__ import annotations

from pathlib import Path

from tests.contracts.article_index import ArticleIndexContract


class TestSqliteArticleIndex(ArticleIndexContract):
    factory = "services.adapters.embedded.index_sqlite:SqliteArticleIndex"

    def location(self, tmp_path: Path) -> str:
        return str(tmp_path / "index.sqlite")
