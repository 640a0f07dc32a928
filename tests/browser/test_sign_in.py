"""Signing in before a real browser, and what a page of another site can do with the session: nothing."""

from __future__ import annotations

import asyncio
import http.server
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from ngoclinh.access.v1.user_pb2 import User, UserRecord
from ngoclinh.type.v1.access_pb2 import Role
from playwright.sync_api import Browser, Page, expect

from services.access import passwords
from services.adapters.embedded.files import Files
from services.adapters.embedded.ledger_sqlite import SqliteLedger
from tests.e2e.mini_site import settings_for
from tests.e2e.program import Program

SECRET, FRESH = "Mat-khau-thu-9", "Mot-cau-khac-2026"


class Office:
    """A product with two users, and a look at its ledger."""

    def __init__(self, folder: Path) -> None:
        config = settings_for([], folder)
        self._ledger = Files(folder / "data").ledger
        self._ledger.parent.mkdir()
        self.ledger(self._fill)
        self._program = Program("--config", config, "up")
        self.url = f"http://127.0.0.1:{self._program.port}"
        self.end = self._program.terminate

    def ledger(self, ask: Callable[[SqliteLedger], Awaitable[Any]]) -> Any:
        """What the ledger says, asked by a thread of its own: the browser's driver has a loop running in this one."""

        async def work() -> Any:
            async with SqliteLedger(self._ledger) as ledger:
                return await ask(ledger)

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, work()).result()

    async def _fill(self, ledger: SqliteLedger) -> None:
        hashed = passwords.hash_password(SECRET)
        for name, role, must in (("hoa", Role.ROLE_VIEWER, False), ("lan", Role.ROLE_ADMIN, True)):
            user = User(name=f"users/{name}", title=name.title(), roles=[role], password_change_required=must)
            await ledger.put_user(UserRecord(user=user, password_hash=hashed))


@pytest.fixture
def program(chromium: str, tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.end()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
        yield context.new_page()


def sign_in(page: Page, url: str, name: str, password: str) -> None:
    page.goto(url)
    page.get_by_label("Tên người dùng").fill(name)
    page.get_by_label("Mật khẩu", exact=True).fill(password)
    page.get_by_role("button", name="Đăng nhập").click()


def shoot(page: Page, name: str) -> None:
    """Keep a picture where somebody asks for them."""
    if folder := os.environ.get("NGOCLINH_SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png")


def test_a_viewer_signs_in_sees_what_viewers_may_and_signs_out(program: Office, page: Page) -> None:
    sign_in(page, program.url, "hoa", "sai-mat-khau")
    expect(page.get_by_role("alert")).to_have_text("Sai tên người dùng hoặc mật khẩu.")
    shoot(page, "signin")
    sign_in(page, program.url, "hoa", SECRET)
    user = page.get_by_role("region", name="Người dùng")
    expect(user).to_contain_text("Hoa")
    expect(user).to_contain_text("Người xem")
    expect(page.get_by_role("link", name="Tin bài").first).to_be_visible()
    assert page.get_by_role("link", name="Hàng cách ly").count() == 0
    shoot(page, "viewer")
    user.get_by_role("button", name="Đăng xuất").click()
    expect(page.get_by_role("button", name="Đăng nhập")).to_be_visible()


def test_a_made_password_is_changed_before_anything_else(program: Office, page: Page) -> None:
    sign_in(page, program.url, "lan", SECRET)
    expect(page.get_by_role("heading", name="Đổi mật khẩu")).to_be_visible()
    shoot(page, "change")
    page.get_by_label("Mật khẩu hiện tại").fill(SECRET)
    page.get_by_label("Mật khẩu mới", exact=True).fill(FRESH)
    page.get_by_label("Nhập lại mật khẩu mới").fill(FRESH)
    page.get_by_role("button", name="Lưu mật khẩu").click()
    expect(page.get_by_role("region", name="Người dùng")).to_contain_text("Quản trị")
    shoot(page, "admin")


@pytest.fixture
def evil(program: Office) -> Iterator[str]:
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


def test_a_form_of_another_site_does_nothing_with_the_session(program: Office, page: Page, evil: str) -> None:
    sign_in(page, program.url, "lan", SECRET)
    page.get_by_label("Mật khẩu hiện tại").wait_for()
    cookies = page.context.cookies()
    assert [(one["name"], one["httpOnly"], one["secure"], one["sameSite"]) for one in cookies] == [
        ("__Host-ngoclinh", True, True, "Strict")
    ]
    with page.expect_response(lambda answer: answer.request.is_navigation_request() and "/v1/" in answer.url) as form:
        page.goto(evil)
    assert form.value.status in (401, 403, 415)
    assert program.ledger(lambda ledger: ledger.watch_areas()) == []
