"""``python -m benchmarks.hosts modelopt nncf …``: the table of hosts that run here."""

from __future__ import annotations

import argparse
import importlib

from benchmarks.hosts.row import COLUMNS

HOSTS = ("modelopt", "nncf", "auto_round", "mct")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hosts")
    parser.add_argument("hosts", nargs="+", choices=HOSTS)
    print("| " + " | ".join(COLUMNS) + " |")
    print("| " + " | ".join("---" for _ in COLUMNS) + " |", flush=True)
    for host in parser.parse_args().hosts:
        for row in importlib.import_module(f"benchmarks.hosts.{host}_run").compare():
            row.check()
            print("| " + " | ".join(row.cells()) + " |", flush=True)


if __name__ == "__main__":
    main()
