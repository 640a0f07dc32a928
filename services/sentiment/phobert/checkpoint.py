"""A directory of a PhoBERT classifier: what it says about itself, and the weights in it.

========================  ==============================================================================
`config.json`             sizes of the RoBERTa, as transformers writes it
`vocab.txt` `bpe.codes`   the tokenizer
`heads.json`              heads, labels, thresholds, segmenter; absent from a plain classifier of transformers
`card.json` `card.md`     name, version, licence, data, worth
`model.safetensors`       the weights; also `pytorch_model.bin`, which needs torch
`model.onnx` …            what `ngoclinh model export` adds
========================  ==============================================================================
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.core.errors import InputError
from services.sentiment.phobert.graph import OWN_HEADS, Shape, Weights
from services.sentiment.phobert.tokenizer import missing_package
from services.sentiment.weights import Head

FORMAT = "ngoclinh-phobert-1"
TONES = {"neg": "negative", "neu": "neutral", "pos": "positive"}
"""How names of labels of plain sentiment models begin → our labels."""
MATTER = re.compile(r"\A---\s*\n(.*?)\n---\s*\n", re.DOTALL)
"""The head of a card in YAML."""
_KINDS: Mapping[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
    "I64": np.dtype("<i8"),
}


@dataclass(frozen=True)
class Checkpoint:
    """What a directory says about itself."""

    name: str
    version: str
    licence: str
    """SPDX, as the card names it."""
    training_data: str
    card: str
    """The card in Markdown."""
    heads: tuple[Head, ...]
    """In the order of the columns of the model."""
    segmenter: str
    """Name of the word segmentation that it was trained with; empty where nothing is known."""


def read(folder: Path, licence: str) -> Checkpoint:
    """What a directory says about itself; one without `heads.json` is taken for a plain sentiment classifier.

    Args:
        folder: of the model.
        licence: what the gate found.

    Raises:
        InputError: a file is absent or wrong.
    """
    card = _object(folder / "card.json") if (folder / "card.json").exists() else {}
    heads: tuple[Head, ...]
    if not (folder / "heads.json").exists():
        heads, segmenter = (plain_head(_object(folder / "config.json")),), ""
    else:
        heads, segmenter = _heads(folder / "heads.json")
    return Checkpoint(
        name=str(card.get("name", folder.resolve().name)),
        version=str(card.get("version", "unknown")),
        licence=licence,
        training_data=str(card.get("training_data", "Nothing is stated. It is not known who labelled the data.")),
        card=_card(folder),
        heads=heads,
        segmenter=segmenter,
    )


def write(folder: Path, checkpoint: Checkpoint, facts: Mapping[str, Any]) -> None:
    """Write `heads.json`, `card.json` and `card.md`; `facts` are further keys of `card.json`."""
    heads = [{**asdict(head), "labels": list(head.labels), "metrics": dict(head.metrics)} for head in checkpoint.heads]
    _write_json(folder / "heads.json", {"format": FORMAT, "segmenter": checkpoint.segmenter, "heads": heads})
    card = {
        "name": checkpoint.name,
        "version": checkpoint.version,
        "licence": checkpoint.licence,
        "training_data": checkpoint.training_data,
    }
    _write_json(folder / "card.json", {**card, **facts})
    (folder / "card.md").write_text(f"---\nlicense: {checkpoint.licence}\n---\n\n{checkpoint.card}", "utf-8")


def shape(folder: Path) -> Shape:
    """The sizes in `config.json`."""
    return Shape.of(_object(folder / "config.json"))


def plain_head(config: Mapping[str, Any]) -> Head:
    """The sentiment head of a plain classifier: its labels in the order of `id2label`.

    Raises:
        InputError: the labels are not those of a sentiment classifier.
    """
    names = config.get("id2label")
    names = names if isinstance(names, dict) else {}
    try:
        order = sorted(names, key=int)
    except ValueError:
        order = []
    labels = tuple(TONES.get(str(names[key]).lower()[:3], "") for key in order)
    if len(labels) < 2 or "" in labels or len(set(labels)) != len(labels):
        raise InputError(
            f"id2label trong config.json không nói rõ nhãn sắc thái (NEG, NEU, POS): {names}",
            f"id2label in config.json does not name tones (NEG, NEU, POS): {names}",
        )
    return Head("sentiment", labels)


def weights(folder: Path) -> Weights:
    """The weights of a directory by name; names of a bare encoder get their prefix.

    Raises:
        InputError: there are none, or the file is damaged.
        Unavailable: they are in a format that needs torch, which is not installed.
    """
    path = folder / "model.safetensors"
    found = _safetensors(path) if path.exists() else _torch_file(folder / "pytorch_model.bin")
    if not any(name.startswith("roberta.") for name in found):
        found = {
            name if name.startswith(("classifier.", "heads.")) else f"roberta.{name}": found[name] for name in found
        }
    wanted = ("roberta.embeddings.", "roberta.encoder.", "heads." if OWN_HEADS in found else "classifier.")
    return {
        name: values for name, values in found.items() if name.startswith(wanted) and not name.endswith("position_ids")
    }


def fingerprint(found: Weights) -> str:
    """Names weights: the same weights, the same eight signs."""
    digest = hashlib.blake2b(digest_size=4)
    for name, values in sorted(found.items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def _heads(path: Path) -> tuple[tuple[Head, ...], str]:
    content = _object(path)
    try:
        heads = tuple(Head(**{**head, "labels": tuple(head["labels"])}) for head in content["heads"])
        if content["format"] != FORMAT or not heads or any(len(head.labels) < 2 for head in heads):
            raise _unusable(path)
        return heads, str(content["segmenter"])
    except (KeyError, TypeError) as error:
        raise _unusable(path) from error


def _card(folder: Path) -> str:
    for name in ("card.md", "README.md"):
        if (folder / name).exists():
            return MATTER.sub("", (folder / name).read_text("utf-8", "replace"))
    return f"# {folder.resolve().name}\n\nThe directory holds no card.\n"


def _safetensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """The tensors of a file: 8 bytes with the length of a JSON header, the header, the numbers."""
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if size > path.stat().st_size:
                raise _unusable(path)
            header = json.loads(file.read(size))
        body = np.memmap(path, np.uint8, "r", offset=8 + size)
        return {name: _tensor(body, entry) for name, entry in header.items() if name != "__metadata__"}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unusable(path) from error


def _tensor(body: NDArray[np.uint8], entry: Mapping[str, Any]) -> NDArray[np.float32]:
    kind = _KINDS[entry["dtype"]]
    start, end = entry["data_offsets"]
    values = np.frombuffer(body[start:end].tobytes(), kind).reshape(entry["shape"])
    if entry["dtype"] == "BF16":  # the upper half of a float32
        return np.asarray((values.astype(np.uint32) << 16).view(np.float32))
    return np.asarray(values, dtype=np.float32)


def _torch_file(path: Path) -> dict[str, NDArray[np.float32]]:
    if not path.exists():
        raise _unusable(path.with_name("model.safetensors"))
    try:
        import torch
    except ImportError as error:
        raise missing_package("torch") from error
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
        return {name: values.float().numpy() for name, values in found.items()}
    except Exception as error:  # torch raises types of zip, pickle and its own
        raise _unusable(path) from error


def _object(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _unusable(path) from error
    if not isinstance(found, dict):
        raise _unusable(path)
    return found


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8")


def _unusable(path: Path) -> InputError:
    return InputError(
        f"Thiếu tệp {path.name} hoặc tệp không dùng được, trong {path.parent}.",
        f"The file {path.name} is absent from {path.parent}, or cannot be used.",
        {"file": str(path)},
    )
