"""The settings page before a real browser: a backup is made, looked at, restored; a bundle is looked at; settings are shown."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from services.update import record
from services.update.places import Places
from tests.browser.conftest import Watched
from tests.e2e import program as programs
from tests.e2e.mini_site import settings_for
from tests.e2e.program import Program
from tests.services.maintenance.test_servicer import NEXT, bundle, opened
from tests.services.test_signature import made
from tests.services.update.installation import places_in

LONG_MS = 120_000
"""For what starts a program again."""


@pytest.fixture
def program(chromium: str, tmp_path: Path) -> Iterator[Program]:
    """A program of its own: it starts itself again, on the same port."""
    file = settings_for([], tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    file.write_text(file.read_text().replace("[gateway]\nport = 0", f"[gateway]\nport = {port}"))
    program = Program("--config", file, "up")
    yield program
    program.terminate()


@pytest.fixture
def page(browser: Browser, program: Program) -> Iterator[Page]:
    with browser.new_context(
        viewport={"width": 1366, "height": 900}, locale="vi-VN", base_url=f"http://127.0.0.1:{program.port}"
    ) as context:
        watched = Watched(context)
        tab = context.new_page()
        tab.on("dialog", lambda dialog: dialog.accept())
        tab.goto("/#/settings")
        yield tab
        watched.check()


def shoot(page: Page, name: str) -> None:
    """Keep pictures, of a desk and of a phone, where somebody asks for them."""
    if folder := os.environ.get("NGOCLINH_SHOTS"):
        for look, width, height in (("desk", 1366, 1700), ("phone", 390, 1800)):
            page.set_viewport_size({"width": width, "height": height})
            page.screenshot(path=f"{folder}/{name}-{look}.png")
        page.set_viewport_size({"width": 1366, "height": 900})


def test_a_backup_is_made_and_restored_once_its_name_is_typed(page: Page, program: Program) -> None:
    page.get_by_role("button", name="Sao lưu ngay").click()
    row = page.locator("[data-backup]")
    expect(row).to_have_count(1, timeout=LONG_MS)
    expect(row).to_contain_text("sổ cái (bài viết, cảnh báo, người dùng)")
    file = str(row.get_attribute("data-backup")).removeprefix("backups/")
    with page.expect_download() as waiting:
        row.get_by_role("link", name="Tải về").click()
    assert waiting.value.suggested_filename == file
    saved = Path(waiting.value.path()).read_bytes()
    row.get_by_role("button", name="Khôi phục").click()
    begin = page.get_by_role("button", name="Khôi phục và khởi động lại")
    expect(page.locator("form.restore")).to_contain_text("sẽ không còn trên các trang")
    expect(begin).to_be_disabled()
    page.get_by_label("Để xác nhận, hãy gõ tên tệp").fill(file)
    expect(begin).to_be_enabled()
    shoot(page, "settings-restore")
    begin.click()
    expect(page.locator(".restored")).to_contain_text("Đã khôi phục", timeout=LONG_MS)
    expect(page.locator(".restored")).to_contain_text("before-restore-")
    shoot(page, "settings-restored")
    page.get_by_role("button", name="Xoá bản sao lưu").click()
    expect(row).to_have_count(0)
    upload = page.get_by_label("Tải bản sao lưu lên")
    upload.set_input_files({"name": "x.ngoclinh", "mimeType": "application/octet-stream", "buffer": b"no backup"})
    expect(page.get_by_role("status").filter(has_text="bị hỏng")).to_be_visible()
    upload.set_input_files({"name": "x.ngoclinh", "mimeType": "application/octet-stream", "buffer": saved})
    expect(row).to_have_count(1)
    expect(page.locator("form.restore")).to_be_visible()


def test_work_is_run_now_a_bundle_is_looked_at_and_settings_are_found(page: Page) -> None:
    retention = page.locator("[data-chore='chores/retention']")
    expect(retention).to_contain_text("Chưa chạy")
    retention.get_by_role("button", name="Chạy ngay").click()
    expect(retention).to_contain_text("xoá 0 bài", timeout=LONG_MS)
    data = bundle()
    upload = page.get_by_label("Tải bộ cài lên")
    upload.set_input_files({"name": "x.tar", "mimeType": "application/x-tar", "buffer": data[:1500]})
    expect(page.get_by_role("status").filter(has_text="Bộ cài bị hỏng")).to_be_visible()
    upload.set_input_files({"name": "x.tar", "mimeType": "application/x-tar", "buffer": data})
    expect(page.locator("pre.command")).to_contain_text(f"--sha256 {hashlib.sha256(data).hexdigest()}")
    expect(page.locator("#main")).to_contain_text(NEXT)
    table = page.get_by_role("group", name="Cài đặt đang dùng")
    expect(table.get_by_role("row", name="gateway.port")).to_contain_text("tệp")
    expect(table.get_by_role("row", name="backup.keep")).to_have_count(0)
    page.get_by_label("Chỉ những mục khác mặc định").uncheck()
    page.get_by_label("Tìm mục").fill("backup.")
    expect(table.get_by_role("row", name="backup.keep")).to_contain_text("mặc định")
    shoot(page, "settings")


AS_INSTALLED = """#!{python}
from pathlib import Path, PosixPath
from services.update import places
places.INSTALLED = places.{places}
from services.cli import app
app()
"""


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """Before the program starts: it believes that a bundle installed it here, and its door to root is open."""
    there = places_in(tmp_path)
    command = tmp_path / "ngoclinh"
    command.write_text(AS_INSTALLED.format(python=sys.executable, places=there))
    command.chmod(0o755)
    monkeypatch.setattr(programs, "NGOCLINH", command)
    return there


def test_a_signed_bundle_is_asked_for_by_its_release_and_followed_to_its_end(
    places: Places, page: Page, tmp_path: Path
) -> None:
    private = opened(places)
    upload = page.get_by_label("Tải bộ cài lên")
    upload.set_input_files({"name": "x.tar", "mimeType": "application/x-tar", "buffer": bundle()})
    expect(page.locator("pre.command")).to_contain_text("sudo ngoclinh update")  # nobody signed it
    signed = made(tmp_path / "made", private, NEXT).read_bytes()
    upload.set_input_files({"name": "x.tar", "mimeType": "application/x-tar", "buffer": signed})
    begin = page.get_by_role("button", name="Cài và khởi động lại")
    expect(begin).to_be_disabled()
    expect(page.locator("pre.command")).to_have_count(0)
    page.get_by_label("Để xác nhận, hãy gõ phiên bản").fill(NEXT)
    expect(begin).to_be_enabled()
    shoot(page, "settings-install")
    begin.click()
    told = page.locator(".installed")
    expect(told).to_contain_text("Đang chờ máy chủ nhận yêu cầu")
    expect(begin).to_have_count(0)
    assert record.Wish.model_validate_json(places.wish.read_text()).sha256 == hashlib.sha256(signed).hexdigest()
    places.wish.unlink()  # from here on, root
    result = record.Result(state="running", before="1.0.0", version=NEXT, user="local", start=datetime.now(UTC))
    record.write(places, result)
    expect(told).to_contain_text("Đang nâng cấp")
    why = {"vi": "Phiên bản mới không chạy được ở đây: hết chỗ", "en": "The new release does not work here: no room"}
    record.write(places, result.model_copy(update={"state": "taken_back", **why}))
    expect(told).to_contain_text("Đã trở lại phiên bản cũ")
    expect(told).to_contain_text("hết chỗ")
    expect(begin).to_be_visible()  # it may be asked for again
    shoot(page, "settings-installed")
    places.enabled.unlink()
    page.reload()
    expect(page.get_by_text("sudo systemctl enable --now ngoclinh-update.path")).to_be_visible()
    expect(page.locator("pre.command")).to_contain_text("sudo ngoclinh update")
