"""One point in time that several waits share."""

from __future__ import annotations

import time


class Deadline:
    """`seconds` from now, by a clock that nobody can set."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds left; never negative."""
        return max(self._end - time.monotonic(), 0.0)

    @property
    def passed(self) -> bool:
        return self.left == 0.0
