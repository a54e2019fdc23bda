"""What a document needs: the components that it makes instances of, and the WIT packages that it names."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.wac.syntax import Export, Expression, Import, Let, Named, Nested, New
from wpkg.wit.syntax import ExternItem, IncludeItem, InlineInterface, Interface, UseItem, UsePath, World

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wpkg.wac.syntax import Document
    from wpkg.wit.syntax import Document as WitDocument
    from wpkg.wit.syntax import InterfaceItem, PackageId, WorldItem

_COUNTED = re.compile(r"-n[0-9]+$")  # what `wpkg.wac.emit` tells instances of one name apart by


class Instance(Struct, frozen=True):
    """A `new` in a document, and what its instance is called: as the document does, else by its package.

    `has_own_name` where the document calls it otherwise than its package is called.
    """

    new: New
    name: str
    has_own_name: bool

    @property
    def offset(self) -> int:
        """Where it stands, which tells it from all others."""
        return self.new.span.start


def instances_of(document: Document) -> list[Instance]:
    """The instances that a document makes, in the order in which it does."""
    found = list(_news(document))
    taken: Counter[str] = Counter()
    instances: list[Instance] = []
    for local, new in found:
        name = local or str(new.package)
        taken[name] += 1
        unique = name if taken[name] == 1 else f"{name} ({taken[name]})"
        own = local is not None and _COUNTED.sub("", local) != new.package.name
        instances.append(Instance(new, unique, own))
    return instances


def _news(document: Document) -> Iterator[tuple[str | None, New]]:
    for statement in document.statements:
        if isinstance(statement, Let):
            yield from _in_expression(statement.value, statement.name.name)
        elif isinstance(statement, Export):
            yield from _in_expression(statement.value, None)


def _in_expression(expression: Expression, local: str | None) -> Iterator[tuple[str | None, New]]:
    """Each `new`, after those in its arguments."""
    first = expression.first
    if isinstance(first, Nested):
        yield from _in_expression(first.value, local)
    elif isinstance(first, New):
        for argument in first.arguments:
            if isinstance(argument, Named):
                yield from _in_expression(argument.value, None)
        yield local, first


def interfaces_needed(document: Document) -> list[PackageId]:
    """The packages of the interfaces and worlds that a document names, each once."""
    paths = [document.targets] if document.targets is not None else []
    for statement in document.statements:
        if isinstance(statement, Import):
            paths += _in_what(statement.type)
        elif isinstance(statement, (Interface, World)):
            paths += _in_items(statement.items)
    return _packages(paths)


def packages_used(document: WitDocument) -> list[PackageId]:
    """The packages that a WIT file names, each once."""
    paths: list[UsePath] = []
    for items in (document.items, *(nested.items for nested in document.nested)):
        for item in items:
            paths += _in_items(item.items) if isinstance(item, (Interface, World)) else [item.path]
    return _packages(paths)


def _packages(paths: Iterable[UsePath]) -> list[PackageId]:
    found: dict[str, PackageId] = {}
    for path in paths:
        if path.package is not None:
            found.setdefault(str(path.package), path.package)
    return list(found.values())


def _in_items(items: Iterable[InterfaceItem | WorldItem]) -> Iterator[UsePath]:
    for item in items:
        if isinstance(item, (UseItem, IncludeItem)):
            yield item.path
        elif isinstance(item, ExternItem):
            yield from _in_what(item.what)


def _in_what(what: object) -> Iterator[UsePath]:
    if isinstance(what, UsePath):
        yield what
    elif isinstance(what, InlineInterface):
        yield from _in_items(what.items)
