"""The two ONNX files of an export: the graph as it is, and one of 8-bit weights, activations scaled as they come.

Weights take 7 of the 8 bits: processors without VNNI add pairs of products in 16 bits, where full weights overflow.
There this halves the distance to fp32.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from services.sentiment.phobert.graph import KEPT_PRECISE
from services.sentiment.phobert.tokenizer import missing_package

if TYPE_CHECKING:
    from onnx import ModelProto

FP32 = "model.onnx"
INT8 = "model.int8.onnx"


def write(model: ModelProto, folder: Path) -> None:
    """Write both files; products with weights and the table of words become int8."""
    try:
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic
    except ImportError as error:
        raise missing_package("onnx") from error
    onnx.save(model, str(folder / FP32))
    logging.disable(logging.WARNING)  # it asks for a preparation that would change nothing here
    try:
        quantize_dynamic(
            str(folder / FP32),
            str(folder / INT8),
            op_types_to_quantize=["MatMul", "Gather"],
            nodes_to_exclude=list(KEPT_PRECISE),
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
        )
    finally:
        logging.disable(logging.NOTSET)
