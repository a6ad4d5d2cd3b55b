"""ModelOpt's `auto_quantize`, and its state solved again."""

from __future__ import annotations

import time
import warnings
from typing import Any

import modelopt.torch.quantization as mtq
import torch

from benchmarks.hosts.network import batches, held_out_loss, trained
from benchmarks.hosts.row import Row
from mpsolve.integrations import modelopt

FORMATS = [mtq.INT4_BLOCKWISE_WEIGHT_ONLY_CFG, mtq.INT8_WEIGHT_ONLY_CFG]
BUDGETS = (4.8, 5.4, 6.0, 7.0)


def loss_of(output: Any, batch: torch.Tensor) -> torch.Tensor:
    logits = output.logits[:, :-1].flatten(0, 1)
    return torch.nn.functional.cross_entropy(logits, batch[:, 1:].flatten())


def search(bits: float, formats: list[Any] = FORMATS) -> tuple[Any, dict[str, Any]]:
    """Run the whole search, and return the quantized model and the state."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return mtq.auto_quantize(
            trained(),
            constraints={"effective_bits": bits},
            quantization_formats=formats,
            data_loader=batches(8),
            forward_step=lambda model, batch: model(input_ids=batch),
            loss_func=loss_of,
            num_calib_steps=4,
            num_score_steps=8,
            method="gradient",
        )


def quantized(config: dict[str, Any]) -> Any:
    data = batches(4)

    def forward(model: Any) -> None:
        for tokens in data:
            model(input_ids=tokens)

    return mtq.quantize(trained(), config, forward)


def chosen(state: dict[str, Any], config: dict[str, Any]) -> dict[str, str]:
    """Return the layout behind a configuration: the option whose rules are in it."""
    problem = modelopt.problem(state, budgets={})
    rules = {rule["quantizer_name"]: rule for rule in config["quant_cfg"]}
    layout = {}
    for i, (layer, entry) in enumerate(
        zip(problem.layers, state["candidate_stats"].values(), strict=True)
    ):
        rule = rules.get(f"{entry['module_names'][0]}.weight_quantizer", {})
        bits = rule["cfg"]["num_bits"] if rule.get("enable") else 16
        names = problem.precisions_of(i)
        layout[layer] = next(n for n in names if bits_of(n) == bits)
    return layout


def bits_of(name: str) -> int:
    return 16 if name.startswith("NONE") else int(name[3])


def compare(state: dict[str, Any] | None = None) -> list[Row]:
    """Return a row for each budget, from one set of scores."""
    if state is None:
        _, state = search(BUDGETS[0])
    rows = []
    for bits in BUDGETS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            start = time.perf_counter()
            theirs = mtq.get_auto_quantize_config(state, {"effective_bits": bits})
            alone_seconds = time.perf_counter() - start
            start = time.perf_counter()
            result, solved = modelopt.resolve(state, bits)
            config = mtq.get_auto_quantize_config(solved)
            ours_seconds = time.perf_counter() - start
        problem = modelopt.problem(state, bits)
        alone = mpsolve_value(problem, chosen(state, theirs))
        assert chosen(state, config) == dict(result.layout)
        rows.append(
            Row(
                "ModelOpt 0.47, gradient",
                f"{bits} bits",
                alone[0],
                result.loss,
                alone[1],
                float(result.usage["memory"]),
                float(problem.budgets["memory"].upper),
                alone_seconds,
                ours_seconds,
                held_out_loss(quantized(theirs)),
                held_out_loss(quantized(config)),
            )
        )
    return rows


def mpsolve_value(problem: Any, names: dict[str, str]) -> tuple[float, float]:
    """Return the loss and the memory of a layout, evaluated independently."""
    import mpsolve

    verification = mpsolve.verify(problem, mpsolve.Layout.from_names(problem, names))
    return verification.loss, float(verification.usage["memory"])
