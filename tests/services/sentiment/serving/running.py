"""The service on a socket, and a classifier whose pace tests set."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.rpc import error_details_pb2
from ngoclinh.sentiment.v1 import sentiment_service_pb2 as pb

from services.core.sections.doors import GrpcSettings
from services.rpc import status
from services.rpc.client import connect
from services.rpc.serve import Server
from services.sentiment.baseline import Baseline
from services.sentiment.servicer import SentimentServicer
from services.sentiment.serving.engine import Whole

SERVICE = "ngoclinh.sentiment.v1.SentimentService"


class Paced(Baseline):
    """The baseline, so many tokens of `Whole` a second in each thread; it remembers its batches.

    Args:
        pace: tokens a second; 0 is its own pace.
    """

    def __init__(self, pace: float = 0) -> None:
        super().__init__()
        self.pace = pace
        self.go = threading.Event()
        self.go.set()
        self.batches: list[list[pb.Text]] = []

    def classify(self, texts: Sequence[pb.Text]) -> list[pb.TextAnalysis]:
        self.batches.append(list(texts))
        self.go.wait(30)
        start = time.perf_counter()
        found = super().classify(texts)
        if self.pace:
            took = time.perf_counter() - start
            time.sleep(max(0.0, sum(map(Whole(self).estimate, texts)) / self.pace - took))
        return found


@asynccontextmanager
async def serving(folder: Path, servicer: SentimentServicer, tcp: bool = False) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a servicer on a Unix socket, or on a port of loopback."""
    socket = None if tcp else folder / "grpc.sock"
    server = Server(GrpcSettings(port=0, max_concurrent=20_000), tcp=tcp, unix=socket)
    server.add(SERVICE, servicer)
    await server.start()
    async with connect(server.target) as channel:
        yield channel
    await server.stop(0)
    await servicer.close()


async def failed(call: Awaitable[Any]) -> grpc.aio.AioRpcError:
    """The error of a call that must fail."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


async def reason(call: Awaitable[Any]) -> str:
    """The reason of a call that must fail."""
    return status.reason(status.from_rpc_error(await failed(call)))


def retry_s(error: grpc.RpcError) -> float:
    """Seconds that a refused call is told to wait."""
    (info,) = status.details(status.from_rpc_error(error), error_details_pb2.RetryInfo)
    return info.retry_delay.ToMilliseconds() / 1000
