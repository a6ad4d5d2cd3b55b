from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

class MckpOutcome:
    @property
    def reason(
        self,
    ) -> Literal["OPTIMAL", "FEASIBLE", "INFEASIBLE", "NO_SOLUTION_FOUND"]: ...
    @property
    def limit(self) -> Literal["TIME", "NODE", "INTERRUPTED"] | None: ...
    @property
    def choices(self) -> npt.NDArray[np.int32] | None: ...
    @property
    def loss(self) -> float: ...
    @property
    def bound(self) -> float: ...
    @property
    def usage(self) -> int: ...
    @property
    def multiplier(self) -> float: ...
    @property
    def num_core_groups(self) -> int: ...
    @property
    def num_core_options(self) -> int: ...
    @property
    def num_labels(self) -> int: ...
    @property
    def max_list(self) -> int: ...
    @property
    def num_splits(self) -> int: ...
    @property
    def seconds_dual(self) -> float: ...
    @property
    def seconds_reduce(self) -> float: ...
    @property
    def seconds_search(self) -> float: ...

class FrontOutcome:
    @property
    def is_complete(self) -> bool: ...
    @property
    def limit(self) -> Literal["TIME", "MEMORY", "INTERRUPTED"] | None: ...
    @property
    def done_below(self) -> int: ...
    @property
    def num_labels(self) -> int: ...
    @property
    def usage(self) -> npt.NDArray[np.int64]: ...
    @property
    def loss(self) -> npt.NDArray[np.float64]: ...
    @property
    def is_supported(self) -> npt.NDArray[np.uint8]: ...

def solve_front(
    loss: npt.NDArray[np.float64],
    usage: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64] | None = None,
    num_options: int = 0,
    least: int | None = None,
    most: int | None = None,
    *,
    epsilon: float = 0.0,
    time_limit: float = ...,
    memory_limit: int = ...,
) -> FrontOutcome: ...
def solve_mckp(
    loss: npt.NDArray[np.float64],
    usage: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64] | None = None,
    num_options: int = 0,
    lower: int | None = None,
    upper: int | None = None,
    *,
    abs_gap: float = 0.0,
    rel_gap: float = 0.0,
    time_limit: float = ...,
    memory_limit: int = ...,
    label_limit: int = 0,
    hint: npt.NDArray[np.int32] | None = None,
    progress: Callable[[float, float, int], object] | None = None,
) -> MckpOutcome: ...
def solve_many(
    loss: npt.NDArray[np.float64],
    usage: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64] | None,
    num_options: int,
    budgets: Sequence[tuple[int | None, int | None]],
    *,
    abs_gap: float = 0.0,
    rel_gap: float = 0.0,
    time_limit: float = ...,
    memory_limit: int = ...,
) -> list[MckpOutcome]: ...

PATHS_MEMORY: int

def paths_width(
    offsets: npt.NDArray[np.int64], pairs: npt.NDArray[np.int32]
) -> tuple[float, int]: ...

class PathsOutcome:
    @property
    def reason(
        self,
    ) -> Literal["OPTIMAL", "FEASIBLE", "INFEASIBLE", "NO_SOLUTION_FOUND"]: ...
    @property
    def limit(self) -> Literal["TIME", "MEMORY", "NODE", "INTERRUPTED"] | None: ...
    @property
    def choices(self) -> npt.NDArray[np.int32] | None: ...
    @property
    def loss(self) -> float: ...
    @property
    def bound(self) -> float: ...
    @property
    def multipliers(self) -> list[float]: ...
    @property
    def num_labels(self) -> int: ...
    @property
    def num_evaluations(self) -> int: ...
    @property
    def num_rounds(self) -> int: ...
    @property
    def num_splits(self) -> int: ...
    @property
    def num_nodes(self) -> int: ...
    @property
    def max_list(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def num_core_groups(self) -> int: ...
    @property
    def num_core_options(self) -> int: ...
    @property
    def seconds_dual(self) -> float: ...

def solve_paths(
    loss: npt.NDArray[np.float64],
    offsets: npt.NDArray[np.int64],
    usages: Sequence[npt.NDArray[np.int64]],
    lower: Sequence[int | None],
    upper: Sequence[int | None],
    pairs: npt.NDArray[np.int32],
    tables: Sequence[npt.NDArray[np.float64]],
    *,
    abs_gap: float = 0.0,
    rel_gap: float = 0.0,
    time_limit: float = ...,
    memory_limit: int = ...,
    label_limit: int = 0,
    hint: npt.NDArray[np.int32] | None = None,
    progress: Callable[[float, float, int], object] | None = None,
) -> PathsOutcome: ...

class DenseOutcome:
    @property
    def reason(
        self,
    ) -> Literal["OPTIMAL", "FEASIBLE", "INFEASIBLE", "NO_SOLUTION_FOUND"]: ...
    @property
    def limit(self) -> Literal["TIME", "MEMORY", "NODE", "INTERRUPTED"] | None: ...
    @property
    def choices(self) -> npt.NDArray[np.int32] | None: ...
    @property
    def loss(self) -> float: ...
    @property
    def bound(self) -> float: ...
    @property
    def multipliers(self) -> list[float]: ...
    @property
    def root_bound(self) -> float: ...
    @property
    def num_nodes(self) -> int: ...
    @property
    def num_steps(self) -> int: ...
    @property
    def num_starts(self) -> int: ...
    @property
    def num_core_groups(self) -> int: ...
    @property
    def num_core_options(self) -> int: ...
    @property
    def seconds_local(self) -> float: ...

def solve_dense(
    loss: npt.NDArray[np.float64],
    offsets: npt.NDArray[np.int64],
    usages: Sequence[npt.NDArray[np.int64]],
    lower: Sequence[int | None],
    upper: Sequence[int | None],
    pairs: npt.NDArray[np.int32],
    tables: Sequence[npt.NDArray[np.float64]],
    *,
    abs_gap: float = 0.0,
    rel_gap: float = 0.0,
    time_limit: float = ...,
    memory_limit: int = ...,
    label_limit: int = 0,
    hint: npt.NDArray[np.int32] | None = None,
    progress: Callable[[float, float, int], object] | None = None,
) -> DenseOutcome: ...
