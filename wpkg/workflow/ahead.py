"""Work that is announced before its result is asked for, so that several pieces of it may be under way at once.

Whoever asks for a result that nobody works on makes it: where answers come at once, one thread does everything,
which is faster than to take turns with others. While it mostly waits, others join it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from wpkg.workflow.parallel import AT_FIRST, GRACE, WORKERS, Load

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

Result = TypeVar("Result")

_LOOK = 0.02  # seconds between two looks whether more can be done


class Task(Generic[Result]):
    """One piece of work, done once, by whoever comes first."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self._work = work
        self._taken = threading.Lock()
        self._done = threading.Event()
        self._result: list[Result] = []
        self._failure: Exception | None = None

    def do(self) -> bool:
        """Do it unless somebody else has begun. Whether it was done by this call."""
        if not self._taken.acquire(blocking=False):
            return False
        try:
            self._result.append(self._work())
        except Exception as error:  # noqa: BLE001 - raised to everybody who asks for the result
            self._failure = error
        self._done.set()
        return True

    def result(self) -> Result:
        """What came of it; done now where nobody has begun. Raises whatever the work raised."""
        if not self.do():
            self._done.wait()
        if self._failure is not None:
            raise self._failure
        return self._result[0]


class Ahead:
    """Gathers work for the length of a block. What nobody has begun on when it ends is not done any more."""

    def __init__(self, helpers: int = WORKERS, load: Load | None = None) -> None:
        """At most so many `helpers` work beside whoever asks for results; they come while `load` is low."""
        self._most = helpers
        self._load = load or Load()
        self._pending: deque[Task[Any]] = deque()
        self._helpers: list[threading.Thread] = []
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        if kind is None:
            deadline = time.monotonic() + GRACE
            for thread in (self._watcher, *self._helpers):
                thread.join(max(0.0, deadline - time.monotonic()))

    def announce(self, work: Callable[[], Result]) -> Task[Result]:
        """`work`, to be done by a helper or by whoever asks for its result."""
        task = Task(work)
        self._pending.append(task)
        return task

    def _watch(self) -> None:
        """Let helpers come while there is work for them and the processor has little to do."""
        while not self._ended.wait(_LOOK):
            self._helpers = [helper for helper in self._helpers if helper.is_alive()]
            if self._pending and self._load.is_low():
                for _ in range(min(AT_FIRST, self._most - len(self._helpers), len(self._pending))):
                    self._helpers.append(threading.Thread(target=self._help, daemon=True))
                    self._helpers[-1].start()

    def _help(self) -> None:
        while not self._ended.is_set():
            try:
                task = self._pending.popleft()
            except IndexError:
                return
            task.do()
