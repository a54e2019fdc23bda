"""A component, read: what it imports and exports, and what a file is when it is no component."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.component.decode import decode_component
from wpkg.component.errors import MalformedComponent, NotAComponent
from wpkg.component.evaluate import evaluate_component
from wpkg.component.sections import COMPONENT_PREAMBLE, MODULE_PREAMBLE
from wpkg.component.types import ComponentType, TypeBound, strip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wpkg.component.definitions import Attribute, ComponentDef

_WASM_MAGIC = b"\0asm"


class Component(Struct, frozen=True):
    """A component's type, and the attributes of those extern names that have any."""

    type: ComponentType
    attributes: Mapping[str, tuple[tuple[Attribute, str], ...]]


class Read(Struct, frozen=True):
    """A component or a WIT package: what is written, and the type that it has."""

    definition: ComponentDef
    type: ComponentType

    @property
    def is_wit_package(self) -> bool:
        """Whether all externs are exports of component types, which is how WIT packages are encoded."""
        return (
            not self.type.imports
            and bool(self.type.exports)
            and all(
                isinstance(extern, TypeBound) and isinstance(strip(extern.type), ComponentType)
                for extern in self.type.exports.values()
            )
        )


def read_component(data: memoryview) -> Component:
    """The component that fills `data`; core modules in it are not looked at.

    Raises: NotAComponent, MalformedComponent, UnsupportedComponent.
    """
    read = read_definition(data)
    if read.is_wit_package:
        raise NotAComponent(
            "it is a WIT package (interfaces only), not a component",
            hint="a WIT package is a dependency of kind 'wit'; only components can be composed",
        )
    return Component(read.type, {**read.type.import_attributes, **read.type.export_attributes})


def read_definition(data: memoryview) -> Read:
    """The component or WIT package that fills `data`; core modules in it are not looked at.

    Raises: NotAComponent, MalformedComponent, UnsupportedComponent.
    """
    check_is_component(data)
    try:
        definition = decode_component(data)
        return Read(definition, evaluate_component(definition))
    except RecursionError as error:
        raise MalformedComponent("it is nested too deeply") from error


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
