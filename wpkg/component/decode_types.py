"""Types as written, and what both types and components hold: names, descriptions, aliases, imports (Binary.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from wpkg.component.definitions import (
    CORE_ITEM_SORTS,
    Attribute,
    ComponentTypeDef,
    CoreInstanceAlias,
    ExportDecl,
    ExternDesc,
    ExternName,
    ImportDef,
    InstanceAlias,
    InstanceTypeDef,
    OuterAlias,
    ResourceDef,
    Sort,
    TypeDef,
)
from wpkg.component.errors import UnsupportedComponent, quoted
from wpkg.component.extern_names import fault_of_labels
from wpkg.component.read_core_types import read_core_type
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
    TupleType,
    Variant,
)

if TYPE_CHECKING:
    from wpkg.component.cursor import Cursor
    from wpkg.component.definitions import (
        Declaration,
        Ref,
    )
    from wpkg.component.types import (
        Structure,
    )

Items = TypeVar("Items", bound=tuple[object, ...])
Members = TypeVar("Members", bound=tuple[tuple[str, object], ...])

MAX_DEPTH = 100  # components in components, types in types; wasmparser's limit
MAX_FLAGS = 32  # flags are passed as one i32

_PRIMITIVES = {primitive.value: primitive for primitive in Primitive}
_SORTS = {sort.value[0]: sort for sort in Sort if len(sort.value) == 1}
_CORE_SORTS = {sort.value[1]: sort for sort in Sort if len(sort.value) > 1}
_NEVER_EXPORTED = CORE_ITEM_SORTS | {Sort.CORE_TYPE, Sort.CORE_INSTANCE}
_OUTER_SORTS = frozenset({Sort.CORE_MODULE, Sort.CORE_TYPE, Sort.TYPE, Sort.COMPONENT})
_TYPE_SCOPE_OUTER_SORTS = frozenset({Sort.CORE_TYPE, Sort.TYPE})
_TYPE_SCOPE_INSTANCE_SORTS = frozenset({Sort.TYPE, Sort.INSTANCE})


class TypeReader:
    """Reads what a cursor is at."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._depth = 0

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
            raise cursor.fail(f"an attribute of {quoted(name)} occurs twice")
        return ExternName(name, attributes)

    def _attribute(self) -> tuple[Attribute, str]:
        kind = self._cursor.byte()
        if kind > Attribute.EXTERNAL_ID.value:
            raise self._cursor.fail(f"unknown attribute {kind:02x} of an extern name")
        return Attribute(kind), self._cursor.name()

    def _sort(self) -> Sort:
        cursor = self._cursor
        code = cursor.byte()
        sort = _CORE_SORTS.get(cursor.byte()) if code == 0x00 else _SORTS.get(code)
        if sort is None:
            raise cursor.fail("unknown sort")
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

    def _alias(self) -> InstanceAlias | CoreInstanceAlias | OuterAlias:
        cursor = self._cursor
        sort = self._sort()
        target = cursor.byte()
        if target == 0x01 and sort in CORE_ITEM_SORTS:
            return CoreInstanceAlias(sort, cursor.u32(), cursor.name())
        if target == 0x00:
            if sort in _NEVER_EXPORTED:
                raise cursor.fail(f"an instance does not export a {sort.words}")
            return InstanceAlias(sort, cursor.u32(), cursor.name())
        if target == 0x01:
            raise cursor.fail(f"a core instance does not export a {sort.words}")
        if target != 0x02:
            raise cursor.fail(f"unknown alias target {target:02x}")
        if sort not in _OUTER_SORTS:
            raise cursor.fail(f"an outer alias of a {sort.words}, which cannot be aliased")
        return OuterAlias(sort, cursor.u32(), cursor.u32())

    def _import(self) -> ImportDef:
        return ImportDef(self._extern_name(), self._extern_desc())

    # --- types -------------------------------------------------------------------------------------

    def _type(self) -> TypeDef:
        cursor = self._cursor
        opcode = cursor.peek()
        match opcode:
            case 0x40 | 0x43:
                cursor.byte()
                params = self._labelled(cursor.vector(self._field), "a parameter")
                return TypeDef(FuncType(params, self._result(), opcode == 0x43))
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
                representation = cursor.take(1)
                return TypeDef(ResourceDef(representation, cursor.optional(cursor.u32)))
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
                return read_core_type(cursor)
            case 0x01:
                return self._type()
            case 0x02:
                alias = self._alias()
                allowed = _TYPE_SCOPE_OUTER_SORTS if isinstance(alias, OuterAlias) else _TYPE_SCOPE_INSTANCE_SORTS
                if isinstance(alias, CoreInstanceAlias) or alias.sort not in allowed:
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
        cursor = self._cursor
        kind = cursor.byte()
        if kind == 0x00:
            return self._ref()
        if kind != 0x01:
            raise cursor.fail(f"unknown kind of results {kind:02x}")
        cursor.expect(0x00, "no results")
        return None

    def _defined_type(self) -> Primitive | Structure[Ref]:
        cursor = self._cursor
        opcode = cursor.byte()
        if (primitive := _PRIMITIVES.get(opcode)) is not None:
            return primitive
        match opcode:
            case 0x72:
                return Record(self._labelled(self._some(cursor.vector(self._field)), "a field"))
            case 0x71:
                return Variant(self._labelled(self._some(cursor.vector(self._case)), "a case"))
            case 0x70:
                return ListType(self._ref())
            case 0x67:
                return self._fixed_list()
            case 0x6F:
                return TupleType(self._some(cursor.vector(self._ref)))
            case 0x6E:
                return Flags(self._flags())
            case 0x6D:
                return EnumType(self._labels("an enum case"))
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

    def _labelled(self, members: Members, what: str) -> Members:
        fault = fault_of_labels([name for name, _ in members], what)
        if fault is not None:
            raise self._cursor.fail(fault)
        return members

    def _labels(self, what: str) -> tuple[str, ...]:
        labels = self._some(self._cursor.vector(self._cursor.name))
        fault = fault_of_labels(labels, what)
        if fault is not None:
            raise self._cursor.fail(fault)
        return labels

    def _flags(self) -> tuple[str, ...]:
        labels = self._labels("a flag")
        if len(labels) > MAX_FLAGS:
            raise self._cursor.fail(f"{len(labels)} flags, of which a type can have {MAX_FLAGS}")
        return labels

    def _fixed_list(self) -> FixedList[Ref]:
        element, length = self._ref(), self._cursor.u32()
        if length == 0:
            raise self._cursor.fail("a fixed-length list of no elements")
        return FixedList(element, length)
