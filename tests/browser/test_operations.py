"""The operations page before a real browser: what would be raised with what to do, and the figures of Grafana's panels."""

from __future__ import annotations

import json

from playwright.sync_api import Page, Route, expect

from services.monitoring.alerts import ALERTS
from tests.browser.test_settings import shoot


def test_figures_are_told_in_words_where_there_is_no_grafana(page: Page) -> None:
    page.goto("/#/quarantine")
    main = page.locator("#main")
    expect(page.locator("h1")).to_have_text("Vận hành")
    expect(main.get_by_role("group", name="Kho", exact=True).get_by_role("row", name="Sổ cái")).to_contain_text(
        "chạy tốt"
    )
    expect(main.get_by_role("group", name="Hàng đợi").get_by_role("row", name="media.recorded/analyze")).to_be_visible()
    expect(main.get_by_role("group", name="Dịch vụ").get_by_role("row", name="MediaService")).to_be_visible()
    for words in ("Sao lưu hằng ngày", "Dọn dữ liệu lần cuối", "Đồng hồ", "Đĩa", "khớp với dữ liệu"):
        expect(main).to_contain_text(words)


def test_every_rule_that_holds_is_told_with_the_words_of_the_monitoring(page: Page) -> None:
    """The answer of the server is real but for the alarms: a rule takes its time until it is raised."""

    def with_alarms(route: Route) -> None:
        health = route.fetch().json()
        health["alarms"] = [
            {
                "name": alert.name, "critical": alert.severity == "critical", "since": health["start_time"],
                "problem": {"vi": alert.vi, "en": alert.en}, "advice": {"vi": alert.do_vi, "en": alert.do_en},
            }
            for alert in ALERTS
        ]  # fmt: skip
        health["certificates"] = [{"name": "gateway.tls_cert_file", "expire_time": health["check_time"]}]
        route.fulfill(body=json.dumps(health), content_type="application/json")

    page.route("**/v1/health", with_alarms)
    page.goto("/#/quarantine")
    for alert in ALERTS:
        row = page.locator(f"[data-alarm={alert.name}]")
        expect(row).to_contain_text(alert.vi)
        expect(row).to_contain_text(alert.do_vi.replace("`", ""))
    shoot(page, "operations")
    page.locator("[data-switch=lang]").click()
    expect(page.locator(f"[data-alarm={ALERTS[0].name}]")).to_contain_text(ALERTS[0].en)
