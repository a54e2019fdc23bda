"""Types in words, for messages: close to WIT, names where there are names, short."""

from __future__ import annotations

from wpkg.component.types import (
    Alias,
    AnyType,
    Borrow,
    ComponentType,
    EnumType,
    ExternType,
    FixedList,
    Flags,
    FuncType,
    FutureType,
    InstanceType,
    ListType,
    MapType,
    OptionType,
    Own,
    Primitive,
    Record,
    Resource,
    ResultType,
    StreamType,
    TupleType,
    TypeBound,
    ValueType,
    Variant,
    strip,
)


def describe(value: AnyType) -> str:
    """`value` as WIT would refer to it; a composite without a name in short."""
    match value:
        case Primitive():
            return value.keyword
        case Alias() | Resource():
            return value.name or ("a resource" if isinstance(value, Resource) else describe(value.target))
        case ListType(element):
            return f"list<{describe(element)}>"
        case FixedList(element, length):
            return f"list<{describe(element)}, {length}>"
        case TupleType(elements):
            return f"tuple<{', '.join(describe(element) for element in elements)}>"
        case OptionType(inner):
            return f"option<{describe(inner)}>"
        case ResultType(ok, error):
            return _generic("result", "_" if ok is None and error is not None else ok, error)
        case Own(resource):
            return f"own<{describe(resource)}>"
        case Borrow(resource):
            return f"borrow<{describe(resource)}>"
        case StreamType(payload):
            return _generic("stream", payload)
        case FutureType(payload):
            return _generic("future", payload)
        case MapType(key, item):
            return f"map<{describe(key)}, {describe(item)}>"
        case Record(fields):
            return f"record {{ {', '.join(f'{name}: {describe(field)}' for name, field in fields)} }}"
        case Variant(cases):
            return f"variant {{ {', '.join(name for name, _ in cases)} }}"
        case Flags(labels):
            return f"flags {{ {', '.join(labels)} }}"
        case EnumType(labels):
            return f"enum {{ {', '.join(labels)} }}"
        case FuncType() | InstanceType() | ComponentType():
            return describe_extern(value)


def _generic(name: str, *arguments: ValueType | str | None) -> str:
    written = [a if isinstance(a, str) else describe(a) for a in arguments if a is not None]
    return f"{name}<{', '.join(written)}>" if written else name


def describe_extern(extern: ExternType) -> str:
    """What kind of import or export it is, with its type where that is short."""
    if isinstance(extern, FuncType):
        params = ", ".join(f"{name}: {describe(param)}" for name, param in extern.params)
        result = "" if extern.result is None else f" -> {describe(extern.result)}"
        return f"{'async ' if extern.is_async else ''}func({params}){result}"
    if isinstance(extern, InstanceType):
        return "an instance"
    if isinstance(extern, ComponentType):
        return "a component"
    if isinstance(extern, TypeBound):
        found = strip(extern.type)
        return "a resource" if isinstance(found, Resource) else f"type {describe(found)}"
    return "a core module"
