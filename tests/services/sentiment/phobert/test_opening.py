"""A directory is opened by the settings, or it is told what is wrong with it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ngoclinh.sentiment.v1.sentiment_service_pb2 import Text
from typer.testing import CliRunner

from services.cli import app
from services.cli.doctor import _model
from services.core.config import Settings
from services.core.errors import InputError, LicenceRefused, NgocLinhError, Unavailable
from services.core.sections.work import SentimentSettings
from services.sentiment.phobert.check import problems
from services.sentiment.phobert.opening import open_model
from services.sentiment.phobert.segment import segmenter
from services.sentiment.train import DATA, load
from services.stores import open_classifier


@pytest.fixture
def folder(model_dir: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(model_dir, tmp_path / "model"))


def wrong(folder: Path) -> list[NgocLinhError]:
    return list(problems(folder, lambda: segmenter("none")))


def test_the_settings_choose_the_model(model_dir: Path) -> None:
    plain = open_classifier(Settings()).card()
    chosen = open_classifier(Settings(sentiment={"model_dir": model_dir, "segmenter": "none"})).card()
    assert (plain.name, chosen.name) == ("baseline", "phobert-shape")


def test_int8_names_the_labels_that_fp32_names(model_dir: Path) -> None:
    texts = [Text(text=example.text) for example in load(DATA / "dev.jsonl")]
    fp32, int8 = (
        open_model(SentimentSettings(model_dir=model_dir, segmenter="none", precision=precision)).classify(texts)
        for precision in ("fp32", "int8")
    )
    same = [one.sentiment.label == other.sentiment.label for one, other in zip(fp32, int8, strict=True)]
    assert sum(same) >= 0.97 * len(same)


def test_more_sessions_answer_alike(model_dir: Path) -> None:
    model = open_model(SentimentSettings(model_dir=model_dir, segmenter="none", precision="fp32"))
    texts = [Text(title="Lũ cuốn trôi cầu", text="Bà con hai thôn phải đi vòng 12 km. Xã đã dựng cầu tạm.")]
    chunks = model.prepare(texts)
    parts = [model.run(session, chunks) for session in (model.open_session(), model.open_session())]
    assert model.assemble(texts, chunks, parts[0]) == model.assemble(texts, chunks, parts[1]) == model.classify(texts)


def test_the_evidence_of_a_long_text_comes_from_all_of_it(model_dir: Path) -> None:
    model = open_model(SentimentSettings(model_dir=model_dir, segmenter="none", precision="fp32"))
    sentences = [f"Câu số {i} nói về thời tiết trong tuần." for i in range(60)]
    text = Text(title="Dự báo", text=" ".join(sentences))
    chunks = model.prepare([text])
    assert len(chunks) > 1
    session = model.open_session()
    (analysis,) = model.assemble([text], chunks, [model.run(session, [chunk])[0] for chunk in chunks])
    assert analysis.coverage == 1.0
    for judgement in (analysis.sentiment, analysis.topic):
        assert 0 < len(judgement.sentences) <= 3
        for sentence in judgement.sentences:
            assert text.text[max(sentence.offset, 0) :].startswith(sentence.text) or sentence.offset == -1


def test_a_good_directory_has_nothing_wrong(model_dir: Path) -> None:
    assert wrong(model_dir) == []


@pytest.mark.parametrize("name", ["config.json", "vocab.txt", "bpe.codes", "model.onnx", "model.int8.onnx"])
def test_an_absent_file_is_told(folder: Path, name: str) -> None:
    folder.joinpath(name).unlink()
    told = wrong(folder)
    assert any(name in error.en and name in error.vi for error in told)


def test_all_that_is_wrong_is_told_at_once(folder: Path) -> None:
    folder.joinpath("card.md").write_text("---\nlicense: agpl-3.0\n---\n# A model\n")
    folder.joinpath("model.onnx").write_bytes(b"nothing")
    folder.joinpath("bpe.codes").write_text("a b c d e\n")
    told = wrong(folder)
    assert type(told[0]) is LicenceRefused
    assert {"bpe.codes"} <= {word.strip(".") for error in told for word in error.en.split()}
    with pytest.raises(LicenceRefused):
        open_model(SentimentSettings(model_dir=folder, segmenter="none"))


def test_heads_that_do_not_fit_the_model_are_told(folder: Path) -> None:
    heads = json.loads(folder.joinpath("heads.json").read_text("utf-8"))
    heads["heads"][-1]["labels"].append("the_gioi")
    folder.joinpath("heads.json").write_text(json.dumps(heads))
    assert any("columns" in error.en for error in wrong(folder))
    heads["format"] = "of another time"
    folder.joinpath("heads.json").write_text(json.dumps(heads))
    assert any("heads.json" in error.en for error in wrong(folder))


def test_a_vocabulary_that_is_larger_than_the_model_is_refused(folder: Path) -> None:
    with folder.joinpath("vocab.txt").open("a", encoding="utf-8") as file:
        file.writelines(f"từ_{i} 1\n" for i in range(2000))
    with pytest.raises(InputError, match=r"more pieces than the model has rows \(\d+ > 2000\)"):
        open_model(SentimentSettings(model_dir=folder, segmenter="none"))


def test_another_segmentation_than_that_of_the_training_is_told(model_dir: Path, tmp_path: Path) -> None:
    class Other:
        name = "rdr"

        def joins(self, forms: list[str]) -> list[bool]:
            return [False] * len(forms)

    (told,) = problems(model_dir, Other)
    assert "segmentation 'none' but is served with 'rdr'" in told.en


def test_a_directory_that_was_not_exported_is_told_what_to_run(folder: Path) -> None:
    folder.joinpath("model.int8.onnx").unlink()
    with pytest.raises(InputError, match="ngoclinh model export"):
        open_model(SentimentSettings(model_dir=folder, segmenter="none"))


def test_a_missing_package_is_told_with_the_extra_that_brings_it(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = open_model(SentimentSettings(model_dir=model_dir, segmenter="none"))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(Unavailable, match=r"pip install 'ngoclinh\[phobert\]'"):
        model.classify([Text(text="đất đai")])
    monkeypatch.setitem(sys.modules, "tokenizers.models", None)
    with pytest.raises(Unavailable, match=r"pip install 'ngoclinh\[phobert\]'"):
        open_model(SentimentSettings(model_dir=model_dir, segmenter="none"))


def test_the_command_line_tells_what_is_wrong(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NGOCLINH_SENTIMENT__SEGMENTER", "none")
    runner = CliRunner()
    good = runner.invoke(app, ["--lang", "vi", "model", "check", str(folder)])
    assert (good.exit_code, good.output) == (0, f"{folder}: dùng được.\n")
    folder.joinpath("vocab.txt").unlink()
    folder.joinpath("card.json").write_text(json.dumps({"licence": "gpl-3.0"}))
    bad = runner.invoke(app, ["--lang", "vi", "model", "check", str(folder), "--accept-licence", "gpl-3.0"])
    assert bad.exit_code == 1
    assert [line[:1] for line in bad.output.splitlines()] == ["✗"] * len(bad.output.splitlines())
    assert "vocab.txt" in bad.output


def test_the_command_line_answers_with_the_model_of_the_settings(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NGOCLINH_SENTIMENT__SEGMENTER", "none")
    monkeypatch.setenv("NGOCLINH_SENTIMENT__MODEL_DIR", str(model_dir))
    answer = CliRunner().invoke(app, ["sentiment", "Bà con rất vui.", "--format", "json"])
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.output)["model"] == "phobert-shape@0"


def test_the_doctor_looks_at_the_model_of_the_settings(folder: Path) -> None:
    settings = Settings(sentiment={"model_dir": folder, "segmenter": "none"})
    assert _model(settings).sound
    assert "phobert-shape@0 (apache-2.0)" in _model(settings).en
    folder.joinpath("bpe.codes").unlink()
    assert not _model(settings).sound
    assert "bpe.codes" in _model(settings).vi


def test_nothing_is_imported_that_an_extra_brings_until_it_is_used() -> None:
    optional = ("onnx", "onnxruntime", "tokenizers", "torch", "transformers", "safetensors", "pyvi")
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({optional!r})); "
        "import services.cli.model, services.sentiment.phobert.check, services.sentiment.phobert.export, "
        "services.sentiment.phobert.segment"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
