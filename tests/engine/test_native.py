"""The raw binding: right answers, honest stops, and clear words for wrong input."""

import itertools
import math
import signal
import threading
import time

import numpy as np
import pytest

from mpsolve._engine import MckpOutcome, solve_mckp


def enumerate_best(loss, usage, offsets, lower, upper):
    """Least loss over every layout, or None."""
    groups = [range(a, b) for a, b in itertools.pairwise(offsets.tolist())]
    best = None
    for layout in itertools.product(*groups):
        used = sum(int(usage[o]) for o in layout)
        if (lower is None or used >= lower) and (upper is None or used <= upper):
            total = math.fsum(loss[o] for o in layout)
            best = total if best is None else min(best, total)
    return best


def random_instance(rng):
    n = int(rng.integers(0, 6))
    k = int(rng.integers(1, 5))
    ragged = bool(rng.random() < 0.5)
    sizes = rng.integers(1, 5, n) if ragged else np.full(n, k)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    total = int(offsets[-1])
    loss = [
        rng.integers(-5, 6, total).astype(float),
        rng.normal(size=total),
        10.0 ** rng.uniform(-6, 0, total),
        rng.random(total) * 1e-300,
        rng.normal(size=total) * 1e300,
    ][rng.integers(5)]
    usage = [
        rng.integers(-5, 6, total),
        rng.integers(0, 100, total),
        rng.integers(-(2**59), 2**59, total),
        rng.integers(0, 4, total) * 1024,
    ][rng.integers(4)]
    starts = offsets[:-1].tolist()
    ends = offsets[1:].tolist()
    picks = [int(usage[rng.integers(a, b)]) for a, b in zip(starts, ends, strict=True)]
    middle = sum(picks)
    lower = [None, middle, middle - 3][rng.integers(3)]
    upper = [None, middle, middle + 2][rng.integers(3)]
    if rng.random() < 0.1:
        upper = (
            sum(int(usage[a:b].min()) for a, b in zip(starts, ends, strict=True)) - 1
        )
        lower = None
    return loss, usage.astype(np.int64), offsets, k, ragged, lower, upper


@pytest.mark.parametrize("seed", range(10))
def test_agrees_with_enumeration(seed):
    rng = np.random.default_rng(seed)
    for _ in range(40):
        loss, usage, offsets, k, ragged, lower, upper = random_instance(rng)
        before = loss.copy(), usage.copy(), offsets.copy()
        outcome = solve_mckp(
            loss, usage, offsets if ragged else None, 0 if ragged else k, lower, upper
        )
        for array, copy in zip((loss, usage, offsets), before, strict=True):
            np.testing.assert_array_equal(array, copy)
        best = enumerate_best(loss, usage, offsets, lower, upper)
        assert outcome.limit is None
        if best is None:
            assert outcome.reason == "INFEASIBLE"
            assert outcome.choices is None
            assert outcome.bound == math.inf
            assert math.isnan(outcome.loss)
            continue
        assert outcome.reason == "OPTIMAL"
        chosen = offsets[:-1] + outcome.choices
        used = sum(int(usage[o]) for o in chosen)
        assert used == outcome.usage
        assert lower is None or used >= lower
        assert upper is None or used <= upper
        slack = 1e-12 * float(np.abs(loss).sum())
        assert math.fsum(loss[chosen]) <= best + slack
        assert abs(outcome.loss - best) <= slack
        assert best - slack <= outcome.bound <= best + 1e-3 * slack


