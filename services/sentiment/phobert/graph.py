"""RoBERTa as an ONNX graph, built from its weights: no torch, and the same file whatever version of it is installed.

The graph takes ``input_ids`` and ``attention_mask`` (int64, (chunks, width), padded on the right) and gives ``logits``:
(chunks, width, columns) with heads of ours, whose decision is the mean over the tokens, or (chunks, columns) with the
classification head of a plain RoBERTa. Queries, keys and values are one product; the row of the token type, of which
PhoBERT has one, is added to the positions. The classification head reads the first token only, so the last layer computes
no other: it asks with one query a chunk, and nothing of what it says differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from services.core.errors import InputError
from services.sentiment.phobert.tokenizer import missing_package

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 20
"""The first with Gelu."""
IR_VERSION = 10
FAR = -1e9
"""Added to the score of padding."""
PLAIN_HEAD = "classifier.out_proj.weight"
OWN_HEADS = "heads.weight"
KEPT_PRECISE = ("heads", "classifier.dense", "classifier.out_proj", "positions")
"""Nodes that are not quantised: they are small, and every answer goes through them."""

Weights = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Shape:
    """The sizes of a RoBERTa."""

    vocabulary: int
    hidden: int
    layers: int
    attention_heads: int
    intermediate: int
    positions: int
    epsilon: float = 1e-5

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Shape:
        """The sizes in a `config.json`.

        Raises:
            InputError: it is no RoBERTa, or of a kind that PhoBERT is not.
        """
        fits = config.get("model_type") == "roberta" and config.get("hidden_act", "gelu") == "gelu"
        try:
            shape = cls(
                vocabulary=int(config["vocab_size"]),
                hidden=int(config["hidden_size"]),
                layers=int(config["num_hidden_layers"]),
                attention_heads=int(config["num_attention_heads"]),
                intermediate=int(config["intermediate_size"]),
                positions=int(config["max_position_embeddings"]),
                epsilon=float(config.get("layer_norm_eps", 1e-5)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise _no_roberta() from error
        if not fits or shape.hidden % max(shape.attention_heads, 1):
            raise _no_roberta()
        return shape

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Names and sizes of the weights of the encoder, as transformers names them."""
        wide, hidden = self.intermediate, self.hidden
        sizes: dict[str, tuple[int, ...]] = {
            "roberta.embeddings.word_embeddings.weight": (self.vocabulary, hidden),
            "roberta.embeddings.position_embeddings.weight": (self.positions, hidden),
            "roberta.embeddings.token_type_embeddings.weight": (1, hidden),
            **weight_and_bias("roberta.embeddings.LayerNorm", hidden),
        }
        for i in range(self.layers):
            layer = f"roberta.encoder.layer.{i}"
            for name in ("query", "key", "value"):
                sizes |= weight_and_bias(f"{layer}.attention.self.{name}", hidden, hidden)
            sizes |= weight_and_bias(f"{layer}.attention.output.dense", hidden, hidden)
            sizes |= weight_and_bias(f"{layer}.attention.output.LayerNorm", hidden)
            sizes |= weight_and_bias(f"{layer}.intermediate.dense", wide, hidden)
            sizes |= weight_and_bias(f"{layer}.output.dense", hidden, wide)
            sizes |= weight_and_bias(f"{layer}.output.LayerNorm", hidden)
        return sizes


