"""From bytes to definitions (Binary.md).

Lazy: core modules and custom sections are stepped over by their length and never copied. Every declared size
is compared with what is there before anything is made of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from wpkg.component.canon import read_canon_section
from wpkg.component.core_types import skip_core_type
from wpkg.component.cursor import Cursor
from wpkg.component.definitions import (
    SORTS,
    Attribute,
    ComponentDef,
    ComponentTypeDef,
    CoreModuleDef,
    CoreTypeDef,
    Declaration,
    Definition,
    ExportDecl,
    ExportDef,
    ExternDesc,
    ExternName,
    ImportDef,
    InlineInstanceDef,
    InstanceAlias,
    InstanceTypeDef,
    InstantiateDef,
    Located,
    OuterAlias,
    Ref,
    ResourceDef,
    Sort,
    TypeDef,
)
from wpkg.component.errors import MalformedComponent, UnsupportedComponent
from wpkg.component.types import (
    Borrow,
    EnumType,
    FixedList,
    Flags,
    FuncType,
    FutureType,
    ListType,
    MapType,
    OptionType,
    Own,
    Primitive,
    Record,
    ResultType,
    StreamType,
    Structure,
    TupleType,
    Variant,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Items = TypeVar("Items", bound=tuple[object, ...])

COMPONENT_PREAMBLE = b"\0asm\x0d\0\x01\0"
MODULE_PREAMBLE = b"\0asm\x01\0\0\0"
MAX_DEPTH = 100  # components in components, types in types; wasmparser's limit

_PRIMITIVES = {primitive.value: primitive for primitive in Primitive}
_OUTER_SORTS = frozenset({Sort.CORE_MODULE, Sort.CORE_TYPE, Sort.TYPE, Sort.COMPONENT})
_TYPE_SCOPE_OUTER_SORTS = frozenset({Sort.CORE_TYPE, Sort.TYPE})
_TYPE_SCOPE_INSTANCE_SORTS = frozenset({Sort.TYPE, Sort.INSTANCE})


def decode_component(data: memoryview) -> ComponentDef:
    """The definitions of the component that fills `data`. Raises: MalformedComponent, UnsupportedComponent."""
    return _component(data, 0, len(data), 0)


def sections(data: memoryview, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The sections of the component at `start`, preamble included: id, and start and end of the body."""
    position = start + len(COMPONENT_PREAMBLE)
    while position < end:
        identifier = data[position]
        size, body = _section_size(data, position + 1, end)
        if size > end - body:
            raise MalformedComponent(f"section {identifier:#04x} of {size} bytes ends beyond the file", position)
        yield identifier, body, body + size
        position = body + size


def _section_size(data: memoryview, position: int, end: int) -> tuple[int, int]:
    size = shift = 0
    while True:
        if position >= end:
            raise MalformedComponent("unexpected end", position)
        byte = data[position]
        position += 1
        size |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
        if shift > 28:
            raise MalformedComponent("integer representation too long", position)
    if size >> 32:
        raise MalformedComponent("integer too large", position)
    return size, position


def _component(data: memoryview, start: int, end: int, depth: int) -> ComponentDef:
    if data[start : start + len(COMPONENT_PREAMBLE)] != COMPONENT_PREAMBLE:
        raise MalformedComponent("expected the preamble of a component", start)
    if depth > MAX_DEPTH:
        raise MalformedComponent(f"components are nested more than {MAX_DEPTH} deep", start)
    definitions: list[Located] = []
    for identifier, body, after in sections(data, start, end):
        if identifier == 0x04:
            definitions.append(Located(_component(data, body, after, depth + 1), body))
        elif identifier == 0x01:
            if data[body : body + len(MODULE_PREAMBLE)] != MODULE_PREAMBLE:
                raise MalformedComponent("expected the preamble of a core module", body)
            definitions.append(Located(CoreModuleDef(body, after), body))
        elif identifier not in (0x00, 0x02):
            reader = _Section(Cursor(bytes(data[body:after]), body))
            definitions += [Located(definition, body) for definition in reader.read(identifier)]
    return ComponentDef(start, end, tuple(definitions))


