"""Values of the component model as wasmtime's Python package has them.

It has no word for the case of a variant, option or result whose payloads are of different classes: the payload
stands for it. Where two cases have a class in common it wants a `Variant` with the label. Which it is, its types
say (`ValType.add_classes`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wasmtime.component import (
    U8,
    BorrowType,
    FlagsType,
    ListType,
    OptionType,
    OwnType,
    Record,
    RecordType,
    ResultType,
    TupleType,
    Variant,
    VariantType,
)

from wpkg.component.json_values import Case, Handle, Value
from wpkg.errors import WpkgError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wasmtime.component import ValType

_HOST_ERROR = "err"  # what it calls the case of a result that is `error` in WIT


class NotForThisHost(WpkgError):
    """A value that the component takes, and that wasmtime's Python package cannot carry."""


def to_host(value: Value, kind: ValType, open_handle: Callable[[Handle], Any]) -> Any:
    """`value`, of the type `kind`, for a call; `open_handle` gives the resource itself. Raises: NotForThisHost."""
    match kind:
        case RecordType():
            record = Record()
            for name, field in kind.fields:
                setattr(record, name, to_host(value[name], field, open_handle))
            return record
        case ListType():
            items = [to_host(item, kind.element, open_handle) for item in value]
            return bytes(items) if isinstance(kind.element, U8) else items
        case TupleType():
            pairs = zip(value, kind.elements, strict=True)
            return tuple(to_host(item, element, open_handle) for item, element in pairs)
        case FlagsType():
            return set(value)
        case ResultType():
            label = _HOST_ERROR if value.label == "error" else value.label
            return _case_to_host(Case(label, value.payload), _cases(kind), open_handle)
        case OptionType() | VariantType():
            return _case_to_host(value, _cases(kind), open_handle)
        case OwnType() | BorrowType():
            return open_handle(value)
    return value


def from_host(value: Any, kind: ValType) -> Value:
    """What a call has returned, of the type `kind`."""
    match kind:
        case RecordType():
            return {name: from_host(getattr(value, name), field) for name, field in kind.fields}
        case ListType():
            return [from_host(item, kind.element) for item in value]
        case TupleType():
            return tuple(from_host(item, element) for item, element in zip(value, kind.elements, strict=True))
        case FlagsType():
            return frozenset(value)
        case ResultType():
            found = _case_from_host(value, _cases(kind))
            return Case("error", found.payload) if found.label == _HOST_ERROR else found
        case OptionType() | VariantType():
            return _case_from_host(value, _cases(kind))
        case OwnType() | BorrowType():
            return Handle(value)
    return value


def _cases(kind: OptionType | ResultType | VariantType) -> list[tuple[str, ValType | None]]:
    if isinstance(kind, OptionType):
        return [("none", None), ("some", kind.payload)]
    if isinstance(kind, ResultType):
        return [("ok", kind.ok), (_HOST_ERROR, kind.err)]
    return kind.cases


def _classes(payload: ValType | None) -> set[type]:
    found: set[type] = set()
    if payload is None:
        return {object}
    payload.add_classes(found)
    return found


def _is_tagged(cases: Sequence[tuple[str, ValType | None]]) -> bool:
    seen: set[type] = set()
    for _, payload in cases:
        classes = _classes(payload)
        if seen & classes:
            return True
        seen |= classes
    return False


def _case_to_host(
    value: Case, cases: Sequence[tuple[str, ValType | None]], open_handle: Callable[[Handle], Any]
) -> Any:
    payload = dict(cases)[value.label]
    given = None if payload is None else to_host(value.payload, payload, open_handle)
    if _is_tagged(cases):
        return Variant(value.label, given)
    taken = next(label for label, other in cases if _takes(other, given))
    if taken != value.label:
        raise NotForThisHost(
            f"wasmtime's Python package takes {given!r} for case '{taken}', not for '{value.label}'"
        )
    return given


def _takes(payload: ValType | None, given: object) -> bool:
    return given is None if payload is None else isinstance(given, tuple(_classes(payload)))


def _case_from_host(value: Any, cases: Sequence[tuple[str, ValType | None]]) -> Case:
    if _is_tagged(cases):
        label, given = value.tag, value.payload
    else:
        label = next(label for label, payload in cases if _has_class_of(value, payload))
        given = value
    payload = dict(cases)[label]
    return Case(label, None if payload is None else from_host(given, payload))


def _has_class_of(value: object, payload: ValType | None) -> bool:
    """Exactly: a bool is an int to Python, and another case here."""
    if value is None:
        return object in _classes(payload)
    return payload is not None and type(value) in _classes(payload)
