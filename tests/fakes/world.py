"""A world in a folder: a registry in memory, a cache on disk, a build command that is a Python function."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.fakes.registry import MemoryRegistry
from wpkg.registry.cache import Cache
from wpkg.registry.offline import OfflineRegistry
from wpkg.workflow.world import Finished, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from wpkg.registry.interface import SearchableRegistry


class Chance:
    """Bytes that look random and are the same in each run."""

    def __init__(self, seed: str = "") -> None:
        self._seed = seed.encode()
        self._taken = 0

    def __call__(self, count: int) -> bytes:
        self._taken += 1
        return hashlib.shake_256(self._seed + self._taken.to_bytes(8, "big")).digest(count)


@dataclass
class Notes:
    """A reporter that remembers."""

    lines: list[str] = field(default_factory=list)
    progressed: dict[str, tuple[int, int]] = field(
        default_factory=dict
    )  # what went well: bytes done, and of how many

    def status(self, verb: str, what: str) -> None:
        self.lines.append(f"{verb} {what}")

    @contextmanager
    def progress(self, verb: str, what: str, size: int) -> Iterator[Callable[[int], None]]:
        self.lines.append(f"{verb} {what}")
        counts: list[int] = []
        yield counts.append
        self.progressed[what] = (sum(counts), size)

    def warn(self, text: str) -> None:
        self.lines.append(f"warning: {text}")

    @property
    def warnings(self) -> list[str]:
        return [line for line in self.lines if line.startswith("warning: ")]


@dataclass
class Programs:
    """The programs of this world, by their first word; git is not among them."""

    known: dict[str, Callable[[Sequence[str], Path], Finished]] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)

    def __call__(self, words: Sequence[str], folder: Path, *, show: bool) -> Finished:
        if words[0] not in self.known:
            raise FileNotFoundError(words[0])
        if show:
            self.ran.append(" ".join(words))
        return self.known[words[0]](words, folder)


def fake_world(
    folder: Path,
    registry: SearchableRegistry | None = None,
    *,
    environment: dict[str, str] | None = None,
    programs: Programs | None = None,
    notes: Notes | None = None,
    seed: str = "",
) -> World:
    """A world whose cache is in `folder`."""
    notes = notes or Notes()
    return World(
        registry=registry if registry is not None else MemoryRegistry(),
        cache=Cache(folder / "cache", notes.warn),
        environment=environment or {},
        random_bytes=Chance(seed),
        run=programs or Programs(),
        reporter=notes,
    )


def offline(world: World) -> World:
    """The same world without a network."""
    return World(OfflineRegistry(), world.cache, world.environment, world.random_bytes, world.run, world.reporter)