class _Section:
    """Reads the entries of one section."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._depth = 0

    def read(self, identifier: int) -> list[Definition]:
        """What section `identifier` defines, in order."""
        match identifier:
            case 0x03:
                return self._entries(self._core_type)
            case 0x05:
                return self._entries(self._instance)
            case 0x06:
                return self._entries(self._alias)
            case 0x07:
                return self._entries(self._type)
            case 0x08:
                return self._canons()
            case 0x09:
                raise UnsupportedComponent("the component has a start function, a feature that nobody ships yet")
            case 0x0A:
                return self._entries(self._import)
            case 0x0B:
                return self._entries(self._export)
            case 0x0C:
                raise UnsupportedComponent("the component has value definitions, a feature that nobody ships yet")
            case _:
                raise self._cursor.fail(f"unknown section {identifier:#04x}")

    def _entries(self, read: Callable[[], Definition | None]) -> list[Definition]:
        entries = [entry for entry in self._cursor.vector(read) if entry is not None]
        self._cursor.finish("a section")
        return entries

    def _canons(self) -> list[Definition]:
        definitions: list[Definition] = []
        definitions += read_canon_section(self._cursor)
        return definitions

    # --- names, sorts, descriptions ----------------------------------------------------------------

    def _extern_name(self) -> ExternName:
        cursor = self._cursor
        kind = cursor.byte()
        if kind in (0x00, 0x01):
            return ExternName(cursor.name())
        if kind != 0x02:
            raise cursor.fail(f"invalid leading byte {kind:#04x} of an extern name")
        name = cursor.name()
        attributes = cursor.vector(self._attribute)
        if len({attribute for attribute, _ in attributes}) != len(attributes):
            raise cursor.fail(f"an attribute of '{name}' occurs twice")
        return ExternName(name, attributes)

    def _attribute(self) -> tuple[Attribute, str]:
        kind = self._cursor.byte()
        if kind > Attribute.EXTERNAL_ID.value:
            raise self._cursor.fail(f"unknown attribute {kind:02x} of an extern name")
        return Attribute(kind), self._cursor.name()

    def _sort(self) -> Sort:
        cursor = self._cursor
        first = cursor.byte()
        code = bytes([first, cursor.byte()]) if first == 0x00 else bytes([first])
        sort = SORTS.get(code)
        if sort is None:
            raise cursor.fail(f"unknown sort {code.hex()}")
        return sort

    def _extern_desc(self) -> ExternDesc:
        cursor = self._cursor
        kind = cursor.byte()
        match kind:
            case 0x00:
                cursor.expect(0x11, "core module")
                return ExternDesc(Sort.CORE_MODULE, cursor.u32())
            case 0x01:
                return ExternDesc(Sort.FUNC, cursor.u32())
            case 0x02:
                raise UnsupportedComponent("the component imports or exports a value, which nobody ships yet")
            case 0x03:
                return ExternDesc(Sort.TYPE, None if cursor.flag() else cursor.u32())
            case 0x04:
                return ExternDesc(Sort.COMPONENT, cursor.u32())
            case 0x05:
                return ExternDesc(Sort.INSTANCE, cursor.u32())
            case _:
                raise cursor.fail(f"unknown extern type {kind:02x}")

    # --- definitions -------------------------------------------------------------------------------

    def _core_type(self) -> CoreTypeDef:
        cursor = self._cursor
        start = cursor.position
        skip_core_type(cursor)
        end, cursor.position = cursor.position, start
        return CoreTypeDef(cursor.take(end - start))

    def _instance(self) -> InstantiateDef | InlineInstanceDef:
        cursor = self._cursor
        kind = cursor.byte()
        if kind == 0x00:
            return InstantiateDef(cursor.u32(), cursor.vector(self._argument))
        if kind == 0x01:
            return InlineInstanceDef(cursor.vector(self._inline_export))
        raise cursor.fail(f"unknown instance expression {kind:02x}")

    def _argument(self) -> tuple[str, Sort, int]:
        return self._cursor.name(), self._sort(), self._cursor.u32()

    def _inline_export(self) -> tuple[ExternName, Sort, int]:
        return self._extern_name(), self._sort(), self._cursor.u32()

    def _alias(self) -> InstanceAlias | OuterAlias | None:
        """An alias; None for one that only feeds a core index space."""
        cursor = self._cursor
        sort = self._sort()
        target = cursor.byte()
        if target == 0x00:
            return InstanceAlias(sort, cursor.u32(), cursor.name())
        if target == 0x01:
            cursor.u32()
            cursor.name()
            return None
        if target != 0x02:
            raise cursor.fail(f"unknown alias target {target:02x}")
        if sort not in _OUTER_SORTS:
            raise cursor.fail("an outer alias of a sort that cannot be aliased")
        return OuterAlias(sort, cursor.u32(), cursor.u32())

    def _import(self) -> ImportDef:
        return ImportDef(self._extern_name(), self._extern_desc())

    def _export(self) -> ExportDef:
        cursor = self._cursor
        name, sort, index = self._extern_name(), self._sort(), cursor.u32()
        return ExportDef(name, sort, index, cursor.optional(self._extern_desc))

    # --- types -------------------------------------------------------------------------------------

    def _type(self) -> TypeDef:
        cursor = self._cursor
        opcode = cursor.peek()
        match opcode:
            case 0x40 | 0x43:
                cursor.byte()
                return TypeDef(FuncType(cursor.vector(self._field), self._result(), opcode == 0x43))
            case 0x41:
                cursor.byte()
                return TypeDef(ComponentTypeDef(self._declarations(imports=True)))
            case 0x42:
                cursor.byte()
                return TypeDef(InstanceTypeDef(self._declarations(imports=False)))
            case 0x3F:
                if self._depth:
                    raise cursor.fail("a resource type cannot be defined inside a type")
                cursor.byte()
                cursor.byte()
                cursor.optional(cursor.u32)
                return TypeDef(ResourceDef())
            case _:
                return TypeDef(self._defined_type())

    def _declarations(self, *, imports: bool) -> tuple[Declaration, ...]:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._cursor.fail(f"types are nested more than {MAX_DEPTH} deep")
        declarations = self._cursor.vector(lambda: self._declaration(imports=imports))
        self._depth -= 1
        return declarations

    def _declaration(self, *, imports: bool) -> Declaration:
        cursor = self._cursor
        kind = cursor.byte()
        match kind:
            case 0x00:
                return self._core_type()
            case 0x01:
                return self._type()
            case 0x02:
                alias = self._alias()
                allowed = _TYPE_SCOPE_OUTER_SORTS if isinstance(alias, OuterAlias) else _TYPE_SCOPE_INSTANCE_SORTS
                if alias is None or alias.sort not in allowed:
                    raise cursor.fail("an alias that a type cannot hold")
                return alias
            case 0x03 if imports:
                return self._import()
            case 0x04:
                return ExportDecl(self._extern_name(), self._extern_desc())
            case _:
                raise cursor.fail(f"unknown declaration {kind:02x}")

    def _ref(self) -> Ref:
        cursor = self._cursor
        value = cursor.s33()
        if value >= 0:
            return value
        primitive = _PRIMITIVES.get(value & 0x7F)
        if primitive is None or value < -0x40:
            raise cursor.fail("unknown value type")
        return primitive

    def _field(self) -> tuple[str, Ref]:
        return self._cursor.name(), self._ref()

    def _case(self) -> tuple[str, Ref | None]:
        name, payload = self._cursor.name(), self._optional_ref()
        self._cursor.expect(0x00, "the end of a case")
        return name, payload

    def _optional_ref(self) -> Ref | None:
        return self._cursor.optional(self._ref)

    def _result(self) -> Ref | None:
        if self._cursor.byte() == 0x00:
            return self._ref()
        self._cursor.expect(0x00, "no results")
        return None

    def _defined_type(self) -> Primitive | Structure[Ref]:
        cursor = self._cursor
        opcode = cursor.byte()
        if (primitive := _PRIMITIVES.get(opcode)) is not None:
            return primitive
        match opcode:
            case 0x72:
                return Record(self._some(cursor.vector(self._field)))
            case 0x71:
                return Variant(self._some(cursor.vector(self._case)))
            case 0x70:
                return ListType(self._ref())
            case 0x67:
                return FixedList(self._ref(), cursor.u32())
            case 0x6F:
                return TupleType(self._some(cursor.vector(self._ref)))
            case 0x6E:
                return Flags(self._some(cursor.vector(cursor.name)))
            case 0x6D:
                return EnumType(self._some(cursor.vector(cursor.name)))
            case 0x6B:
                return OptionType(self._ref())
            case 0x6A:
                return ResultType(self._optional_ref(), self._optional_ref())
            case 0x69:
                return Own(cursor.u32())
            case 0x68:
                return Borrow(cursor.u32())
            case 0x66:
                return StreamType(self._optional_ref())
            case 0x65:
                return FutureType(self._optional_ref())
            case 0x63:
                return MapType(self._ref(), self._ref())
            case _:
                raise cursor.fail(f"unknown type {opcode:#04x}")

    def _some(self, items: Items) -> Items:
        if not items:
            raise self._cursor.fail("a type that must have members has none")
        return items
