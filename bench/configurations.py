"""The named configurations of `elman bench`, and what `pytorch_lm.py` can be asked for. Knows no torch, so that it loads at once."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Configuration:
    """Sizes of a network (embedding = hidden) and of its windows."""

    cell: str
    layers: int
    hidden: int
    batch_size: int
    steps: int
    optimiser: str
    dropout: float = 0.0
    vocabulary: int = 10_000


CONFIGURATIONS = {
    "S": Configuration("lstm", 2, 200, 20, 20, "sgd"),
    "M": Configuration("lstm", 2, 650, 20, 35, "sgd", dropout=0.5),
    "L": Configuration("lstm", 2, 1500, 20, 35, "sgd", dropout=0.65),
    "E": Configuration("elman", 1, 256, 32, 35, "adam"),
    "G": Configuration("gru", 1, 512, 64, 35, "adam"),
    "C": Configuration("lstm", 2, 512, 50, 50, "adam", vocabulary=65),
}

OPTIONS = {
    "onednn": 'set_float32_matmul_precision("medium"): products by oneDNN instead of MKL',
    "fused": "the fused optimiser and clipping with foreach",
    "autocast": "bf16 autocast",
    "compile": "torch.compile, which leaves recurrent layers as they are",
    "unroll": "torch.compile that also takes recurrent layers apart, step by step",
    "freeze": "with compile or unroll: weights packed ahead",
    "inference": "inference_mode instead of no_grad",
    "bf16": "weights and activations in bf16, for inference",
    "int8": "dynamic int8 quantisation, for inference",
    "jit": "a frozen torch.jit trace, for generate",
    "lazy": "no initialisation before loading, weights mapped from the file, for start",
}
