"""Execute notebooks from top to bottom, each in a fresh process.

Usage: python -m notebooks.execute [--output FOLDER] [NAME ...]
"""

import argparse
import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
#: Seconds that a notebook may take in all; they take about five.
LIMIT = 60


def execute(name: str, output: Path = FOLDER) -> Path:
    """Execute a notebook of this folder and write it, with what it shows, to another.

    Nothing that differs from run to run is written beside the outputs.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell raises.
    """
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    client = NotebookClient(
        notebook,
        timeout=LIMIT,
        kernel_name="python3",
        coalesce_streams=True,
        extra_arguments=["--log-level=ERROR"],
        record_timing=False,
        resources={"metadata": {"path": str(FOLDER)}},  # as Jupyter starts it
    )
    # The checkout goes first, whatever is installed.
    paths = [str(FOLDER.parent), os.environ.get("PYTHONPATH", "")]
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    client.execute(env={**os.environ, **environment})
    # The kernel adds its own version here, which says nothing about the notebook.
    notebook.metadata["language_info"] = {"name": "python"}
    path = output / f"{name}.ipynb"
    temporary = path.with_suffix(".tmp")
    nbformat.write(notebook, temporary)
    return temporary.replace(path)


def main() -> None:
    """Execute those that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *NAMES], metavar="NAME")
    parser.add_argument("--output", type=Path, default=FOLDER, metavar="FOLDER")
    options = parser.parse_args()
    for name in options.names or NAMES:
        print(execute(name, options.output), flush=True)


if __name__ == "__main__":
    main()