class _Graph:
    """Nodes and constants, in the order in which they are added."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self.nodes: list[Any] = []
        self.constants: dict[str, NDArray[Any]] = {}

    def constant(self, name: str, values: Any, kind: Any = np.int64) -> str:
        self.constants[name] = np.array(values, dtype=kind, order="C")
        return name

    def weight(self, *names: str) -> str:
        """Weights as they stand; matrices are turned for a product from the right, several are put side by side."""
        found = np.concatenate([self._weights[name] for name in names])
        return self.constant(" ".join(names), found.T if found.ndim == 2 else found, np.float32)

    def add(self, op: str, *inputs: str, name: str = "", count: int = 1, **attributes: Any) -> Any:
        from onnx import helper

        name = name or f"{op}_{len(self.nodes)}"
        outputs = [name] if count == 1 else [f"{name}_{i}" for i in range(count)]
        self.nodes.append(helper.make_node(op, inputs, outputs, name=name, **attributes))
        return outputs[0] if count == 1 else outputs

    def linear(self, given: str, *names: str) -> str:
        product = self.add("MatMul", given, self.weight(*(f"{name}.weight" for name in names)), name=names[0])
        return str(self.add("Add", product, self.weight(*(f"{name}.bias" for name in names))))

    def parts(self, given: str, *names: str) -> list[str]:
        """Several products of the same as one, apart again."""
        found = self.linear(given, *names)
        return list(self.add("Split", found, axis=-1, num_outputs=len(names), count=len(names)))

    def norm(self, given: str, name: str, epsilon: float) -> str:
        scale, bias = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        return str(self.add("LayerNormalization", given, scale, bias, axis=-1, epsilon=epsilon))


def build(shape: Shape, weights: Weights) -> ModelProto:
    """The graph with its weights.

    Args:
        shape: the sizes.
        weights: those of `Shape.tensors`, and those of the heads: ``heads.*``, else ``classifier.*``.

    Raises:
        InputError: a weight is absent or of another size.
    """
    try:
        from onnx import TensorProto, helper, numpy_helper
    except ImportError as error:
        raise missing_package("onnx") from error
    check_weights(shape, weights)
    graph = _Graph(weights)
    own = OWN_HEADS in weights
    hidden = _encoder(graph, shape, _embeddings(graph, shape), first_only=not own)
    if own:
        columns, kind = len(weights[OWN_HEADS]), ["chunks", "width"]
        logits = graph.linear(hidden, "heads")
    else:
        columns, kind = len(weights[PLAIN_HEAD]), ["chunks"]
        chunk = graph.add("Squeeze", hidden, graph.constant("second_axis", [1]))
        inner = graph.add("Tanh", graph.linear(chunk, "classifier.dense"))
        logits = graph.linear(inner, "classifier.out_proj")
    graph.add("Identity", logits, name="logits")
    sizes = ["chunks", "width"]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "phobert",
            [helper.make_tensor_value_info(name, TensorProto.INT64, sizes) for name in ("input_ids", "attention_mask")],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [*kind, columns])],
            [numpy_helper.from_array(values, name) for name, values in graph.constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="ngoclinh",
    )
    model.ir_version = IR_VERSION
    return model


def check_weights(shape: Shape, weights: Weights) -> None:
    """Look whether the weights are those of the shape, with one of the two kinds of heads.

    Raises:
        InputError: a weight is absent or of another size.
    """
    wanted = shape.tensors()
    head = OWN_HEADS if OWN_HEADS in weights else PLAIN_HEAD
    columns = len(weights[head]) if head in weights else 0
    wanted |= weight_and_bias(head.removesuffix(".weight"), columns, shape.hidden)
    if head == PLAIN_HEAD:
        wanted |= weight_and_bias("classifier.dense", shape.hidden, shape.hidden)
    for name, size in wanted.items():
        if name not in weights or weights[name].shape != size:
            have = "—" if name not in weights else str(weights[name].shape)
            raise InputError(
                f"Trọng số {name} phải có kích thước {size}, ở đây là {have}.",
                f"The weight {name} must have the size {size}, here it has {have}.",
                {"weight": name},
            )


def _embeddings(graph: _Graph, shape: Shape) -> str:
    stem = "roberta.embeddings"
    positions = graph._weights[f"{stem}.position_embeddings.weight"]
    one, types = graph.constant("one", 1), graph._weights[f"{stem}.token_type_embeddings.weight"]
    table = graph.constant("position_table", positions + types, np.float32)
    words = graph.constant("word_table", graph._weights[f"{stem}.word_embeddings.weight"], np.float32)
    running = graph.add("CumSum", "attention_mask", one)
    places = graph.add("Add", graph.add("Mul", running, "attention_mask"), one)
    sums = graph.add(
        "Add",
        graph.add("Gather", words, "input_ids", name="words"),
        graph.add("Gather", table, places, name="positions"),
    )
    return graph.norm(sums, f"{stem}.LayerNorm", shape.epsilon)


def _encoder(graph: _Graph, shape: Shape, hidden: str, first_only: bool) -> str:
    """What the last layer says of all tokens, (chunks, width, hidden), or of the first one of each chunk, (chunks, 1, hidden)."""
    size = shape.hidden // shape.attention_heads
    apart = graph.constant("apart", [0, 0, shape.attention_heads, size])
    together = graph.constant("together", [0, 0, shape.hidden])
    scale = graph.constant("scale", 1 / np.sqrt(size), np.float32)
    mask = graph.add("Cast", graph.add("Unsqueeze", "attention_mask", graph.constant("axes", [1, 2])), to=1)
    absent = graph.add("Sub", graph.constant("full", 1, np.float32), mask)
    far = graph.add("Mul", absent, graph.constant("far", FAR, np.float32))
    for i in range(shape.layers):
        layer = f"roberta.encoder.layer.{i}"
        query, key, value = (f"{layer}.attention.self.{name}" for name in ("query", "key", "value"))
        if first_only and i == shape.layers - 1:
            told = graph.parts(hidden, key, value)
            hidden = graph.add("Gather", hidden, graph.constant("first", [0]), axis=1, name="first_token")
            parts = [graph.linear(hidden, query), *told]
        else:
            parts = graph.parts(hidden, query, key, value)
        queries, keys, values = (graph.add("Reshape", part, apart) for part in parts)
        queries = graph.add("Mul", graph.add("Transpose", queries, perm=[0, 2, 1, 3]), scale)
        scores = graph.add("MatMul", queries, graph.add("Transpose", keys, perm=[0, 2, 3, 1]))
        attention = graph.add("Softmax", graph.add("Add", scores, far), axis=-1)
        seen = graph.add("MatMul", attention, graph.add("Transpose", values, perm=[0, 2, 1, 3]))
        seen = graph.add("Reshape", graph.add("Transpose", seen, perm=[0, 2, 1, 3]), together)
        seen = graph.linear(seen, f"{layer}.attention.output.dense")
        hidden = graph.norm(graph.add("Add", seen, hidden), f"{layer}.attention.output.LayerNorm", shape.epsilon)
        wide = graph.add("Gelu", graph.linear(hidden, f"{layer}.intermediate.dense"))
        narrow = graph.linear(wide, f"{layer}.output.dense")
        hidden = graph.norm(graph.add("Add", narrow, hidden), f"{layer}.output.LayerNorm", shape.epsilon)
    return hidden


def weight_and_bias(name: str, *size: int) -> dict[str, tuple[int, ...]]:
    """Names and sizes of the weight and the bias of a layer."""
    return {f"{name}.weight": size, f"{name}.bias": size[:1]}


def _no_roberta() -> InputError:
    return InputError(
        "config.json không phải của một mô hình PhoBERT (RoBERTa với hàm gelu).",
        "config.json is not that of a PhoBERT model (RoBERTa with gelu).",
    )
