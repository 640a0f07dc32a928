"""Parcel tiles over REST, uncached, against clipping and encoding the same parcels in process.

The parcels are generated; store, service and gateway are those of the product. Ours: each tile by `GET
/v1/tiles/{z}/{x}/{y}.mvt`, read from the store, drawn, sent. The peer holds shapes and attributes in memory, finds those
of a tile by an STRtree and draws them with the same encoder.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import shapely
from ngoclinh.land.v1.parcel_pb2 import Import, ImportState, Parcel

from bench.harness import Peer, compare, quick
from gis import mvt
from gis.crs import to_wgs84
from gis.model import Geometries
from gis.synthetic.fabric import fabric
from services.bootstrap import Running, running
from services.core import config, log, names
from services.land.tiles import PARCEL_ZOOM, parcel_layer

GOAL = 0.5
ZOOMS = {15: 4, 16: 8, 17: 8}
"""How many tiles of each level: an officer who looks at a sheet closer and closer; 3,600 to 250 parcels a tile."""
BATCH = 2000


@dataclass
class Held:
    """The parcels in memory."""

    shapes: Geometries
    parcels: list[Parcel]
    tree: shapely.STRtree


def held(count: int) -> Held:
    """Generated parcels near Trà My."""
    shapes = to_wgs84(fabric(count, 1).geometry, 5899)
    wkb, bounds = shapely.to_wkb(shapes), shapely.bounds(shapes).tolist()
    parcels = []
    for number in range(len(shapes)):
        parcel = Parcel(
            name=names.parcel_name(2004, "20944", "1", str(number)), commune="areas/2004-20944", sheet="1",
            number=str(number), land_use_code="ONT", current_area="areas/2025-20944", computed_area_m2=400,
            coordinate_system="EPSG:5899", record=number, wgs84_wkb=wkb[number],
        )  # fmt: skip
        box = parcel.bounds
        box.west_deg, box.south_deg, box.east_deg, box.north_deg = bounds[number]
        parcels.append(parcel)
    return Held(shapes, parcels, shapely.STRtree(shapes))


def tiles_over(shapes: Geometries, zoom: int, most: int) -> list[mvt.Tile]:
    """Tiles that lie in the middle of the parcels."""
    west, south, east, north = shapely.total_bounds(shapes).tolist()
    world = mvt.Tile(0, 0, 0).locate(np.array([(west, north), (east, south)])) / mvt.EXTENT * 2**zoom
    (left, top), (right, bottom) = np.floor(world).astype(int).tolist()
    found = [mvt.Tile(zoom, x, y) for y in range(top, bottom + 1) for x in range(left, right + 1)]
    middle = np.array([(left + right) / 2, (top + bottom) / 2])
    return sorted(found, key=lambda tile: float(np.abs(middle - (tile.x, tile.y)).sum()))[:most]


async def fill(program: Running, parcels: list[Parcel]) -> None:
    """Import everything."""
    import_ = Import(name="imports/bench", state=ImportState.IMPORT_STATE_RUNNING)
    store = program.stores.parcels
    await store.begin_import(import_)
    for start in range(0, len(parcels), BATCH):
        await store.put_parcels(import_.name, parcels[start : start + BATCH])
    import_.state = ImportState.IMPORT_STATE_COMMITTED
    await store.commit(import_)


def in_process(tile: mvt.Tile, all_: Held) -> bytes:
    """The peer: one tile from memory, parcels in the order of their import."""
    near = all_.tree.query(shapely.box(*tile.bounds(mvt.BUFFER)))
    rows = sorted(near.tolist())
    return mvt.encode([parcel_layer(tile, all_.shapes[rows], [all_.parcels[row] for row in rows])])


def over_rest(url: str, wanted: list[mvt.Tile]) -> list[bytes]:
    """Ours: each tile over one kept connection, unpacked and unconditional."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    with contextlib.closing(connection):
        found = []
        for tile in wanted:
            connection.request(
                "GET", f"/v1/tiles/{tile.z}/{tile.x}/{tile.y}.mvt", headers={"Accept-Encoding": "identity"}
            )
            response = connection.getresponse()
            found.append(response.read())
            assert response.status in (200, 204), response.status
        return found


def latencies(url: str, all_: Held) -> dict[str, Any]:
    """Wall milliseconds of the median and the slowest tile by zoom level, over the middle of all parcels."""
    told = {}
    for zoom in (9, PARCEL_ZOOM, 13, 14, *ZOOMS, 18):
        times = []
        for tile in tiles_over(all_.shapes, zoom, 12):
            start = time.perf_counter()
            over_rest(url, [tile])
            times.append((time.perf_counter() - start) * 1000)
        told[f"z{zoom}"] = [round(float(np.median(times)), 1), round(max(times), 1)]
    return told


def main() -> None:
    """Measure."""
    few = quick(__doc__ or "")
    all_ = held(10_000 if few else 100_000)
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        settings = config.load(
            environ={},
            flags={
                "data_dir": Path(folder), "crawler.enabled": False, "log_level": "error",
                "gateway.port": 0, "grpc.port": 0,
            },
        )  # fmt: skip
        log.configure(settings.log_level)
        stack = contextlib.AsyncExitStack()

        async def start() -> Running:
            return await stack.enter_async_context(running(settings, work=False, crawl=False))

        program = runner.run(start())
        runner.run(fill(program, all_.parcels))
        wanted = [tile for zoom, count in ZOOMS.items() for tile in tiles_over(all_.shapes, zoom, count)]
        told = runner.run(asyncio.to_thread(latencies, program.url, all_))
        compare(
            "parcel_tiles",
            ours=lambda: runner.run(asyncio.to_thread(over_rest, program.url, wanted)),
            peer=lambda: [in_process(tile, all_) for tile in wanted],
            peer_named=Peer("the same encoder over shapes in memory (shapely STRtree)", shapely.__version__),
            count=len(wanted),
            unit="tiles/cpu_s",
            goal=GOAL,
            rounds=5 if few else 9,
            same=lambda ours, peer: ours == peer,
            extra={"parcels": len(all_.parcels), "tiles": len(wanted), "ms_median_slowest": told},
        )
        runner.run(stack.aclose())


if __name__ == "__main__":
    main()
