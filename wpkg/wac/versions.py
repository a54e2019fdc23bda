"""WIT packages that a document names without a version: the one that is there, whatever its version.

As wac has it. What components see is the name as it is written; the interface is that of the package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from wpkg.component.types import FuncType
from wpkg.wac.needs import interfaces_needed
from wpkg.wac.syntax import Document, Export, FuncAlias, Import, Let
from wpkg.wit.binary import BinaryPackage
from wpkg.wit.errors import Source
from wpkg.wit.parser import parse_document
from wpkg.wit.syntax import ExternItem, IncludeItem, InlineInterface, TypeItem, UseItem, UsePath, WrittenType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wpkg.wac.syntax import Statement
    from wpkg.wit.resolve import PackageFiles

What = UsePath | InlineInterface | FuncType[WrittenType]
Item = TypeVar("Item")


def name_versions(
    document: Document, packages: Sequence[PackageFiles | BinaryPackage]
) -> tuple[Document, list[PackageFiles | BinaryPackage]]:
    """`document` with the versions that `packages` have; these parsed. Raises: InvalidWit."""
    parsed = [each if isinstance(each, BinaryPackage) else _parsed(each) for each in packages]
    there = {name for each in parsed for name in _names(each)}
    versions: dict[str, str] = {}
    for package in interfaces_needed(document):
        found = [name for name in there if name.partition("@")[0] == str(package)]
        if len(found) == 1 and str(package) not in there:
            versions[str(package)] = found[0].partition("@")[2]
    if not versions:
        return document, parsed
    named = _Versions(versions)
    targets = named.path(document.targets) if document.targets is not None else None
    statements = tuple([named.statement(statement) for statement in document.statements])
    return replace(document, targets=targets, statements=statements), parsed


def _parsed(files: PackageFiles) -> PackageFiles:
    return tuple(parse_document(file) if isinstance(file, Source) else file for file in files)


def _names(package: PackageFiles | BinaryPackage) -> list[str]:
    if isinstance(package, BinaryPackage):
        return [package.name]
    documents = [file for file in package if not isinstance(file, Source)]
    nested = [each.id for document in documents for each in document.nested]
    return [
        str(identity) for identity in (*(document.id for document in documents), *nested) if identity is not None
    ]


class _Versions:
    """Puts versions into the paths of a tree."""

    def __init__(self, versions: Mapping[str, str]) -> None:
        self._versions = versions

    def path(self, path: UsePath) -> UsePath:
        version = self._versions.get(str(path.package))
        if path.package is None or version is None:
            return path
        return replace(path, package=replace(path.package, version=version))

    def statement(self, statement: Statement) -> Statement:
        if isinstance(statement, (Let, Export, FuncAlias, TypeItem)):
            return statement
        if isinstance(statement, Import):
            return replace(statement, type=self._what(statement.type))
        return replace(statement, items=tuple([self._item(item) for item in statement.items]))

    def _item(self, item: Item) -> Item:
        if isinstance(item, (UseItem, IncludeItem)):
            return replace(item, path=self.path(item.path))
        return replace(item, what=self._what(item.what)) if isinstance(item, ExternItem) else item

    def _what(self, what: What) -> What:
        if isinstance(what, UsePath):
            return self.path(what)
        if isinstance(what, InlineInterface):
            return replace(what, items=tuple([self._item(item) for item in what.items]))
        return what