def hard_instance(n=20000, k=10, scale=10**6, seed=0):
    """Strongly correlated groups: far more labels than any test may wait for."""
    rng = np.random.default_rng(seed)
    usage = np.cumsum(np.sort(rng.integers(1, 2 * scale // k, (n, k)), axis=1), axis=1)
    loss = -(usage + 10.0 * np.arange(1, k + 1) + 1e-3 * rng.random((n, k)))
    upper = int(usage.min(axis=1).sum() + usage.max(axis=1).sum()) // 2
    return loss.ravel(), usage.ravel().astype(np.int64), k, upper


def check_stopped(outcome, loss, usage, k, upper):
    assert outcome.reason == "FEASIBLE"
    chosen = np.arange(len(loss) // k) * k + outcome.choices
    assert int(usage[chosen].sum()) == outcome.usage <= upper
    assert math.isclose(math.fsum(loss[chosen]), outcome.loss, rel_tol=1e-15)
    assert -math.inf < outcome.bound < outcome.loss
    # The relaxation at this multiplier is a bound that no valid one can be far above.
    relaxed = (loss + outcome.multiplier * usage).reshape(-1, k).min(axis=1).sum()
    assert outcome.bound >= relaxed - outcome.multiplier * upper - 1e-9 * abs(relaxed)


def reachable_minima(loss, usage, width):
    """Least loss of every total usage, by dynamic programming over small usages."""
    best = np.zeros(1)
    for group in range(0, len(loss), width):
        steps = [
            np.concatenate(
                [np.full(w, np.inf), best + c, np.full(usage.max() - w, np.inf)]
            )
            for c, w in zip(
                loss[group : group + width], usage[group : group + width], strict=True
            )
        ]
        best = np.minimum.reduce(steps)
    return best


@pytest.mark.parametrize("seed", range(40))
def test_agrees_with_dynamic_programming_where_groups_are_many(seed):
    """Many groups: the break is searched from samples, in rounds."""
    rng = np.random.default_rng(seed)
    n, width = int(rng.integers(90, 700)), int(rng.integers(2, 6))
    largest = int(rng.choice([1, 3, 12]))
    usage = rng.integers(0, largest + 1, (n, width))
    loss = rng.integers(-30, 31, (n, width)).astype(float)
    if seed % 4 == 1:  # the more usage, the less loss, and few sizes that count
        usage = np.sort(usage) * (rng.random((n, 1)) < 0.1)
        loss = -np.sort(-loss)
    if seed % 4 == 2:  # the lightest is best: no multiplier is needed
        usage, loss = np.sort(usage), np.sort(loss)
    if seed % 4 == 3:  # few kinds of groups: many equal slopes
        kinds = rng.integers(0, 3, n)
        usage, loss = usage[kinds], loss[kinds]
    minima = reachable_minima(loss.ravel(), usage.ravel(), width)
    least, most = int(usage.min(axis=1).sum()), int(usage.max(axis=1).sum())
    for budget in np.linspace(least - 1, most, 7).astype(int).tolist():
        for lower, upper in ((None, budget), (budget, None), (budget, budget + 2)):
            end = len(minima) if upper is None else max(upper + 1, 0)
            within = minima[max(lower or 0, 0) : end]
            outcome = solve_mckp(
                loss.ravel(),
                usage.ravel().astype(np.int64),
                num_options=width,
                lower=lower,
                upper=upper,
                time_limit=20.0,
            )
            if not np.isfinite(within).any():
                assert outcome.reason == "INFEASIBLE"
            else:
                assert outcome.reason == "OPTIMAL"
                assert outcome.loss == within.min()


def test_ctrl_c_returns_the_best_layout_so_far():
    loss, usage, k, upper = hard_instance()
    sent = []

    def interrupt():
        sent.append(time.perf_counter())
        signal.raise_signal(signal.SIGINT)

    timer = threading.Timer(0.4, interrupt)
    timer.start()
    outcome = solve_mckp(loss, usage, None, k, None, upper, time_limit=20.0)
    latency = time.perf_counter() - sent[0]
    timer.join()
    assert outcome.limit == "INTERRUPTED"
    assert latency < 0.2
    check_stopped(outcome, loss, usage, k, upper)


def test_time_and_label_limits():
    loss, usage, k, upper = hard_instance()
    started = time.perf_counter()
    outcome = solve_mckp(loss, usage, None, k, None, upper, time_limit=0.2)
    assert time.perf_counter() - started < 0.5
    assert outcome.limit == "TIME"
    check_stopped(outcome, loss, usage, k, upper)
    outcome = solve_mckp(loss, usage, None, k, None, upper, label_limit=5000)
    assert outcome.limit == "NODE"
    check_stopped(outcome, loss, usage, k, upper)


def test_other_threads_run_meanwhile():
    loss, usage, k, upper = hard_instance()
    ticks = 0
    done = threading.Event()

    def count():
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    before = ticks
    solve_mckp(loss, usage, None, k, None, upper, time_limit=0.3)
    meanwhile = ticks - before
    done.set()
    thread.join()
    assert meanwhile > 20


def test_solves_from_several_threads_agree():
    loss, usage, k, upper = hard_instance(n=200, scale=1000)
    answers = [None] * 4

    def work(t):
        answers[t] = solve_mckp(loss, usage, None, k, None, upper)

    threads = [threading.Thread(target=work, args=(t,)) for t in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answer in answers[1:]:
        np.testing.assert_array_equal(answer.choices, answers[0].choices)
        assert answer.num_labels == answers[0].num_labels


def test_progress_is_called_and_may_stop_the_search():
    loss, usage, k, upper = hard_instance()
    seen = []
    solve_mckp(
        loss,
        usage,
        None,
        k,
        None,
        upper,
        time_limit=0.5,
        progress=lambda incumbent, bound, labels: seen.append(
            (incumbent, bound, labels)
        ),
    )
    assert 1 <= len(seen) <= 5
    incumbent, bound, labels = seen[-1]
    assert bound <= incumbent
    assert labels > 0

    def fail(*_):
        message = "enough"
        raise RuntimeError(message)

    with pytest.raises(RuntimeError, match="enough"):
        solve_mckp(loss, usage, None, k, None, upper, time_limit=20.0, progress=fail)


def test_hint_is_used_or_ignored():
    loss = np.array([3.0, 1.0, 3.0, 1.0])
    usage = np.array([0, 2, 0, 2])
    good = np.array([1, 0], dtype=np.int32)
    heavy = np.array([1, 1], dtype=np.int32)
    for hint in (good, heavy, None):
        outcome = solve_mckp(loss, usage, None, 2, None, 3, hint=hint)
        assert (outcome.loss, outcome.usage) == (4.0, 2)


def test_no_groups():
    loss, usage = np.zeros(0), np.zeros(0, dtype=np.int64)
    for offsets in (None, np.zeros(1, dtype=np.int64)):
        outcome = solve_mckp(loss, usage, offsets, 1, -1, 1)
        assert (outcome.reason, outcome.loss, outcome.usage) == ("OPTIMAL", 0.0, 0)
        assert outcome.choices.shape == (0,)
        assert solve_mckp(loss, usage, offsets, 1, 1, None).reason == "INFEASIBLE"


def test_sign_of_the_multiplier():
    loss, usage = np.array([4.0, 0.0]), np.array([0, 2])
    assert solve_mckp(loss, usage, None, 2, None, 1).multiplier == 2.0
    assert solve_mckp(loss, -usage, None, 2, -1, None).multiplier == -2.0
    assert solve_mckp(loss, usage, None, 2, None, 2).multiplier == 0.0


def test_read_only_arrays_and_outcomes():
    loss, usage = np.array([4.0, 0.0]), np.array([0, 2])
    loss.flags.writeable = usage.flags.writeable = False
    outcome = solve_mckp(loss, usage, None, 2, None, 2)
    assert isinstance(outcome, MckpOutcome)
    assert outcome.choices.dtype == np.int32
    with pytest.raises(AttributeError):
        outcome.loss = 0.0


LOSS, USAGE = np.zeros(4), np.zeros(4, dtype=np.int64)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        ((LOSS.astype(np.float32), USAGE, None, 2), {}, TypeError, "loss .* float64"),
        ((LOSS, USAGE.astype(np.int32), None, 2), {}, TypeError, "usage .* int64"),
        ((LOSS.reshape(2, 2), USAGE, None, 2), {}, ValueError, "loss .* one dimension"),
        ((np.zeros(8)[::2], USAGE, None, 2), {}, ValueError, "loss .* contiguous"),
        ((LOSS[:2], USAGE, None, 2), {}, ValueError, "same length"),
        ((LOSS, USAGE, None, 3), {}, ValueError, "multiple of num_options"),
        ((LOSS, USAGE, None, 0), {}, ValueError, "num_options"),
        ((LOSS, USAGE, np.array([0, 2, 2, 4]), 0), {}, ValueError, "offsets must rise"),
        ((LOSS, USAGE, np.array([0, 3]), 0), {}, ValueError, "offsets must begin"),
        ((LOSS, USAGE, np.array([0, 9, 4]), 0), {}, ValueError, "offsets must rise"),
        ((LOSS, USAGE, np.array([0.0, 4.0]), 0), {}, TypeError, "offsets .* int64"),
        ((LOSS, USAGE, None, 2), {"hint": np.zeros(2)}, TypeError, "hint .* int32"),
        (
            (LOSS, USAGE, None, 2),
            {"hint": np.zeros(3, dtype=np.int32)},
            ValueError,
            "hint must have one option per group",
        ),
        (
            (LOSS, USAGE, None, 2),
            {"hint": np.array([0, 2], dtype=np.int32)},
            ValueError,
            "group 1, got 2",
        ),
        ((LOSS, USAGE, None, 2), {"abs_gap": -1.0}, ValueError, "abs_gap"),
        ((LOSS, USAGE, None, 2), {"rel_gap": math.nan}, ValueError, "rel_gap"),
        ((LOSS, USAGE, None, 2), {"time_limit": math.nan}, ValueError, "time_limit"),
        ((LOSS, USAGE, None, 2), {"memory_limit": 0}, ValueError, "memory_limit"),
        ((LOSS, USAGE, None, 2), {"label_limit": -1}, ValueError, "label_limit"),
        (([0.0, 1.0], USAGE, None, 2), {}, TypeError, "incompatible"),
    ],
)
def test_wrong_input(arguments, options, error, words):
    with pytest.raises(error, match=words):
        solve_mckp(*arguments, **options)
