"""One request upstream for all who ask the same at the same time."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

T = TypeVar("T")


class SingleFlight:
    """Actions under way, by what they are for. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[Hashable, Future[Any]] = {}

    def run(self, key: Hashable, action: Callable[[], T]) -> T:
        """What `action` returns or raises; where one for `key` is under way, what that does."""
        with self._lock:
            flight = self._flights.get(key)
            is_first = flight is None
            if flight is None:
                flight = self._flights[key] = Future()
        if is_first:
            try:
                flight.set_result(action())
            except BaseException as error:  # noqa: BLE001 - passed on below, to everybody who waits
                flight.set_exception(error)
            finally:
                with self._lock:
                    del self._flights[key]
        result: T = flight.result()
        return result
