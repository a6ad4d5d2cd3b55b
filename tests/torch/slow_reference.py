"""Every metric's quantities again, slowly: a sample, a layer and a precision at a time.

Nothing of the package is used but the precisions' rounding: layers' inputs and outputs
get explicit zeros added, by which autograd differentiates.
"""

from contextlib import contextmanager, nullcontext

import torch


@contextmanager
def patched(module, forward):
    """Let a module run `forward(original, call, *inputs)`; count its calls."""
    original, calls = module.forward, iter(range(99))
    module.forward = lambda *inputs: forward(original, next(calls), *inputs)
    try:
        yield
    finally:
        del module.forward


def run_layer(original, module, precision, x, *, rounds_input=True):
    """Run a layer with rounded parameters, and input if it has a floating one."""
    own = dict(module.named_parameters())
    before = {name: p.data for name, p in own.items()}
    try:
        for p in own.values():
            p.data = precision.weight.round(p.data)
        if rounds_input and x.is_floating_point():
            x = precision.input.round_input(x)
        with torch.no_grad():
            return original(x)
    finally:
        for name, p in own.items():
            p.data = before[name]


class Slow:
    """Quantities of samples of a model.

    Parameters
    ----------
    case : Case
    """

    def __init__(self, case):
        self.case = case
        self.samples = [
            (x[j : j + 1], y[j : j + 1]) for x, y in case.data for j in range(len(x))
        ]

    def sample_loss(self, x, y):
        return self.case.sample_losses(self.case.model(x), y)[0]

    def calls(self, module):
        """Return inputs and outputs of every call, for every sample."""
        found = []
        for x, y in self.samples:
            seen = []

            def forward(original, call, value, seen=seen):
                seen.append((value.detach(), original(value).detach()))
                return seen[-1][1]

            with patched(module, forward), torch.no_grad():
                self.sample_loss(x, y)
            found.append(seen)
        return found

    def gradients(self, module, where):
        """Return gradients at every call's ``"input"`` or ``"output"``, by sample."""
        found = []
        for x, y in self.samples:
            zeros = []

            def forward(original, call, value, zeros=zeros):
                if where == "input":
                    zeros.append(torch.zeros_like(value, requires_grad=True))
                    return original(value + zeros[-1])
                output = original(value)
                zeros.append(torch.zeros_like(output, requires_grad=True))
                return output + zeros[-1]

            with patched(module, forward):
                loss = self.sample_loss(x, y)
            found.append(torch.autograd.grad(loss, zeros))
        return found

    def first_order(self, module, precision, *, rounds_input=True):
        """Return the list over samples of the lists over calls of (g, dz)."""
        gradients = self.gradients(module, "output")
        pairs = []
        for calls, own in zip(self.calls(module), gradients, strict=True):
            pairs.append(
                [
                    (
                        g,
                        run_layer(
                            module.forward,
                            module,
                            precision,
                            x,
                            rounds_input=rounds_input,
                        )
                        - z,
                    )
                    for (x, z), g in zip(calls, own, strict=True)
                ]
            )
        return pairs

    def parameter_gradients(self, module):
        """Return the gradient of each sample's loss by the module's parameters."""
        parameters = list(module.parameters())
        return [
            torch.autograd.grad(self.sample_loss(x, y), parameters)
            for x, y in self.samples
        ]

    def with_rounded(self, choices):
        """Return outputs and losses of samples with some modules rounded."""
        outputs, losses = [], []
        for x, y in self.samples:
            contexts = [
                patched(
                    module,
                    lambda original, _, value, m=module, p=precision: run_layer(
                        original, m, p, value
                    ),
                )
                for module, precision in choices
            ] or [nullcontext()]
            for context in contexts:
                context.__enter__()
            with torch.no_grad():
                outputs.append(self.case.model(x)[0])
                losses.append(self.case.sample_losses(outputs[-1][None], y)[0])
            for context in contexts:
                context.__exit__(None, None, None)
        return torch.stack(outputs), torch.stack(losses)
