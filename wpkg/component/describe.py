"""Types in words, for messages: close to WIT, names where there are names, short."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.component.types import (
    Alias,
    Borrow,
    ComponentType,
    EnumType,
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
    Variant,
    strip,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wpkg.component.types import (
        AnyType,
        ExternType,
        ValueType,
    )


MAX_PARTS = 40  # of a type that are shown; types may refer to types without end


def describe(value: AnyType) -> str:
    """`value` as WIT would refer to it; a composite without a name in short."""
    return _Describer().type(value)


def describe_extern(extern: ExternType) -> str:
    """What kind of import or export it is, with its type where that is short."""
    return _Describer().extern(extern)


class Extern(Struct, frozen=True):
    """One import or export: its name, and in words what it is."""

    name: str
    what: str


def described(externs: Mapping[str, ExternType]) -> tuple[Extern, ...]:
    """Imports or exports for people, in order."""
    return tuple(Extern(name, describe_extern(extern)) for name, extern in externs.items())


class _Describer:
    """Shows a number of parts, and for the rest an ellipsis."""

    def __init__(self) -> None:
        self._left = MAX_PARTS

    def type(self, value: AnyType) -> str:
        self._left -= 1
        if self._left < 0:
            return "…"
        match value:
            case Primitive():
                return value.keyword
            case Resource():
                return value.name or "a resource"
            case Alias():
                return value.name or self.type(value.target)
            case ListType(element):
                return f"list<{self.type(element)}>"
            case FixedList(element, length):
                return f"list<{self.type(element)}, {length}>"
            case TupleType(elements):
                return f"tuple<{self._some([('', element) for element in elements])}>"
            case OptionType(inner):
                return f"option<{self.type(inner)}>"
            case ResultType(ok, error):
                return self._generic("result", "_" if ok is None and error is not None else ok, error)
            case Own(resource):
                return f"own<{self.type(resource)}>"
            case Borrow(resource):
                return f"borrow<{self.type(resource)}>"
            case StreamType(payload):
                return self._generic("stream", payload)
            case FutureType(payload):
                return self._generic("future", payload)
            case MapType(key, item):
                return f"map<{self.type(key)}, {self.type(item)}>"
            case Record(fields):
                return f"record {{ {self._some(fields)} }}"
            case Variant(cases):
                return f"variant {{ {self._names([name for name, _ in cases])} }}"
            case Flags(labels):
                return f"flags {{ {self._names(labels)} }}"
            case EnumType(labels):
                return f"enum {{ {self._names(labels)} }}"
            case FuncType() | InstanceType() | ComponentType():
                return self.extern(value)

    def extern(self, extern: ExternType) -> str:
        match extern:
            case FuncType():
                result = "" if extern.result is None else f" -> {self.type(extern.result)}"
                return f"{'async ' if extern.is_async else ''}func({self._some(extern.params)}){result}"
            case InstanceType():
                return "an instance"
            case ComponentType():
                return "a component"
            case TypeBound(type=identity):
                found = strip(identity)
                return "a resource" if isinstance(found, Resource) else f"type {self.type(found)}"
            case _:
                return "a core module"

    def _some(self, members: Sequence[tuple[str, ValueType]]) -> str:
        """Members with their names, '' for none, as many as there is room for."""
        shown: list[str] = []
        for name, member in members:
            text = self.type(member)
            shown.append(f"{name}: {text}" if name and self._left >= 0 else text)
            if self._left < 0:
                break
        return ", ".join(shown)

    def _names(self, names: Sequence[str]) -> str:
        return ", ".join((*names[:MAX_PARTS], "…") if len(names) > MAX_PARTS else names)

    def _generic(self, name: str, *arguments: ValueType | str | None) -> str:
        written = [a if isinstance(a, str) else self.type(a) for a in arguments if a is not None]
        return f"{name}<{', '.join(written)}>" if written else name
