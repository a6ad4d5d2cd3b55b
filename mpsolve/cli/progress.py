"""One live line on standard error while a search takes longer than half a second."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.text import Text

from mpsolve.result import relative_gap

if TYPE_CHECKING:
    from rich.live import Live

__all__ = ["ProgressLine"]

#: A search that ends sooner shows nothing.
SECONDS_BEFORE = 0.5

SECONDS_BETWEEN = 0.1


class ProgressLine:
    """Shows best loss, bound, gap and labels; call it as a solve's ``progress``.

    Parameters
    ----------
    console : rich.console.Console
        A terminal on standard error.
    maximize : bool
        Whether what comes in are gains.
    """

    def __init__(self, console: Console, *, maximize: bool = False) -> None:
        self._console = console
        self._word = "gain" if maximize else "loss"
        self._start = self._last = time.perf_counter()
        self._live: Live | None = None

    def __enter__(self) -> Self:
        self._start = self._last = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, loss: float | None, bound: float, labels: int) -> None:
        """Show where the search is, unless it was shown just now."""
        now = time.perf_counter()
        if now - self._start < SECONDS_BEFORE or now - self._last < SECONDS_BETWEEN:
            return
        self._last = now
        if self._live is None:
            from rich.live import Live

            self._live = Live(console=self._console, transient=True, auto_refresh=False)
            self._live.start()
        self._live.update(self._line(now, loss, bound, labels), refresh=True)

    def _line(self, now: float, loss: float | None, bound: float, labels: int) -> Text:
        best = "no layout yet"
        if loss is not None:
            gap = relative_gap(loss, bound)
            best = f"{self._word} {loss:.9g}  gap {gap:.1e}"
        parts = (
            f"{now - self._start:.1f} s",
            best,
            f"bound {bound:.9g}",
            f"{labels:,} labels",
        )
        return Text("  ".join(parts), no_wrap=True, overflow="ellipsis")
