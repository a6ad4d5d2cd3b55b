"""Second derivatives along random signs, from a backward pass through a backward pass.

Where parameters are sharded by FSDP2, or offloaded by accelerate, a parameter, its
signs and its gradients are there only while its layer runs, or runs backward.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn.attention import SDPBackend, sdpa_kernel

from mpsolve.torch.around import around
from mpsolve.torch.batches import Batch
from mpsolve.torch.layers import Layer
from mpsolve.torch.metrics.protocol import Context
from mpsolve.torch.parameter_gradients import trainable
from mpsolve.torch.rounding import replaced, weights_of
from mpsolve.torch.sharded_gradients import whole

__all__ = ["Owned", "Signs", "by_second_pass", "by_second_pass_in_parts", "owned"]

#: A parameter, once, with the position of the first layer that holds it, and its name.
Owned = tuple[int, str, torch.nn.Parameter]

#: Of a draw's number: returns z_p . (H z)_p for each parameter p, float64.
Draw = Callable[[int], torch.Tensor]


def owned(layers: Sequence[Layer]) -> list[Owned]:
    """Return every parameter once, with the first layer that holds it."""
    seen: set[int] = set()
    found: list[Owned] = []
    for i, layer in enumerate(layers):
        for name, parameter in layer.parameters.items():
            if id(parameter) not in seen:
                seen.add(id(parameter))
                found.append((i, name, parameter))
    return found


class Signs:
    """Random signs, made anew wherever they are needed.

    Parameters
    ----------
    seed : int
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def of(self, parameter: int, draw: int, like: torch.Tensor) -> torch.Tensor:
        """Return a draw's signs for a parameter, in the dtype and place of `like`."""
        generator = torch.Generator(like.device)
        generator.manual_seed(self._seed + 1_000_003 * draw + 7_919 * parameter)
        signs = torch.randint(2, like.shape, generator=generator, device=like.device)
        return signs.to(like.dtype).mul_(2).sub_(1)


@contextmanager
def by_second_pass(batch: Batch, context: Context, signs: Signs) -> Iterator[Draw]:
    """Yield draws from backward passes through the backward pass."""
    parameters = [p for _, _, p in owned(context.layers)]
    # Of attention's kernels, only the plain one is differentiable twice.
    with (
        trainable(context.model, parameters),
        torch.enable_grad(),
        sdpa_kernel(SDPBackend.MATH),
    ):
        mean = context.loss.mean(batch.run(context.model), batch.targets)
        context.loss.check_gradient(mean)
        gradients = torch.autograd.grad(
            mean, parameters, create_graph=True, allow_unused=True
        )
        used = [i for i, g in enumerate(gradients) if g is not None and g.grad_fn]

        def draw(number: int) -> torch.Tensor:
            found = torch.zeros(len(parameters), dtype=torch.float64)
            if not used:
                return found
            vectors = [signs.of(i, number, parameters[i]) for i in used]
            products = torch.autograd.grad(
                [gradients[i] for i in used],
                [parameters[i] for i in used],
                vectors,
                retain_graph=True,
                allow_unused=True,
                materialize_grads=True,
            )
            for i, z, product in zip(used, vectors, products, strict=True):
                found[i] = float((z.double() * product.double()).sum())
            return found

        yield draw


@contextmanager
def by_second_pass_in_parts(
    batch: Batch, context: Context, signs: Signs
) -> Iterator[Draw]:
    """Yield draws that hold a parameter only while its layer runs.

    Each draw is a forward pass and both backward passes. What autograd saves of
    parameters and signs are notes of how to have them again.
    """
    positions = {id(p): k for k, (_, _, p) in enumerate(owned(context.layers))}

    def draw(number: int) -> torch.Tensor:
        return _Pass(context, signs, number, positions).run(batch)

    with (
        trainable(context.model, []),
        torch.enable_grad(),
        sdpa_kernel(SDPBackend.MATH),
    ):
        yield draw


