"""Instantiation: a component type and arguments make an instance (Explainer, "Type Checking")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.component.substitute import Substitution
from wpkg.component.subtype import Mismatch, check_extern
from wpkg.component.types import InstanceType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wpkg.component.substitute import Work
    from wpkg.component.types import ComponentType, ExternType, Identity


class Instantiated(Struct, frozen=True):
    """An instance that exists, and the identities made for it."""

    instance: InstanceType
    created: tuple[Identity, ...]


class Unsatisfied(Struct, frozen=True):
    """The first import that its argument does not satisfy, and why."""

    name: str
    mismatch: Mismatch


def instantiate(
    component: ComponentType, arguments: Mapping[str, ExternType], work: Work | None = None
) -> Instantiated | Unsatisfied:
    """The instance that `component` makes of `arguments`.

    Checked as one, under one mapping of resources: first every resource of the imports is bound to the one at
    the same path of the arguments, then the imports are compared in order.
    """
    substitution = Substitution(component.created, work)
    for name, wanted in component.imports.items():
        if name not in arguments:
            return Unsatisfied(name, Mismatch((), "an argument", "nothing"))
        substitution.bind_extern(wanted, arguments[name])
    for name, wanted in component.imports.items():
        mismatch = check_extern(arguments[name], wanted, substitution)
        if mismatch is not None:
            return Unsatisfied(name, mismatch)
    exports = substitution.externs(component.exports)
    instance = InstanceType(exports, (), component.export_attributes)
    return Instantiated(instance, tuple(substitution.made))
