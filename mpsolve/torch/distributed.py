"""Data-parallel calibration: which process takes which batch, and sums of all."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import distributed

from mpsolve.errors import InvalidParameterError
from mpsolve.torch.batches import Batch

__all__ = ["Processes", "all_agree", "is_sharded"]


def is_sharded(model: torch.nn.Module) -> bool:
    """Whether parameters are spread over processes, as FSDP2 does."""
    from torch.distributed.tensor import DTensor

    if any(isinstance(p, DTensor) for p in model.parameters()):
        return True
    # FSDP2's outermost module keeps its parameters whole after a forward pass. Its own
    # import is slow.
    fsdp: Any = sys.modules.get("torch.distributed.fsdp")
    return fsdp is not None and any(
        isinstance(module, fsdp.FSDPModule) for module in model.modules()
    )


def all_agree(model: torch.nn.Module, answer: bool) -> bool:
    """Whether all processes say yes that share the model's parameters, if any do."""
    if not is_sharded(model):
        return answer
    answers: list[bool] = [answer] * distributed.get_world_size()
    distributed.all_gather_object(answers, answer)
    return all(answers)


class Processes:
    """The processes of a ``torchrun``, or the one there is.

    Every process reads the same stream of batches and takes every world-th of it. The
    process group is the caller's, or is started from torchrun's environment: nccl where
    the model is on a GPU, else gloo.

    Parameters
    ----------
    device : torch.device
        Where the model is.
    is_lockstep : bool
        Whether all processes must run the model equally often, as sharded models need:
        one without a batch of its own in the last round runs the last batch once more,
        and does not count it.
    """

    def __init__(self, device: torch.device, *, is_lockstep: bool = False) -> None:
        is_running = distributed.is_available() and distributed.is_initialized()
        if not is_running and int(os.environ.get("WORLD_SIZE", "1")) > 1:
            backend = "nccl" if device.type == "cuda" else "gloo"
            distributed.init_process_group(backend)
            # gloo's threads must not outlive the interpreter.
            atexit.register(_end)
            is_running = True
        self.rank = distributed.get_rank() if is_running else 0
        self.size = distributed.get_world_size() if is_running else 1
        self.device = device
        self.is_lockstep = is_lockstep

    def smallest(self, number: int) -> int:
        """Return the smallest of the processes' numbers where they run in lockstep.

        A process that had counted more runs those batches again and passes them over.
        """
        if self.size == 1 or not self.is_lockstep:
            return number
        numbers: list[int] = [0] * self.size
        distributed.all_gather_object(numbers, number)
        return min(numbers) // self.size * self.size

    def share(self, batches: Iterable[Batch]) -> Iterator[tuple[Batch, bool]]:
        """Yield this process's batches, and whether each counts."""
        rounds: list[Batch] = []
        for batch in batches:
            if self.size == 1:
                yield batch, True
                continue
            if self.is_lockstep:
                rounds.append(batch)
                if len(rounds) == self.size:
                    yield rounds[self.rank], True
                    rounds = []
            elif batch.index % self.size == self.rank:
                yield batch, True
        if rounds:
            has_own = self.rank < len(rounds)
            yield (rounds[self.rank] if has_own else rounds[-1]), has_own

    def add_up(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return the sums over all processes.

        Parameters
        ----------
        state : dict of str to Tensor
            Float64; the same keys in every process, or fewer where there were no
            batches. nccl adds them on the GPU.
        """
        if self.size == 1:
            return state
        shapes = {key: tuple(value.shape) for key, value in state.items()}
        everyone: list[dict[str, tuple[int, ...]]] = [{} for _ in range(self.size)]
        distributed.all_gather_object(everyone, shapes)
        union: dict[str, tuple[int, ...]] = {}
        for other in everyone:
            for key, shape in other.items():
                if union.setdefault(key, shape) != shape:
                    msg = (
                        f"{key}: has shape {shape} in one process and {union[key]} in "
                    )
                    msg += "another; samples must have one shape"
                    raise InvalidParameterError(msg)
        is_nccl = distributed.get_backend() == "nccl"
        place = self.device if is_nccl else torch.device("cpu")
        total: dict[str, torch.Tensor] = {}
        for key in sorted(union):
            zeros = torch.zeros(union[key], dtype=torch.float64)
            value = state.get(key, zeros).to(place, torch.float64).contiguous()
            distributed.all_reduce(value)
            total[key] = value.cpu()
        return total


def _end() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()
