"""`ngoclinh doctor`: what is reachable and what is wrong, in words."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import typer

from services.cli import care, common, engines
from services.cli.engines import Answer

if TYPE_CHECKING:
    from services.core.config import Settings

LEAST_DISK = 1 << 30
MARKS = {True: "✓", False: "✗"}


def doctor(ctx: typer.Context) -> None:
    """Say what is reachable and what is wrong. Exit code 0 where everything is sound, 1 otherwise."""
    from services.core import log

    settings = common.settings_from(ctx)
    log.configure("error")  # the answers tell what is wrong, in words
    lang = common.language(ctx)
    sound = True
    for answer in examine(settings):
        print(MARKS[answer.sound], answer.vi if lang == "vi" else answer.en)
        sound = sound and answer.sound
    raise typer.Exit(0 if sound else 1)


def examine(settings: Settings) -> Iterator[Answer]:
    """The answers of all checks; a check that fails is itself an answer."""
    for check, (name_vi, name_en) in CHECKS.items():
        try:
            found = check(settings)
            yield from [found] if isinstance(found, Answer) else list(found)
        except Exception as error:
            vi, en = engines.why(error)
            yield Answer(False, f"Không kiểm tra được {name_vi}: {vi}", f"Cannot check {name_en}: {en}")


def _python(settings: Settings) -> Answer:
    version = ".".join(map(str, sys.version_info[:3]))
    return Answer(
        sys.version_info >= (3, 11), f"Python {version} (cần 3.11 trở lên)", f"Python {version} (3.11 or newer)"
    )


def _folder(settings: Settings) -> Answer:
    folder = settings.data_dir
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    free = shutil.disk_usage(folder).free
    gib = f"{free / (1 << 30):.1f} GiB"
    return Answer(free >= LEAST_DISK, f"Thư mục dữ liệu {folder}: còn trống {gib}", f"Data folder {folder}: {gib} free")


def _sqlite(settings: Settings) -> Answer:
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE VIRTUAL TABLE words USING fts5(text)")
        connection.execute("CREATE VIRTUAL TABLE boxes USING rtree(id, west, east, south, north)")
    return Answer(
        True,
        f"SQLite {sqlite3.sqlite_version} có FTS5 và R-tree",
        f"SQLite {sqlite3.sqlite_version} with FTS5 and R-tree",
    )


def _program(settings: Settings) -> Answer:
    import asyncio

    import grpc.aio
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    from services.bootstrap import reach
    from services.supervisor import is_locked

    if not is_locked(settings.data_dir / "lock"):
        return Answer(True, "Chưa chạy trên thư mục này (ngoclinh up)", "Does not run on this folder (ngoclinh up)")

    async def ask() -> bool:
        async with reach(settings) as channel:
            try:
                answer = await health_pb2_grpc.HealthStub(channel).Check(
                    health_pb2.HealthCheckRequest(service="readiness"), timeout=3
                )
            except grpc.aio.AioRpcError:
                return False
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    if asyncio.run(ask()):
        return Answer(True, "Đang chạy và trả lời", "Runs and answers")
    return Answer(False, "Đang chạy nhưng không trả lời", "Runs but does not answer")


def _sources(settings: Settings) -> Answer:
    from crawlers import catalogue

    crawler = settings.crawler
    count = len(catalogue.declared(settings))
    state_vi, state_en = ("bật", "on") if crawler.enabled else ("tắt", "off")
    return Answer(count > 0, f"{count} nguồn tin, thu thập {state_vi}", f"{count} sources, crawling {state_en}")


def _model(settings: Settings) -> Answer:
    from services.core.errors import NgocLinhError
    from services.stores import open_classifier

    try:
        card = open_classifier(settings).card()
    except NgocLinhError as error:
        return Answer(False, f"Mô hình: {error.vi}", f"Model: {error.en}")
    return Answer(
        True,
        f"Mô hình {card.name}@{card.version} ({card.licence})",
        f"Model {card.name}@{card.version} ({card.licence})",
    )


def _fence(settings: Settings) -> Answer:
    import multiprocessing

    from services.land.fence import isolate

    with multiprocessing.get_context("spawn").Pool(1) as pool:
        how = pool.apply(isolate)
    vi = {
        "seccomp": "không mạng, không chương trình khác (seccomp)",
        "namespace": "không mạng (namespace)",
        "open": "chỉ giới hạn bộ nhớ và thời gian: nhân không cho tách mạng",
    }
    en = {
        "seccomp": "no network, no other programs (seccomp)",
        "namespace": "no network (namespace)",
        "open": "limits of memory and time only: the kernel does not let the network be taken away",
    }
    return Answer(how != "open", f"Tiến trình đọc tệp: {vi[how]}", f"The process that reads files: {en[how]}")


def _doors(settings: Settings) -> Answer:
    from services.gateway.security import require_safe_address
    from services.rpc.address import is_loopback

    require_safe_address(settings.gateway)
    gateway = settings.gateway
    place_vi, place_en = (
        ("chỉ máy này", "this machine only") if is_loopback(gateway.host) else ("cả mạng", "the network")
    )
    return Answer(
        True, f"Cổng web {gateway.host}:{gateway.port}: {place_vi}", f"Web {gateway.host}:{gateway.port}: {place_en}"
    )


CHECKS: Mapping[Callable[[Settings], Answer | Iterator[Answer]], tuple[str, str]] = {
    _python: ("Python", "Python"),
    _folder: ("thư mục dữ liệu", "the data folder"),
    _sqlite: ("SQLite", "SQLite"),
    _doors: ("cổng web", "the web port"),
    _sources: ("nguồn tin", "the sources"),
    _model: ("mô hình", "the model"),
    _fence: ("tiến trình đọc tệp", "the process that reads files"),
    care.backup: ("bản sao lưu", "the backups"),
    care.clock: ("đồng hồ", "the clock"),
    engines.secrets: ("tệp bí mật", "files with secrets"),
    engines.servers: ("máy chủ", "the servers"),
    _program: ("chương trình", "the program"),
}
"""Every check, and what it looks at in Vietnamese and English."""
