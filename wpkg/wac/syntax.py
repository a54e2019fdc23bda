"""The syntax tree of WAC: what a document says, before anything is looked up.

Types, interfaces and worlds are those of WIT (`wpkg.wit.syntax`). A name for the type of a function (`type f =
func();`), which WIT does not have, is a statement of a document; within interfaces it is a matter of the text. The
tree has the type itself wherever such a name stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.wit.syntax import Ident, InlineInterface, Interface, PackageId, TypeItem, UsePath, World, WrittenType

if TYPE_CHECKING:
    from wpkg.component.types import FuncType
    from wpkg.wit.errors import Source, Span


class Name(Struct, frozen=True):
    """A name that components see, as it is written: `"in quotes"`, or a word that may stand for a longer one."""

    text: str
    quoted: bool
    span: Span


# --- expressions -----------------------------------------------------------------------------------


class Access(Struct, frozen=True):
    """`.name` or `["name"]` after an instance."""

    name: Name
    span: Span


class Inferred(Struct, frozen=True):
    """An argument that is only a local name; which import it is for follows from that."""

    name: Ident

    @property
    def span(self) -> Span:
        """Where it stands."""
        return self.name.span


class Named(Struct, frozen=True):
    """`name: value`."""

    name: Name
    value: Expression

    @property
    def span(self) -> Span:
        """Where it stands."""
        return self.name.span.to(self.value.span)


class Spread(Struct, frozen=True):
    """`...name`: the exports of an instance for whatever imports are left."""

    name: Ident
    span: Span


Argument = Inferred | Named | Spread


class New(Struct, frozen=True):
    """`new package { arguments, ... }`. `rest` is where the last `...` stands, None where it does not."""

    package: PackageId
    arguments: tuple[Argument, ...]
    rest: Span | None
    span: Span


class Nested(Struct, frozen=True):
    """`(value)`."""

    value: Expression
    span: Span


class Expression(Struct, frozen=True):
    """Something, and what is accessed of it, step by step."""

    first: Ident | New | Nested
    accesses: tuple[Access, ...]
    span: Span


# --- statements ------------------------------------------------------------------------------------


class Import(Struct, frozen=True):
    """`import name as other: type;`. A path without a package is an interface of the document."""

    name: Ident
    other: Name | None
    type: UsePath | FuncType[WrittenType] | InlineInterface
    docs: tuple[str, ...]
    span: Span


class Let(Struct, frozen=True):
    """`let name = value;`."""

    name: Ident
    value: Expression
    docs: tuple[str, ...]
    span: Span


class Export(Struct, frozen=True):
    """`export value as other;`, or `export value...;` where `spread`."""

    value: Expression
    other: Name | None
    spread: bool
    docs: tuple[str, ...]
    span: Span


class FuncAlias(Struct, frozen=True):
    """`type name = func();`."""

    name: Ident
    type: FuncType[WrittenType]
    docs: tuple[str, ...]


TypeStatement = Interface | World | TypeItem | FuncAlias
Statement = Import | Let | Export | TypeStatement


class Document(Struct, frozen=True):
    """One file."""

    source: Source
    package: PackageId
    targets: UsePath | None
    statements: tuple[Statement, ...]
    docs: tuple[str, ...]  # of the package
