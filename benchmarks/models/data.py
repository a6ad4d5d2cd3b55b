"""Images and tokens that the models are measured on."""

import os
import pickle
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

#: Where data and weights lie: ``$MPSOLVE_DATA``, else beside the repository.
FOLDER = Path(
    os.environ.get("MPSOLVE_DATA")
    or Path(__file__).resolve().parents[3] / "shared" / "data"
)

MEAN = torch.tensor([0.485, 0.456, 0.406]).reshape(3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).reshape(3, 1, 1)

#: A row of the binary files: a label and the red, green and blue planes.
ROW = 1 + 3 * 32 * 32


def cifar10(folder: Path = FOLDER, *, training: bool = False) -> tuple[Tensor, Tensor]:
    """Return the test set: images, uint8 of shape (N, 3, 32, 32), and labels, int64.

    The folder holds one of ``cifar10_test.npz`` with the arrays ``x`` and ``y``;
    ``cifar-10-batches-py/test_batch``, as torchvision unpacks it; and
    ``cifar-10-batches-bin/test_batch.bin``. Training images are those of
    ``cifar10_train7k.npz``, or of the first of the five batches, ``data_batch_1``.

    Raises
    ------
    FileNotFoundError
        If it holds none of them.
    """
    stem = "data_batch_1" if training else "test_batch"
    archive = folder / ("cifar10_train7k.npz" if training else "cifar10_test.npz")
    pickled = folder / "cifar-10-batches-py" / stem
    binary = folder / "cifar-10-batches-bin" / f"{stem}.bin"
    if archive.is_file():
        with np.load(archive) as arrays:
            images, labels = arrays["x"], arrays["y"]
    elif pickled.is_file():
        with pickled.open("rb") as file:
            batch = pickle.load(file, encoding="bytes")
        images, labels = batch[b"data"], np.array(batch[b"labels"])
    elif binary.is_file():
        rows = np.frombuffer(binary.read_bytes(), np.uint8).reshape(-1, ROW)
        images, labels = rows[:, 1:].copy(), rows[:, 0].copy()
    else:
        msg = (
            f"no CIFAR-10 {'training' if training else 'test'} set in {folder}: give "
            f"{archive.name}, cifar-10-batches-py/{stem} or "
            f"cifar-10-batches-bin/{stem}.bin"
        )
        raise FileNotFoundError(msg)
    return (
        torch.from_numpy(images.reshape(-1, 3, 32, 32)),
        torch.from_numpy(labels).long(),
    )


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
