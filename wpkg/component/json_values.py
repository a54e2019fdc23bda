"""Values of the component model, and what they are in JSON.

======================  ==========================================================================
integers                numbers; 64-bit ones may be given as text, for programs whose numbers end at 2⁵³
f32, f64                numbers, and ``"NaN"``, ``"Infinity"``, ``"-Infinity"``
bool, string            what JSON has
char                    text of one character (Unicode scalar value)
record                  an object with all fields
list, tuple             an array
variant                 ``"label"``; with a payload ``{"label": payload}``
enum                    ``"label"``
flags                   an array of labels
option                  the value or null; where the value itself can be null, ``{"some": value}`` or null
result                  ``{"ok": value}`` or ``{"error": value}``, null where there is no value
own, borrow             ``{"resource": "name"}``: nothing that could be kept
======================  ==========================================================================

As values in Python: int, float, bool, str, list, tuple; a dict for a record, a frozenset for flags, `Case` for
whatever is one of several, `Handle` for a resource.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wpkg.component.describe import describe
from wpkg.component.types import (
    Alias,
    Borrow,
    EnumType,
    FixedList,
    Flags,
    ListType,
    OptionType,
    Own,
    Primitive,
    Record,
    ResultType,
    TupleType,
    Variant,
    strip,
)
from wpkg.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from wpkg.component.types import AnyType

Value = Any

_INTEGERS = {
    Primitive.U8: (0, 2**8 - 1),
    Primitive.U16: (0, 2**16 - 1),
    Primitive.U32: (0, 2**32 - 1),
    Primitive.U64: (0, 2**64 - 1),
    Primitive.S8: (-(2**7), 2**7 - 1),
    Primitive.S16: (-(2**15), 2**15 - 1),
    Primitive.S32: (-(2**31), 2**31 - 1),
    Primitive.S64: (-(2**63), 2**63 - 1),
}
_WIDE = (Primitive.U64, Primitive.S64)
_LONGEST_INTEGER = 20  # characters
_MAX_F32 = 3.4028235677973366e38  # what is below rounds to a finite f32
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_SHOWN = 40  # characters of what was found instead


class Case(Struct, frozen=True):
    """One of several: of a variant, an option (`some`, `none`) or a result (`ok`, `error`)."""

    label: str
    payload: Value = None


class Handle(Struct, frozen=True):
    """A resource: what stands for it is the affair of whoever runs the component."""

    resource: Any


class ArgumentMismatch(InvalidInput):
    """A JSON value is none of the type that is wanted."""

    def __init__(self, path: str, expected: str, found: str) -> None:
        super().__init__(f"{path}: expected {expected}, found {found}")
        self.path = path


class NotAValue(InvalidInput):
    """A type has no values that could be written as JSON: streams, futures, error contexts, maps."""


def no_handle(value: object, path: str, resource: AnyType) -> Handle:
    """What opens no resource. Raises: ArgumentMismatch."""
    raise ArgumentMismatch(path, f"a handle to {resource_name(resource)}", shown(value))


def from_json(
    value: object, wanted: AnyType, path: str, open_handle: Callable[[object, str, AnyType], Handle] = no_handle
) -> Value:
    """`value` as one of the type `wanted`; `path` says where it is.

    Where a resource is wanted, `open_handle` makes one of what is given, its path and the resource's type.

    Raises: ArgumentMismatch, NotAValue.
    """
    return _Reader(open_handle).read(value, wanted, path)


class _Reader:
    def __init__(self, open_handle: Callable[[object, str, AnyType], Handle]) -> None:
        self._open_handle = open_handle

    def read(self, value: object, wanted: AnyType, path: str) -> Value:
        kind = strip(wanted)
        match kind:
            case Primitive():
                return _primitive(value, kind, path)
            case ListType(element):
                return self._items(value, element, wanted, path)
            case FixedList(element, length):
                if isinstance(value, list) and len(value) != length:
                    raise ArgumentMismatch(path, f"{length} items", f"{len(value)}")
                return self._items(value, element, wanted, path)
            case TupleType(elements):
                if not isinstance(value, list):
                    raise _mismatch(value, wanted, path)
                if len(value) != len(elements):
                    raise ArgumentMismatch(path, f"{len(elements)} items", f"{len(value)}")
                pairs = enumerate(zip(value, elements, strict=True))
                return tuple(self.read(item, element, f"{path}[{i}]") for i, (item, element) in pairs)
            case Record(fields):
                return self._record(value, dict(fields), wanted, path)
            case Flags(labels):
                return _flags(value, labels, path)
            case EnumType(labels):
                if not isinstance(value, str) or value not in labels:
                    raise ArgumentMismatch(path, f"one of {_quoted(labels)}", shown(value))
                return value
            case OptionType(inner):
                return self._option(value, inner, path)
            case ResultType(ok, error):
                return self._case(value, {"ok": ok, "error": error}, path)
            case Variant(cases):
                return self._case(value, dict(cases), path)
            case Own(resource) | Borrow(resource):
                return self._open_handle(value, path, resource)
        raise NotAValue(f"{path}: no value of type {describe(wanted)} can be written as JSON")

    def _items(self, value: object, element: AnyType, wanted: AnyType, path: str) -> list[Value]:
        if not isinstance(value, list):
            raise _mismatch(value, wanted, path)
        return [self.read(item, element, f"{path}[{i}]") for i, item in enumerate(value)]

    def _record(self, value: object, fields: dict[str, AnyType], wanted: AnyType, path: str) -> dict[str, Value]:
        if not isinstance(value, dict):
            raise _mismatch(value, wanted, path)
        for name in fields:
            if name not in value:
                raise ArgumentMismatch(path, f"a field '{name}'", f"only {_quoted(value) or 'no fields'}")
        for name in value:
            if name not in fields:
                raise ArgumentMismatch(path, f"no fields but {_quoted(fields)}", f"'{_cut(str(name))}'")
        return {name: self.read(value[name], field, f"{path}.{name}") for name, field in fields.items()}

    def _option(self, value: object, inner: AnyType, path: str) -> Case:
        if value is None:
            return Case("none")
        if not _can_be_null(inner):
            return Case("some", self.read(value, inner, path))
        if not isinstance(value, dict) or set(value) != {"some"}:
            raise ArgumentMismatch(path, 'null or {"some": …}', shown(value))
        return Case("some", self.read(value["some"], inner, f"{path}.some"))

    def _case(self, value: object, cases: dict[str, AnyType | None], path: str) -> Case:
        if isinstance(value, str):
            label, payload, given = value, None, False
        elif isinstance(value, dict) and len(value) == 1:
            [(label, payload)] = value.items()
            given = True
        else:
            raise ArgumentMismatch(path, f"an object with one of {_quoted(cases)}", shown(value))
        if label not in cases:
            raise ArgumentMismatch(path, f"one of {_quoted(cases)}", f"'{_cut(label)}'")
        wanted = cases[label]
        if wanted is None:
            if payload is not None:
                raise ArgumentMismatch(f"{path}.{label}", "null, for the case has no payload", shown(payload))
            return Case(label)
        if not given:
            raise ArgumentMismatch(path, f'{{"{label}": {describe(wanted)}}}', shown(value))
        return Case(label, self.read(payload, wanted, f"{path}.{label}"))


def _primitive(value: object, kind: Primitive, path: str) -> Value:
    if kind in _INTEGERS:
        number = value
        if kind in _WIDE and isinstance(value, str) and len(value) <= _LONGEST_INTEGER:
            digits = value.removeprefix("-")
            number = int(value) if digits.isascii() and digits.isdigit() else value
        if isinstance(number, float) and number.is_integer():
            number = int(number)
        low, high = _INTEGERS[kind]
        if isinstance(number, int) and not isinstance(number, bool) and low <= number <= high:
            return number
    elif kind in (Primitive.F32, Primitive.F64):
        if isinstance(value, str) and value in _SPECIAL:
            return _SPECIAL[value]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            number = float(value)
            if kind is Primitive.F64 or abs(number) < _MAX_F32:
                return number
    elif kind is Primitive.CHAR:
        if isinstance(value, str) and len(value) == 1:
            return value
    elif isinstance(value, {Primitive.BOOL: bool, Primitive.STRING: str}.get(kind, ())):
        return value
    if kind is Primitive.ERROR_CONTEXT:
        raise NotAValue(f"{path}: an error context cannot be written as JSON")
    raise ArgumentMismatch(path, kind.keyword, shown(value))


def _flags(value: object, labels: tuple[str, ...], path: str) -> frozenset[str]:
    if not isinstance(value, list):
        raise ArgumentMismatch(path, f"a list of {_quoted(labels)}", shown(value))
    for i, label in enumerate(value):
        if label not in labels:
            raise ArgumentMismatch(f"{path}[{i}]", f"one of {_quoted(labels)}", shown(label))
    return frozenset(value)


def to_json(value: Value, kind: AnyType) -> Any:
    """A value of the type `kind` as JSON. Raises: NotAValue."""
    kind = strip(kind)
    match kind:
        case Primitive():
            return _number(value) if isinstance(value, float) else value
        case ListType(element) | FixedList(element, _):
            return [to_json(item, element) for item in value]
        case TupleType(elements):
            return [to_json(item, element) for item, element in zip(value, elements, strict=True)]
        case Record(fields):
            return {name: to_json(value[name], field) for name, field in fields}
        case Flags(labels):
            return [label for label in labels if label in value]
        case EnumType():
            return value
        case OptionType(inner):
            if value.label == "none":
                return None
            given = to_json(value.payload, inner)
            return {"some": given} if _can_be_null(inner) else given
        case ResultType(ok, error):
            payload = ok if value.label == "ok" else error
            return {value.label: None if payload is None else to_json(value.payload, payload)}
        case Variant(cases):
            payload = dict(cases)[value.label]
            return value.label if payload is None else {value.label: to_json(value.payload, payload)}
        case Own(resource) | Borrow(resource):
            return {"resource": resource_name(resource)}
    raise NotAValue(f"the result is of type {describe(kind)}, which cannot be written as JSON")


def _number(value: float) -> float | str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def _can_be_null(kind: AnyType) -> bool:
    return isinstance(strip(kind), OptionType)


def resource_name(resource: AnyType) -> str:
    """What a resource is called."""
    while isinstance(resource, Alias) and not resource.name:
        resource = resource.target
    return getattr(resource, "name", "") or "resource"


def _mismatch(value: object, wanted: AnyType, path: str) -> ArgumentMismatch:
    return ArgumentMismatch(path, describe(wanted), shown(value))


def _quoted(names: Any) -> str:
    return ", ".join(f"'{_cut(str(name))}'" for name in names)


def shown(value: object) -> str:
    """`value` as JSON, cut short."""
    return _cut(json.dumps(value, ensure_ascii=False))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
