"""`ngoclinh demo`: `up` over the invented news sites and the generated sheet that come with the product."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli import common

if TYPE_CHECKING:
    from services.bootstrap import Running
    from services.core.config import Settings
    from services.demo.site import DemoWeb

CRAWL_WAIT_S = 150.0
"""Longest wait for the crawl before the situation is printed, in seconds."""
SHEET = "nam-tra-my-gia-lap.geojson"


def demo(
    ctx: typer.Context,
    port: Annotated[int | None, typer.Option(help="Port of the gateway; 0 takes a free one.")] = None,
    grpc_port: Annotated[int | None, typer.Option(help="Port for gRPC; 0 takes a free one.")] = None,
    once: Annotated[bool, typer.Option(help="End after the situation was printed.")] = False,
) -> None:
    """Show the whole product on local sample data: texts and parcels are invented. Needs no network."""
    with _folder(ctx) as folder:
        common.run(_serve(ctx, folder, once, gateway__port=port, grpc__port=grpc_port), ctx)


@contextlib.contextmanager
def _folder(ctx: typer.Context) -> Iterator[Path]:
    """The folder of the demo's data: the one that was asked for, else one that is gone afterwards."""
    chosen = common.options_of(ctx).data_dir
    if chosen is not None:
        yield chosen
        return
    with tempfile.TemporaryDirectory(prefix="ngoclinh-demo-") as folder:
        yield Path(folder)


async def _serve(ctx: typer.Context, folder: Path, once: bool, **flags: Any) -> None:
    from services.bootstrap import running
    from services.cli.up import say_ready, stop_signal
    from services.core.clock import utc_now
    from services.demo.site import DemoWeb

    stop = stop_signal()
    with DemoWeb(utc_now()) as web:
        settings = _settings(ctx, folder, web, flags)
        async with running(settings) as program:
            say_ready(program)
            shown = asyncio.create_task(_fill_and_show(ctx, program, settings, web))
            waiting = asyncio.create_task(program.until(stop))
            done, _ = await asyncio.wait({shown, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if waiting in done:
                shown.cancel()
                await asyncio.gather(shown, return_exceptions=True)
            else:
                shown.result()
                if once:
                    stop.set()
            await waiting


def _settings(ctx: typer.Context, folder: Path, web: DemoWeb, flags: dict[str, Any]) -> Settings:
    """The user's settings, but crawling the demo's sites only."""
    sources = folder / "demo-sources"
    web.write_sources(sources)
    return common.settings_from(
        ctx,
        data_dir=folder,
        crawler__enabled=True,
        crawler__sources_dir=sources,
        crawler__sources=[],
        crawler__bundled_sources=False,
        crawler__delay_s=2.0,
        crawler__allow_private_hosts=[site.host for site in web.sites],
        **flags,
    )


async def _fill_and_show(ctx: typer.Context, program: Running, settings: Settings, web: DemoWeb) -> None:
    """Import the sheet, wait for the crawl, print the situation."""
    from ngoclinh.situation.v1.situation_service_pb2 import GetSituationRequest
    from ngoclinh.situation.v1.situation_service_pb2_grpc import SituationServiceStub

    from services.cli import situation

    await _import_sheet(program, settings.data_dir)
    await _crawled(ctx, program, web)
    answer = await SituationServiceStub(program.channel).GetSituation(GetSituationRequest())
    situation.show(answer, common.language(ctx))


async def _import_sheet(program: Running, folder: Path) -> None:
    from ngoclinh.land.v1.parcel_pb2 import ImportOptions

    from gis.synthetic import nam_tra_my_sheet
    from services.cli.upload import import_file

    sheet = await asyncio.to_thread(nam_tra_my_sheet)
    file = folder / SHEET
    await asyncio.to_thread(file.write_text, json.dumps(sheet.geojson(), ensure_ascii=False), "utf-8")
    as_of = sheet.context.as_of.isoformat() if sheet.context.as_of else ""
    await import_file(program.channel, file, ImportOptions(as_of_date=as_of))


async def _crawled(ctx: typer.Context, program: Running, web: DemoWeb) -> None:
    """Wait until every text of the sites is stored and analysed, with a bar on a terminal."""
    from ngoclinh.media.v1.media_service_pb2 import ARTICLE_FACET_SENTIMENT, SummarizeArticlesRequest
    from ngoclinh.media.v1.media_service_pb2_grpc import MediaServiceStub
    from rich.console import Console
    from rich.progress import Progress

    media = MediaServiceStub(program.channel)
    request = SummarizeArticlesRequest(facets=[ARTICLE_FACET_SENTIMENT])
    label = "Thu thập tin" if common.language(ctx) == "vi" else "Crawling"
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(label, total=web.documents)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CRAWL_WAIT_S):
                analysed = 0
                while analysed < web.documents:
                    answer = await media.SummarizeArticles(request)
                    analysed = sum(bucket.count for bucket in answer.facets[0].buckets if bucket.value)
                    bar.update(task, completed=analysed)
                    await asyncio.sleep(0.5)
