"""Everything a workflow needs from outside, in one value that is made in one place."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct
from msgspec.structs import replace

from wpkg.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from wpkg.registry.cache import Cache
    from wpkg.registry.interface import SearchableRegistry


class Reporter(Protocol):
    """Where progress and warnings go. May be used by several threads at once."""

    def status(self, verb: str, what: str) -> None:
        """Something is being done: 'Fetching', 'wasm-pay:usd-validator 0.1.0'."""

    def progress(self, verb: str, what: str, size: int) -> AbstractContextManager[Callable[[int], object]]:
        """Something of `size` bytes is under way for the length of a block; say how many more are done."""

    def warn(self, text: str) -> None:
        """Something is not as it should be, and the command goes on."""


class Finished(Struct, frozen=True):
    """A program that has run."""

    status: int
    output: str  # what it printed, empty where that went to the terminal


class RunProgram(Protocol):
    """How a program is run."""

    def __call__(self, words: Sequence[str], folder: Path, *, show: bool) -> Finished:
        """Run `words` in `folder`; with `show`, a person may watch. Raises: OSError when it cannot be started."""


class World(Struct, frozen=True):
    """The world outside the program."""

    registry: SearchableRegistry
    cache: Cache
    environment: Mapping[str, str]
    random_bytes: Callable[[int], bytes]
    run: RunProgram
    reporter: Reporter
    now: Callable[[], float] = time.time  # seconds since 1970
    policies: tuple[Path, ...] = ()  # files of trust policies beside the project's, all of which apply
    # The same registry with another folder that relative `dir:` paths are meant from; None where there are none.
    registry_from: Callable[[Path], SearchableRegistry] | None = None
    here: Path | None = None  # what a person's relative paths are meant from; None: from the project's folder

    def at(self, home: Path) -> World:
        """The same world for the project or workspace in `home`."""
        return self if self.registry_from is None else replace(self, registry=self.registry_from(home))

    @property
    def source_date_epoch(self) -> int | None:
        """`SOURCE_DATE_EPOCH`, in seconds since 1970. Raises: InvalidInput."""
        text = self.environment.get("SOURCE_DATE_EPOCH", "")
        if not text:
            return None
        if not text.isdecimal():
            raise InvalidInput(f"SOURCE_DATE_EPOCH is '{text}', not a number of seconds")
        return int(text)

    @property
    def timestamp(self) -> str | None:
        """`SOURCE_DATE_EPOCH` as RFC 3339; None where it is not set. Raises: InvalidInput."""
        epoch = self.source_date_epoch
        return None if epoch is None else datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def in_ci(self) -> bool:
        """Whether a machine runs the command: the lock is then not to change."""
        return self.environment.get("CI", "").lower() in ("1", "true", "yes")
