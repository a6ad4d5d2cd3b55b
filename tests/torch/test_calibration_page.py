"""The page on calibration: its code runs, and it names every metric."""

import re
from pathlib import Path

from mpsolve.torch.metrics import METRICS

PAGE = (Path(__file__).parents[2] / "docs" / "calibration.md").read_text()


def test_its_code_runs():
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "docs/calibration.md", "exec"), {})


def test_it_names_every_metric():
    named = set(re.findall(r"^\| `([a-z0-9_]+)` \|", PAGE, re.MULTILINE))
    assert named == set(METRICS)
