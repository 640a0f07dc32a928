"""The same network in torch: what is trained, what an export is compared with, and the backend for those who want it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from services.sentiment.phobert import checkpoint
from services.sentiment.phobert.graph import OWN_HEADS, Weights, check_weights
from services.sentiment.phobert.sessions import Ids, Logits
from services.sentiment.phobert.tokenizer import missing_package


class Network:
    """Encoder and heads.

    Args:
        folder: with `config.json` of the encoder.
        weights: all of them; heads of ours, or the classification head of a plain RoBERTa.

    Raises:
        Unavailable: torch or transformers is not installed.
        InputError: the weights do not fit the configuration.
    """

    def __init__(self, folder: Path, weights: Weights) -> None:
        try:
            import torch
            from transformers import RobertaConfig, RobertaModel
        except ImportError as error:
            raise missing_package("torch") from error
        check_weights(checkpoint.shape(folder), weights)
        config = RobertaConfig(**json.loads((folder / "config.json").read_text("utf-8")))
        self.encoder: Any = RobertaModel(config, add_pooling_layer=False)
        self.own = OWN_HEADS in weights
        names = ("heads",) if self.own else ("classifier.dense", "classifier.out_proj")
        self.heads: dict[str, Any] = {}
        for name in names:
            outputs, inputs = weights[f"{name}.weight"].shape
            self.heads[name] = torch.nn.Linear(inputs, outputs)
        modules = {"roberta": self.encoder, **self.heads}
        for prefix, module in modules.items():
            own = {
                name: torch.tensor(weights[f"{prefix}.{name}"])
                for name in module.state_dict()
                if "position_ids" not in name
            }
            module.load_state_dict(own, strict=False)
            module.eval()

    def forward(self, ids: Any, mask: Any) -> Any:
        """The decisions as a tensor: (texts, width, columns) with heads of ours, else (texts, columns)."""
        hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        if self.own:
            return self.heads["heads"](hidden)
        inner = self.heads["classifier.dense"](hidden[:, 0])
        return self.heads["classifier.out_proj"](inner.tanh())

    def weights(self) -> Weights:
        """The weights as they are now."""
        modules = {"roberta": self.encoder, **self.heads}
        return {
            f"{prefix}.{name}": values.detach().numpy().astype(np.float32)
            for prefix, module in modules.items()
            for name, values in module.state_dict().items()
        }


class TorchSession:
    """The network behind a `Session`.

    Args:
        network: in the state that answers.
    """

    def __init__(self, network: Network) -> None:
        self._network = network

    @classmethod
    def open(cls, folder: Path) -> TorchSession:
        """The network of a directory."""
        return cls(Network(folder, checkpoint.weights(folder)))

    def logits(self, ids: Ids, mask: Ids) -> Logits:
        """The decisions of the model; see `Session.logits`."""
        import torch

        with torch.inference_mode():
            found = self._network.forward(torch.from_numpy(ids), torch.from_numpy(mask))
        return np.asarray(found.numpy(), dtype=np.float32)
