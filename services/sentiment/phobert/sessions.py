"""What runs a model: ONNX Runtime, or torch for those who want it. A session takes padded ids and gives numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.core.errors import InputError
from services.sentiment.phobert.tokenizer import missing_package

Ids = NDArray[np.int64]
Logits = NDArray[np.float32]


SLOW = ["SkipLayerNormFusion"]
"""Rewritings of the graph that are left out: a sum and a norm as one node take seven times as long as the two (measured with AVX2)."""


class Session(Protocol):
    """A loaded model on one thread. Several may share a process; one is not called twice at once."""

    def logits(self, ids: Ids, mask: Ids) -> Logits:
        """The decisions of the model, without normalisation.

        Args:
            ids: tokens, padded with 1, (chunks, width).
            mask: 1 for a token, 0 for padding, (chunks, width).

        Returns:
            (chunks, width, columns) from a model whose decision is the mean over its tokens, (chunks, columns) from one
            that decides about a chunk as a whole.
        """
        ...


class OnnxSession:
    """ONNX Runtime on one thread.

    Args:
        path: file of the model.
    """

    def __init__(self, path: Path) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise missing_package("onnxruntime") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"], disabled_optimizers=SLOW
            )
        except Exception as error:  # ONNX Runtime raises a type of its own for every way in which a file can be wrong
            raise unusable_model(path) from error

    def logits(self, ids: Ids, mask: Ids) -> Logits:
        """The decisions of the model; see `Session.logits`."""
        (found,) = self._session.run(None, {"input_ids": ids, "attention_mask": mask})
        return np.asarray(found, dtype=np.float32)


def unusable_model(path: Path) -> InputError:
    """The error of a file of weights that is absent or damaged."""
    return InputError(
        f"Không đọc được mô hình {path}; hãy kiểm tra bằng: ngoclinh model check {path.parent}",
        f"The model {path} cannot be read; look at it with: ngoclinh model check {path.parent}",
        {"file": str(path)},
    )
