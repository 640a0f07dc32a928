"""Embedded, the product needs no package of an extra: not of the cluster mode, of PhoBERT, of traces."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

from tests.conftest import ROOT

EXTRAS = ("cluster", "phobert", "pyvi", "otel", "export")
MODULES = {
    "elastic-transport": "elastic_transport",
    "elasticsearch": "elasticsearch",
    "orjson": "orjson",
    "nats-py": "nats",
    "psycopg": "psycopg",
    "onnxruntime": "onnxruntime",
    "tokenizers": "tokenizers",
    "pyvi": "pyvi",
    "opentelemetry-api": "opentelemetry",
    "opentelemetry-exporter-otlp-proto-http": "opentelemetry",
    "opentelemetry-sdk": "opentelemetry",
    "onnx": "onnx",
    "safetensors": "safetensors",
    "torch": "torch",
    "transformers": "transformers",
}
"""What is imported, by the name of the package."""
PROGRAM = """
import asyncio, importlib, pkgutil, sys
sys.modules.update(dict.fromkeys(MODULES))  # as if none of them were installed
import crawlers.run, services.cli
from services.bootstrap import running
from services.core import config
from ngoclinh.media.v1.media_service_pb2 import SubmitArticleRequest
from ngoclinh.media.v1.media_service_pb2_grpc import MediaServiceStub

for command in pkgutil.iter_modules(services.cli.__path__):
    importlib.import_module(f"services.cli.{command.name}")

async def main():
    flags = {"data_dir": sys.argv[1], "gateway.port": 0, "grpc.port": 0, "crawler.enabled": False}
    async with running(config.load(environ={}, flags=flags)) as program:
        request = SubmitArticleRequest(title="Cầu mới", text="Xã Trà Leng có cầu mới.")
        answer = await MediaServiceStub(program.channel).SubmitArticle(request)
        print("article" if answer.article else "none")

asyncio.run(main())
"""


def test_every_package_of_an_extra_is_known_here() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = {line.split("[")[0].split(">")[0] for extra in EXTRAS for line in extras[extra]}
    assert named == set(MODULES)


def test_the_product_runs_without_any_of_them(tmp_path: Path) -> None:
    code = f"MODULES = {sorted(set(MODULES.values()))!r}\n{PROGRAM}"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=280, check=False
    )
    assert (done.returncode, done.stdout) == (0, "article\n"), done.stderr
