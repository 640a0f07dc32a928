"""The whole way of a model with torch: a base of PhoBERT's format, trained, exported, served over gRPC."""

from __future__ import annotations

import filecmp
import json
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ngoclinh.sentiment.v1.sentiment_service_pb2 import (
    AnalyzeTextRequest,
    BatchAnalyzeTextsRequest,
    GetModelRequest,
    Text,
    TextAnalysis,
)
from ngoclinh.sentiment.v1.sentiment_service_pb2_grpc import SentimentServiceStub
from typer.testing import CliRunner

from bench.phobert_shape import config, sample_texts, write_base
from services.cli import app
from services.cli.sentiment import classifier
from services.core.config import Settings
from services.core.errors import InputError, InvalidField, LicenceRefused
from services.core.sections.work import SentimentSettings
from services.sentiment.phobert import checkpoint, export, train
from services.sentiment.phobert.opening import open_model
from services.sentiment.phobert.segment import segmenter
from services.sentiment.phobert.text import words
from services.sentiment.phobert.tokenizer import Tokenizer
from services.sentiment.recipe import Example
from services.sentiment.train import DATA, HEADS, load
from tests.services.sentiment.phobert.tiny import TINY

torch = pytest.importorskip("torch", reason="make test-models installs torch")
transformers = pytest.importorskip("transformers", reason="make test-models installs transformers")
pytestmark = [pytest.mark.models, pytest.mark.timeout(600)]

NONE = segmenter("none")
RECIPE = train.Recipe(epochs=3, rate=2e-3)
DEV = [Text(text=example.text) for example in load(DATA / "dev.jsonl")]
CARD = "---\nlicense: mit\n---\n# Tiny\n\nA base of random weights.\n"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory as `RobertaForSequenceClassification.save_pretrained` writes it, with PhoBERT's tokenizer."""
    folder = tmp_path_factory.mktemp("base") / "tiny-base"
    shape = write_base(folder, replace(TINY, hidden=64))
    names = {0: "NEG", 1: "POS", 2: "NEU"}
    torch.manual_seed(1)
    labels = {"id2label": names, "label2id": {name: key for key, name in names.items()}}
    made = transformers.RobertaForSequenceClassification(transformers.RobertaConfig(**config(shape), **labels))
    made.save_pretrained(folder)
    folder.joinpath("README.md").write_text(CARD)
    return folder


