"""Users and the audit log on the dashboard: an administrator adds somebody, changes them, and sees who did what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import AXE, Watched
from tests.browser.test_settings import shoot
from tests.browser.test_sign_in import FRESH, SECRET, Office, program, sign_in
from tests.e2e.program import eventually

__all__ = ["program"]


@pytest.fixture
def page(browser: Browser, program: Office) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 1366, "height": 900}, locale="vi-VN") as context:
        context.set_default_timeout(30_000)
        watched = Watched(context)
        tab = context.new_page()
        tab.on("dialog", lambda dialog: dialog.accept())
        sign_in(tab, program.url, "lan", SECRET)
        tab.get_by_label("Mật khẩu hiện tại").fill(SECRET)
        tab.get_by_label("Mật khẩu mới", exact=True).fill(FRESH)
        tab.get_by_label("Nhập lại mật khẩu mới").fill(FRESH)
        tab.get_by_role("button", name="Lưu mật khẩu").click()
        tab.get_by_role("region", name="Người dùng").wait_for()
        yield tab
        watched.check()


def axe(page: Page) -> list[str]:
    page.evaluate(AXE.read_text())
    return list(page.evaluate("axe.run().then(found => found.violations.map(each => each.id))"))


def test_an_administrator_adds_a_user_who_signs_in_with_the_made_password(
    program: Office, page: Page, browser: Browser
) -> None:
    page.goto(f"{program.url}/#/users")
    row = page.locator("[data-user=hoa]")
    expect(row).to_contain_text("Người xem")
    page.get_by_text("Thêm người dùng").click()
    form = page.locator("details.add-source")
    form.get_by_label("Tên người dùng").fill("minh.le")
    form.get_by_label("Họ và tên").fill("Lê Văn Minh")
    form.get_by_label("Chuyên viên thông tin").check()
    form.get_by_role("button", name="Thêm").click()
    made = page.get_by_role("status", name="Mật khẩu mới")
    expect(made).to_contain_text("minh.le")
    password = made.locator("code").inner_text()
    expect(page.locator("[data-user='minh.le']")).to_contain_text("Phải đổi mật khẩu")
    assert axe(page) == []
    shoot(page, "users")
    made.get_by_role("button", name="Đóng").click()
    assert password not in page.content(), "it is shown once"
    with browser.new_context(viewport={"width": 1280, "height": 800}) as other:
        tab = other.new_page()
        sign_in(tab, program.url, "minh.le", password)
        expect(tab.get_by_role("heading", name="Đổi mật khẩu")).to_be_visible()


def test_an_administrator_changes_locks_and_signs_out_users(program: Office, page: Page, browser: Browser) -> None:
    with browser.new_context(viewport={"width": 1280, "height": 800}) as other:
        theirs = other.new_page()
        sign_in(theirs, program.url, "hoa", SECRET)
        theirs.get_by_role("region", name="Người dùng").wait_for()
        page.goto(f"{program.url}/#/users")
        row = page.locator("[data-user=hoa]")
        row.get_by_role("button", name="Kết thúc phiên").click()
        expect(page.get_by_text("Đã kết thúc mọi phiên của hoa.")).to_be_visible()
        theirs.wait_for_timeout(6_000)  # other processes of the gateway may believe a session for 5 s
        theirs.reload()
        expect(theirs.get_by_role("button", name="Đăng nhập")).to_be_visible()
    row.get_by_role("button", name="Sửa").click()
    page.locator("table").get_by_label("Cán bộ địa chính").check()
    page.get_by_role("button", name="Lưu thay đổi").click()
    expect(row).to_contain_text("Cán bộ địa chính")
    row.get_by_role("button", name="Khóa").click()
    expect(row).to_contain_text("Đã khóa")
    mine = page.locator("[data-user=lan]")
    mine.get_by_role("button", name="Khóa").click()
    expect(page.get_by_role("alert")).to_contain_text("Phải còn ít nhất một quản trị viên")


def test_the_log_says_who_did_what_by_user_method_and_time_and_as_a_file(
    program: Office, page: Page, tmp_path: Path
) -> None:
    page.goto(f"{program.url}/#/audit")
    expect(page.locator("[data-entry]").filter(has_text="ChangePassword")).to_contain_text("OK")
    assert axe(page) == []
    shoot(page, "audit")
    page.get_by_label("Việc", exact=True).fill("gateway/SignIn")
    page.get_by_role("button", name="Áp dụng").click()
    rows = page.locator("[data-entry]")
    expect(rows.filter(has_text="ChangePassword")).to_have_count(0)
    expect(rows.first).to_contain_text("SignIn")
    page.get_by_label("Từ ngày").fill("2999-01-01")
    page.get_by_role("button", name="Áp dụng").click()
    expect(page.get_by_text("Không có mục nào khớp.")).to_be_visible()
    page.goto(f"{program.url}/#/audit?user=lan")
    with page.expect_download() as download:
        page.get_by_role("link", name="Tải CSV").click()
    file = tmp_path / "log.csv"
    download.value.save_as(file)
    text = file.read_text(encoding="utf-8-sig")
    assert text.startswith("Thời điểm,Người dùng,")
    assert ",lan,127.0.0.1,gateway/SignIn," in text


def test_an_administrator_makes_changes_and_removes_a_watch_area(program: Office, page: Page) -> None:
    page.goto(f"{program.url}/#/watchareas")
    own = page.locator("[data-watch-area='watchAreas/nam-tra-my']")
    expect(own).to_contain_text("Xã Trà Leng")
    page.get_by_role("button", name="Thêm địa bàn").click()
    form = page.get_by_role("form", name="Địa bàn")
    form.get_by_label("Tên địa bàn").fill("Hai xã")
    expect(form.get_by_role("button", name="Lưu")).to_be_disabled()
    for text, found in (("tra leng", "Xã Trà Leng (20938)"), ("20944", "Xã Nam Trà My (20944)")):
        form.get_by_label("Tìm xã").fill(text)
        form.get_by_role("button", name=found).click()
    assert axe(page) == []
    form.get_by_role("button", name="Lưu").click()
    made = page.locator("[data-watch-area='watchAreas/hai-xa']")
    expect(made).to_contain_text("Xã Trà Leng, Xã Nam Trà My")
    expect(page.get_by_label("Địa bàn theo dõi").get_by_role("option", name="Hai xã")).to_be_attached()
    made.get_by_role("button", name="Sửa").click()
    form.get_by_role("button", name="Bỏ Xã Trà Leng").click()
    form.get_by_role("button", name="Lưu").click()
    expect(made).not_to_contain_text("Trà Leng")
    made.get_by_role("button", name="Xoá").click()
    expect(made).to_have_count(0)
    own.get_by_role("button", name="Xoá").click()
    expect(page.get_by_role("alert")).to_contain_text("nằm trong tệp cài đặt")
    page.goto(f"{program.url}/#/audit?user=lan")
    for method in ("CreateWatchArea", "UpdateWatchArea", "DeleteWatchArea"):
        expect(page.locator("table")).to_contain_text(method)


def test_communes_are_found_while_typing_by_former_names_too_and_taken_with_the_keyboard(
    program: Office, page: Page
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(program.url)))
    page.goto(f"{program.url}/#/watchareas")
    page.get_by_role("button", name="Thêm địa bàn").click()
    form = page.get_by_role("form", name="Địa bàn")
    search = form.get_by_label("Tìm xã")
    search.press_sequentially("Trà Dơn")
    expect(form.get_by_role("button", name="Xã Trà Leng (20938), Thành phố Đà Nẵng")).to_be_visible()
    expect(form).to_contain_text("trước đây: Xã Trà Dơn, Huyện Nam Trà My, Tỉnh Quảng Nam")
    search.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(form.get_by_role("button", name="Bỏ Xã Trà Leng")).to_be_visible()
    expect(search).to_be_focused()
    expect(search).to_have_value("")
    search.press_sequentially("huyen nam tra my")
    search.press("Enter")
    expect(form.get_by_role("status")).to_have_text("Hiện 4 xã, phường, đặc khu khớp nhất.")  # the fifth is chosen
    assert axe(page) == []
    shoot(page, "watchareas")
    search.fill("xyz")
    expect(form.get_by_role("status")).to_have_text("Không có xã, phường, đặc khu nào có tên như vậy.")
    assert not [url for url in asked if url.startswith("/v1/areas?")], "the register is not loaded"


def test_a_late_answer_is_dropped_and_a_failed_search_is_told(program: Office, page: Page) -> None:
    page.goto(f"{program.url}/#/watchareas")
    page.get_by_role("button", name="Thêm địa bàn").click()
    form = page.get_by_role("form", name="Địa bàn")
    search = form.get_by_label("Tìm xã")
    held: list[Route] = []
    page.route("**/v1/areas:search?query=ba**", lambda route: held.append(route))
    search.fill("ba che")
    eventually(lambda: page.evaluate("true") and held, 120)  # each call lets the browser's events in
    search.fill("tra leng")
    hit = form.get_by_role("button", name="Xã Trà Leng")
    expect(hit).to_be_visible()
    with page.expect_response("**/v1/areas:search?query=ba**"):
        held[0].continue_()
    expect(hit).to_be_visible()
    expect(form.get_by_role("button", name="Ba Chẽ")).to_have_count(0)
    page.unroute("**/v1/areas:search?query=ba**")
    page.route("**/v1/areas:search*", lambda route: route.abort())
    search.fill("tra van")
    expect(form.get_by_role("alert")).to_be_visible()
    page.unroute("**/v1/areas:search*")
    form.get_by_role("button", name="Thử lại").click()
    expect(form.get_by_role("button", name="Xã Trà Vân")).to_be_visible()


def test_who_is_no_administrator_finds_neither_page(program: Office, browser: Browser) -> None:
    with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
        tab = context.new_page()
        sign_in(tab, program.url, "hoa", SECRET)
        tab.get_by_role("region", name="Người dùng").wait_for()
        assert tab.get_by_role("link", name="Nhật ký").count() == 0
        for place in ("users", "audit"):
            tab.goto(f"{program.url}/#/{place}")
            expect(tab.get_by_role("alert").first).to_contain_text("Việc này cần vai trò “quản trị”.")
