"""The notebooks run from top to bottom, and still say what they say on the page."""

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import shared_folder

pytest.importorskip("matplotlib")
pytest.importorskip("nbclient")

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
#: Reads trained weights and images where they are at hand.
WITH_DATA = "resnet"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def execute(name, folder, **environment):
    """Execute a notebook in a process of its own and return it."""
    subprocess.run(
        [sys.executable, "-m", "notebooks.execute", "--output", folder, name],
        cwd=ROOT,
        env={**os.environ, **environment},
        check=True,
        timeout=120,  # a quarter of that, unless the machine is busy
    )
    return read(folder / f"{name}.ipynb")


def read(path):
    return json.loads(path.read_text("utf-8"))


def printed(notebook):
    """Return what the code cells print, by cell; not those that differ between runs."""
    texts = {}
    for cell in notebook["cells"]:
        outputs = cell.get("outputs", [])
        if "varies" not in cell["metadata"].get("tags", []):
            texts[cell["id"]] = "".join(
                "".join(output["text"])
                for output in outputs
                if output["output_type"] == "stream" and output["name"] == "stdout"
            )
    return texts


def pictures(notebook):
    """Return the pictures of a notebook, as text in base 64."""
    outputs = (o for cell in notebook["cells"] for o in cell.get("outputs", []))
    found = [output.get("data", {}).get("image/png") for output in outputs]
    return [picture for picture in found if picture]


def assert_same(now, stored, tolerance):
    assert NUMBER.sub("#", now) == NUMBER.sub("#", stored)
    for a, b in zip(NUMBER.findall(now), NUMBER.findall(stored), strict=True):
        assert math.isclose(float(a), float(b), rel_tol=tolerance), (now, stored)


def check(name, folder, *, tolerance=0.0):
    stored, now = read(FOLDER / f"{name}.ipynb"), execute(name, folder)
    assert len(pictures(now)) == len(pictures(stored)) > 0
    texts = printed(now)
    assert any(texts.values())
    assert texts.keys() == printed(stored).keys()
    for cell, text in printed(stored).items():
        assert_same(texts[cell], text, tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name != WITH_DATA])
def test_says_what_is_stored(name, tmp_path):
    check(name, tmp_path)


@pytest.mark.slow
@pytest.mark.needs_shared
def test_resnet_says_what_is_stored(tmp_path):
    shared_folder("data")
    pytest.importorskip("torch")
    # Kernels differ a little from one processor to another.
    check(WITH_DATA, tmp_path, tolerance=0.02)


@pytest.mark.slow
def test_resnet_runs_without_data(tmp_path):
    pytest.importorskip("torch")
    made = execute(WITH_DATA, tmp_path, MPSOLVE_DATA=str(tmp_path))
    assert "random weights" in "".join(printed(made).values())
    stored = read(FOLDER / f"{WITH_DATA}.ipynb")
    assert len(pictures(made)) == len(pictures(stored)) > 0


@pytest.mark.parametrize("name", NAMES)
def test_is_fit_for_the_repository(name):
    path = FOLDER / f"{name}.ipynb"
    notebook = read(path)
    assert path.stat().st_size < 200_000
    assert f"({name}.ipynb)" in (FOLDER / "README.md").read_text("utf-8")
    assert notebook["cells"][0]["source"][0].startswith("# ")
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            outputs = cell["outputs"]
            assert not [o for o in outputs if o["output_type"] == "error"]
            assert not [o for o in outputs if o.get("name") == "stderr"]


def test_numbers_are_compared():
    assert_same("loss 0.10, 3 layers", "loss 0.101, 3 layers", 0.02)
    for now in ("loss 0.11, 3 layers", "loss 0.10, 3 Layers", "loss 0.10"):
        with pytest.raises(AssertionError):
            assert_same(now, "loss 0.10, 3 layers", 0.02)
