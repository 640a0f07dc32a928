"""Abuse as a process of its own, `python -m tests.faults.abuse CASE FILE`: prints CPU seconds and MB that it took.

The file is made before, by `make`, so that nothing but the abuse is measured.
"""

from __future__ import annotations

import gzip
import json
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MB = 1 << 20


@dataclass(frozen=True)
class Case:
    """One kind of abuse.

    Attributes:
        make: writes the file.
        prepare: imports what is needed and gives what is done with the file.
        cpu_s: CPU seconds that it may take.
        memory_mb: MB by which the process may grow.
    """

    make: Callable[[Path], object]
    prepare: Callable[[], Callable[[Path], object]]
    cpu_s: float
    memory_mb: int


def _zeros(path: Path) -> None:
    with gzip.open(path, "wb") as file:
        for _ in range(300):
            file.write(bytes(MB))


def _page() -> Callable[[Path], object]:
    from crawlers.safety import BoundedBody
    from services.core.errors import FetchFailed

    def read(path: Path) -> None:
        body = BoundedBody("gzip", 10 * MB)
        data = path.read_bytes()
        try:
            for at in range(0, len(data), 1000):
                body.add(data[at : at + 1000])
        except FetchFailed:
            return
        raise AssertionError("the bomb was taken")

    return read


def _archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w", compression=zipfile.ZIP_DEFLATED) as archive, archive.open("a.gpkg", "w") as entry:
        entry.write(b"SQLite format 3\0")
        for _ in range(300):
            entry.write(bytes(MB))


def _sheet() -> Callable[[Path], object]:
    from gis import readers
    from services.core.errors import RefusedFile

    def read(path: Path) -> None:
        try:
            readers.read(path, path.parent)
        except RefusedFile:
            return
        raise AssertionError("the bomb was taken")

    return read


def _nested(path: Path) -> None:
    path.write_bytes(b"<html><body>" + b"<div>" * 30_000 + b"<p>x</p>" + b"</div>" * 30_000)


def _article() -> Callable[[Path], object]:
    from crawlers.extract import NoArticle
    from tests.crawlers.test_extract import document

    def read(path: Path) -> None:
        try:
            document(path.read_bytes())
        except NoArticle:
            return

    return read


def _entities(path: Path) -> None:
    entities = '<!ENTITY a0 "cuoi">' + "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
    item = "<item><title>x</title><link>https://bao.example.vn/1</link></item>"
    path.write_text(
        f'<?xml version="1.0"?><!DOCTYPE rss [{entities}]><rss version="2.0"><channel>{item}&a9;</channel></rss>'
    )


def _feed() -> Callable[[Path], object]:
    from crawlers.spiders import feed
    from tests.crawlers.test_spiders import answer

    return lambda path: feed.read(answer(path.read_text()))


def _tangle(points: int) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        import numpy as np

        with path.open("wb") as file:
            np.save(file, np.random.default_rng(1).uniform(0, 100, (points, 2)))

    return make


def _geometry() -> Callable[[Path], object]:
    import numpy as np
    import shapely

    from gis.engine import Context, validate
    from gis.model import ParcelTable

    return lambda path: validate(ParcelTable.from_geometry([shapely.Polygon(np.load(path))]), Context())


CASES = {
    "a page of 300 MB in 300 kB": Case(_zeros, _page, 5, 64),
    "an archive of 300 MB in 300 kB": Case(_archive, _sheet, 5, 64),
    "a page that is nested 30,000 deep": Case(_nested, _article, 10, 200),
    "a feed whose entities are a gigabyte": Case(_entities, _feed, 5, 64),
    "a ring of 300 points that crosses itself everywhere": Case(_tangle(300), _geometry, 30, 512),
    "a ring of 5,000 points that crosses itself everywhere": Case(_tangle(5000), _geometry, 30, 512),
}
"""By what it is."""


def peak_mb() -> float:
    """The most resident memory that this process had so far."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


if __name__ == "__main__":
    work = CASES[sys.argv[1]].prepare()
    before = peak_mb()
    start = time.process_time()
    work(Path(sys.argv[2]))
    json.dump({"cpu_s": time.process_time() - start, "memory_mb": peak_mb() - before}, sys.stdout)
