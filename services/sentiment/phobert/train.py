"""Fine-tune a PhoBERT directory on the data of this repository: all heads at once, the same weights again on one machine.

A token's decision is linear in its last hidden state, a text's decision is the mean over its tokens; so a sentence's
share of it is known. Rare labels weigh more, by the square root of their rarity.
"""

from __future__ import annotations

import json
import math
import random
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from services.core.errors import InvalidField
from services.sentiment.baseline import Baseline
from services.sentiment.measure import answers, worth
from services.sentiment.phobert import cards, checkpoint
from services.sentiment.phobert.calibrate import calibrated
from services.sentiment.phobert.checkpoint import Checkpoint
from services.sentiment.phobert.chunks import Chunk
from services.sentiment.phobert.classifier import PhoBert
from services.sentiment.phobert.licence import gate
from services.sentiment.phobert.network import Network, TorchSession
from services.sentiment.phobert.opening import with_heads
from services.sentiment.phobert.text import Segmenter
from services.sentiment.recipe import Example
from services.sentiment.train import DATA, HEADS, load
from services.sentiment.weights import columns

SMOOTHING = 0.05
HEAD_RATE = 10.0
"""How much faster the heads learn than the encoder."""
WARM_UP = 0.1
"""Share of the steps in which the rate rises."""
CLIP = 1.0
TOKENIZER_FILES = ("vocab.txt", "bpe.codes", "tokenizer_config.json")


@dataclass(frozen=True)
class Recipe:
    """How a model is trained."""

    epochs: int = 5
    rate: float = 3e-5
    """Highest learning rate of the encoder."""
    batch_tokens: int = 2048
    seed: int = 2026


def train(
    base: Path,
    out: Path,
    words: Segmenter,
    recipe: Recipe | None = None,
    accepted: str = "",
    progress: Callable[[str], None] = lambda line: None,
    examples: tuple[Sequence[Example], Sequence[Example]] | None = None,
) -> Checkpoint:
    """Fine-tune `base` and write the model to `out`.

    Args:
        base: a directory of PhoBERT: `config.json`, weights, `vocab.txt`, `bpe.codes`.
        out: a new folder.
        words: the word segmentation that is also served with.
        recipe: how; None takes the usual one.
        accepted: licence that the gate lets pass; see `licence.gate`.
        progress: is told a line after each pass.
        examples: train and dev; None takes citizen-voice.

    Raises:
        LicenceRefused: the licence of the base forbids the use.
        InputError: the base is no PhoBERT directory.
        InvalidField: `out` holds something.
        Unavailable: torch or transformers is not installed.
    """
    licence, recipe = gate(base, accepted), recipe or Recipe()
    empty(out)
    learn, dev = examples or (load(DATA / "train.jsonl"), load(DATA / "dev.jsonl"))
    network = _network(base, recipe.seed)
    blank = Checkpoint("phobert", "0", licence, cards.TRAINING_DATA, "", HEADS, words.name)
    model = with_heads(base, blank, words, lambda: TorchSession(network))
    _fit(network, _encoded(model, learn), recipe, progress)
    heads, worths = calibrated(
        HEADS, lambda own: with_heads(base, replace(blank, heads=own), words, model.open_session), dev
    )
    found = replace(blank, heads=heads, version=checkpoint.fingerprint(network.weights()))
    table = cards.worth_table(found, worths, baseline_worth(dev, worths))
    found = replace(found, card=cards.trained(found, base.resolve().name, recipe.seed, recipe.epochs, table))
    _write(base, out, network, found, recipe)
    return found


