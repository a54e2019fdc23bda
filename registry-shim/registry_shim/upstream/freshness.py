"""When things were last heard from upstream, for as long as this process runs."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

MAX_REMEMBERED = 100_000  # things; when there are more, the oldest are asked for again


class Freshness:
    """What was heard, and when. Safe for several threads. `monotonic` gives seconds."""

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._heard: dict[Hashable, float] = {}

    def is_fresh(self, key: Hashable) -> bool:
        """Whether it need not be asked for again."""
        heard = self._heard.get(key)
        return heard is not None and self._monotonic() - heard < self._seconds

    def is_known(self, key: Hashable) -> bool:
        """Whether it was ever heard."""
        return key in self._heard

    def mark(self, key: Hashable, *, lasts: bool) -> None:
        """It has just been heard; where it does not last, it is known and to be asked for again."""
        with self._lock:
            self._heard.pop(key, None)
            self._heard[key] = self._monotonic() if lasts else -math.inf
            if len(self._heard) > MAX_REMEMBERED:
                del self._heard[next(iter(self._heard))]
