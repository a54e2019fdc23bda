"""Whether a component conforms to a world."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.wit.targets import Conformance, DoesNotConform, compare_with_world
from wpkg.workflow.compose import read_node
from wpkg.workflow.wit_files import read_wit

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from wpkg.workflow.sources import ComponentFile


class Targeted(Struct, frozen=True):
    """A component that conforms, and to which world."""

    world: str
    conformance: Conformance


def check_targets(component: ComponentFile, wit: Path, world: str | None, features: Iterable[str]) -> Targeted:
    """How `component` conforms to a world of `wit`. Raises: DoesNotConform with all findings, InvalidInput."""
    target = read_wit(wit, frozenset(features)).world(world)
    node = read_node(component)
    conformance = compare_with_world(node.component, target.type)
    if conformance.findings:
        raise DoesNotConform(component.name, target.name, conformance.findings)
    return Targeted(target.name, conformance)
