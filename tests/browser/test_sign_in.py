"""Signing in before a real browser, and what a page of another site can do with the session: nothing."""

from __future__ import annotations

import http.server
import os
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from ngoclinh.access.v1.user_pb2 import User, UserRecord
from ngoclinh.type.v1.access_pb2 import Role
from playwright.async_api import Page, async_playwright, expect

from services.access import passwords
from services.bootstrap import Running, running
from services.core import config
from services.gateway.static import BUILT
from tests.browser.conftest import FLAGS

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium"),
    pytest.mark.skipif(not BUILT.exists(), reason="needs the built dashboard: make web"),
]
SECRET, FRESH = "Mat-khau-thu-9", "Mot-cau-khac-2026"


@pytest.fixture
async def program(tmp_path: Path) -> AsyncIterator[Running]:
    flags = {"data_dir": tmp_path / "data", "gateway.port": 0, "grpc.port": 0, "crawler.enabled": False}
    async with running(config.load(environ={}, flags=flags), work=False, crawl=False) as found:
        hashed = passwords.hash_password(SECRET)
        for name, role, must in (("hoa", Role.ROLE_VIEWER, False), ("lan", Role.ROLE_ADMIN, True)):
            user = User(name=f"users/{name}", title=name.title(), roles=[role], password_change_required=must)
            await found.stores.ledger.put_user(UserRecord(user=user, password_hash=hashed))
        yield found


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    flags = [each.replace("EXCLUDE 127.0.0.1", "EXCLUDE 127.0.0.1, EXCLUDE localhost") for each in FLAGS]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield await browser.new_page(viewport={"width": 1280, "height": 800})
        await browser.close()


async def sign_in(page: Page, url: str, name: str, password: str) -> None:
    await page.goto(url)
    await page.get_by_label("Tên người dùng").fill(name)
    await page.get_by_label("Mật khẩu", exact=True).fill(password)
    await page.get_by_role("button", name="Đăng nhập").click()


async def shoot(page: Page, name: str) -> None:
    """Keep a picture where somebody asks for them."""
    if folder := os.environ.get("NGOCLINH_SHOTS"):
        await page.screenshot(path=f"{folder}/{name}.png")


async def test_a_viewer_signs_in_sees_what_viewers_may_and_signs_out(program: Running, page: Page) -> None:
    await sign_in(page, program.url, "hoa", "sai-mat-khau")
    await expect(page.get_by_role("alert")).to_have_text("Sai tên người dùng hoặc mật khẩu.")
    await shoot(page, "signin")
    await sign_in(page, program.url, "hoa", SECRET)
    user = page.get_by_role("region", name="Người dùng")
    await expect(user).to_contain_text("Hoa")
    await expect(user).to_contain_text("Người xem")
    await expect(page.get_by_role("link", name="Tin bài").first).to_be_visible()
    assert await page.get_by_role("link", name="Hàng cách ly").count() == 0
    await shoot(page, "viewer")
    await user.get_by_role("button", name="Đăng xuất").click()
    await expect(page.get_by_role("button", name="Đăng nhập")).to_be_visible()


async def test_a_made_password_is_changed_before_anything_else(program: Running, page: Page) -> None:
    await sign_in(page, program.url, "lan", SECRET)
    await expect(page.get_by_role("heading", name="Đổi mật khẩu")).to_be_visible()
    await shoot(page, "change")
    await page.get_by_label("Mật khẩu hiện tại").fill(SECRET)
    await page.get_by_label("Mật khẩu mới", exact=True).fill(FRESH)
    await page.get_by_label("Nhập lại mật khẩu mới").fill(FRESH)
    await page.get_by_role("button", name="Lưu mật khẩu").click()
    await expect(page.get_by_role("region", name="Người dùng")).to_contain_text("Quản trị")
    await shoot(page, "admin")


@pytest.fixture
def evil(program: Running) -> Iterator[str]:
    """A page of another site (localhost is another site than 127.0.0.1) that posts a form to the product."""
    body = (
        f'<form id=f method=post enctype=text/plain action="{program.url}/v1/watchAreas">'
        '<input name=\'{"title":"evil","areas":["areas/2025-20944"],"x":"\' value=\'"}\'></form>'
        f"<script>fetch('{program.url}/v1/watchAreas',{{method:'POST',mode:'no-cors',credentials:'include',"
        'body:\'{"title":"evil"}\'}).finally(()=>f.submit())</script>'
    ).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_address[1]}/"
    server.shutdown()


async def test_a_form_of_another_site_does_nothing_with_the_session(program: Running, page: Page, evil: str) -> None:
    await sign_in(page, program.url, "lan", SECRET)
    await page.get_by_label("Mật khẩu hiện tại").wait_for()
    cookies = await page.context.cookies()
    assert [(one["name"], one["httpOnly"], one["secure"], one["sameSite"]) for one in cookies] == [
        ("__Host-ngoclinh", True, True, "Strict")
    ]
    async with page.expect_response(
        lambda answer: answer.request.is_navigation_request() and "/v1/" in answer.url
    ) as form:
        await page.goto(evil)
    assert (await form.value).status in (401, 403, 415)
    assert await program.stores.ledger.watch_areas() == []
