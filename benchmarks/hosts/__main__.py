"""``python -m benchmarks.hosts modelopt nncf …``: the table of hosts that run here."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

import torch

from benchmarks.hosts.row import COLUMNS
from benchmarks.markdown import table

HOSTS = ("modelopt", "nncf", "auto_round", "mct")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hosts")
    parser.add_argument("hosts", nargs="+", choices=HOSTS)
    parser.add_argument(
        "--output", type=Path, help="write the table here too: hosts print much else"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # threads of networks this small wait for each other
    rows = []
    for host in arguments.hosts:
        for row in importlib.import_module(f"benchmarks.hosts.{host}_run").compare():
            row.check()
            rows.append(row.cells())
    text = table(COLUMNS, rows, words=len(COLUMNS))
    print(text, end="")
    if arguments.output is not None:
        arguments.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
