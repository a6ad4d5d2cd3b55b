"""One forward and backward pass, and what it tells about every layer and sample.

Hooks stand at the layers' inputs and outputs for the pass, and are gone after it. They
add no backward work: a layer's input is replaced by a view of itself, whose gradient is
that of this layer's own copy of the tensor, and autograd computes it anyway. Only the
first layer's input, which needs no gradient of its own, gets one where it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map

from mpsolve.errors import InvalidParameterError
from mpsolve.torch.batches import Batch
from mpsolve.torch.inputs import (
    AT_GRADIENTS,
    AT_INPUTS,
    INPUT_QUANTITIES,
    at_gradients,
    at_inputs,
)
from mpsolve.torch.layers import Layer
from mpsolve.torch.losses import Loss
from mpsolve.torch.offloaded import is_wrapped
from mpsolve.torch.outputs import OUTPUT_QUANTITIES, output_values
from mpsolve.torch.parameter_gradients import add_to, fetched_gradients, trainable
from mpsolve.torch.precisions import LayerPrecision
from mpsolve.torch.rounding import is_rounded
from mpsolve.torch.sample_gradients import WeightErrors, is_simple, sample_gradients
from mpsolve.torch.samples import by_sample
from mpsolve.torch.sharded_gradients import ShardedGradients

__all__ = ["GRADIENT_QUANTITIES", "Observer"]

#: Of each layer and sample, summed over a layer's calls; and the parameters' gradients.
GRADIENT_QUANTITIES = INPUT_QUANTITIES | OUTPUT_QUANTITIES | {"weight_gradient"}


class _Call:
    """One call of a layer, until its gradients have arrived."""

    def __init__(self, args: Any, kwargs: Any) -> None:
        self.args = args
        self.kwargs = kwargs
        self.versions = [x._version for x in self.tensors()]  # noqa: SLF001

    def tensors(self) -> list[torch.Tensor]:
        return [x for x in tree_leaves((self.args, self.kwargs)) if is_rounded(x)]

    def check(self, name: str) -> None:
        """Raise where a layer's input was overwritten before the backward pass."""
        if self.versions != [x._version for x in self.tensors()]:  # noqa: SLF001
            _overwritten(name)

    def clear(self) -> None:
        self.args = self.kwargs = None