@pytest.fixture(scope="module")
def trained(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "model"
    train.train(base, out, NONE, RECIPE)
    return out


@pytest.fixture(scope="module")
def exported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exported") / "model"
    export.export(trained, out, NONE)
    return out


def opened(folder: Path, **settings: Any) -> Any:
    return open_model(SentimentSettings(model_dir=folder, segmenter="none", **settings))


def test_ids_are_those_of_phoberts_own_tokenizer(base: Path) -> None:
    slow, fast = transformers.AutoTokenizer.from_pretrained(base), Tokenizer.read(base)
    assert type(slow).__name__ == "PhobertTokenizer"
    texts = [*sample_texts(), *(text.text for text in DEV)]
    texts += [unicodedata.normalize("NFD", text) for text in texts[:200]]
    texts += [f"{text} 😀 中文字符 {text[::-1]}" for text in texts[:200]]
    texts += ["@@ a@@ b @@@@ x@@y _ __", "a" * 5000, "\u200b\ufeff", "ﬁ Ⅷ ½", "🇻🇳🏳️‍🌈", "<html> & </p>", "\u0301\u0302"]
    assert len(texts) >= 2000
    assert fast.size == len(slow)
    for text in texts:
        for given in (words(text, NONE), [word for word in text.split() if word]):
            forms = [getattr(word, "form", word) for word in given]
            ids = fast.encode(forms)
            assert slow(" ".join(forms))["input_ids"] == [0, *ids, 2], text


@pytest.mark.parametrize("literal", ["<unk>", "</w>", "<s>", "</s>", "<pad>", "<mask>"])
def test_literal_special_tokens_are_the_named_exception(base: Path, literal: str) -> None:
    """There they become special tokens, which a text could forge; here they stay the signs that they are."""
    assert min(Tokenizer.read(base).encode([literal])) >= 3


def test_the_graph_says_what_transformers_says(base: Path, tmp_path: Path) -> None:
    out = tmp_path / "plain"
    parity = export.export(base, out, NONE)
    assert parity.fp32_difference <= 1e-6
    theirs = transformers.RobertaForSequenceClassification.from_pretrained(base).eval()
    model = opened(out, precision="fp32")
    heads = json.loads(out.joinpath("heads.json").read_text("utf-8"))["heads"]
    for text in DEV[:20]:
        ids = Tokenizer.read(base).encode(word.form for word in words(text.text, NONE))
        with torch.no_grad():
            logits = theirs(torch.tensor([[0, *ids, 2]])).logits[0] * heads[0]["sharpness"]
        wanted = dict(zip(("negative", "positive", "neutral"), logits.softmax(0).tolist(), strict=True))
        scores = dict(model.classify([text])[0].sentiment.scores)
        assert scores == pytest.approx(wanted, abs=1e-5)


def test_a_plain_sentiment_classifier_leaves_the_other_heads_to_the_baseline(base: Path, tmp_path: Path) -> None:
    out = tmp_path / "plain"
    export.export(base, out, NONE)
    model, baseline = opened(out), opened(base, backend="torch")
    card = model.card()
    assert [head.name for head in card.heads] == [head.name for head in HEADS]
    assert list(card.heads[0].labels) == ["negative", "positive", "neutral"]
    assert card.heads[0].metrics["count"] > 150
    assert "answered by baseline" in card.card
    assert card.card.startswith("# Tiny")
    (ours,), (theirs,) = model.classify(DEV[:1]), baseline.classify(DEV[:1])
    assert ours.topic == theirs.topic
    assert ours.topics
    assert ours.stance.scores


def test_training_learns_and_is_measured(trained: Path) -> None:
    card = opened(trained, backend="torch").card()
    metrics = {head.name: head.metrics for head in card.heads}
    for name in ("sentiment", "stance", "complaint"):
        assert metrics[name]["macro_f1"] > metrics[name]["majority_macro_f1"] + 0.15
        assert 0.2 <= metrics[name]["answered"] <= 1.0
    assert card.licence == "mit"
    assert "language model" in card.training_data
    assert "| sentiment |" in card.card
    assert "tiny-base" in card.card
    assert transformers.AutoModel.from_pretrained(trained).config.model_type == "roberta"


def test_the_same_seed_gives_the_same_weights(base: Path, tmp_path: Path) -> None:
    examples = load(DATA / "train.jsonl")[:120], load(DATA / "dev.jsonl")[:60]
    recipes = [RECIPE, RECIPE, replace(RECIPE, seed=7)]
    versions = []
    for number, recipe in enumerate(recipes):
        found = train.train(base, tmp_path / str(number), NONE, replace(recipe, epochs=1), examples=examples)
        versions.append(found.version)
    assert versions[0] == versions[1] != versions[2]
    for name in ("model.safetensors", "heads.json", "card.md"):
        assert filecmp.cmp(tmp_path / "0" / name, tmp_path / "1" / name, shallow=False)


def test_texts_whose_labels_are_partly_unknown_are_learned_from(base: Path, tmp_path: Path) -> None:
    some = [
        Example(example.text, {"stance": example.labels["stance"]})
        for example in load(DATA / "train.jsonl")[:40]
        if "stance" in example.labels
    ]
    train.train(base, tmp_path / "out", NONE, replace(RECIPE, epochs=1), examples=(some, load(DATA / "dev.jsonl")[:60]))
    weights = checkpoint.weights(tmp_path / "out")
    assert all(np.isfinite(values).all() for values in weights.values())


def test_an_export_says_what_torch_says(trained: Path, exported: Path) -> None:
    card = json.loads(exported.joinpath("card.json").read_text("utf-8"))
    assert card["export"]["fp32_difference"] <= 1e-4
    assert card["export"]["int8_agreement"] >= 0.99
    assert card["labelled_by"] == "two language models"
    fp32, with_torch = opened(exported, precision="fp32"), opened(trained, backend="torch")
    ours, theirs = fp32.classify(DEV), with_torch.classify(DEV)
    assert export.difference(ours, theirs, [head.name for head in HEADS]) <= 1e-4


def test_an_export_that_says_something_else_writes_nothing(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = export.build

    def skewed(shape: Any, weights: Any) -> Any:
        slope = np.linspace(0, 1, len(weights["heads.bias"]), dtype=np.float32)
        return build(shape, {**weights, "heads.bias": weights["heads.bias"] + slope})

    monkeypatch.setattr(export, "build", skewed)
    with pytest.raises(InputError, match="nothing is written"):
        export.export(trained, tmp_path / "out", NONE)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_weights_of_torch_are_read(base: Path, tmp_path: Path) -> None:
    made = transformers.RobertaForSequenceClassification.from_pretrained(base)
    torch.save(made.state_dict(), tmp_path / "pytorch_model.bin")
    ours, theirs = checkpoint.weights(tmp_path), checkpoint.weights(base)
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    tmp_path.joinpath("pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(InputError):
        checkpoint.weights(tmp_path)


def test_a_base_whose_licence_forbids_it_is_not_trained(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "agpl"
    folder.mkdir()
    folder.joinpath("README.md").write_text("---\nlicense: agpl-3.0\n---\n")
    with pytest.raises(LicenceRefused):
        train.train(folder, tmp_path / "out", NONE)
    with pytest.raises(LicenceRefused):
        export.export(folder, tmp_path / "out", NONE)


def test_a_folder_that_holds_something_is_not_written_to(base: Path, tmp_path: Path) -> None:
    tmp_path.joinpath("mine").write_text("precious")
    for work in (train.train, export.export):
        with pytest.raises(InvalidField):
            work(base, tmp_path, NONE)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_the_command_line_trains_exports_and_checks(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NGOCLINH_SENTIMENT__SEGMENTER", "none")
    trained, exported = str(tmp_path / "trained"), str(tmp_path / "exported")
    for arguments in (
        ["train", "--base", str(base), "--out", trained, "--epochs", "1"],
        ["export", trained, "--out", exported],
        ["check", exported],
    ):
        ran = CliRunner().invoke(app, ["--lang", "en", "model", *arguments])
        assert ran.exit_code == 0, ran.output
    assert ran.output == f"{exported}: can be used.\n"


@pytest.mark.parametrize("backend", ["onnx", "torch"])
async def test_the_service_answers_with_the_model(trained: Path, exported: Path, backend: str) -> None:
    folder = exported if backend == "onnx" else trained
    chosen = SentimentSettings(model_dir=folder, segmenter="none", backend=backend, precision="fp32")
    async with classifier(Settings(sentiment=chosen)) as channel:
        stub = SentimentServiceStub(channel)
        card = await stub.GetModel(GetModelRequest())
        batch = (await stub.BatchAnalyzeTexts(BatchAnalyzeTextsRequest(texts=DEV))).analyses
        single: list[TextAnalysis] = [
            (await stub.AnalyzeText(AnalyzeTextRequest(text=text))).analysis for text in DEV[:20]
        ]
    assert card.name == "phobert"
    assert {analysis.model for analysis in batch} == {f"{card.name}@{card.version}"}
    names = [head.name for head in HEADS]
    assert export.difference(single, batch[:20], names) <= (0.0 if backend == "onnx" else 1e-5)
    assert export.difference(opened(exported, precision="fp32").classify(DEV), batch, names) <= 1e-4
