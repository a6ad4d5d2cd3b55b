"""Definitions of small trained models, and readers of their weights and data.

The files are optional and not part of the repository; `folder` says where they lie.
"""

from benchmarks.models.data import cifar10, normalize, sequences
from benchmarks.models.llama import Llama, language_loss, load_language_model
from benchmarks.models.resnet import CifarResNet, load_resnet

__all__ = [
    "CifarResNet",
    "Llama",
    "cifar10",
    "language_loss",
    "load_language_model",
    "load_resnet",
    "normalize",
    "sequences",
]
