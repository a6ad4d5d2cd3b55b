"""Calibration: every metric for every layer and precision, from a stream of data."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from os import PathLike
from typing import Any

import torch

from mpsolve.errors import InvalidParameterError
from mpsolve.torch.batches import Batch, read_batches
from mpsolve.torch.calibration import Calibration, Scores
from mpsolve.torch.checkpoint import Checkpoint
from mpsolve.torch.devices import check_device
from mpsolve.torch.distributed import Processes, is_sharded
from mpsolve.torch.layers import Filter, Pattern, find_layers, find_ties
from mpsolve.torch.losses import Loss, make_loss
from mpsolve.torch.metrics import Metric, ParameterGradient, make_metrics
from mpsolve.torch.metrics.protocol import Context, State
from mpsolve.torch.observe import GRADIENT_QUANTITIES, Observer
from mpsolve.torch.offloaded import execution_device
from mpsolve.torch.precisions import LayerPrecision, Precision, parse
from mpsolve.torch.progress import Progress, make_progress
from mpsolve.torch.rounded_passes import ROUNDED_QUANTITIES, num_passes, rounded_passes
from mpsolve.torch.samples import Moments
from mpsolve.torch.sharded_gradients import ShardedGradients

__all__ = ["calibrate"]

#: What a metric may ask for.
QUANTITIES = GRADIENT_QUANTITIES | ROUNDED_QUANTITIES | {"batch"}


def calibrate(
    model: torch.nn.Module,
    data: Iterable[Any],
    loss: str | Loss | Callable[..., torch.Tensor] = "cross_entropy",
    precisions: Iterable[str | Precision | LayerPrecision] = ("fp16", "int8", "int4"),
    metrics: Iterable[Any] = ("input_gradient",),
    *,
    filter_fn: Filter | None = None,
    patterns: Pattern | Iterable[Pattern] | None = None,
    num_batches: int | None = None,
    seed: int = 0,
    device: str | torch.device | None = None,
    checkpoint: str | PathLike[str] | None = None,
    checkpoint_every: int = 10,
    progress: bool | Callable[[int, int, float], None] = False,
) -> Calibration:
    """Measure how much each layer's precision matters.

    The data are read once, a batch at a time; all metrics that need gradients share one
    forward and backward pass. The model is put in evaluation mode for the time, and is
    the same afterwards. Under ``torchrun`` every process takes its share of the
    batches, and all return the sums of all.

    Parameters
    ----------
    model : torch.nn.Module
        On one device, spread over several, or sharded by FSDP2.
    data : iterable of (inputs, targets) or mapping
        Inputs are a tensor, a tuple of positional or a mapping of named inputs; their
        first dimension is the samples. A mapping alone is given to the model by names.
        Under torchrun, every process must be given the same stream.
    loss : str or callable
        ``"cross_entropy"``, ``"next_token"``, ``"squared_error"``, or a callable of
        output and targets; see :func:`mpsolve.torch.losses.make_loss`.
    precisions : iterable of str, Precision or LayerPrecision
        Names as :func:`mpsolve.torch.parse` takes them.
    metrics : iterable of str, Metric or callable
        See :func:`mpsolve.torch.metrics.make_metrics`.
    filter_fn, patterns
        Which modules are layers; see :func:`mpsolve.torch.find_layers`.
    num_batches : int, optional
        Stop after this many; all of the stream otherwise.
    seed : int
        Of random signs and noise. What is drawn for a batch depends on its place alone.
    device : str or torch.device, optional
        Where batches go; that of the model's first parameter by default.
    checkpoint : path, optional
        Keep the sums in this file, and go on from it where it exists. It is deleted
        when the calibration is complete.
    checkpoint_every : int
        Batches of a process between two checkpoints.
    progress : bool or callable
        True shows a bar on standard error; a callable gets (batches, samples, mean
        loss) after every batch.

    Returns
    -------
    Calibration

    Raises
    ------
    InvalidProblemError
        If the model has no layers, or a pattern selects none.
    InvalidParameterError
        If the data run out before `num_batches`, or are no batches; the loss is not a
        finite scalar; a gradient is not finite; the device lacks a precision; or a name
        is unknown. Naming which.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> model = torch.nn.Sequential(
    ...     torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> data = [(torch.randn(16, 4), torch.randint(3, (16,)))]
    >>> calibration = calibrate(
    ...     model, data, "cross_entropy", ["fp16", "int4"], ["input_gradient"])
    >>> calibration.layers, calibration.precisions
    (('0', '2'), ('fp16', 'int4'))
    >>> bool((calibration["input_gradient"].values > 0).all())
    True
    """
    started = time.perf_counter()
    context = _context(model, loss, precisions, filter_fn, patterns, seed)
    chosen = make_metrics(metrics)
    needs = _needs(chosen)
    place = torch.device(device) if device is not None else execution_device(model)
    _check_precisions(context)
    if checkpoint_every < 1:
        msg = f"checkpoint_every must be at least 1. Got {checkpoint_every!r}"
        raise InvalidParameterError(msg)
    if num_batches is not None and num_batches < 1:
        msg = f"num_batches must be at least 1. Got {num_batches!r}"
        raise InvalidParameterError(msg)
    processes = Processes(place, is_lockstep=is_sharded(model))
    keeper = None
    if checkpoint is not None:
        about = _about(context, chosen)
        keeper = Checkpoint(str(checkpoint), processes.rank, processes.size, about)
    states = {metric.name: metric.start(context) for metric in chosen}
    states["loss"] = Moments("value").start(()) | Moments("square").start(())
    own_start = 0
    saved = keeper.load() if keeper is not None else None
    if saved is not None:
        states, own_start = _unflatten(saved[0]), saved[1]
    shards = None
    if is_sharded(model):
        shards = ShardedGradients(context.layers, processes.rank, processes.size)
    observer = Observer(
        model,
        context.layers,
        context.precisions,
        context.loss,
        needs & GRADIENT_QUANTITIES,
        shards,
    )
    start = processes.smallest(own_start)
    batches = read_batches(data, num_batches, start=start)
    total = num_batches if num_batches is not None else _length(data)
    done = 0
    with _evaluating(model), make_progress(progress, total, processes.rank) as show:
        show.start(start)
        for batch, is_own in processes.share(batches):
            if shards is not None:
                shards.weight = batch.num_samples if is_own else 0
            record = _measure(batch.to(place), context, observer, needs, show)
            is_new = batch.index >= own_start
            if is_new and "gradient_parts" in record:
                # Other processes' batches are in it, also where there is no own one.
                for metric in chosen:
                    if isinstance(metric, ParameterGradient):
                        metric.update_parts(states[metric.name], record)
            if not (is_own and is_new):
                if processes.is_lockstep:
                    # The other processes run the model, and this one with them.
                    running = [m for m in chosen if "batch" in m.needs]
                    _update(_copied(states, running), running, record, batch, context)
                continue
            _update(states, chosen, record, batch, context)
            done += 1
            if keeper is not None and done % checkpoint_every == 0:
                keeper.save(_flatten(states), batch.index + 1)
            show.batch(batch, states["loss"])
    for metric in chosen:
        if isinstance(metric, ParameterGradient):
            states[metric.name] = metric.settle(states[metric.name])
    summed = _unflatten(processes.add_up(_flatten(states)))
    if keeper is not None:
        keeper.remove()
    return _result(context, chosen, summed, time.perf_counter() - started)


def _context(
    model: torch.nn.Module,
    loss: Any,
    precisions: Iterable[Any],
    filter_fn: Filter | None,
    patterns: Any,
    seed: int,
) -> Context:
    layers = tuple(find_layers(model, filter_fn, patterns))
    given = [precisions] if isinstance(precisions, str) else list(precisions)
    parsed = tuple(parse(p) for p in given)
    names = [p.name for p in parsed]
    if not parsed or len(set(names)) < len(names):
        got = ", ".join(names) or "none"
        msg = f"precisions must be at least one, each with its own name. Got {got}"
        raise InvalidParameterError(msg)
    position = {layer.name: i for i, layer in enumerate(layers)}
    ties = tuple(tuple(position[n] for n in tie) for tie in find_ties(layers))
    return Context(model, layers, parsed, make_loss(loss), ties, seed)


def _needs(metrics: list[Metric]) -> frozenset[str]:
    needs: frozenset[str] = frozenset()
    for metric in metrics:
        unknown = metric.needs - QUANTITIES
        if unknown:
            known = ", ".join(sorted(QUANTITIES))
            msg = f"metric {metric.name!r} needs {', '.join(sorted(unknown))}; known "
            msg += f"quantities are {known}"
            raise InvalidParameterError(msg)
        needs |= metric.needs
    return needs


def _check_precisions(context: Context) -> None:
    """Round a few values on every device, so that a missing kernel is named early."""
    places = {
        (p.device, p.dtype)
        for layer in context.layers
        for p in layer.parameters.values()
        if p.device.type != "meta"
    }
    for device, dtype in sorted(places, key=str):
        for precision in context.precisions:
            for kind in (precision.weight, precision.input):
                if (problem := check_device(kind, device)) is not None:
                    msg = f"precision {precision.name!r}: {problem}"
                    raise InvalidParameterError(msg)
            try:
                values = torch.ones(2, 32, device=device, dtype=dtype)
                precision.weight.round(values)
                precision.input.round_input(values)
            except (RuntimeError, NotImplementedError, TypeError) as error:
                msg = f"precision {precision.name!r}: {device} cannot round {dtype} to "
                msg += f"it: {error}"
                raise InvalidParameterError(msg) from error


def _measure(
    batch: Batch,
    context: Context,
    observer: Observer,
    needs: frozenset[str],
    show: Progress,
) -> dict[str, Any]:
    """Return a batch's record: what the metrics need, and the loss."""
    record: dict[str, Any] = {"batch": batch}
    with _seeded(context, batch):
        if observer.needs:
            record |= observer.run(batch)
    if needs & ROUNDED_QUANTITIES:
        with _seeded(context, batch):
            show.passes(num_passes(context, needs))
            record |= rounded_passes(batch, context, needs, show.tick)
    if "loss" not in record:
        with torch.no_grad():
            output = batch.run(context.model)
            record["loss"] = context.loss.values(output, batch.targets).double().cpu()
    return record


def _update(
    states: dict[str, State],
    metrics: list[Metric],
    record: dict[str, Any],
    batch: Batch,
    context: Context,
) -> None:
    for metric in metrics:
        with _seeded(context, batch):
            metric.update(states[metric.name], record, batch.num_samples, context)
    loss = record["loss"]
    Moments("value").add(states["loss"], loss, batch.num_samples)
    Moments("square").add(states["loss"], loss.square(), batch.num_samples)


def _copied(states: dict[str, State], metrics: list[Metric]) -> dict[str, State]:
    """Return sums of some metrics, and of the loss, that nobody reads."""
    names = ["loss", *(metric.name for metric in metrics)]
    return {n: {key: value.clone() for key, value in states[n].items()} for n in names}


def _result(
    context: Context,
    metrics: list[Metric],
    states: dict[str, State],
    seconds: float,
) -> Calibration:
    mean, error = Moments("value").estimate(states["loss"])
    square, _ = Moments("square").estimate(states["loss"])
    scores = {}
    for metric in metrics:
        estimate = metric.finish(states[metric.name], context)
        scores[metric.name] = Scores(
            metric.name, metric.unit, bool(metric.is_signed), **vars(estimate)
        )
    names = [layer.name for layer in context.layers]
    return Calibration(
        layers=tuple(names),
        kinds=tuple(layer.kind for layer in context.layers),
        precisions=tuple(p.name for p in context.precisions),
        scores=scores,
        ties=tuple(tuple(names[i] for i in tie) for tie in context.ties),
        model=type(context.model).__name__,
        loss_name=context.loss.name,
        loss=float(mean),
        loss_standard_error=float(error),
        mean_square_loss=float(square),
        num_samples=int(states["loss"]["value.weights"][0]),
        seed=context.seed,
        seconds=seconds,
    )


def _about(context: Context, metrics: list[Metric]) -> dict[str, Any]:
    """Return what a checkpoint's sums belong to."""

    def settings(metric: Metric) -> str:
        own = {
            k: v
            for k, v in vars(metric).items()
            if isinstance(v, int | float | str) and not k.startswith("_")
        }
        return f"{metric.name}{sorted(own.items())}"

    return {
        "layers": [layer.name for layer in context.layers],
        "precisions": [repr(p) for p in context.precisions],
        "metrics": [settings(metric) for metric in metrics],
        "loss": context.loss.name,
        "seed": context.seed,
    }


def _flatten(states: dict[str, State]) -> State:
    return {f"{n}/{k}": v for n, state in states.items() for k, v in state.items()}


def _unflatten(flat: State) -> dict[str, State]:
    states: dict[str, State] = {}
    for key, value in flat.items():
        name, _, inner = key.partition("/")
        states.setdefault(name, {})[inner] = value
    return states


@contextmanager
def _seeded(context: Context, batch: Batch) -> Iterator[None]:
    """Draw for a batch what its place says, and leave the caller's generators alone."""
    devices = {p.device for layer in context.layers for p in layer.parameters.values()}
    indices = [d.index or 0 for d in devices if d.type == "cuda"]
    with torch.random.fork_rng(devices=indices):
        torch.manual_seed(context.seed + 1_000_003 * batch.index)
        yield


@contextmanager
def _evaluating(model: torch.nn.Module) -> Iterator[None]:
    before = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, was_training in before:
            module.training = was_training


def _length(data: Iterable[Any]) -> int | None:
    return len(data) if isinstance(data, Sized) else None
