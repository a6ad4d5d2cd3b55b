"""Images and tokens that the models are measured on."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

#: Beside the repository, where it is there at all.
FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data"

MEAN = torch.tensor([0.485, 0.456, 0.406]).reshape(3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).reshape(3, 1, 1)


def cifar10(name: str = "cifar10_test", folder: Path = FOLDER) -> tuple[Tensor, Tensor]:
    """Return images, uint8 of shape (N, 3, 32, 32), and labels, int64 of shape (N,)."""
    with np.load(folder / f"{name}.npz") as arrays:
        images, labels = arrays["x"], arrays["y"]
    return torch.from_numpy(images), torch.from_numpy(labels).long()


def normalize(images: Tensor) -> Tensor:
    """Return what the ResNet-20 to -56 expect of uint8 images, in float32."""
    return (images.float() / 255 - MEAN) / DEVIATION


def sequences(
    name: str = "tinystories_val_tok512", split: str = "eval", folder: Path = FOLDER
) -> list[Tensor]:
    """Return token sequences, int64, each of shape (length,)."""
    with np.load(folder / f"{name}.npz") as arrays:
        tokens = torch.from_numpy(arrays[f"{split}_tokens"].astype(np.int64))
        offsets = arrays[f"{split}_offsets"].tolist()
    return [tokens[a:b] for a, b in pairwise(offsets)]
