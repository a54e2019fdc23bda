"""Bars for what takes long, below the lines of a terminal. rich is loaded when the first one is shown."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rich.progress import Progress, TaskID

_PATIENCE = 0.3  # seconds before something counts as long


class _Job(Struct, eq=False):
    """Something under way. `task` is its bar, once there is one."""

    verb: str
    what: str
    size: int
    done: int = 0
    task: TaskID | None = None


class Bars:
    """All bars of a terminal. May be used by several threads at once."""

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour
        self._lock = threading.Lock()
        self._jobs: set[_Job] = set()
        self._timer: threading.Timer | None = None
        self._shown: Progress | None = None

    @contextlib.contextmanager
    def bar(self, verb: str, what: str, size: int) -> Iterator[Callable[[int], None]]:
        """A bar for the length of a block, if that is long; tell the function how much more is done."""
        job = _Job(verb, what, size)
        with self._lock:
            if not self._jobs:
                self._timer = threading.Timer(_PATIENCE, self._show)
                self._timer.daemon = True
                self._timer.start()
            self._jobs.add(job)
            self._add(job)

        def advance(count: int) -> None:
            with self._lock:
                job.done += count
                if self._shown is not None and job.task is not None:
                    self._shown.update(job.task, completed=job.done)

        try:
            yield advance
        finally:
            with self._lock:
                self._jobs.discard(job)
                if self._shown is not None and job.task is not None:
                    self._shown.remove_task(job.task)
                if not self._jobs:
                    self._hide()

    def write(self, line: str) -> bool:
        """Write a line above the bars; False, and nothing is written, where there are none."""
        with self._lock:
            if self._shown is None:
                return False
            from rich.text import Text

            self._shown.console.print(Text.from_ansi(line), soft_wrap=True)
            return True

    def _show(self) -> None:
        """Begin to show what is under way."""
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        with self._lock:
            if not self._jobs or self._timer is not threading.current_thread():
                return
            console = Console(file=sys.stderr, force_terminal=True, no_color=not self._colour, highlight=False)
            self._shown = Progress(
                TextColumn("{task.fields[verb]}", style="bold green", markup=False),
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=None),
                DownloadColumn(),
                TransferSpeedColumn(),
                console=console,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
                expand=True,
            )
            for job in sorted(self._jobs, key=lambda job: job.what):
                self._add(job)
            self._shown.start()

    def _add(self, job: _Job) -> None:
        if self._shown is not None:
            job.task = self._shown.add_task(job.what, total=job.size, completed=job.done, verb=job.verb)

    def _hide(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._shown is not None:
            self._shown.stop()
            self._shown = None


def wants_bars(environment: Mapping[str, str]) -> bool:
    """Whether stderr can move its cursor, and a person looks at it."""
    if environment.get("CI") or environment.get("TERM", "dumb") in ("", "dumb", "unknown"):
        return False
    return sys.stderr.isatty()
