"""Several things at once, all of them or none.

`concurrent.futures` has no word for those that are under way when one has failed, and takes longer to load than a
small download.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")

WORKERS = 16  # as many connections to one host as the client keeps
AT_FIRST = 4  # that begin; others join them in as many steps while the processor has little to do
_LOOK = 0.01  # seconds between two looks whether something has failed, and whether more can be done
_BUSY = 0.5  # of one processor; only one thread at a time runs Python, and more of them would only take turns
GRACE = 2.0  # seconds that those under way get to stop; nobody waits for the rest


class Stopped(Exception):
    """The result is not wanted any more."""


class Stop:
    """Whether to go on."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Let everybody stop."""
        self._event.set()

    def check(self) -> None:
        """Nothing, while it is to go on. Raises: Stopped."""
        if self._event.is_set():
            raise Stopped


class Load:
    """How busy this process is. `now` and `used` are clocks: seconds that passed, and seconds of processors."""

    def __init__(
        self, now: Callable[[], float] = time.monotonic, used: Callable[[], float] = time.process_time
    ) -> None:
        self._now, self._used = now, used
        self._seen = now(), used()

    def is_low(self) -> bool:
        """Whether it mostly waited since it was asked last."""
        before, self._seen = self._seen, (self._now(), self._used())
        return self._seen[1] - before[1] < _BUSY * (self._seen[0] - before[0])


def in_parallel(
    work: Callable[[Item, Stop], Result], items: Sequence[Item], workers: int = WORKERS
) -> list[Result]:
    """What `work` makes of each item, in their order; at most so many at once, and fewer where more do not help.

    When one fails no other is begun, those under way are told through their `Stop`, and the failure is raised: of
    several, that of the first item.
    """
    stop = Stop()
    pending = deque(enumerate(items))
    results: dict[int, Result] = {}
    failures: dict[int, Exception] = {}

    def take_all() -> None:
        while True:
            try:
                index, item = pending.popleft()
            except IndexError:
                return
            try:
                stop.check()
                results[index] = work(item, stop)
            except Stopped:
                return
            except Exception as error:  # noqa: BLE001 - raised where everything comes together
                failures[index] = error
                stop.set()

    threads: list[threading.Thread] = []

    def start_some() -> None:
        for _ in range(min(AT_FIRST, workers - len(threads), len(pending))):
            threads.append(threading.Thread(target=take_all, daemon=True))
            threads[-1].start()

    load = Load()
    start_some()
    try:
        while not failures and (working := next((thread for thread in threads if thread.is_alive()), None)):
            working.join(_LOOK)
            if load.is_low():
                start_some()
    finally:
        stop.set()
        deadline = time.monotonic() + GRACE
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
    if failures:
        raise failures[min(failures)]
    return [results[index] for index in range(len(items))]
