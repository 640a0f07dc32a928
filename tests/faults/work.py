"""Work that goes on while processes die: people paste texts, upload sheets and have parcels checked, sites are crawled.

Everything that was acknowledged is remembered, and compared with what is there in the end.
"""

from __future__ import annotations

import http.client
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import shapely.affinity

from services.land.importer import MOST_TRIES
from tests.e2e.mini_site import Site
from tests.e2e.program import eventually
from tests.gis import files
from tests.services.gateway.conftest import Answer, send
from tests.services.land.sheets import OPTIONS

PARCELS = 3
"""Parcels of a sheet."""
SQUARE = "POLYGON((552400 1678200, 552440 1678200, 552440 1678240, 552400 1678240, 552400 1678200))"
TOLD = frozenset({0, 200, 413, 429, 503, 504})
"""Statuses while processes die: broken off, done, told as too large (it took 5 s on a busy machine), to be tried again."""
FLOOR_S = 1.4
"""Shortest pause in seconds that a site may have seen between two requests, whose beginnings lie 2 s apart."""
PAGE = 200


class Work:
    """Keeps a product busy.

    Args:
        port: gives the port of the gateway, which may change.
        folder: for the sheets.

    Attributes:
        statuses: how often each HTTP status was answered, 0 for a connection that broke, by what was asked.
        texts: names of the articles of pasted texts that were acknowledged, or of their submissions.
        sheets: number of the sheet by the name of an import that was acknowledged.
    """

    def __init__(self, port: Callable[[], int], folder: Path) -> None:
        self._port = port
        self._folder = folder
        self._end = threading.Event()
        self._threads: list[threading.Thread] = []
        self.statuses: dict[str, Counter[int]] = {}
        self.texts: set[str] = set()
        self.sheets: dict[str, int] = {}

    def __enter__(self) -> Work:
        for job in (self._paste, self._upload, self._check):
            self._threads.append(threading.Thread(target=job, daemon=True))
            self._threads[-1].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(60)

    @property
    def done(self) -> int:
        """How much was done so far."""
        return sum(self.statuses.get(what, Counter[int]())[200] for what in ("paste", "upload", "check"))

    def ask(self, what: str, path: str, body: Any = None) -> Answer | None:
        """One request; None where the connection broke."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        counted = self.statuses.setdefault(what, Counter())
        try:
            method = "GET" if body is None else "POST"
            answer = send(self._port(), method, path, data, {} if body is None else {"Content-Type": kind})
        except (OSError, http.client.HTTPException):
            counted[0] += 1
            return None
        counted[answer.status] += 1
        return answer

    def get(self, path: str) -> Any:
        """What a path answers, as JSON; None where it does not."""
        answer = self.ask(f"GET {path.partition('?')[0]}", path)
        return answer.json if answer and answer.status == 200 else None

    def _paste(self) -> None:
        """Paste texts of one's own, each again until it is acknowledged."""
        for number in itertools.count():
            text = f"Bài dán thứ {number}: đường ở xã Trà Leng hỏng, nước ngập rẫy sâm số {number}."
            while not self._end.is_set():
                answer = self.ask("paste", "/v1/articles:submit", {"title": f"Bài dán thứ {number}", "text": text})
                if answer and answer.status == 200:
                    self.texts.add(answer.json.get("article") or answer.json["submission"])
                    break
                self._end.wait(0.2)
            if self._end.wait(0.1):
                return

    def _upload(self) -> None:
        """Upload sheets, each once: what was not acknowledged is another sheet the next time."""
        known = {f"options.{name}": value for name, value in OPTIONS.items()}
        for number in itertools.count(100):
            if self._end.is_set():
                return
            query = urlencode({"file_name": f"to{number}.gpkg"} | known)
            answer = self.ask("upload", f"/v1/imports:upload?{query}", self._sheet(number))
            if answer and answer.status == 200:
                name = answer.json["name"]
                self.sheets[name] = number
                end = time.monotonic() + 5
                while time.monotonic() < end and not self._end.wait(0.2):
                    import_ = self.get(f"/v1/{name}")
                    if import_ and import_["state"] != "IMPORT_STATE_RUNNING":
                        break
            else:
                self._end.wait(0.3)

    def _check(self) -> None:
        """Have parcels checked."""
        request = {"parcels": [{"wkt": SQUARE}], "options": {"coordinate_system": "5899"}}
        while not self._end.wait(0.3):
            self.ask("check", "/v1/parcels:validate", request)

    def _sheet(self, number: int) -> bytes:
        columns = files.cadastral_columns(PARCELS) | {"so_to": [str(number)] * PARCELS}
        path = self._folder / f"to{number}.gpkg"
        shapes = [
            shapely.affinity.translate(square, 30 * PARCELS * (number % 100)) for square in files.squares(PARCELS)
        ]
        content = files.write(path, shapes, columns).read_bytes()
        path.unlink()
        return content


