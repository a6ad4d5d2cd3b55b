"""AutoRound's `AutoScheme`, by its dynamic program and by mpsolve."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any, Self

from auto_round import AutoRound, AutoScheme
from auto_round.auto_scheme import delta_loss

from benchmarks.hosts.network import held_out_loss, save, text, tokenizer, trained
from benchmarks.hosts.row import Row
from mpsolve.integrations import auto_round as door

BITS = (3.5, 5.0)
OPTIONS = ("W2A16G64", "W4A16", "W8A16")


class Spy:
    """Records what the choice was asked, answered, and how long it took."""

    def __enter__(self) -> Self:
        self.before = delta_loss.choose_bits_per_layer_with_path

        def choose(layers: Any, bits: Any, max_states: Any = None) -> Any:
            start = time.perf_counter()
            answer = self.before(layers, bits, max_states)
            self.seconds = time.perf_counter() - start
            self.layers, self.bits, self.answer = layers, bits, answer
            return answer

        delta_loss.choose_bits_per_layer_with_path = choose
        return self

    def __exit__(self, *error: object) -> None:
        delta_loss.choose_bits_per_layer_with_path = self.before

    def cost(self) -> float:
        taken = {tuple(names): scheme for names, scheme in self.answer[1]}
        return sum(
            option[1]
            for options in self.layers.values()
            for option in options
            if taken[tuple(option[3])] == option[0]
        )


def run(bits: float, method: str, folder: Path) -> Any:
    characters = "".join(map(chr, text()[:40_000].tolist()))
    lines = [{"text": characters[i : i + 400]} for i in range(0, 40_000, 400)]
    (folder / "calibration.json").write_text(json.dumps(lines))
    scheme = AutoScheme(
        avg_bits=bits,
        options=OPTIONS,
        dataset=str(folder / "calibration.json"),
        nsamples=8,
        seqlen=64,
        method=method,
    )
    quantizer = AutoRound(
        save(folder / "model", trained(2)),
        tokenizer=tokenizer(),
        scheme=scheme,
        iters=0,
        disable_opt_rtn=True,
        nsamples=8,
        seqlen=64,
        dataset=str(folder / "calibration.json"),
        device_map="cpu",
    )
    model, _ = quantizer.quantize()
    return model


def compare(budgets: tuple[float, ...] = BITS) -> list[Row]:
    door.register()
    rows = []
    for bits in budgets:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            with Spy() as theirs:
                alone = run(bits, "default", folder)
            # The method puts mpsolve into the place that the spy watches; look at the
            # scores that it got by solving them again afterwards.
            start = time.perf_counter()
            loss, path = choose(theirs.layers, theirs.bits)
            seconds = time.perf_counter() - start
            ours = Spy()
            ours.layers, ours.answer = theirs.layers, (loss, path)
            model = run(bits, "mpsolve", folder)
            rows.append(
                Row(
                    "AutoRound, AutoScheme",
                    f"{bits} bits",
                    theirs.answer[0],
                    loss,
                    theirs.cost(),
                    ours.cost(),
                    theirs.bits,
                    theirs.seconds,
                    seconds,
                    held_out_loss(alone),
                    held_out_loss(model),
                )
            )
    return rows


def choose(layers: Any, bits: float) -> Any:
    from mpsolve.integrations.auto_round_solver import choose as ours

    return ours(layers, bits)