def empty(out: Path) -> None:
    """Make a folder.

    Raises:
        InvalidField: it holds something.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InvalidField(
            "--out", f"{out} đã có nội dung; hãy chọn thư mục mới", f"{out} holds something; name a new folder"
        )
    out.mkdir(parents=True, exist_ok=True)


def baseline_worth(dev: Sequence[Example], heads: Iterable[str]) -> dict[str, float]:
    """Macro-F1 of the baseline on the same texts, by head."""
    baseline = Baseline()
    return {head: worth(answers(baseline, dev, head)).macro_f1 for head in heads}


def _network(base: Path, seed: int) -> Network:
    """The encoder of the base under fresh heads."""
    sizes = checkpoint.shape(base)
    draw = np.random.default_rng(seed)
    own = {name: values for name, values in checkpoint.weights(base).items() if name.startswith("roberta.")}
    count = sum(len(head.labels) for head in HEADS)
    fresh = {
        "heads.weight": (draw.standard_normal((count, sizes.hidden)) * 0.02).astype(np.float32),
        "heads.bias": np.zeros(count, np.float32),
    }
    return Network(base, {**own, **fresh})


def _encoded(model: PhoBert, examples: Sequence[Example]) -> list[tuple[Chunk, list[int]]]:
    """The first chunk of each text and its labels, a column of its head each; -1 where one is unknown."""
    from ngoclinh.sentiment.v1.sentiment_service_pb2 import Text

    chunks = {chunk.text: chunk for chunk in reversed(model.prepare([Text(text=one.text) for one in examples]))}
    return [
        (chunk, [head.labels.index(label) if (label := examples[i].labels.get(head.name)) else -1 for head in HEADS])
        for i, chunk in sorted(chunks.items())
    ]


def _fit(
    network: Network, rows: Sequence[tuple[Chunk, list[int]]], recipe: Recipe, progress: Callable[[str], None]
) -> None:
    import torch

    torch.manual_seed(recipe.seed)
    torch.use_deterministic_algorithms(True)
    rates: list[dict[str, Any]] = [
        {"params": list(network.encoder.parameters()), "lr": recipe.rate},
        {"params": list(network.heads["heads"].parameters()), "lr": recipe.rate * HEAD_RATE},
    ]
    optimizer = torch.optim.AdamW(rates, weight_decay=0.01)
    order = random.Random(recipe.seed)  # noqa: S311  an order of texts, no secret
    passes = [list(_batches(rows, recipe.batch_tokens, order)) for _ in range(recipe.epochs)]
    steps = sum(len(one) for one in passes)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _pace(step, steps))
    rarity = _rarity([labels for _, labels in rows])
    for epoch, batches in enumerate(passes, 1):
        network.encoder.train()
        total = 0.0
        for batch in batches:
            loss = _loss(network, [rows[i] for i in batch], rarity)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_([value for rate in rates for value in rate["params"]], CLIP)
            optimizer.step()
            schedule.step()
            total += float(loss.detach())
        progress(f"{epoch}/{recipe.epochs}: {total / len(batches):.4f}")
    network.encoder.eval()
    torch.use_deterministic_algorithms(False)


def _loss(network: Network, rows: Sequence[tuple[Chunk, list[int]]], rarity: Sequence[Any]) -> Any:
    import torch

    width = max(len(chunk.ids) for chunk, _ in rows)
    ids = torch.ones((len(rows), width), dtype=torch.int64)
    for row, (chunk, _) in zip(ids, rows, strict=True):
        row[: len(chunk.ids)] = torch.tensor(chunk.ids)
    content = ((ids != 1) & (ids != 0) & (ids != 2)).unsqueeze(-1)
    found = network.forward(ids, (ids != 1).long())
    means = (found * content).sum(1) / content.sum(1)
    losses = []
    for number, (place, weight) in enumerate(zip(columns(HEADS), rarity, strict=True)):
        truths = torch.tensor([labels[number] for _, labels in rows])
        if (truths >= 0).any():
            losses.append(
                torch.nn.functional.cross_entropy(
                    means[:, place], truths, weight=weight, ignore_index=-1, label_smoothing=SMOOTHING
                )
            )
    return torch.stack(losses).sum()


def _rarity(labels: Sequence[Sequence[int]]) -> list[Any]:
    """A weight for each label of each head."""
    import torch

    weights = []
    for number, head in enumerate(HEADS):
        counts = np.bincount([row[number] for row in labels if row[number] >= 0], minlength=len(head.labels))
        weights.append(
            torch.tensor([math.sqrt(counts.sum() / (len(counts) * max(count, 1))) for count in counts]).float()
        )
    return weights


def _batches(rows: Sequence[tuple[Chunk, list[int]]], most: int, order: random.Random) -> Iterator[list[int]]:
    """Places of texts of like length, at most so many tokens with padding a batch, the batches in a random order."""
    places = list(range(len(rows)))
    order.shuffle(places)
    places.sort(key=lambda i: len(rows[i][0].ids) // 8)
    found: list[list[int]] = [[]]
    for i in places:
        if found[-1] and (len(found[-1]) + 1) * max(len(rows[j][0].ids) for j in [*found[-1], i]) > most:
            found.append([])
        found[-1].append(i)
    order.shuffle(found)
    yield from found


def _pace(step: int, steps: int) -> float:
    """Rises at first, then falls to nothing."""
    warm = max(1, int(WARM_UP * steps))
    return min((step + 1) / warm, (steps - step) / max(1, steps - warm))


def _write(base: Path, out: Path, network: Network, found: Checkpoint, recipe: Recipe) -> None:
    from safetensors.numpy import save_file

    for name in TOKENIZER_FILES:
        if (base / name).exists():
            shutil.copyfile(base / name, out / name)
    config = json.loads((base / "config.json").read_text("utf-8"))
    config = {key: value for key, value in config.items() if key not in ("id2label", "label2id", "architectures")}
    (out / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", "utf-8")
    save_file(dict(network.weights()), out / "model.safetensors", {"format": "pt"})
    facts = {
        "base": base.resolve().name,
        "labelled_by": "two language models",
        "recipe": {"epochs": recipe.epochs, "rate": recipe.rate, "seed": recipe.seed},
    }
    checkpoint.write(out, found, facts)
