"""From values to bytes (Binary.md): the opposite of `cursor` and `decode`.

References in the types given are indices or primitives, *to be written* in the words of `wpkg.component.types`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.component.core_types import CoreFunc, CoreMemory, CoreTable, CoreTag
from wpkg.component.sections import leb
from wpkg.component.types import (
    Borrow,
    EnumType,
    FixedList,
    Flags,
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
    from collections.abc import Iterable, Sequence

    from wpkg.component.core_types import CoreExtern, CoreFuncType, CoreModuleType, CoreValue, Limits
    from wpkg.component.definitions import Attribute, Ref, Sort
    from wpkg.component.types import (
        FuncType,
        Structure,
    )


class UnwritableType(Exception):
    """A type that is not known: of a core module that is in a component, whose code is not read."""


def signed_leb(value: int) -> bytes:
    """`value` as signed LEB128."""
    out = bytearray()
    while True:
        low = value & 0x7F
        value >>= 7
        done = value == (-1 if low & 0x40 else 0)
        out.append(low if done else low | 0x80)
        if done:
            return bytes(out)


def name(text: str) -> bytes:
    """A length and that many bytes of UTF-8."""
    data = text.encode()
    return leb(len(data)) + data


def vector(items: Sequence[bytes]) -> bytes:
    """A count and the items."""
    return leb(len(items)) + b"".join(items)


def extern_name(text: str, attributes: Sequence[tuple[Attribute, str]] = ()) -> bytes:
    """The name of an import or export."""
    if not attributes:
        return b"\x00" + name(text)
    return b"\x02" + name(text) + vector([bytes([kind.value]) + name(value) for kind, value in attributes])


def instance_alias(sort: Sort, instance: int, export: str) -> bytes:
    """An alias of an export of an instance."""
    return sort.value + b"\x00" + leb(instance) + name(export)


def outer_alias(sort: Sort, count: int, index: int) -> bytes:
    """An alias of an item of an enclosing scope."""
    return sort.value + b"\x02" + leb(count) + leb(index)


def instantiate(component: int, arguments: Iterable[tuple[str, Sort, int]]) -> bytes:
    """An instance expression that instantiates a component."""
    return (
        b"\x00"
        + leb(component)
        + vector([name(argument) + sort.value + leb(index) for argument, sort, index in arguments])
    )


def export(
    text: str,
    sort: Sort,
    index: int,
    ascribed: bytes | None = None,
    attributes: Sequence[tuple[Attribute, str]] = (),
) -> bytes:
    """An export, with the type that is ascribed to it (an `externdesc`), if any."""
    ascription = b"\x00" if ascribed is None else b"\x01" + ascribed
    return extern_name(text, attributes) + sort.value + leb(index) + ascription


def reference(ref: Ref) -> bytes:
    """A `valtype`."""
    return bytes([ref.value]) if isinstance(ref, Primitive) else signed_leb(ref)


def _optional(ref: Ref | None) -> bytes:
    return b"\x00" if ref is None else b"\x01" + reference(ref)


def _named(members: Iterable[tuple[str, Ref]]) -> bytes:
    return vector([name(member) + reference(ref) for member, ref in members])


def func_type(func: FuncType[Ref]) -> bytes:
    """A function type."""
    result = b"\x01\x00" if func.result is None else b"\x00" + reference(func.result)
    return (b"\x43" if func.is_async else b"\x40") + _named(func.params) + result


def defined_type(value: Primitive | Structure[Ref]) -> bytes:
    """A value type's definition."""
    match value:
        case Primitive():
            return bytes([value.value])
        case Record(fields):
            return b"\x72" + _named(fields)
        case Variant(cases):
            return b"\x71" + vector([name(case) + _optional(ref) + b"\x00" for case, ref in cases])
        case ListType(element):
            return b"\x70" + reference(element)
        case FixedList(element, length):
            return b"\x67" + reference(element) + leb(length)
        case TupleType(elements):
            return b"\x6f" + vector([reference(element) for element in elements])
        case Flags(labels):
            return b"\x6e" + vector([name(label) for label in labels])
        case EnumType(labels):
            return b"\x6d" + vector([name(label) for label in labels])
        case OptionType(inner):
            return b"\x6b" + reference(inner)
        case ResultType(ok, error):
            return b"\x6a" + _optional(ok) + _optional(error)
        case Own(resource):
            return b"\x69" + _index(resource)
        case Borrow(resource):
            return b"\x68" + _index(resource)
        case StreamType(payload):
            return b"\x66" + _optional(payload)
        case FutureType(payload):
            return b"\x65" + _optional(payload)
        case MapType(key, item):
            return b"\x63" + reference(key) + reference(item)


def core_module_type(module: CoreModuleType) -> bytes:
    """The type of a core module. Each function type is declared where it is used."""
    declarations: list[bytes] = []
    types = 0

    def described(extern: CoreExtern) -> bytes:
        nonlocal types
        if isinstance(extern, (CoreFunc, CoreTag)):
            declarations.append(b"\x01" + _core_func_type(extern.type))
            types += 1
            return (b"\x00" if isinstance(extern, CoreFunc) else b"\x04\x00") + leb(types - 1)
        if isinstance(extern, CoreTable):
            return b"\x01" + _core_value(extern.element) + _limits(extern.limits)
        if isinstance(extern, CoreMemory):
            return b"\x02" + _limits(extern.limits)
        return b"\x03" + _core_value(extern.type) + bytes([extern.mutable])

    for (of, text), extern in module.imports.items():
        written = described(extern)
        declarations.append(b"\x00" + name(of) + name(text) + written)
    for text, extern in module.exports.items():
        written = described(extern)
        declarations.append(b"\x03" + name(text) + written)
    return b"\x50" + vector(declarations)


def _core_func_type(func: CoreFuncType | None) -> bytes:
    if func is None:
        raise UnwritableType
    return b"\x60" + vector(func.params) + vector(func.results)


def _core_value(value: CoreValue | None) -> bytes:
    if value is None:
        raise UnwritableType
    return value


def _limits(limits: Limits) -> bytes:
    has_maximum, has_page_size = limits.maximum is not None, limits.page_size is not None
    flags = has_maximum | limits.shared << 1 | limits.is_64 << 2 | has_page_size << 3
    return (
        bytes([flags])
        + leb(limits.minimum)
        + (b"" if limits.maximum is None else leb(limits.maximum))
        + (b"" if limits.page_size is None else leb(limits.page_size))
    )


def _index(ref: Ref) -> bytes:
    """The type index in a handle: unsigned, unlike a `valtype`."""
    if isinstance(ref, Primitive):
        raise TypeError(f"a handle to {ref.keyword}")  # a wrong call, not bad input
    return leb(ref)
