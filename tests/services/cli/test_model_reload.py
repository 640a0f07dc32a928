"""`ngoclinh model reload` and SIGHUP: the running program takes up the model that the settings name now."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.e2e.program import Program, eventually, ngoclinh, running
from tests.services.sentiment.phobert.tiny import tiny


def version(program: Program) -> str:
    model = program.get("/v1/model")
    return f"{model['name']}@{model['version']}"


def point(link: Path, folder: Path) -> None:
    """Let a link name another folder, at once."""
    fresh = link.with_name("fresh")
    fresh.symlink_to(folder)
    fresh.replace(link)


def newer(folder: Path, copy: Path) -> Path:
    shutil.copytree(folder, copy)
    told = json.loads((copy / "card.json").read_text("utf-8"))
    (copy / "card.json").write_text(json.dumps(told | {"version": "1"}), "utf-8")
    return copy


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    first = tiny(folder / "first")
    broken = newer(first, folder / "broken")
    (broken / "model.int8.onnx").write_bytes(b"no model")
    return {"first": first, "second": newer(first, folder / "second"), "broken": broken}


def test_a_running_program_takes_up_a_new_model_and_keeps_the_old_one_where_it_is_broken(
    tmp_path: Path, models: dict[str, Path]
) -> None:
    link = tmp_path / "model"
    point(link, models["first"])
    config = tmp_path / "ngoclinh.toml"
    config.write_text(
        f'data_dir = "{tmp_path / "data"}"\n[gateway]\nport = 0\n[grpc]\nport = 0\n[crawler]\nenabled = false\n'
        f'[sentiment]\nmodel_dir = "{link}"\nsegmenter = "none"\n',
        "utf-8",
    )
    reload = ("--config", config, "--lang", "en", "model", "reload")
    with running("--config", config, "up") as program:
        assert version(program) == "phobert-shape@0"
        point(link, models["second"])
        answer = ngoclinh(*reload)
        assert (answer.returncode, answer.stdout) == (0, "phobert-shape@1\n")
        assert version(program) == "phobert-shape@1"
        point(link, models["broken"])
        answer = ngoclinh(*reload)
        assert (answer.returncode, answer.stdout) == (2, "")
        assert "cannot be read" in answer.stderr
        assert program.ask("/v1/texts:analyze", "POST", {"text": {"text": "Cầu mới."}}).status == 200
        point(link, models["first"])
        os.kill(program.pid, signal.SIGHUP)
        eventually(lambda: version(program) == "phobert-shape@0")
    answer = ngoclinh(*reload)
    assert answer.returncode == 2
    assert "No program runs" in answer.stderr
