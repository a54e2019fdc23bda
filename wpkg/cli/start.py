"""The start and the end of the process. Tunes the interpreter before anything is loaded.

A command is short, keeps most of what it makes, and its threads mostly wait for the system: looking for garbage
often, and letting a thread that comes back from the system wait long for its turn, cost a tenth of its time.
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

_GARBAGE_THRESHOLD = 50_000  # new objects before a search for garbage
_SWITCH_INTERVAL = 0.0005  # seconds
# What click, msgspec and pathlib import for a few functions that a command seldom calls.
_SELDOM_USED = ("inspect", "ipaddress", "textwrap")
INTERRUPTED = 130  # exit code, as shells have it


def main() -> None:
    """Run the command line and exit."""
    tune_interpreter()
    try:
        with _loaded_when_used(_SELDOM_USED):
            import pathlib  # noqa: F401

            import click  # noqa: F401
            import msgspec  # noqa: F401
        from wpkg.cli.main import run

        exit_code = run(sys.argv[1:])
    except KeyboardInterrupt:  # before `run` could say it
        sys.stderr.write("interrupted\n")
        exit_code = INTERRUPTED
    _give_up_stdout_that_fails()
    gc.freeze()  # all of it goes with the process; nobody has to look through it before
    sys.exit(exit_code)


def tune_interpreter() -> None:
    """Look for garbage seldom, and let threads that have waited go on soon."""
    gc.set_threshold(_GARBAGE_THRESHOLD, *gc.get_threshold()[1:])
    sys.setswitchinterval(_SWITCH_INTERVAL)


def _give_up_stdout_that_fails() -> None:
    """What cannot be written has been said; the interpreter would say it again, in its own way."""
    stdout: TextIO | None = sys.stdout  # None where it was closed before we came
    if stdout is None:
        return
    try:
        stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())


class _WhenUsed(ModuleType):
    """Stands for the module of its name until something of it is wanted."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self.__name__), name)


@contextmanager
def _loaded_when_used(names: tuple[str, ...]) -> Iterator[None]:
    """What is imported in the block gets stand-ins for the modules `names`, and everybody after it the modules."""
    stand_ins = {name: _WhenUsed(name) for name in names if name not in sys.modules}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, stand_in in stand_ins.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]
