"""Solve mixed problems by every method, and print where they contradict each other."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from mpsolve.result import Result
from mpsolve.testing.agreement import answers, disagreements, mixed_problem

METHODS = ("exact", "paths", "brute_force", "cp_sat", "highs", "scip", "pulp")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.agreement")
    parser.add_argument("--count", type=int, default=2000, help="problems (2000)")
    parser.add_argument("--seed", type=int, default=0, help="which list of them (0)")
    parser.add_argument("--first", type=int, default=0, help="start here (0)")
    parser.add_argument("--methods", default=",".join(METHODS), help="comma-separated")
    given = parser.parse_args()
    reasons: Counter[tuple[str, str]] = Counter()
    seconds: Counter[str] = Counter()
    num_wrong = 0
    start = time.perf_counter()
    for number in range(given.first, given.first + given.count):
        problem = mixed_problem(number, given.seed)
        results = answers(problem, given.methods.split(","))
        for name, result in results.items():
            if not isinstance(result, Result):
                continue
            reasons[name, str(result.reason)] += 1
            seconds[name] += result.time
            if result.reason == "FEASIBLE":
                print(f"{number}: {name} has no proof: {result.detail}")
        for sentence in disagreements(problem, results):
            num_wrong += 1
            print(f"{number}: {problem!r}: {sentence}", flush=True)
    for name in given.methods.split(","):
        said = {why: n for (who, why), n in sorted(reasons.items()) if who == name}
        print(f"{name:12} {seconds[name]:8.1f} s  {said}")
    elapsed = time.perf_counter() - start
    print(f"{given.count} problems, {num_wrong} contradictions, {elapsed:.0f} s")
    return 1 if num_wrong else 0


if __name__ == "__main__":
    sys.exit(main())
