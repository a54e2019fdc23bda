"""One request upstream for all who ask the same at the same time.

It has a thread of its own, so that those who wait can be let go when the registry ends.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from registry_shim.upstream.failures import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

T = TypeVar("T")


class SingleFlight:
    """Actions under way, by what they are for. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[Hashable, Future[Any]] = {}
        self._is_over = False

    def run(self, key: Hashable, action: Callable[[], T]) -> T:
        """What `action` returns or raises; where one for `key` is under way, what that does.

        Raises: Interrupted after `close`.
        """
        with self._lock:
            if self._is_over:
                raise Interrupted
            flight = self._flights.get(key)
            if flight is None:
                flight = self._flights[key] = Future()
                threading.Thread(
                    target=self._run, args=(key, flight, action), name="upstream", daemon=True
                ).start()
        result: T = flight.result()
        return result

    def close(self) -> None:
        """Let go everybody who waits."""
        with self._lock:
            self._is_over = True
            for flight in self._flights.values():
                flight.set_exception(Interrupted())
            self._flights.clear()

    def _run(self, key: Hashable, flight: Future[T], action: Callable[[], T]) -> None:
        error: BaseException | None = None
        try:
            result = action()
        except BaseException as found:  # noqa: BLE001 - raised to everybody who waits
            error = found
        with self._lock:
            if self._is_over:
                return
            del self._flights[key]
        if error is None:
            flight.set_result(result)
        else:
            flight.set_exception(error)
