"""What the screens say when something stops answering: what, since when, and of which moment the figures are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import LAND, Product, sheet
from tests.cluster.places import Place, in_cluster
from tests.e2e.mini_site import settings_for
from tests.engines import Elastic, Nats, Postgres

TIME = re.compile(r"từ \d\d:\d\d,? \d\d/\d\d/\d{4}")


def test_a_server_that_is_gone_is_told_with_the_figures_still_there(browser: Browser, tmp_path: Path) -> None:
    product = Product("--config", settings_for([], tmp_path), "up")
    try:
        with browser.new_context(locale="vi-VN", base_url=product.url) as context:
            page = context.new_page()
            page.goto("/")
            expect(page.locator(".tile").first).to_be_visible()
            expect(page.locator(".banner")).to_have_count(0)
            product.kill()
            banner = page.locator(".banner")
            expect(banner).to_contain_text("Không liên lạc được với máy chủ")
            expect(banner).to_contain_text(TIME)
            expect(page.locator(".tile").first).to_be_visible()
            page.locator("#nav").get_by_text("Tin bài").click()
            expect(page.locator("h1")).not_to_have_text("Tình hình")
            expect(page.locator("main .problem").first).to_be_visible()
            expect(page.locator(".loading")).to_have_count(0)
            expect(banner).to_be_visible()
    finally:
        product.kill()


@pytest.mark.cluster
def test_every_page_says_which_store_is_silent_and_how_old_its_figures_are(
    browser: Browser, nats: Nats, postgres: Postgres, elastic: Elastic, tmp_path: Path
) -> None:
    config = in_cluster(settings_for([], tmp_path), Place.on(nats, postgres, elastic))
    product = Product("--config", config, "up")
    try:
        product.clip(LAND)
        assert product.upload("to_1.geojson", sheet(), edition="2004")["state"] == "IMPORT_STATE_COMMITTED"
        with browser.new_context(locale="vi-VN", base_url=product.url) as context:
            page = context.new_page()
            page.goto("/")
            articles = page.locator(".tile[data-metric=article_count] .tile-value")
            expect(articles).to_have_text("1")
            elastic.kill()
            try:
                for name in ("", "news", "land", "alerts", "sources", "quarantine", "brief", "clip", "help"):
                    page.goto(f"/#/{name}")
                    expect(page.locator(".banner")).to_contain_text("Chỉ mục tìm kiếm không trả lời")
                    expect(page.locator(".banner")).to_contain_text(TIME)
                    expect(page.locator("main .loading")).to_have_count(0)
                page.goto("/#/")
                page.reload()
                expect(page.locator(".freshness .stale")).to_contain_text("đây là số liệu đọc lúc")
                expect(page.locator("[data-metric=parcel_count] .tile-value")).not_to_have_text("0")
                page.goto("/#/news")
                expect(page.locator("main .problem").first).to_contain_text("Elasticsearch")
            finally:
                elastic.start()
            expect(page.locator(".banner")).to_have_count(0)
            expect(page.locator(".list-panel .article-title")).to_have_text([LAND["title"]])
    finally:
        product.terminate()
