"""A component that denies: it exports what another one may not have, and nothing of it works.

Every function traps. Where a function can say so by the error of its result, it does that instead when it is asked
for: with an enum or variant case that means "denied" or "not supported", or with text. A function whose result has
no such error traps all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from wpkg.component.abi import MemoryImage, core_signature
from wpkg.component.json_values import Case
from wpkg.component.types import (
    EnumType,
    InstanceType,
    ListType,
    OptionType,
    Primitive,
    Record,
    ResultType,
    TupleType,
    TypeBound,
    Variant,
    strip,
)
from wpkg.component.write_core import DATA_START, UNREACHABLE, CoreFunction, const, core_module, free_all
from wpkg.compose.lifted import Interfaces, Module, functions_of, lifted_component
from wpkg.compose.mentions import mentioned, provided
from wpkg.compose.order import in_order

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from wpkg.component.json_values import Value
    from wpkg.component.types import AnyType, ComponentType, EvaluatedFunc, ExternType, Identity
    from wpkg.compose.graph import Denial

MESSAGE = "denied by this composition"
# What the cases of an error that say it are called, the best first; a name that ends in '-denied' is as good.
_SAYING_SO = (
    "access-denied",
    "permission-denied",
    "not-permitted",
    "forbidden",
    "denied",
    "access",
    "not-supported",
    "unsupported",
    "other",
    "internal-error",
    "internal",
    "unknown",
)


def denying_component(component: ComponentType, denied: Mapping[str, Denial]) -> bytes:
    """A component that exports imports of `component`, with the types that they have there.

    Types of other imports that these use are imported, so that they are the same. Raises: Unsupported.
    """
    interfaces = _interfaces(component, denied)
    modules = {
        export: _module(functions_of(export, extern), by_error=denied[export] == "error")
        for export, extern in interfaces.exports.items()
    }
    return lifted_component(interfaces, modules)


def _module(functions: Mapping[str, EvaluatedFunc], *, by_error: bool) -> Module:
    image = MemoryImage(DATA_START)
    bodies = {name: _body(function, image if by_error else None) for name, function in functions.items()}
    exports: dict[CoreFunction, str] = {}
    sources = {name: exports.setdefault(body, str(len(exports))) for name, body in bodies.items()}
    written = {
        name: body if body.code == UNREACHABLE else replace(body, code=free_all(image) + body.code)
        for body, name in exports.items()
    }
    return Module(core_module(written, image, allocates=bool(image.data)), sources)


def _interfaces(component: ComponentType, denied: Collection[str]) -> Interfaces:
    owners: dict[Identity, str] = {}
    wanted: dict[str, ExternType] = {}
    for name, extern in component.imports.items():
        wanted[name] = extern if name in denied else _types_of(extern)
        for _, identity in provided(extern):
            owners.setdefault(identity, name)

    def needs(name: str) -> list[str]:
        found = (owners.get(identity) for identity in mentioned(wanted[name]))
        return list(dict.fromkeys(owner for owner in found if owner is not None and owner != name))

    ordered = in_order([name for name in wanted if name in denied], needs)
    return Interfaces(
        {name: wanted[name] for name in ordered if name not in denied},
        {name: wanted[name] for name in ordered if name in denied},
        component.import_attributes,
    )


def _types_of(extern: ExternType) -> ExternType:
    """What is needed of an import whose types others use: no functions."""
    if not isinstance(extern, InstanceType):
        return extern
    return InstanceType({name: item for name, item in extern.exports.items() if isinstance(item, TypeBound)})


def _body(function: EvaluatedFunc, image: MemoryImage | None) -> CoreFunction:
    """The core function, with the value that it returns in `image`; without one, it traps."""
    signature = core_signature(function)
    result = strip(function.result) if function.result is not None else None
    if image is None or not isinstance(result, ResultType):
        return CoreFunction(signature, UNREACHABLE)
    error = None if result.error is None else saying_so(result.error)
    if error is None and result.error is not None:
        return CoreFunction(signature, UNREACHABLE)
    if result.ok is None and result.error is None:
        return CoreFunction(signature, const(1))
    return CoreFunction(signature, const(image.place(Case("error", error), result)))


def saying_so(kind: AnyType) -> Value | None:
    """A value of the type of an error that says that something was denied; None where there is none."""
    kind = strip(kind)
    match kind:
        case Primitive.STRING:
            return MESSAGE
        case EnumType(labels):
            return _best(labels)
        case Variant(cases):
            payloads = dict(cases)
            possible = {
                label: None if payload is None else saying_so(payload)
                for label, payload in cases
                if payload is None or saying_so(payload) is not None
            }
            label = _best(tuple(possible))
            if label is None:
                texts = [name for name in possible if _is_text(payloads[name])]
                label = texts[0] if texts else None
            return None if label is None else Case(label, possible[label])
        case OptionType():
            return Case("none")
        case ListType():
            return []
        case Record(fields):
            members = {name: saying_so(field) for name, field in fields}
            return None if None in members.values() else members
        case TupleType(elements):
            items = tuple(saying_so(element) for element in elements)
            return None if None in items else items
    return None


def _is_text(kind: AnyType | None) -> bool:
    return kind is not None and strip(kind) is Primitive.STRING


def _best(labels: Sequence[str]) -> str | None:
    ranked = [(rank, label) for label in labels if (rank := _rank(label)) is not None]
    return min(ranked, key=lambda pair: pair[0])[1] if ranked else None


def _rank(label: str) -> int | None:
    plain = label.lower()
    if plain in _SAYING_SO:
        return _SAYING_SO.index(plain)
    return 0 if plain.endswith("-denied") else None
