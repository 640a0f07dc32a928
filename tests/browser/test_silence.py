"""What the screens say when something stops answering: what, since when, and of which moment the figures are."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.browser.conftest import Product
from tests.e2e.mini_site import settings_for

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
            expect(banner).to_contain_text("Không liên lạc được với máy chủ", timeout=40_000)
            expect(banner).to_contain_text(TIME)
            expect(page.locator(".tile").first).to_be_visible()
            page.locator("#nav").get_by_text("Tin bài").click()
            expect(page.locator("main .problem")).to_be_visible()
            expect(page.locator(".loading")).to_have_count(0)
            expect(banner).to_be_visible()
    finally:
        product.kill()