class _Pass:
    """One draw: z_p . (H z)_p of each parameter p."""

    def __init__(
        self, context: Context, signs: Signs, draw: int, positions: dict[int, int]
    ) -> None:
        self._context = context
        self._signs = signs
        self._draw = draw
        self._positions = positions
        self._products = torch.zeros(len(positions), dtype=torch.float64)
        self._notes = _Notes()
        self._slope: torch.Tensor | None = None
        self._is_second = False

    def run(self, batch: Batch) -> torch.Tensor:
        # Parameters' gradients end here: nothing is accumulated anywhere.
        end = torch.zeros((), requires_grad=True)
        context = self._context
        hooks = torch.autograd.graph.saved_tensors_hooks
        try:
            with hooks(self._notes.write, self._notes.read), ExitStack() as stack:
                for layer in context.layers:
                    enter = partial(self._enter, layer, end)
                    stack.enter_context(around(layer.module, enter))
                mean = context.loss.mean(batch.run(context.model), batch.targets)
                context.loss.check_gradient(mean)
                torch.autograd.grad(mean, end, create_graph=True, allow_unused=True)
                self._is_second = True
                if self._slope is not None and self._slope.requires_grad:
                    torch.autograd.grad(self._slope, end, allow_unused=True)
        finally:
            self._slope = None  # autograd's graph holds this object
        return self._products

    def _enter(
        self, layer: Layer, end: torch.Tensor, args: Any, kwargs: Any, stack: ExitStack
    ) -> tuple[Any, Any]:
        tensors = {}
        for name, parameter in layer.parameters.items():
            value = self._notes.about(partial(_value, layer, name))
            arrive = partial(self._arrive, self._positions[id(parameter)])
            tensors[name] = _Parameter.apply(end, value, arrive)  # type: ignore[no-untyped-call]
        stack.enter_context(replaced(layer.module, tensors))
        return args, kwargs

    def _arrive(self, parameter: int, gradient: torch.Tensor) -> None:
        """Take what one call of a layer gives to a parameter's gradient."""
        like = gradient.detach().new_empty((), dtype=torch.float64)
        z = self._notes.about(
            partial(self._signs.of, parameter, self._draw, like.expand(gradient.shape))
        )
        product = (z * gradient.double()).sum()
        if self._is_second:
            self._products[parameter] += float(product)
        else:
            # Layers may be on several devices.
            product = product.cpu()
            self._slope = product if self._slope is None else self._slope + product


class _Parameter(torch.autograd.Function):
    """A parameter's value, whose gradient is given away."""

    @staticmethod
    def forward(
        ctx: Any,
        end: torch.Tensor,
        value: torch.Tensor,
        arrive: Callable[[torch.Tensor], None],
    ) -> torch.Tensor:
        ctx.arrive = arrive
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[None, None, None]:
        ctx.arrive(gradients[0])
        return None, None, None


def _value(layer: Layer, name: str) -> torch.Tensor:
    """Return a copy of a parameter, from wherever it is now."""
    held = whole(weights_of(layer)[name]).detach()
    return held.clone(memory_format=torch.contiguous_format)


class _Notes:
    """What is saved for a backward pass: of some tensors, how to have them again."""

    def __init__(self) -> None:
        self._makers: dict[int, tuple[StorageWeakRef, Callable[[], torch.Tensor]]] = {}

    def about(self, make: Callable[[], torch.Tensor]) -> torch.Tensor:
        """Make a tensor, which is made again where autograd would save it."""
        with torch.no_grad():
            made = make()
        storage = made.untyped_storage()
        self._makers[storage._cdata] = StorageWeakRef(storage), make  # type: ignore[no-untyped-call] # noqa: SLF001
        return made

    def write(self, saved: torch.Tensor) -> Any:
        """Return a note on a tensor, or itself where it is not known."""
        key = saved.untyped_storage()._cdata  # noqa: SLF001
        if key not in self._makers:
            return saved
        storage, make = self._makers[key]
        # Another one may lie where it was.
        if storage.expired():  # type: ignore[no-untyped-call]
            del self._makers[key]
            return saved
        return make, saved.shape, saved.stride(), saved.storage_offset()

    def read(self, note: Any) -> torch.Tensor:
        """Return the tensor that was saved."""
        if isinstance(note, torch.Tensor):
            return note
        make, shape, stride, offset = note
        return self.about(make).as_strided(shape, stride, offset)
