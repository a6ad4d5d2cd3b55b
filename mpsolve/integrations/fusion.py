"""Modules that serving engines fuse, and which must get the same precision.

vLLM, SGLang and TensorRT-LLM load query, key and value as one matrix, gate and up as
one, and all experts of a layer as one; a layout that gives the parts different
precisions fails when it is loaded. The ties come from the network where its graph is at
hand (linears that read the same tensor, parallel experts, shared parameters), and from
the names that engines fuse.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mpsolve.errors import Fault, InvalidLayoutError, InvalidParameterError
from mpsolve.integrations.fusion_graph import find_experts, find_readers

__all__ = [
    "ENGINES",
    "Engine",
    "Fused",
    "check_fused",
    "find_fused",
    "fused_names",
    "fusion_ties",
]


@dataclass(frozen=True)
class Engine:
    """What a serving engine fuses.

    Attributes
    ----------
    name : str
    fused : mapping of str to tuple of str
        Name of the fused module, and the last parts of the names of its members.
    experts : bool
        Whether all routed experts of a layer must agree.
    embeddings : bool
        Whether tied embeddings and the output head must agree.
    readers : bool
        Whether linears of a module that read the same tensor are one, whatever they
        are called: with those of another name than `fused` has, an engine loads a
        network after renaming them.
    """

    name: str
    fused: Mapping[str, tuple[str, ...]]
    experts: bool = True
    embeddings: bool = True
    readers: bool = True


@dataclass(frozen=True)
class Fused:
    """Layers that must get the same precision, and why.

    Attributes
    ----------
    layers : tuple of str
    reasons : tuple of str

    Examples
    --------
    >>> print(Fused(("l.0.q", "l.0.k"), ("they read the same tensor",)))
    l.0.q, l.0.k: they read the same tensor
    """

    layers: tuple[str, ...]
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        first, *others = self.layers
        shown = [first, *others[:3]]
        if len(self.layers) > 4:
            shown.append(f"… ({len(self.layers)} layers)")
        return f"{', '.join(shown)}: {'; '.join(self.reasons)}"


COMMON = {
    "qkv_proj": ("q_proj", "k_proj", "v_proj"),
    "gate_up_proj": ("gate_proj", "up_proj"),
}

#: What each engine fuses; the names are those of its `packed_modules_mapping`.
ENGINES = {
    "vllm": Engine(
        "vllm",
        {
            **COMMON,
            "fused_qkv_a_proj": ("q_a_proj", "kv_a_proj_with_mqa"),
            "in_proj_qkvz": ("in_proj_qkv", "in_proj_z"),
            "in_proj_ba": ("in_proj_b", "in_proj_a"),
        },
    ),
    "sglang": Engine(
        "sglang",
        {
            **COMMON,
            "fused_qkv_a_proj_with_mqa": ("q_a_proj", "kv_a_proj_with_mqa"),
        },
    ),
    "tensorrt-llm": Engine(
        "tensorrt-llm",
        {**COMMON, "fused_a": ("q_a_proj", "kv_a_proj_with_mqa")},
    ),
    "none": Engine("none", {}, experts=False, readers=False),
}

EXPERT = re.compile(r"(?P<experts>.*\.experts)\.\d+\.(?P<part>.+)")
EMBEDDINGS = ("embed_tokens", "lm_head")


def fusion_ties(
    layers: Iterable[str],
    engine: str | Engine = "vllm",
    *,
    graph: Any = None,
    tied_embeddings: bool = False,
) -> list[tuple[str, ...]]:
    """Return the sets of layers that must get the same precision.

    Parameters
    ----------
    layers, engine, graph, tied_embeddings
        As for `find_fused`.

    Returns
    -------
    list of tuple of str
        Disjoint, each with at least two layers, in the order of `layers`; for the
        `ties` of a problem.

    Raises
    ------
    InvalidParameterError
        If there is no such engine.

    Examples
    --------
    >>> layers = ["l.0.q_proj", "l.0.k_proj", "l.0.v_proj", "l.0.o_proj"]
    >>> fusion_ties(layers, "vllm")
    [('l.0.q_proj', 'l.0.k_proj', 'l.0.v_proj')]
    """
    found = find_fused(layers, engine, graph=graph, tied_embeddings=tied_embeddings)
    return [fused.layers for fused in found]


def find_fused(
    layers: Iterable[str],
    engine: str | Engine = "vllm",
    *,
    graph: Any = None,
    tied_embeddings: bool = False,
) -> list[Fused]:
    """Return the sets of layers that an engine fuses, each with the reasons.

    Parameters
    ----------
    layers : iterable of str
        Fully qualified names of the layers of the problem.
    engine : str or Engine
        Who serves the network: ``"vllm"``, ``"sglang"``, ``"tensorrt-llm"``,
        ``"none"``, or your own.
    graph : ModelGraph or directed graph of layers, optional
        What :func:`mpsolve.torch.trace` returns. Tied are then, whatever they are
        called: linears of a module that read the same tensor, the experts of a layer
        (numbered modules of the same make, none of which reads another's result; the
        router beside them is not fused with anything), and layers that share
        parameters. Of a plain graph, linears are taken to read the same tensor where
        they have the same predecessors; an edge attribute ``tensor`` tells several
        outputs of one layer apart.
    tied_embeddings : bool
        Whether the embedding and the output head share their weights; a `ModelGraph`
        knows that.

    Returns
    -------
    list of Fused
        Disjoint, each with at least two layers, in the order of `layers`.

    Raises
    ------
    InvalidParameterError
        If there is no such engine.

    Examples
    --------
    >>> for fused in find_fused(["l.0.up_proj", "l.0.gate_proj"], "sglang"):
    ...     print(fused)
    l.0.up_proj, l.0.gate_proj: sglang loads them as gate_up_proj
    """
    chosen = _engine(engine)
    names = list(layers)
    buckets: dict[Any, list[str]] = defaultdict(list)
    for name in names:
        parent, _, last = name.rpartition(".")
        for fused, parts in chosen.fused.items():
            if last in parts:
                reason = f"{chosen.name} loads them as {fused}"
                buckets[reason, parent].append(name)
        if chosen.experts and (match := EXPERT.fullmatch(name)):
            buckets["experts of a layer", match["experts"]].append(name)
        if chosen.embeddings and tied_embeddings and last in EMBEDDINGS:
            buckets["tied embeddings", ""].append(name)
    if graph is not None:
        _read_graph(chosen, names, graph, buckets)
    return _joined(names, {key: v for key, v in buckets.items() if len(v) > 1})


def check_fused(
    layout: Mapping[str, str], engine: str | Engine = "vllm", **options: Any
) -> None:
    """Raise where a layout gives modules that an engine fuses different precisions.

    Parameters
    ----------
    layout : mapping of str to str
        Precision by layer.
    engine, **options
        As for `fusion_ties`.

    Raises
    ------
    InvalidLayoutError
        Naming every fused set and the precisions in it.

    Examples
    --------
    >>> check_fused({"l.0.gate_proj": "int4", "l.0.up_proj": "int8"})
    Traceback (most recent call last):
        ...
    mpsolve.errors.InvalidLayoutError: choices['l.0.gate_proj']: vllm fuses it with
    'l.0.up_proj', but they get int4, int8
    """
    faults = []
    for tie in fusion_ties(layout, engine, **options):
        precisions = sorted({layout[layer] for layer in tie})
        if len(precisions) > 1:
            others = ", ".join(map(repr, tie[1:4])) + (", …" if len(tie) > 4 else "")
            message = (
                f"{_engine(engine).name} fuses it with {others}, but they get "
                f"{', '.join(precisions)}"
            )
            faults.append(Fault(f"choices[{tie[0]!r}]", message))
    if faults:
        raise InvalidLayoutError(faults)


def fused_names(values: Mapping[str, Any], engine: str | Engine) -> dict[str, Any]:
    """Return the fused modules of an engine, with the value that their members share.

    Parameters
    ----------
    values : mapping of str to object
        By module.
    engine : str or Engine

    Returns
    -------
    dict of str to object
        By the name that the engine gives the fused module.

    Raises
    ------
    InvalidLayoutError
        If members of a fused module have different values.

    Examples
    --------
    >>> fused_names({"l.0.gate_proj": 4, "l.0.up_proj": 4}, "vllm")
    {'l.0.gate_up_proj': 4}
    """
    fused: dict[str, Any] = {}
    faults = []
    for name, value in values.items():
        parent, dot, last = name.rpartition(".")
        for whole, parts in _engine(engine).fused.items():
            if last not in parts:
                continue
            target = f"{parent}{dot}{whole}"
            if fused.setdefault(target, value) != value:
                message = f"must be as the other parts of {target!r}, which are fused"
                faults.append(Fault(f"choices[{name!r}]", message))
    if faults:
        raise InvalidLayoutError(faults)
    return fused


def _engine(engine: str | Engine) -> Engine:
    if isinstance(engine, Engine):
        return engine
    if engine not in ENGINES:
        known = ", ".join(ENGINES)
        msg = f"engine must be one of {known}, or an Engine. Got {engine!r}"
        raise InvalidParameterError(msg)
    return ENGINES[engine]


def _read_graph(
    engine: Engine, names: list[str], graph: Any, buckets: dict[Any, list[str]]
) -> None:
    """Add the sets that a graph shows."""
    known = set(names)
    if engine.experts:
        for holder, experts in find_experts(names, graph).items():
            buckets["experts of a layer", holder] += experts
    # The router reads what the experts read, and is not fused with what is beside it.
    routed = {
        holder.rpartition(".")[0]
        for reason, holder in buckets
        if reason == "experts of a layer"
    }
    if engine.readers:
        for number, readers in enumerate(find_readers(names, graph)):
            for name in readers:
                parent = name.rpartition(".")[0]
                if name in known and parent not in routed:
                    buckets["they read the same tensor", (number, parent)].append(name)
    if engine.embeddings:
        for number, tie in enumerate(getattr(graph, "sharing", ())):
            buckets["they share parameters", number] += [n for n in tie if n in known]


def _joined(names: list[str], buckets: Mapping[Any, list[str]]) -> list[Fused]:
    """Join sets that overlap, by union-find."""
    parent = {name: name for name in names}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for bucket in buckets.values():
        for name in bucket[1:]:
            parent[root(name)] = root(bucket[0])
    sets: dict[str, list[str]] = defaultdict(list)
    for name in names:
        sets[root(name)].append(name)
    reasons: dict[str, dict[str, None]] = defaultdict(dict)
    for (reason, _), bucket in buckets.items():
        reasons[root(bucket[0])][reason] = None
    return [
        Fused(tuple(members), tuple(reasons[first]))
        for first, members in sets.items()
        if len(members) > 1
    ]
