"""What `ngoclinh doctor` asks the servers of the cluster mode, of Kibana, and the files with secrets."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator, Mapping
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from services.core.config import Settings
    from services.core.ports import EngineState

PATIENCE_S = 15.0
"""Seconds to wait for one server."""
TITLES: Mapping[str, tuple[str, str]] = {
    "bus": ("Hàng đợi (NATS JetStream)", "Bus (NATS JetStream)"),
    "ledger": ("Sổ cái (PostgreSQL)", "Ledger (PostgreSQL)"),
    "parcels": ("Kho thửa đất (PostGIS)", "Parcels (PostGIS)"),
    "index": ("Chỉ mục (Elasticsearch)", "Index (Elasticsearch)"),
}
_SECRET = ("password_file", "secret_file", "credentials_file", "key_file", "users_file")
"""Ends of the names of settings that lead to a secret."""
_OTHERS_READ = stat.S_IROTH | stat.S_IWOTH


class Answer(NamedTuple):
    """What one check found.

    Attributes:
        sound: nothing to do.
        vi: in Vietnamese.
        en: in English.
    """

    sound: bool
    vi: str
    en: str


def why(error: Exception) -> tuple[str, str]:
    """What an error says, in Vietnamese and in English; other errors than ours know one language only."""
    from services.core.errors import NgocLinhError

    return (error.vi, error.en) if isinstance(error, NgocLinhError) else (str(error), str(error))


def servers(settings: Settings) -> Iterator[Answer]:
    """One answer or more for every store that stands on a server, and for Kibana where the settings name one."""
    from services.core.sections.stores import KibanaSettings
    from services.stores import adapter

    for name, (vi, en) in TITLES.items():
        if adapter(settings, name) != "cluster":
            continue
        try:
            yield from asyncio.run(_store(settings, name))
        except Exception as error:
            why_vi, why_en = why(error)
            yield Answer(False, f"{vi}: không kiểm tra được: {why_vi}", f"{en}: cannot be checked: {why_en}")
    if settings.kibana != KibanaSettings():
        yield asyncio.run(_kibana(settings))


def secrets(settings: Settings) -> Iterator[Answer]:
    """Every file with a secret that the settings name: can it be read, and by whom."""
    from services.core.config import known_keys

    for key in known_keys():
        if key.endswith(_SECRET):
            file = attrgetter(key)(settings)
            if file is not None:
                yield _secret(key, file)


async def _store(settings: Settings, name: str) -> list[Answer]:
    from services.core.errors import NgocLinhError

    vi, en = TITLES[name]
    try:
        state = await _state(settings, name)
    except NgocLinhError as error:
        missing = error.details.get("missing")
        if missing and settings.postgres.migrate:
            return [
                Answer(
                    True,
                    f"{vi}: trả lời; lược đồ sẽ được tạo ở lần dùng đầu ({missing})",
                    f"{en}: answers; the schema will be made at the first use ({missing})",
                )
            ]
        return [Answer(False, f"{vi}: {error.vi}", f"{en}: {error.en}")]
    except TimeoutError:
        return [
            Answer(
                False,
                f"{vi}: không trả lời trong {PATIENCE_S:g} giây",
                f"{en}: no answer within {PATIENCE_S:g} seconds",
            )
        ]
    versions = ", ".join(f"{part} {version}" for part, version in state.versions.items())
    size = f"{state.size_bytes / (1 << 20):.1f} MiB"
    return [
        Answer(True, f"{vi}: trả lời, {versions}, {size}", f"{en}: answers, {versions}, {size}"),
        *(Answer(False, f"  {note_vi}", f"  {note_en}") for note_vi, note_en in state.problems),
        *(Answer(True, f"  {note_vi}", f"  {note_en}") for note_vi, note_en in state.notes),
    ]


async def _state(settings: Settings, name: str) -> EngineState:
    """State of the server of a store, which is looked at as it is: nothing is migrated."""
    from services.stores import open_store

    postgres = settings.postgres.model_copy(update={"migrate": False})
    store = open_store(settings.model_copy(update={"postgres": postgres}), name)
    try:
        async with asyncio.timeout(PATIENCE_S):
            state: EngineState = await store.engine()
            return state
    finally:
        await store.close()


async def _kibana(settings: Settings) -> Answer:
    from services.core.errors import NgocLinhError
    from services.kibana.client import Kibana

    try:
        async with asyncio.timeout(PATIENCE_S), Kibana(settings.kibana) as kibana:
            version = ".".join(map(str, await kibana.version()))
            return Answer(True, f"Kibana {version} tại {kibana.address}", f"Kibana {version} at {kibana.address}")
    except NgocLinhError as error:
        return Answer(False, f"Kibana: {error.vi}", f"Kibana: {error.en}")
    except TimeoutError:
        return Answer(
            False,
            f"Kibana: không trả lời trong {PATIENCE_S:g} giây",
            f"Kibana: no answer within {PATIENCE_S:g} seconds",
        )


def _secret(key: str, file: Path) -> Answer:
    if not os.access(file, os.R_OK):
        return Answer(False, f"{key}: không đọc được {file}", f"{key}: cannot read {file}")
    if file.stat().st_mode & _OTHERS_READ:
        return Answer(
            False,
            f"{key}: mọi người dùng của máy đọc được {file}; hãy chạy: chmod 600 {file}",
            f"{key}: everybody on this machine can read {file}; run: chmod 600 {file}",
        )
    return Answer(True, f"{key}: đọc được, kín ({file})", f"{key}: readable, private ({file})")
