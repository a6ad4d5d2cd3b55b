"""The literature's multidimensional multiple-choice knapsacks, from the user's disk.

Their files state no licence, so they are not part of the project. Three formats: Khan's
(``I01`` to ``I13``, profits may be decimal), Shojaei's (``mmkp_a_07.txt``,
``mmkp_b_01.txt``), and the test sets of Hiremath and Hill, several problems a file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mpsolve.model.generate_classes import Parts

__all__ = ["FOLDER", "NAMES", "read_mmkp"]

#: ``$MPSOLVE_MMKP``, else beside the repository.
FOLDER = Path(
    os.environ.get("MPSOLVE_MMKP")
    or Path(__file__).resolve().parents[3] / "shared" / "instances" / "mmkp"
)

#: Both classic sets, and the first problem of every test set with at least 30 groups.
NAMES = (
    *(f"I{k:02}" for k in range(1, 14)),
    *(f"INST{k:02}" for k in range(1, 21)),
    *(f"{groups}GP10IT10KP" for groups in (30, 50, 70, 80, 100, 150, 200, 250)),
)


def read_mmkp(name: str, folder: Path = FOLDER) -> Parts:
    """Read a problem of `NAMES`; its loss is the profit, negative.

    Raises
    ------
    FileNotFoundError
        If the folder lacks its file.
    ValueError
        If groups have different numbers of items, or usages are no integers.
    """
    if name.endswith("KP"):
        numbers = _numbers(folder / "hiremath_hill" / f"TestSet.{name}.txt")
        next(numbers)  # the problem's number
        num_groups, num_options, num_rows = (int(next(numbers)) for _ in range(3))
    elif name.startswith("INST"):
        numbers = _numbers(folder / "inst" / f"mmkp_b_{name[4:]}.txt")
        num_groups, num_rows = int(next(numbers)), int(next(numbers))
        num_options = 0
    else:
        numbers = _numbers(folder / "khan_I" / name)
        num_groups, num_options, num_rows = (int(next(numbers)) for _ in range(3))
    sides = [next(numbers) for _ in range(num_rows)]
    rows = []
    for _ in range(num_groups):
        count = int(next(numbers))  # Shojaei: of items; elsewhere the group's number
        if not num_options:
            num_options = count
        if name.startswith("INST") and count != num_options:
            msg = f"{name}: a group has {count} items, others {num_options}"
            raise ValueError(msg)
        rows += [
            [next(numbers) for _ in range(1 + num_rows)] for _ in range(num_options)
        ]
    table = np.array(rows).reshape(num_groups, num_options, 1 + num_rows)
    usage = table[:, :, 1:]
    if np.any(usage != np.rint(usage)):
        msg = f"{name}: usages must be integers"
        raise ValueError(msg)
    return Parts(
        loss=-table[:, :, 0],
        usage={f"row{r}": usage[:, :, r].astype(np.int64) for r in range(num_rows)},
        budgets={f"row{r}": int(side) for r, side in enumerate(sides)},
        precisions=tuple(f"item{j}" for j in range(num_options)),
        inventory=None,
        edges=[],
        tables=np.empty((0, num_options, num_options)),
    )


def _numbers(path: Path) -> Iterator[float]:
    """Yield the numbers of a file; Khan's end with words, after all that is read."""
    for word in path.read_text("utf-8").split():
        if not re.fullmatch(r"[-+]?[0-9.]+([eE][-+]?[0-9]+)?", word):
            return
        yield float(word)
