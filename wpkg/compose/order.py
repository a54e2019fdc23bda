"""What needs what, in an order that works: iterative, because components decide how long the chains are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

Key = TypeVar("Key", bound="Hashable")


class Circle(Exception):
    """Things need each other; `path` goes from one of them back to itself."""

    def __init__(self, path: Sequence[Any]) -> None:
        super().__init__(path)
        self.path = tuple(path)


def in_order(starts: Iterable[Key], needs: Callable[[Key], Iterable[Key]]) -> list[Key]:
    """`starts` and all that they need, each after what it needs, else in the order given. Raises: Circle."""
    ordered: list[Key] = []
    done: set[Key] = set()
    for start in starts:
        path: dict[Key, Iterator[Key]] = {}  # what is being looked at, outermost first, and what it still needs
        pending = start
        while True:
            if pending in path:
                keys = [*path, pending]
                raise Circle(keys[keys.index(pending) :])
            if pending not in done:
                path[pending] = iter(needs(pending))
            following = _next_need(path, done, ordered)
            if following is None:
                break
            pending = following
    return ordered


def _next_need(path: dict[Key, Iterator[Key]], done: set[Key], ordered: list[Key]) -> Key | None:
    """The next thing that something on `path` needs; what needs no more leaves the path. None at its end."""
    while path:
        key, needs = next(reversed(path.items()))
        for need in needs:
            if need not in done:
                return need
        path.popitem()
        done.add(key)
        ordered.append(key)
    return None
