"""mpsolve works without torch, and says what is missing where it is needed."""

import subprocess
import sys

WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None  # importing it fails, as where it is not installed
import mpsolve
problem = mpsolve.Problem.from_arrays([[1, 2]], {"r": [[1, 2]]}, {"r": 2})
assert mpsolve.solve(problem).reason == "OPTIMAL"
try:
    import mpsolve.torch
except mpsolve.MethodUnavailableError as error:
    print(isinstance(error, ImportError), error)
"""


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_without_torch_the_error_names_the_extra():
    assert run(WITHOUT_TORCH) == (
        "True mpsolve.torch needs PyTorch; install it: pip install 'mpsolve[torch]'"
    )


def test_importing_the_adapter_loads_no_optional_package_but_torch():
    loaded = run("import mpsolve.torch, sys; print(*sys.modules)").split()
    heavy = {"torchao", "safetensors", "matplotlib", "ortools", "pulp", "pandas"}
    assert heavy.isdisjoint(name.partition(".")[0] for name in loaded)
