"""The order in which things that need each other can be made."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Node = TypeVar("Node")


class Circle(Exception):
    """Things that need each other: `path` ends with what it begins with. For the caller to put into words."""

    def __init__(self, path: tuple[str, ...]) -> None:
        super().__init__(" → ".join(path))
        self.path = path


def needed_first(starts: Iterable[str], needs: Callable[[str], Iterable[str]]) -> Iterator[str]:
    """What `starts` need, and they themselves, each once and after what it needs. Raises: Circle.

    Not recursive: chains may be longer than the stack.
    """
    done: set[str] = set()
    for start in starts:
        open_nodes: dict[str, Iterator[str]] = {}
        pending = iter((start,))
        while True:
            node = next(pending, None)
            if node is None:
                if not open_nodes:
                    break
                finished, _ = open_nodes.popitem()
                done.add(finished)
                yield finished
                pending = next(reversed(open_nodes.values())) if open_nodes else iter(())
            elif node in open_nodes:
                path = list(open_nodes)
                raise Circle((*path[path.index(node) :], node))
            elif node not in done:
                pending = open_nodes[node] = iter(list(needs(node)))