class Observer:
    """Runs a model forward and backward, and measures its layers on the way.

    Parameters
    ----------
    model : torch.nn.Module
    layers : sequence of Layer
    precisions : sequence of LayerPrecision
    loss : Loss
    needs : frozenset of str
        Which of `GRADIENT_QUANTITIES` are measured.
    shards : ShardedGradients, optional
        Measures the parameters' gradients where parameters are sharded.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        layers: Sequence[Layer],
        precisions: Sequence[LayerPrecision],
        loss: Loss,
        needs: frozenset[str],
        shards: ShardedGradients | None = None,
    ) -> None:
        self.shards = shards if "weight_gradient" in needs else None
        self.model = model
        self.layers = layers
        self.precisions = precisions
        self.loss = loss
        self.needs = needs
        self._inputs = needs & AT_GRADIENTS
        self._outputs = needs & set(OUTPUT_QUANTITIES)
        self._holds_inputs = bool(self._outputs)
        is_worth_it = "weight_effect" in needs and len(precisions) > 1
        self._errors = WeightErrors(precisions)
        #: Layers whose parameters' gradients are computed sample by sample.
        self._by_sample = {
            i for i, x in enumerate(layers) if is_worth_it and is_simple(x)
        }

    def run(self, batch: Batch) -> dict[str, Any]:
        """Run a batch forward and backward.

        Parameters
        ----------
        batch : Batch

        Returns
        -------
        dict
            ``"loss"``, of each sample or (1,); each quantity needed, float64 on the
            CPU, shape (num_layers, num_samples) or, where it is one of rounding,
            (num_layers, num_precisions, num_samples); ``"input_gradient_sum"``: for
            each layer the sum over the batch's samples; ``"weight_gradient"``: for each
            layer its parameters' gradients of the batch's mean loss, by name; where
            they are sharded, what :class:`ShardedGradients` collects in its place.

        Raises
        ------
        InvalidParameterError
            If the loss is no finite scalar, a gradient is not finite, or a layer's
            tensors have no dimension of samples; naming loss or layer.
        """
        found: list[dict[str, Any]] = [{} for _ in self.layers]
        calls: list[_Call] = []
        with (
            trainable(self.model, self._parameters()),
            self._hooks(found, calls, batch.num_samples),
            fetched_gradients(self._fetched_layers(), found),
        ):
            try:
                with torch.enable_grad():
                    output = batch.run(self.model)
                    mean, values = self.loss.both(output, batch.targets)
                    del output
                    self.loss.check_gradient(mean)
                    gradients = self._backward(mean)
                parts = self.shards.collect() if self.shards is not None else {}
            finally:
                for call in calls:
                    call.clear()
                if self.shards is not None:
                    self.shards.close()
        record = self._collect(found, batch.num_samples) | parts
        record["loss"] = values.detach().double().cpu()
        if "weight_gradient" in self.needs and self.shards is None:
            for layer, own in zip(self.layers, found, strict=True):
                for name, gradient in own.get("own_gradient", {}).items():
                    add_to(gradients, id(layer.parameters[name]), gradient)
            record["weight_gradient"] = self._by_layer(gradients)
        return record

    def _parameters(self) -> list[torch.nn.Parameter]:
        """Return the parameters whose gradients are asked for, each once."""
        if "weight_gradient" not in self.needs or self.shards is not None:
            return []
        return list(
            {
                id(p): p
                for i, layer in enumerate(self.layers)
                for p in layer.parameters.values()
                if i not in self._by_sample and not is_wrapped(layer.module)
            }.values()
        )

    def _fetched_layers(self) -> dict[int, Layer]:
        """Return layers that hold parameters only while they run, by position."""
        if "weight_gradient" not in self.needs:
            return {}
        return {
            i: layer
            for i, layer in enumerate(self.layers)
            if i not in self._by_sample and is_wrapped(layer.module)
        }

    def _backward(self, mean: torch.Tensor) -> dict[int, torch.Tensor]:
        """Run the backward pass; return parameters' gradients by identity."""
        parameters = self._parameters()
        before = [p.grad for p in parameters]
        for p in parameters:
            p.grad = None
        try:
            mean.backward()  # type: ignore[no-untyped-call]
            return {id(p): p.grad for p in parameters if p.grad is not None}
        finally:
            for p, gradient in zip(parameters, before, strict=True):
                p.grad = gradient

    def _by_layer(self, gradients: dict[int, torch.Tensor]) -> list[dict[str, Any]]:
        """Give every parameter's gradient to the first layer that holds it."""
        left = dict(gradients)
        records: list[dict[str, Any]] = []
        for layer in self.layers:
            own = {n: left.pop(id(p), None) for n, p in layer.parameters.items()}
            records.append({n: g for n, g in own.items() if g is not None})
            for gradient in records[-1].values():
                if not torch.isfinite(gradient).all():
                    _not_finite(layer.name, "its parameters")
        return records

    # -- hooks ------------------------------------------------------------------

    @contextmanager
    def _hooks(
        self, found: list[dict[str, Any]], calls: list[_Call], num_samples: int
    ) -> Iterator[None]:
        handles: list[Any] = []
        pending: list[list[_Call]] = [[] for _ in self.layers]

        def before(index: int, _: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
            call = _Call(args, kwargs)
            pending[index].append(call)
            calls.append(call)
            if self.needs & AT_INPUTS:
                with torch.no_grad():
                    self._at_inputs(index, call, found[index], num_samples)
            if self._inputs:
                watch = partial(self._watch, index, found[index], num_samples)
                args, kwargs = tree_map(watch, (args, kwargs))
            if not self._holds_inputs:
                call.clear()
            if self.shards is not None:
                self.shards.watch(index)
            return args, kwargs

        def after(index: int, _: Any, args: Any, kwargs: Any, output: Any) -> Any:
            call = pending[index].pop()
            if not self._outputs:
                return None
            return self._watch_output(index, call, output, found[index], num_samples)

        for i, layer in enumerate(self.layers):
            module = layer.module
            handles.append(
                module.register_forward_pre_hook(partial(before, i), with_kwargs=True)
            )
            handles.append(
                module.register_forward_hook(partial(after, i), with_kwargs=True)
            )
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _at_inputs(
        self, index: int, call: _Call, found: dict[str, Any], num_samples: int
    ) -> None:
        """Measure what needs no gradient: norms, sizes, rounding errors of inputs."""
        where = f"layer {self.layers[index].name!r}"
        for tensor in call.tensors():
            x = tensor.detach()
            rows = by_sample(x, num_samples, where)
            _add_all(found, at_inputs(self.needs, self.precisions, x, rows))

    def _watch(
        self, index: int, found: dict[str, Any], num_samples: int, x: Any
    ) -> Any:
        """Return a view of an input whose gradient is measured when it arrives."""
        if not is_rounded(x):
            return x
        source = x if x.requires_grad else x.detach().requires_grad_()
        view = source.view_as(source)
        held = x.detach() if self._inputs & {"input_relative", "input_effect"} else None
        version = x._version  # noqa: SLF001
        where = f"layer {self.layers[index].name!r}"

        def arrive(gradient: torch.Tensor) -> None:
            gradients = by_sample(gradient.detach(), num_samples, where)
            x = rows = gradients
            if held is not None:
                if version != held._version:  # noqa: SLF001
                    _overwritten(self.layers[index].name)
                x, rows = held, by_sample(held, num_samples, where)
            values = at_gradients(self._inputs, self.precisions, x, rows, gradients)
            _add_all(found, values)

        view.register_hook(arrive)
        return view

    def _watch_output(
        self,
        index: int,
        call: _Call,
        output: Any,
        found: dict[str, Any],
        num_samples: int,
    ) -> Any:
        """Return a layer's output, which is measured when its gradient arrives."""
        layer = self.layers[index]

        def watched(z: Any) -> Any:
            if not is_rounded(z):
                return z
            # A copy, as what follows may overwrite it; the first layer's alone.
            return z if z.requires_grad else z.detach().requires_grad_().clone()

        output = tree_map(watched, output)
        tensors = [z for z in tree_leaves(output) if is_rounded(z)]
        versions = [z._version for z in tensors]  # noqa: SLF001
        held: list[Any] = [tensors]

        def arrive(gradients: Sequence[torch.Tensor | None]) -> None:
            call.check(layer.name)
            kept = held.pop()
            # Overwritten by what follows: run the layer again.
            if versions != [z._version for z in kept]:  # noqa: SLF001
                kept = None
            pairs = [
                None
                if g is None
                else by_sample(g, num_samples, f"layer {layer.name!r}")
                for g in gradients
            ]
            effects = None
            if index in self._by_sample and gradients[0] is not None:
                own = sample_gradients(
                    layer.module, call.tensors()[0], gradients[0], num_samples
                )
                if "weight_gradient" in self.needs and self.shards is None:
                    sums = {name: g.sum(0) for name, g in own.items()}
                    _add_all(found.setdefault("own_gradient", {}), sums)
                effects = self._errors.effects(own, layer)
                del own
            values = output_values(
                self._outputs,
                layer,
                self.precisions,
                call,
                kept,
                pairs,
                num_samples,
                effects,
            )
            _add_all(found, values)
            call.clear()

        if len(tensors) == 1:
            tensors[0].register_hook(lambda gradient: arrive([gradient]))
        elif tensors:
            torch.autograd.graph.register_multi_grad_hook(tensors, arrive)
        return output

    # -- results ----------------------------------------------------------------

    def _collect(self, found: list[dict[str, Any]], num_samples: int) -> dict[str, Any]:
        record: dict[str, Any] = {}
        lists = {"input_gradient_sum", "weight_gradient"}
        for quantity in self.needs - lists:
            has_precisions = quantity in {
                "input_effect",
                "input_error",
                *OUTPUT_QUANTITIES,
            }
            shape = (len(self.precisions),) if has_precisions else ()
            nothing = torch.zeros((*shape, num_samples), dtype=torch.float64)
            values = [layer.get(quantity, nothing).cpu() for layer in found]
            record[quantity] = torch.stack(values)
            finite = torch.isfinite(record[quantity]).flatten(1).all(1)
            if not finite.all():
                layer = self.layers[int(finite.logical_not().nonzero()[0, 0])]
                _not_finite(layer.name, f"{quantity}: its inputs or outputs")
        if "input_gradient_sum" in self.needs:
            record["input_gradient_sum"] = [
                layer.get("input_gradient_sum") for layer in found
            ]
        return record


def _add_all(sums: dict[str, Any], values: Mapping[str, torch.Tensor]) -> None:
    for name, value in values.items():
        add_to(sums, name, value)


def _overwritten(layer: str) -> None:
    msg = (
        f"layer {layer!r}: its input is changed in place after it has run; the metrics "
    )
    msg += "asked for need it unchanged"
    raise InvalidParameterError(msg)


def _not_finite(layer: str, what: str) -> None:
    msg = f"layer {layer!r}: the gradient must be finite. Got NaN or inf in {what}"
    raise InvalidParameterError(msg)
