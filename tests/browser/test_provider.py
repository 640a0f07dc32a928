"""Signing in to the dashboard at an identity provider, before a real browser: the good way, and every bad one with its reason."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.identity import CLIENT, SECRET, Identity
from tests.browser.test_sign_in import shoot
from tests.e2e.mini_site import settings_for
from tests.e2e.program import Program

BUTTON = "Đăng nhập bằng tài khoản của Cổng định danh tỉnh"


@pytest.fixture(scope="module")
def identity() -> Iterator[Identity]:
    identity = Identity()
    yield identity
    identity.close()


@pytest.fixture(scope="module")
def url(chromium: str, identity: Identity, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A product that signs in at the provider."""
    folder = tmp_path_factory.mktemp("provider")
    file, secret = settings_for([], folder), folder / "secret"
    secret.write_text(SECRET)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    text = file.read_text().replace("[gateway]\nport = 0", f"[gateway]\nport = {port}")
    file.write_text(
        f'{text}\n[auth.provider]\nissuer = "{identity.issuer}"\nclient_id = "{CLIENT}"\nclient_secret_file = "{secret}"\n'
        f'redirect_url = "http://127.0.0.1:{port}/v1/session/callback"\ntitle = "Cổng định danh tỉnh"\n'
    )
    program = Program("--config", file, "up")
    yield f"http://127.0.0.1:{program.port}"
    program.terminate()


@pytest.fixture
def page(browser: Browser, identity: Identity) -> Iterator[Page]:
    identity.fault, identity.roles = "", ["ngoclinh-analyst"]
    with browser.new_context(viewport={"width": 1280, "height": 800}, locale="vi-VN") as context:
        context.set_default_timeout(60_000)
        yield context.new_page()


def test_an_analyst_of_the_provider_signs_in_and_out_here_and_there(page: Page, url: str, identity: Identity) -> None:
    identity.left.clear()
    page.goto(url)
    expect(page.get_by_label("Tên người dùng")).to_be_visible()
    shoot(page, "provider")
    page.get_by_role("link", name=BUTTON).click()
    user = page.get_by_role("region", name="Người dùng")
    expect(user).to_contain_text("thu.ha")
    expect(user).to_contain_text("Chuyên viên thông tin")
    cookies = {one["name"]: (one["httpOnly"], one["secure"], one["sameSite"]) for one in page.context.cookies()}
    assert {name: each for name, each in cookies.items() if "__Host" in name} == {
        "__Host-ngoclinh": (True, True, "Strict")
    }
    user.get_by_role("button", name="Đăng xuất").click()
    expect(page.get_by_role("link", name=BUTTON)).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("Bạn đã đăng xuất, ở đây và ở nơi cấp danh tính.")
    shoot(page, "provider-left")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("status")).to_have_text("You have signed out, here and at the identity provider.")
    assert page.context.cookies() == [], "neither the session nor the way back is left"
    assert [each["post_logout_redirect_uri"] for each in identity.left] == [f"{url}/v1/session/left"]


def test_who_did_not_sign_out_is_not_told_so(page: Page, url: str) -> None:
    page.goto(f"{url}/v1/session/left?state=guess")
    expect(page.get_by_role("link", name=BUTTON)).to_be_visible()
    expect(page.get_by_role("status")).to_have_count(0)


REASONS = {
    "state": ("không bắt đầu từ trình duyệt này", "was not begun by this browser"),
    "replay": ("mã đã dùng hoặc đã hết hạn", "used already or has expired"),
    "expired": ("đã hết hạn. Hãy đăng nhập lại; nếu vẫn vậy", "has expired. Sign in again; if it stays so"),
    "nonce": ("thuộc một lần đăng nhập khác", "belongs to another sign-in"),
    "signature": ("Không xác thực được", "cannot be verified"),
    "role": ("chưa được giao vai trò nào", "has no role in Ngọc Linh"),
    "denied": ("không cho đăng nhập", "refused the sign-in"),
}


@pytest.mark.parametrize("fault", REASONS)
def test_what_the_provider_answers_wrongly_opens_nothing_and_the_page_says_why(
    page: Page, url: str, identity: Identity, fault: str
) -> None:
    identity.fault = fault
    if fault == "role":
        identity.roles = ["offline_access", "ngoclinh-king"]
    page.goto(url)
    page.get_by_role("link", name=BUTTON).click()
    vi, en = REASONS[fault]
    expect(page.get_by_role("alert")).to_contain_text(vi)
    shoot(page, f"provider-{fault}")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("alert")).to_contain_text(en)
    assert [one["name"] for one in page.context.cookies()] == [], "neither a session nor the sign-in is left"


def test_an_answer_is_taken_once_and_by_the_browser_that_asked(
    page: Page, url: str, identity: Identity, browser: Browser
) -> None:
    page.goto(url)
    page.get_by_role("link", name=BUTTON).click()
    page.get_by_role("region", name="Người dùng").wait_for()
    with browser.new_context(locale="vi-VN") as other:
        stolen = other.new_page()
        stolen.goto(identity.came_back)
        expect(stolen.get_by_role("alert")).to_contain_text("không bắt đầu từ trình duyệt này")
    answer = page.request.get(identity.came_back, max_redirects=0)
    assert (answer.status, answer.headers["location"]) == (303, "/#/?why=STATE")
