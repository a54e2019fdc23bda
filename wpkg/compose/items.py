"""What something in a composition is: types followed from export to export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.component.types import InstanceType
from wpkg.compose.graph import Of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wpkg.component.types import ExternType
    from wpkg.compose.graph import Item, Plan


def type_of(plan: Plan, item: Item) -> ExternType:
    """The type of something in a composition."""
    match item.of:
        case Of.DEFINITION:
            return next(defined.extern for defined in plan.defined if defined.name == item.origin)
        case Of.IMPORT:
            found = next(residual.extern for residual in plan.residuals if residual.name == item.origin)
            return at_path(found, item.path)
    return at_path(InstanceType(plan.instances[item.origin]), item.path)


def at_path(extern: ExternType, path: Sequence[str]) -> ExternType:
    """What `path` leads to in an instance, export by export."""
    for name in path:
        if not isinstance(extern, InstanceType):
            raise TypeError(f"'{name}' is looked for in what is no instance")
        extern = extern.exports[name]
    return extern
