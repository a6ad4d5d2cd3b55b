"""What a calibration found, and its files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mpsolve.errors import InvalidParameterError
from mpsolve.io.files import read_bytes, write_bytes
from mpsolve.torch.checkpoint import safetensors

__all__ = ["Calibration", "Scores"]

#: Arrays of a metric that go to the file where they are there.
ARRAYS = ("values", "standard_error", "sensitivity", "pairs")


@dataclass(frozen=True, eq=False)
class Scores:
    """One metric's values for every layer and precision.

    Attributes
    ----------
    name : str
        The metric's.
    unit : str
        Of the values: ``"nats"`` stands for the loss's own unit.
    is_signed : bool
        Whether values may be negative; they are what is minimised either way.
    values : ndarray of float64, shape (num_layers, num_precisions)
    standard_error : ndarray of float64, shape (num_layers, num_precisions)
        NaN where the data cannot tell it.
    sensitivity : ndarray of float64, shape (num_layers,), optional
        A layer's part of the values, where they are products with an error's size.
    pairs : ndarray of float64, optional
        Shape (layers, precisions, layers, precisions): what two layers' precisions add
        to the sum of their values; the first layer is the earlier.
    """

    name: str
    unit: str
    is_signed: bool
    values: npt.NDArray[np.float64]
    standard_error: npt.NDArray[np.float64]
    sensitivity: npt.NDArray[np.float64] | None = None
    pairs: npt.NDArray[np.float64] | None = field(default=None, repr=False)


@dataclass(frozen=True, eq=False)
class Calibration(Mapping[str, Scores]):
    """The scores of every metric; one calibration serves any number of budgets.

    A mapping from metrics' names to their `Scores`.

    Attributes
    ----------
    layers, kinds : tuple of str
        Names of the layers, the rows of scores, and of their classes.
    precisions : tuple of str
        The columns.
    scores : dict of str to Scores
    ties : tuple of tuple of str
        Layers that share parameters.
    model, loss_name : str
    loss, loss_standard_error, mean_square_loss : float
        Mean loss of a sample without rounding, its standard error, and mean square.
    num_samples : int
    seed : int
    seconds : float
        What the calibration took, in wall time.
    """

    layers: tuple[str, ...]
    kinds: tuple[str, ...]
    precisions: tuple[str, ...]
    scores: dict[str, Scores]
    ties: tuple[tuple[str, ...], ...] = ()
    model: str = ""
    loss_name: str = ""
    loss: float = float("nan")
    loss_standard_error: float = float("nan")
    mean_square_loss: float = float("nan")
    num_samples: int = 0
    seed: int = 0
    seconds: float = float("nan")

    def __getitem__(self, metric: str) -> Scores:
        if metric not in self.scores:
            known = ", ".join(self.scores)
            msg = f"the calibration holds no metric {metric!r}; it holds {known}"
            raise KeyError(msg)
        return self.scores[metric]

    def __iter__(self) -> Any:
        return iter(self.scores)

    def __len__(self) -> int:
        return len(self.scores)

    def __repr__(self) -> str:
        return (
            f"Calibration({len(self.layers)} layers, {', '.join(self.precisions)}; "
            f"{', '.join(self.scores)}; {self.num_samples:,} samples)"
        )

    def save(self, path: str | PathLike[str]) -> None:
        """Write ``<path>.safetensors`` with the arrays, ``<path>.json`` with the rest.

        Both are complete or not there; the second holds a checksum of the first.

        Parameters
        ----------
        path : str or PathLike
            With or without either suffix.
        """
        arrays, record = self._split()
        tensors, text = _paths(path)
        import torch

        data = safetensors().save({k: torch.from_numpy(v) for k, v in arrays.items()})
        record["sha256"] = hashlib.sha256(data).hexdigest()
        write_bytes(tensors, data)
        write_bytes(text, (json.dumps(record, indent=2) + "\n").encode())

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Calibration:
        """Read what :meth:`save` wrote.

        Parameters
        ----------
        path : str or PathLike
            With or without either suffix.

        Raises
        ------
        FileNotFoundError
            If either file is missing.
        InvalidParameterError
            If a file is not what it should be, or the two are not of one calibration.
        """
        tensors, text = _paths(path)
        try:
            record = json.loads(read_bytes(text))
            if record["format"] != "mpsolve/calibration" or record["version"] != 1:
                msg = f"{text}: must be of format 'mpsolve/calibration', version 1"
                raise InvalidParameterError(msg)
            data = tensors.read_bytes()
            if hashlib.sha256(data).hexdigest() != record["sha256"]:
                msg = f"{tensors}: does not belong to {text.name}: its checksum differs"
                raise InvalidParameterError(msg)
            arrays = {k: v.numpy() for k, v in safetensors().load(data).items()}
            return cls._join(arrays, record)
        except (ValueError, KeyError, TypeError) as error:
            if isinstance(error, InvalidParameterError):
                raise
            msg = f"{text}: must be a calibration of mpsolve: {error!r}"
            raise InvalidParameterError(msg) from None

    def _split(self) -> tuple[dict[str, npt.NDArray[np.float64]], dict[str, Any]]:
        arrays: dict[str, npt.NDArray[np.float64]] = {}
        metrics = []
        for name, scores in self.scores.items():
            for array in ARRAYS:
                value = getattr(scores, array)
                if value is not None:
                    arrays[f"{name}/{array}"] = np.ascontiguousarray(value)
            own = {"name": name, "unit": scores.unit, "is_signed": scores.is_signed}
            metrics.append(own)
        numbers = ("loss", "loss_standard_error", "mean_square_loss", "seconds")
        record: dict[str, Any] = {
            "format": "mpsolve/calibration",
            "version": 1,
            "model": self.model,
            "loss_name": self.loss_name,
            "num_samples": self.num_samples,
            "seed": self.seed,
            "layers": self.layers,
            "kinds": self.kinds,
            "precisions": self.precisions,
            "ties": self.ties,
            "metrics": metrics,
            # JSON knows no NaN.
            **{n: _finite(getattr(self, n)) for n in numbers},
        }
        return arrays, record

    @classmethod
    def _join(
        cls, arrays: Mapping[str, npt.NDArray[np.float64]], record: Mapping[str, Any]
    ) -> Calibration:
        scores: dict[str, Scores] = {}
        for m in record["metrics"]:
            own: dict[str, Any] = {a: arrays.get(f"{m['name']}/{a}") for a in ARRAYS}
            scores[m["name"]] = Scores(m["name"], m["unit"], m["is_signed"], **own)
        names = ("loss", "loss_standard_error", "mean_square_loss", "seconds")
        numbers = {n: float("nan") if record[n] is None else record[n] for n in names}
        shape = (len(record["layers"]), len(record["precisions"]))
        for name, score in scores.items():
            if score.values is None or score.values.shape != shape:
                msg = f"the values of {name} must have shape {shape}"
                raise ValueError(msg)
        return cls(
            layers=tuple(record["layers"]),
            kinds=tuple(record["kinds"]),
            precisions=tuple(record["precisions"]),
            scores=scores,
            ties=tuple(tuple(tie) for tie in record["ties"]),
            model=record["model"],
            loss_name=record["loss_name"],
            num_samples=record["num_samples"],
            seed=record["seed"],
            **numbers,
        )


def _paths(path: str | PathLike[str]) -> tuple[Path, Path]:
    given = Path(path)
    stem = given.name.removesuffix(".safetensors").removesuffix(".json")
    return given.with_name(f"{stem}.safetensors"), given.with_name(f"{stem}.json")


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
