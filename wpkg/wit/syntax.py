"""The syntax tree of WIT: what a text says, before anything is looked up.

Type statements are nodes of their own, without the interface or world around them, because other languages
(WAC) have the same ones. A type is written as one of the classes of `wpkg.component.types` whose references are
again types as written.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.component.types import EnumType, Flags, Record, Variant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wpkg.component.types import FuncType, Primitive, Structure
    from wpkg.names.version import Version
    from wpkg.wit.errors import Source, Span


class Ident(Struct, frozen=True):
    """A name, without its `%`."""

    name: str
    span: Span


class WrittenType(Struct, frozen=True):
    """A type where it is used. An `Ident` names one that is defined elsewhere."""

    what: Primitive | Structure[WrittenType] | Ident
    span: Span


class Gate(Struct, frozen=True):
    """What stands before an item: feature gates, and the name the outside world has for it."""

    since: Version | None = None
    unstable: str | None = None
    deprecated: Version | None = None
    external_id: str | None = None


UNGATED = Gate()


class PackageId(Struct, frozen=True):
    """`namespace:name@version`; `version` is '' for none."""

    namespace: str
    name: str
    version: str
    span: Span

    def __str__(self) -> str:
        return f"{self.namespace}:{self.name}" + (f"@{self.version}" if self.version else "")

    def extern_name(self, interface: str) -> str:
        """What components call an interface or world of this package."""
        return f"{self.namespace}:{self.name}/{interface}" + (f"@{self.version}" if self.version else "")


class UsePath(Struct, frozen=True):
    """`name` in this package, or in `package`."""

    package: PackageId | None
    name: Ident
    span: Span


# --- items of interfaces and worlds ----------------------------------------------------------------


class FuncKind(Enum):
    """What a function is to the resource in which it is written."""

    CONSTRUCTOR = "constructor"
    METHOD = "method"
    STATIC = "static"


class ResourceFunc(Struct, frozen=True):
    """A function of a resource.

    The `self` of methods and the result of constructors that cannot fail are not written in `type`.
    """

    kind: FuncKind
    name: Ident  # of a constructor: the keyword
    type: FuncType[WrittenType]
    gate: Gate
    docs: tuple[str, ...]


class ResourceItem(Struct, frozen=True):
    """`resource name { … }`."""

    name: Ident
    functions: tuple[ResourceFunc, ...]
    gate: Gate
    docs: tuple[str, ...]


Definition = Record[WrittenType] | Variant[WrittenType] | Flags[WrittenType] | EnumType[WrittenType] | WrittenType
"""What a name is given to; a `WrittenType` for `type name = …;`."""


class TypeItem(Struct, frozen=True):
    """`record`, `variant`, `flags`, `enum` or `type`. `member_docs` are those of fields, cases and labels."""

    name: Ident
    definition: Definition
    gate: Gate
    docs: tuple[str, ...]
    member_docs: Mapping[str, tuple[str, ...]] = {}


class FuncItem(Struct, frozen=True):
    """A function of an interface."""

    name: Ident
    type: FuncType[WrittenType]
    gate: Gate
    docs: tuple[str, ...]


class UseItem(Struct, frozen=True):
    """`use path.{name as other, …};`: pairs of the name there and the name here."""

    path: UsePath
    names: tuple[tuple[Ident, Ident], ...]
    gate: Gate


InterfaceItem = UseItem | ResourceItem | TypeItem | FuncItem


class InlineInterface(Struct, frozen=True):
    """`interface { … }` in a world."""

    items: tuple[InterfaceItem, ...]


class ExternItem(Struct, frozen=True):
    """An import or export of a world. `label` is None for `import path;`."""

    is_import: bool
    label: Ident | None
    what: FuncType[WrittenType] | InlineInterface | UsePath
    gate: Gate
    docs: tuple[str, ...]
    span: Span


class IncludeItem(Struct, frozen=True):
    """`include path with { name as other, … };`."""

    path: UsePath
    renames: tuple[tuple[Ident, Ident], ...]
    gate: Gate


WorldItem = ExternItem | IncludeItem | UseItem | ResourceItem | TypeItem


# --- top level -------------------------------------------------------------------------------------


class TopLevelUse(Struct, frozen=True):
    """`use path as alias;`: another name for an interface or world in this file."""

    path: UsePath
    alias: Ident


class Interface(Struct, frozen=True):
    """`interface name { … }`."""

    name: Ident
    items: tuple[InterfaceItem, ...]
    gate: Gate
    docs: tuple[str, ...]


class World(Struct, frozen=True):
    """`world name { … }`."""

    name: Ident
    items: tuple[WorldItem, ...]
    gate: Gate
    docs: tuple[str, ...]


PackageItem = TopLevelUse | Interface | World


class NestedPackage(Struct, frozen=True):
    """`package id { … }`."""

    id: PackageId
    items: tuple[PackageItem, ...]
    docs: tuple[str, ...]


class Document(Struct, frozen=True):
    """One file. `id` is None where `package …;` is left to another file of the package."""

    source: Source
    id: PackageId | None
    items: tuple[PackageItem, ...]
    nested: tuple[NestedPackage, ...]
    docs: tuple[str, ...]  # of the package
