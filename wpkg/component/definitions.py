"""Definitions as written: what the sections of a component say, references still being indices.

Binary.md, "Component Definitions" to "Import and Export Definitions".
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from wpkg.component.types import Primitive

if TYPE_CHECKING:
    from wpkg.component.core_types import CoreValue
    from wpkg.component.read_core_types import CoreTypeDef
    from wpkg.component.types import FuncType, Structure

Ref = int | Primitive
"""A `valtype`: a type index or a primitive."""


class Sort(Enum):
    """`sort`; the value is its bytes."""

    CORE_FUNC = b"\x00\x00"
    CORE_TABLE = b"\x00\x01"
    CORE_MEMORY = b"\x00\x02"
    CORE_GLOBAL = b"\x00\x03"
    CORE_TAG = b"\x00\x04"
    CORE_TYPE = b"\x00\x10"
    CORE_MODULE = b"\x00\x11"
    CORE_INSTANCE = b"\x00\x12"
    FUNC = b"\x01"
    VALUE = b"\x02"
    TYPE = b"\x03"
    COMPONENT = b"\x04"
    INSTANCE = b"\x05"

    __hash__ = object.__hash__  # the same, and not written in Python: sorts are keys wherever items are looked up

    @property
    def words(self) -> str:
        """What it is called in sentences."""
        return self.name.lower().replace("_", " ")


CORE_ITEM_SORTS = frozenset({Sort.CORE_FUNC, Sort.CORE_TABLE, Sort.CORE_MEMORY, Sort.CORE_GLOBAL, Sort.CORE_TAG})
"""What core instances export."""


class Attribute(Enum):
    """What may be said of an extern name; type checking ignores it."""

    IMPLEMENTS = 0x00
    VERSION_SUFFIX = 0x01
    EXTERNAL_ID = 0x02

    @property
    def keyword(self) -> str:
        """The word for it in the text format."""
        return {0: "implements", 1: "versionsuffix", 2: "external-id"}[self.value]


class ExternName(Struct, frozen=True):
    """The name of an import or export, with its attributes."""

    name: str
    attributes: tuple[tuple[Attribute, str], ...] = ()


class ExternDesc(Struct, frozen=True):
    """`externdesc`: what an import or export is. `index` is None for `(sub resource)`."""

    sort: Sort
    index: int | None


class ImportDef(Struct, frozen=True):
    """An import, of a component or in a component type."""

    name: ExternName
    desc: ExternDesc


class ExportDecl(Struct, frozen=True):
    """An export in a component or instance type."""

    name: ExternName
    desc: ExternDesc


class ExportDef(Struct, frozen=True):
    """An export of a component: an item that exists, with the type ascribed to it, if any."""

    name: ExternName
    sort: Sort
    index: int
    ascribed: ExternDesc | None


class CoreInstantiateDef(Struct, frozen=True):
    """A core instance of a module; each argument is a name and the index of a core instance."""

    module: int
    arguments: tuple[tuple[str, int], ...]


class CoreInlineInstanceDef(Struct, frozen=True):
    """A core instance made of core items that exist."""

    exports: tuple[tuple[str, Sort, int], ...]


class CoreInstanceAlias(NamedTuple):
    """An alias of an export of a core instance."""

    sort: Sort
    instance: int
    name: str


class InstanceAlias(Struct, frozen=True):
    """An alias of an export of an instance."""

    sort: Sort
    instance: int
    name: str


class OuterAlias(Struct, frozen=True):
    """An alias of an item of an enclosing scope; `count` 0 is the scope itself."""

    sort: Sort
    count: int
    index: int


class InstantiateDef(Struct, frozen=True):
    """An instance of a component; each argument is a name, a sort and an index."""

    component: int
    arguments: tuple[tuple[str, Sort, int], ...]


class InlineInstanceDef(Struct, frozen=True):
    """An instance made of items that exist."""

    exports: tuple[tuple[ExternName, Sort, int], ...]


class CanonOption(Enum):
    """`canonopt`; the value is its opcode."""

    UTF8 = 0x00
    UTF16 = 0x01
    LATIN1_UTF16 = 0x02
    MEMORY = 0x03
    REALLOC = 0x04
    POST_RETURN = 0x05
    ASYNC = 0x06
    CALLBACK = 0x07
    CORE_TYPE = 0x08
    GC = 0x09

    __hash__ = object.__hash__  # as for Sort

    @property
    def keyword(self) -> str:
        """The word for it in the text format."""
        return "latin1+utf16" if self is CanonOption.LATIN1_UTF16 else self.name.lower().replace("_", "-")


Options = tuple[tuple[CanonOption, int], ...]
"""Canonical options in order, each with its index, 0 for one that has none."""


class LiftDef(Struct, frozen=True):
    """A component function made from a core function; `type` is the index of its function type."""

    core_func: int
    options: Options
    type: int


class CanonDef(Struct, frozen=True):
    """A core function made by the canonical definition `opcode`: every one but `lift`.

    `indices` are its immediates that are indices, in order; `value` is the one core value type that some have,
    `result` what `task.return` takes.
    """

    opcode: int
    indices: tuple[int, ...] = ()
    options: Options = ()
    value: CoreValue | None = None
    result: Ref | None = None


class UnreadCanonsDef(Struct, frozen=True):
    """The rest of a section of canonical definitions, from an `opcode` on that this version does not know."""

    opcode: int


class ResourceDef(Struct, frozen=True):
    """A resource type defined by a component: its representation, and the core function that destroys it."""

    representation: CoreValue
    destructor: int | None


class ComponentTypeDef(Struct, frozen=True):
    """`componenttype`."""

    declarations: tuple[Declaration, ...]


class InstanceTypeDef(Struct, frozen=True):
    """`instancetype`."""

    declarations: tuple[Declaration, ...]


class TypeDef(Struct, frozen=True):
    """An entry of the type index space."""

    type: Primitive | Structure[Ref] | FuncType[Ref] | ComponentTypeDef | InstanceTypeDef | ResourceDef


class CoreModuleDef(Struct, frozen=True):
    """A core module, left where it is: bytes `start` to `end` of the outermost component."""

    start: int
    end: int


class ComponentDef(Struct, frozen=True):
    """A component: bytes `start` to `end` of the outermost one, preamble included."""

    start: int
    end: int
    definitions: tuple[Located, ...]


if TYPE_CHECKING:
    Declaration = CoreTypeDef | TypeDef | InstanceAlias | OuterAlias | ImportDef | ExportDecl
    Definition = (
        Declaration
        | ExportDef
        | InstantiateDef
        | InlineInstanceDef
        | CoreInstantiateDef
        | CoreInlineInstanceDef
        | CoreInstanceAlias
        | LiftDef
        | CanonDef
        | UnreadCanonsDef
        | CoreModuleDef
        | ComponentDef
    )


class Located(NamedTuple):
    """A definition and where it starts, for messages."""

    definition: Definition
    offset: int