def every(work: Work, path: str, field: str, *, at_rest: bool = True) -> list[dict[str, Any]]:
    """All pages of a list, which is as long as it says unless it still grows."""
    found: list[dict[str, Any]] = []
    token = ""
    while True:
        query = urlencode({"page_size": PAGE, "page_token": token})
        page = eventually(lambda query=query: work.get(f"{path}?{query}"))  # type: ignore[misc]
        found += page[field]
        token = page["next_page_token"]
        if not token:
            assert not at_rest or page.get("total_count", str(len(found))) == str(len(found))
            return found


def crawled(sites: Sequence[Site]) -> Counter[str]:
    """Addresses of everything on the sites, once each."""
    return Counter(f"{site.home}tin-{index}.html" for site in sites for index in range(site.articles))


def drained(work: Work, sites: Sequence[Site]) -> bool:
    """Is every queue empty, every import at its end, every page of the sites listed?"""
    health = work.get("/v1/health")
    if not health or any(int(queue["waiting_count"]) for queue in health["queues"]):
        return False
    imports = work.get("/v1/imports?page_size=1000")
    if not imports or any(one["state"] == "IMPORT_STATE_RUNNING" for one in imports["imports"]):
        return False
    articles = every(work, "/v1/articles", "articles", at_rest=False)
    return set(crawled(sites)) <= {one["canonical_url"] for one in articles if one.get("analysis")}


def look(work: Work, sites: Sequence[Site], killed_readers: int) -> dict[str, int]:
    """Compare what is there with what was acknowledged; how much there is.

    Args:
        work: what was asked and acknowledged.
        sites: what was to be crawled.
        killed_readers: processes that were killed while they read a file: one that dies three times is given up in words.
    """
    articles = every(work, "/v1/articles", "articles")
    names = Counter(one["name"] for one in articles)
    assert set(names.values()) <= {1}
    titles = Counter(one["title"] for one in articles)
    assert [title for title, count in titles.items() if count > 1] == [], "stored twice"
    assert {one["revision"] for one in articles} <= {1}, "the same content again is no new version"
    assert [one["name"] for one in articles if not one.get("analysis")] == []
    assert Counter(one["canonical_url"] for one in articles if one["canonical_url"]) == crawled(sites)
    for site in sites:
        assert min(later - earlier for earlier, later in itertools.pairwise(site.times)) > FLOOR_S, "no crawler hurried"
    pasted = {one["name"] for one in articles if not one["canonical_url"]}
    lost = {text for text in work.texts if text.startswith("articles/")} - pasted
    assert not lost, "acknowledged texts that are not there"
    assert len(pasted) >= len(work.texts), "a text that was acknowledged before it had a name is there too"
    imports = {one["name"]: one for one in every(work, "/v1/imports", "imports")}
    assert set(work.sheets) <= set(imports), "acknowledged imports that are not there"
    broken = [one for one in imports.values() if one["state"] != "IMPORT_STATE_COMMITTED"]
    assert all(one["state"] == "IMPORT_STATE_FAILED" and one["problem"]["vi"] for one in broken), broken
    assert len(broken) <= killed_readers // MOST_TRIES, broken
    parcels = Counter(one["import"] for one in every(work, "/v1/parcels", "parcels"))
    assert parcels == {name: PARCELS for name, one in imports.items() if one not in broken}
    quarantined = work.get("/v1/quarantine")
    assert quarantined["total_count"] == "0", quarantined
    return {
        "articles crawled": len(articles) - len(pasted),
        "texts acknowledged": len(work.texts),
        "texts found": len(pasted),
        "imports acknowledged": len(work.sheets),
        "imports committed": len(imports) - len(broken),
        "imports given up in words": len(broken),
        "parcels": parcels.total(),
    }
