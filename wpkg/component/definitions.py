"""Definitions as written: what the sections of a component say, references still being indices.

Binary.md, "Component Definitions" to "Import and Export Definitions". Definitions that only feed core index
spaces (core instances, core aliases, every canonical definition but `lift`) are checked and left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from wpkg.component.types import FuncType, Primitive, Structure

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


SORTS = {sort.value: sort for sort in Sort}


class Attribute(Enum):
    """What may be said of an extern name; type checking ignores it."""

    IMPLEMENTS = 0x00
    VERSION_SUFFIX = 0x01
    EXTERNAL_ID = 0x02


@dataclass(frozen=True, slots=True)
class ExternName:
    """The name of an import or export, with its attributes."""

    name: str
    attributes: tuple[tuple[Attribute, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ExternDesc:
    """`externdesc`: what an import or export is. `index` is None for `(sub resource)`."""

    sort: Sort
    index: int | None


@dataclass(frozen=True, slots=True)
class ImportDef:
    """An import, of a component or in a component type."""

    name: ExternName
    desc: ExternDesc


@dataclass(frozen=True, slots=True)
class ExportDecl:
    """An export in a component or instance type."""

    name: ExternName
    desc: ExternDesc


@dataclass(frozen=True, slots=True)
class ExportDef:
    """An export of a component: an item that exists, with the type ascribed to it, if any."""

    name: ExternName
    sort: Sort
    index: int
    ascribed: ExternDesc | None


@dataclass(frozen=True, slots=True)
class InstanceAlias:
    """An alias of an export of an instance."""

    sort: Sort
    instance: int
    name: str


@dataclass(frozen=True, slots=True)
class OuterAlias:
    """An alias of an item of an enclosing scope; `count` 0 is the scope itself."""

    sort: Sort
    count: int
    index: int


@dataclass(frozen=True, slots=True)
class InstantiateDef:
    """An instance of a component; each argument is a name, a sort and an index."""

    component: int
    arguments: tuple[tuple[str, Sort, int], ...]


@dataclass(frozen=True, slots=True)
class InlineInstanceDef:
    """An instance made of items that exist."""

    exports: tuple[tuple[ExternName, Sort, int], ...]


@dataclass(frozen=True, slots=True)
class LiftDef:
    """A component function made from a core function; `type` is the index of its function type."""

    type: int


@dataclass(frozen=True, slots=True)
class UnreadCanonsDef:
    """The rest of a section of canonical definitions, from an `opcode` on that this version does not know."""

    opcode: int


@dataclass(frozen=True, slots=True)
class ResourceDef:
    """A resource type defined by a component."""


@dataclass(frozen=True, slots=True)
class CoreTypeDef:
    """A core type, by its bytes."""

    declared: bytes


@dataclass(frozen=True, slots=True)
class ComponentTypeDef:
    """`componenttype`."""

    declarations: tuple[Declaration, ...]


@dataclass(frozen=True, slots=True)
class InstanceTypeDef:
    """`instancetype`."""

    declarations: tuple[Declaration, ...]


@dataclass(frozen=True, slots=True)
class TypeDef:
    """An entry of the type index space."""

    type: Primitive | Structure[Ref] | FuncType[Ref] | ComponentTypeDef | InstanceTypeDef | ResourceDef


@dataclass(frozen=True, slots=True)
class CoreModuleDef:
    """A core module, left where it is: bytes `start` to `end` of the outermost component."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ComponentDef:
    """A component: bytes `start` to `end` of the outermost one, preamble included."""

    start: int
    end: int
    definitions: tuple[Located, ...]


Declaration = CoreTypeDef | TypeDef | InstanceAlias | OuterAlias | ImportDef | ExportDecl
Definition = (
    Declaration
    | ExportDef
    | InstantiateDef
    | InlineInstanceDef
    | LiftDef
    | UnreadCanonsDef
    | CoreModuleDef
    | ComponentDef
)


@dataclass(frozen=True, slots=True)
class Located:
    """A definition and the offset of the section that holds it, for messages."""

    definition: Definition
    offset: int
