"""Traces from a request to a store and from a collected article to the index; nothing of it where they are off."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from services.core import tracing
from services.core.sections.upkeep import TracingSettings
from tests.e2e.mini_site import Site, settings_for
from tests.e2e.program import eventually, running
from tests.services.access.test_sign_in import ask, program
from tests.services.collector import Collector, Span, collecting


def flags(collector: Collector) -> dict[str, object]:
    return {"tracing.enabled": True, "tracing.endpoint": collector.url}


def chain(spans: list[Span], last: str) -> list[str]:
    """Names of the spans from the root down to the one of this name."""
    pytest.importorskip("opentelemetry.sdk")
    by_id = {span.id: span for span in spans}
    span: Span | None = next(each for each in spans if each.name == last)
    names = []
    while span is not None:
        names.insert(0, span.name)
        span = by_id.get(span.parent)
    return names


async def test_one_trace_leads_from_a_request_to_the_store(tmp_path: Path) -> None:
    pytest.importorskip("opentelemetry.sdk")
    with collecting() as collector:
        async with program(tmp_path, **flags(collector)) as found:
            answer = await ask(found, "GET", "/v1/parcels?filter.sheet=7", x_request_id="thu-nghiem-1")
            assert answer.status == 200
            streamed = await ask(found, "GET", "/healthz")
            assert streamed.status == 200
        assert not tracing.on(), "ended with the program"
    spans = next(each for each in collector.traces().values() if any(one.name == "parcels.parcels" for one in each))
    assert chain(spans, "parcels.parcels") == ["GET /v1/parcels", "LandService/ListParcels", "parcels.parcels"]
    assert {span.facts["ngoclinh.request_id"] for span in spans} == {"thu-nghiem-1"}
    assert not any("7" in str(value) for span in spans for value in span.facts.values() if value != "thu-nghiem-1")


def test_one_trace_leads_from_a_collected_article_to_the_index(tmp_path: Path) -> None:
    pytest.importorskip("opentelemetry.sdk")
    with collecting() as collector:
        config = settings_for([Site(1, 1)], tmp_path)
        config.write_text(config.read_text() + f'[tracing]\nenabled = true\nendpoint = "{collector.url}"\n')
        with running("--config", config, "up") as found:
            spans = eventually(lambda: _indexed(collector), 120)
            assert found.terminate() == 0
    way = ["article collected", "media.collected ledger", "media.recorded analyze", "media.analyzed index"]
    assert chain(spans, "media.analyzed index") == way
    assert chain(spans, "SentimentService/AnalyzeText") == [*way[:3], "SentimentService/AnalyzeText"]
    names = {span.name: span for span in spans}
    assert any(name.startswith("ledger.record") for name in names)
    assert any(name.startswith("index.put") for name in names)
    assert (names[way[0]].part, names[way[3]].part) == ("crawler", "core")
    assert len({names[step].facts["ngoclinh.request_id"] for step in way}) == 1
    lines = [json.loads(line) for line in "".join(found.errors).splitlines() if f'"{spans[0].trace}"' in line]
    assert {line["event"] for line in lines if line["trace_id"] == spans[0].trace} >= {"collected", "event", "rpc"}


def _indexed(collector: Collector) -> list[Span] | None:
    """The spans of a trace that has come to the index, all of them."""
    wanted = {"article collected", "media.analyzed index", "SentimentService/AnalyzeText"}
    return next((each for each in collector.traces().values() if wanted <= {one.name for one in each}), None)


@pytest.mark.parametrize("enabled", [False, True])
def test_off_nothing_is_imported_and_without_the_package_a_person_is_told(enabled: bool) -> None:
    code = (
        "import sys\n"
        "sys.modules['opentelemetry'] = None  # as if it were not installed\n"
        "import crawlers.run, services.bootstrap\n"
        "from services.core import tracing\n"
        "from services.core.sections.upkeep import TracingSettings\n"
        "from services.core.errors import Unavailable\n"
        "try:\n"
        f"    tracing.configure(TracingSettings(enabled={enabled}), 'core')\n"
        "except Unavailable as error:\n"
        "    print(error.vi, error.en)\n"
        "with tracing.span('x'), tracing.step('y'):\n"
        "    print(repr(tracing.traceparent()), sorted(m for m in sys.modules if m.startswith('opentelemetry.')))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    told = "pip install 'ngoclinh[otel]'"
    assert done.stdout.count(told) == 2 * enabled
    assert done.stdout.splitlines()[-1] == "'' []"


def test_a_parent_that_is_none_begins_a_trace_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("opentelemetry.sdk")
    with collecting() as collector:
        tracing.configure(TracingSettings(enabled=True, endpoint=collector.url), "test")
        try:
            good = f"00-{'a' * 32}-{'b' * 16}-01"
            for parent in (good, "", "00-zz", f"00-{'0' * 32}-{'b' * 16}-01", "\r\n"):
                with tracing.span("x", parent=parent):
                    assert tracing.traceparent().startswith(f"00-{'a' * 32}-") == (parent == good)
            with pytest.raises(ValueError, match="tên người"), tracing.span("fails"):
                raise ValueError("tên người")
        finally:
            tracing.stop()
    assert len(collector.spans) == 6
    assert tracing.traceparent() == ""


def test_a_collector_that_is_away_stops_nothing() -> None:
    pytest.importorskip("opentelemetry.sdk")
    tracing.configure(TracingSettings(enabled=True, endpoint="http://127.0.0.1:9"), "test")
    try:
        with tracing.span("x"):
            pass
    finally:
        tracing.stop()
    assert not tracing.on()
