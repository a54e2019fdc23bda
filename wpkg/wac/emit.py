"""A plan as a document that composes to the same bytes, so that a person can go on from what was inferred.

Everything is said with its whole name: which import of which instance gets what, and which imports are the host's
(`...`). Components that are no packages are given names, `local:name`, for `--dep` or a `deps/` folder.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.component.definitions import Attribute
from wpkg.compose.errors import Unsupported
from wpkg.names.extern_name import parse_extern_name
from wpkg.names.package_name import WORDS
from wpkg.names.version import InvalidVersion, Version
from wpkg.wac.syntax import (
    Access,
    Document,
    Export,
    Expression,
    Let,
    Name,
    Named,
    New,
    Statement,
)
from wpkg.wit.errors import Source, Span
from wpkg.wit.syntax import Ident, PackageId

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wpkg.compose.graph import Item, Node, Plan

_PACKAGE = re.compile(rf"({WORDS}):({WORDS})(?:@(.+))?")
_NOT_IN_WORDS = re.compile(r"[^a-z0-9]+")
_DIGITS_FIRST = re.compile(r"-(?=[0-9])")  # WAC's words all begin with a letter
_NOWHERE = Span(Source("emitted", ""), 0, 0)


class Emitted(Struct, frozen=True):
    """A document, and which node's component each of its packages is."""

    document: Document
    packages: Mapping[str, str]


def emit_document(plan: Plan, packages: Mapping[str, str] | None = None) -> Emitted:
    """The document that `plan` is; `packages` are those of nodes whose names do not tell.

    Raises: Unsupported for a plan that a document made, or for which components were generated.
    """
    if plan.stated_exports is not None:
        raise Unsupported("this composition is a document already")
    if any(node.generated is not None for node in plan.nodes):
        raise Unsupported("a component generated for denied imports or constants has no name in a document")
    return _Emitter(plan, packages or {}).emitted()


def local_package(name: str) -> str:
    """The package that a component is given which is none."""
    return f"local:{_locally(_stem(name))}"


class _Emitter:
    def __init__(self, plan: Plan, packages: Mapping[str, str]) -> None:
        self._plan = plan
        self._packages = _packages(plan.nodes, packages)
        self._locals = _locals(plan.nodes, self._packages)
        self._nodes = {node.name: node for node in plan.nodes}
        self._satisfied = {(c.importer, c.name): c.item for c in plan.connections}

    def emitted(self) -> Emitted:
        statements: list[Statement] = [self._let(node) for node in self._plan.nodes]
        for owner, export in self._plan.reexports:
            attributes = dict(self._nodes[owner].component.export_attributes.get(export, ()))
            other = Name(export, True, _NOWHERE) if Attribute.IMPLEMENTS in attributes else None
            statements.append(Export(self._access(owner, (export,)), other, False, (), _NOWHERE))
        if self._plan.instances[self._plan.root]:
            statements.append(Export(self._access(self._plan.root, ()), None, True, (), _NOWHERE))
        package = PackageId("local", "composition", "", _NOWHERE)
        names: dict[str, str] = {}
        for node in self._plan.nodes:
            names.setdefault(str(self._packages[node.name]), node.name)
        return Emitted(Document(_NOWHERE.source, package, None, tuple(statements), ()), names)

    def _let(self, node: Node) -> Let:
        imports = node.component.imports
        arguments = []
        for name in imports:
            item = self._satisfied.get((node.name, name))
            if item is not None:
                arguments.append(Named(_named(name, imports), self._value(item)))
        rest = _NOWHERE if len(arguments) < len(imports) else None
        new = New(self._packages[node.name], tuple(arguments), rest, _NOWHERE)
        return Let(_ident(self._locals[node.name]), Expression(new, (), _NOWHERE), (), _NOWHERE)

    def _value(self, item: Item) -> Expression:
        return self._access(item.origin, item.path)

    def _access(self, node: str, path: tuple[str, ...]) -> Expression:
        exports = self._nodes[node].component.exports
        accesses = tuple([Access(_named(name, exports), _NOWHERE) for name in path])
        return Expression(_ident(self._locals[node]), accesses, _NOWHERE)


def _ident(name: str) -> Ident:
    return Ident(name, _NOWHERE)


def _named(name: str, among: Iterable[str]) -> Name:
    """A name in quotes, unless a word alone means it: a plain one that is not the end of another."""
    is_word = _locally(name) == name
    parsed = [parse_extern_name(other) for other in among]
    ends_another = any(other is not None and other.interface == name for other in parsed)
    return Name(name, not is_word or ends_another, _NOWHERE)


def _packages(nodes: Iterable[Node], said: Mapping[str, str]) -> dict[str, PackageId]:
    """The package of each node's component; equal components are of one."""
    found: dict[str, PackageId] = {}
    by_content: dict[object, PackageId] = {}
    for node in nodes:
        package = _package(said.get(node.name, node.name))
        if package is not None:
            found[node.name] = by_content[node.content] = package
    taken = {str(package) for package in found.values()}
    for node in nodes:
        if node.name in found:
            continue
        if node.content not in by_content:
            word = _unique(_locally(_stem(node.name)), {name.removeprefix("local:") for name in taken})
            by_content[node.content] = PackageId("local", word, "", _NOWHERE)
            taken.add(f"local:{word}")
        found[node.name] = by_content[node.content]
    return found


def _package(text: str) -> PackageId | None:
    """The package that a node's name says that it is."""
    match = _PACKAGE.fullmatch(text)
    if match is None:
        return None
    try:
        version = str(Version.parse(match[3])) if match[3] else ""
    except InvalidVersion:
        return None
    if _locally(match[1]) != match[1] or _locally(match[2]) != match[2]:
        return None
    return PackageId(match[1], match[2], version, _NOWHERE)


def _locals(nodes: Iterable[Node], packages: Mapping[str, PackageId]) -> dict[str, str]:
    """A local name for each node, after its package or file."""
    found: dict[str, str] = {}
    for node in nodes:
        word = packages[node.name].name if _package(node.name) is not None else _locally(_stem(node.name))
        found[node.name] = _unique(word, set(found.values()))
    return found


def _stem(name: str) -> str:
    return name.rstrip("/").rpartition("/")[2].removesuffix(".wasm")


def _locally(text: str) -> str:
    """`text` as words joined by '-', each beginning with a letter."""
    words = _DIGITS_FIRST.sub("", _NOT_IN_WORDS.sub("-", text.lower()).strip("-"))
    return words if words[:1].isalpha() else f"c{words}"


def _unique(word: str, taken: set[str]) -> str:
    candidate, count = word, 1
    while candidate in taken:
        count += 1
        candidate = f"{word}-n{count}"
    return candidate
