"""A component, read: what it imports and exports, and what a file is when it is no component."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from wpkg.component.decode import decode_component
from wpkg.component.definitions import Attribute, ExportDef, ImportDef
from wpkg.component.errors import MalformedComponent, NotAComponent
from wpkg.component.evaluate import evaluate_component
from wpkg.component.sections import COMPONENT_PREAMBLE, MODULE_PREAMBLE
from wpkg.component.types import ComponentType, TypeBound, strip

_WASM_MAGIC = b"\0asm"


Attributes = Mapping[str, tuple[tuple[Attribute, str], ...]]


class Component(Struct, frozen=True):
    """A component's type, and the attributes of the extern names that have any.

    An import and an export may have the same name, and other attributes.
    """

    type: ComponentType
    import_attributes: Attributes
    export_attributes: Attributes


def read_component(data: memoryview) -> Component:
    """The component that fills `data`; core modules in it are not looked at.

    Raises: NotAComponent, MalformedComponent, UnsupportedComponent.
    """
    check_is_component(data)
    try:
        definition = decode_component(data)
        evaluated = evaluate_component(definition)
    except RecursionError as error:
        raise MalformedComponent("it is nested too deeply") from error
    if _is_wit_package(evaluated):
        raise NotAComponent(
            "it is a WIT package (interfaces only), not a component",
            hint="a WIT package is a dependency of kind 'wit'; only components can be composed",
        )
    imports, exports = (
        {
            extern.name.name: extern.name.attributes
            for extern, _ in definition.definitions
            if isinstance(extern, kind) and extern.name.attributes
        }
        for kind in (ImportDef, ExportDef)
    )
    return Component(evaluated, imports, exports)


def check_is_component(data: memoryview) -> None:
    """Raises: NotAComponent, whose sentence says what `data` is instead."""
    head = bytes(data[: len(COMPONENT_PREAMBLE)])
    if head == COMPONENT_PREAMBLE:
        return
    if not head:
        raise NotAComponent("it is empty")
    if head == MODULE_PREAMBLE:
        raise NotAComponent(
            "it is a core module, not a component",
            hint="make a component of it first, for example with 'wasm-tools component new'",
        )
    if _WASM_MAGIC.startswith(head[:4]):
        what = "cut off" if len(head) < len(COMPONENT_PREAMBLE) else "WebAssembly of an unknown version"
        raise NotAComponent(f"it is {what}")
    if bytes(data[:256]).isascii() and b"\0" not in bytes(data[:256]):
        raise NotAComponent(
            "it is text, not a binary component",
            hint="WAT is assembled with 'wasm-tools parse', WIT describes components and is none",
        )
    raise NotAComponent("it is not WebAssembly")


def _is_wit_package(component: ComponentType) -> bool:
    """Whether all externs are exports of component types, which is how WIT packages are encoded."""
    return (
        not component.imports
        and bool(component.exports)
        and all(
            isinstance(extern, TypeBound) and isinstance(strip(extern.type), ComponentType)
            for extern in component.exports.values()
        )
    )
