"""The start and the end of the process. Tunes the interpreter before anything is loaded.

A command is short, keeps most of what it makes, and its threads mostly wait for the system: looking for garbage
often, and letting a thread that comes back from the system wait long for its turn, cost a tenth of its time.
"""

from __future__ import annotations

import gc
import sys

_GARBAGE_THRESHOLD = 50_000  # new objects before a search for garbage
_SWITCH_INTERVAL = 0.0005  # seconds
INTERRUPTED = 130  # exit code, as shells have it


def main() -> None:
    """Run the command line and exit."""
    gc.set_threshold(_GARBAGE_THRESHOLD, *gc.get_threshold()[1:])
    sys.setswitchinterval(_SWITCH_INTERVAL)
    try:
        from wpkg.cli.main import run

        exit_code = run(sys.argv[1:])
    except KeyboardInterrupt:  # before `run` could say it
        sys.stderr.write("interrupted\n")
        exit_code = INTERRUPTED
    gc.freeze()  # all of it goes with the process; nobody has to look through it before
    sys.exit(exit_code)
