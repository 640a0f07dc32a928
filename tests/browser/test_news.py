"""News as an analyst uses them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from playwright.sync_api import Page, expect

from tests.browser.conftest import LAND, SCHOOL, Product, unique
from tests.e2e.program import eventually


def titles(page: Page) -> list[str]:
    return page.locator(".list-panel .article-title").all_inner_texts()


def test_a_search_without_marks_finds_words_with_marks(page: Page) -> None:
    page.goto("/")
    page.locator(".search input").fill("cham cap giay chung nhan")
    page.keyboard.press("Enter")
    expect(page.locator(".list-panel .article-title")).to_have_count(1)
    assert titles(page) == [LAND["title"]]
    page.locator(".filter input[type=search]").fill("diểm trường")
    page.keyboard.press("Enter")
    expect(page.locator(".list-panel .empty")).to_be_visible()
    page.locator(".filter input[type=search]").fill("điểm trường")
    page.keyboard.press("Enter")
    expect(page.locator(".list-panel .article-title")).to_have_text([SCHOOL["title"]])


def test_labels_of_machines_say_so_and_show_the_sentence_that_decided(page: Page, product: Product) -> None:
    page.goto(f"/#/news?article={product.land.split('/')[1]}")
    head = page.locator("[data-head=sentiment]")
    expect(head.locator(".origin")).to_contain_text("máy gợi ý")
    analysis = product.get(f"/v1/{product.land}")["analysis"]
    decided = analysis["sentiment"]["sentences"][0]["text"]
    expect(page.locator(".heads .quote").first).to_contain_text(decided[:40])
    expect(page.locator(".text mark, .article-detail h2").first).to_be_visible()


def test_a_correction_takes_one_click_and_survives_a_reload(page: Page, product: Product) -> None:
    name = product.clip({"title": f"Xã Trà Linh {unique('sam')}", "text": "Bà con trồng thêm sâm ở xã Trà Linh."})
    page.goto(f"/#/news?article={name.split('/')[1]}")
    head = page.locator("[data-head=sentiment]")
    wrong = head.locator("button[aria-pressed=false]").first
    label = wrong.inner_text().strip()
    wrong.click()
    expect(head.locator(".origin")).to_contain_text("người sửa")
    page.reload()
    expect(head.locator("button[aria-pressed=true]")).to_have_text(re.compile(label))
    expect(head.locator(".origin")).to_contain_text("người sửa")


def test_yesterdays_critical_items_about_land_are_two_clicks_away(page: Page, product: Product) -> None:
    product.ask(f"/v1/{product.land}:correct", "POST", {"stance": "critical", "topics": ["dat_dai"]})
    eventually(lambda: product.get("/v1/articles?filter.stances=critical&filter.topics=dat_dai")["articles"])
    page.goto("/")
    page.locator("#nav").get_by_text("Tin bài").click()
    page.get_by_text("Hôm qua: phê phán về đất đai").click()
    expect(page.locator(".list-panel .article-title").first).to_have_text(LAND["title"])
    expect(page.locator(".article-detail h2")).to_have_text(LAND["title"])


def test_a_crawled_headline_with_markup_stays_text(page: Page, product: Product) -> None:
    product.ask("/v1/articles:submit", "POST", {"url": f"{product.site.home}tin-0.html"})
    listed = "/v1/articles?filter.sources=sources/mini7&page_size=5"
    (article,) = eventually(lambda: product.get(listed)["articles"], 60)
    page.goto(f"/#/news?everywhere=1&sources=sources%2Fmini7&days=90&article={article['name'].split('/')[1]}")
    expect(page.locator(".article-detail h2")).to_have_text(article["title"])
    assert page.locator("main img").count() == 0
    assert page.evaluate("window.taken") is None
    assert "onerror" in article["title"], "the crawler keeps what the page shows; the dashboard must not trust it"


def test_an_alert_rule_is_tried_saved_fires_and_is_acknowledged(page: Page, product: Product) -> None:
    word = unique("satlo")
    product.clip({"title": f"Sạt lở {word}", "text": f"Đường vào xã Trà Vân sạt lở {word} sau mưa lớn."})
    page.goto("/#/alerts")
    page.get_by_text("Thêm quy tắc").click()
    page.locator("form.editor input[name=title]").fill(f"Sạt lở {word}")
    page.locator("form.editor input[name=query]").fill(word)
    save = page.get_by_text("Lưu quy tắc", exact=True)
    expect(save).to_be_disabled()
    page.get_by_text("Thử với 30 ngày qua").click()
    expect(page.locator(".trial")).to_contain_text("1 tin khớp")
    save.click()
    expect(page.locator(".rule", has_text=word)).to_be_visible()
    product.clip(
        {"title": f"Thêm điểm {word}", "text": f"Xã Trà Vân lại sạt lở {word}, giao thông chia cắt."}, datetime.now(UTC)
    )
    alert = page.locator("[data-alert]", has_text=word)
    eventually(lambda: product.get("/v1/alerts")["alerts"], 120)
    page.reload()
    expect(alert).to_be_visible()
    alert.locator("input[name=note]").fill("đã gọi xã")
    alert.get_by_text("Tiếp nhận", exact=True).click()
    expect(alert).to_have_count(0)
    page.get_by_text("Tất cả", exact=True).click()
    expect(alert).to_contain_text("đã gọi xã")


def test_the_brief_of_yesterday_is_read_copied_and_downloaded(page: Page) -> None:
    page.goto("/")
    page.locator("#nav").get_by_text("Điểm báo").click()
    expect(page.locator("#brief-text")).to_contain_text(LAND["title"])
    with page.expect_download(timeout=60_000) as waiting:
        page.get_by_text("Tải bản Word").click()
    assert waiting.value.path().read_bytes()[:2] == b"PK"
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_text("Chép gửi Zalo").click()
    expect(page.locator(".toast")).to_contain_text("Đã chép")
    assert LAND["title"] in page.evaluate("navigator.clipboard.readText()")
