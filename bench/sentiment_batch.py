"""Sentiment over gRPC: texts in batches against the same texts one by one, the same service and model.

Real service, real socket; texts are those that the baseline was tuned on and the stories of the demo (both invented).
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path

import grpc
from ngoclinh.sentiment.v1.sentiment_service_pb2 import AnalyzeTextRequest, BatchAnalyzeTextsRequest, Text, TextAnalysis
from ngoclinh.sentiment.v1.sentiment_service_pb2_grpc import SentimentServiceStub

import services.sentiment
from bench.harness import Peer, compare, quick
from services.core import log
from services.core.clock import utc_now
from services.core.sections.doors import GrpcSettings
from services.demo.stories import stories
from services.rpc.client import connect
from services.rpc.serve import Server
from services.sentiment.baseline import Baseline
from services.sentiment.servicer import SentimentServicer

BATCH = 256
GOAL = 2.0


def texts() -> list[Text]:
    """Short comments and whole stories."""
    dev = Path(services.sentiment.__file__).parent / "data" / "citizen-voice" / "dev.jsonl"
    comments = [Text(text=json.loads(line)["text"]) for line in dev.read_text("utf-8").splitlines()]
    return comments + [Text(title=story.title, text=story.body) for story in stories(utc_now())]


async def one_by_one(stub: SentimentServiceStub, asked: list[Text]) -> list[TextAnalysis]:
    """A call for each text."""
    return [(await stub.AnalyzeText(AnalyzeTextRequest(text=text))).analysis for text in asked]


async def in_batches(stub: SentimentServiceStub, asked: list[Text]) -> list[TextAnalysis]:
    """A call for each 256 texts."""
    found: list[TextAnalysis] = []
    for start in range(0, len(asked), BATCH):
        found += (await stub.BatchAnalyzeTexts(BatchAnalyzeTextsRequest(texts=asked[start : start + BATCH]))).analyses
    return found


def main() -> None:
    """Measure."""
    few = quick(__doc__ or "")
    log.configure("error")
    asked = texts() * (1 if few else 5)
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        server, stub = runner.run(serve(Path(folder) / "socket"))
        runner.run(in_batches(stub, asked[:BATCH]))
        compare(
            "sentiment_batch",
            ours=lambda: runner.run(in_batches(stub, asked)),
            peer=lambda: runner.run(one_by_one(stub, asked)),
            peer_named=Peer("one AnalyzeText a text (grpcio)", grpc.__version__),
            count=len(asked),
            unit="texts/cpu_s",
            goal=GOAL,
            rounds=3 if few else 7,
            same=lambda ours, peer: list(ours) == list(peer),
            extra={"texts": len(asked)},
        )
        runner.run(server.stop(0))


async def serve(socket: Path) -> tuple[Server, SentimentServiceStub]:
    """The service on a socket, and a stub to it."""
    server = Server(GrpcSettings(port=0), tcp=False, unix=socket)
    server.add("ngoclinh.sentiment.v1.SentimentService", SentimentServicer(Baseline()))
    await server.start()
    return server, SentimentServiceStub(connect(server.target))


if __name__ == "__main__":
    main()
