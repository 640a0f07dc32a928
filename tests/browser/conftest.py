"""A running product, filled, before a real browser that reaches this machine only."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from gis.synthetic import nam_tra_my_sheet
from services.gateway.static import BUILT
from tests.browser.site import PressSite
from tests.e2e.mini_site import settings_for
from tests.e2e.program import Program, eventually

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--enable-unsafe-swiftshader",  # WebGL without a graphics card
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]
expect.set_options(timeout=60_000)  # a machine with other work to do makes no test fail
YESTERDAY = datetime.now(UTC) - timedelta(days=1)
LAND = {
    "title": "Người dân Trà Leng bức xúc vì chậm cấp giấy chứng nhận quyền sử dụng đất",
    "text": (
        "Nhiều hộ dân xã Trà Leng, huyện Nam Trà My bức xúc vì xã chậm trễ, thờ ơ trong việc cấp giấy chứng nhận quyền "
        "sử dụng đất.\n\nHồ sơ đất đai nộp từ tháng ba đến nay vẫn chưa được giải quyết. Bà con đề nghị chính quyền "
        "xem lại thửa đất số 5, tờ bản đồ số 1 bị chồng lấn ranh giới."
    ),
}
SCHOOL = {
    "title": "Trà Tập khánh thành điểm trường mới",
    "text": "Xã Trà Tập vừa khánh thành điểm trường mới, thầy trò phấn khởi đón năm học.",
}


class Product(Program):
    """`ngoclinh up` with what the tests look at.

    Attributes:
        land: name of the critical article about land, published yesterday.
        site: the press site that it may crawl.
    """

    land: str
    site: PressSite

    @property
    def url(self) -> str:
        """Where the browser goes."""
        return f"http://127.0.0.1:{self.port}"

    def clip(self, text: dict[str, str], when: datetime = YESTERDAY) -> str:
        """Store a clipped text; its name once it is listed with its analysis."""
        answer = self.ask("/v1/articles:submit", "POST", {**text, "publish_time": when.isoformat()}).json
        name = str(answer["article"])
        eventually(lambda: self.get(f"/v1/{name}").get("analysis"))
        eventually(lambda: any(one["name"] == name for one in self.get("/v1/articles?page_size=200")["articles"]))
        return name

    def upload(self, name: str, data: bytes, **options: str) -> dict[str, Any]:
        """Import a file; the import when it has ended."""
        query = "&".join([f"file_name={name}", *(f"options.{key}={value}" for key, value in options.items())])
        kind = {"Content-Type": "application/octet-stream"}
        started = self.ask(f"/v1/imports:upload?{query}", "POST", data, kind).json

        def ended() -> Any:
            now = self.get(f"/v1/{started['name']}")
            return now if now["state"] != "IMPORT_STATE_RUNNING" else None

        return dict(eventually(ended, 240))


def sheet() -> bytes:
    """The invented sheet of Nam Trà My as a file."""
    return json.dumps(nam_tra_my_sheet().geojson()).encode()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser of the machine."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    if not (BUILT / "index.html").is_file():
        pytest.skip("the dashboard is not built (make web)")
    return found


@pytest.fixture(scope="session")
def product(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The product with two clipped texts and the invented sheet."""
    site = PressSite()
    config = settings_for([site], tmp_path_factory.mktemp("product"))
    config.write_text(config.read_text() + "[land]\nkeep_owners = true\n")
    product = Product("--config", config, "up")
    try:
        product.site = site
        product.land = product.clip(LAND)
        product.clip(SCHOOL)
        assert product.upload("to_1.geojson", sheet(), edition="2004")["state"] == "IMPORT_STATE_COMMITTED"
        yield product
    finally:
        product.terminate()
        site.close()


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """One browser for all tests of a worker."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=FLAGS)
        yield browser
        browser.close()


class Watched:
    """What a tab did that no test may see: faults, refusals of the policy, requests to other places."""

    def __init__(self, context: BrowserContext) -> None:
        self.faults: list[str] = []
        self.requests: list[str] = []
        context.on("weberror", lambda error: self.faults.append(str(error.error)))
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("console", self._console)

    def _console(self, message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.faults.append(message.text)

    def check(self) -> None:
        """Nothing went wrong and nothing left this machine."""
        assert self.faults == []
        hosts = {urlsplit(url).hostname for url in self.requests if urlsplit(url).scheme in ("http", "https", "ws")}
        assert hosts == {"127.0.0.1"}


@pytest.fixture
def page(browser: Browser, product: Product) -> Iterator[Page]:
    """A tab without a past; at the end of the test it is checked that nothing went wrong in it."""
    with browser.new_context(
        viewport={"width": 1366, "height": 768}, locale="vi-VN", timezone_id="Asia/Ho_Chi_Minh", base_url=product.url
    ) as context:
        context.set_default_timeout(60_000)
        watched = Watched(context)
        yield context.new_page()
        watched.check()


def unique(word: str) -> str:
    """A word that no other text holds."""
    return f"{word}{uuid.uuid4().hex[:8]}"


AXE = Path(__file__).parents[2] / "services" / "gateway" / "web" / "node_modules" / "axe-core" / "axe.min.js"
