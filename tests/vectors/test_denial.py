"""What is generated to deny the imports of components that others wrote is valid, and fits them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from tests.components import node, written
from tests.furnished import complaints
from tests.vectors.test_ascription import components
from wpkg.component.read import read_definition
from wpkg.component.sections import COMPONENT_PREAMBLE
from wpkg.compose.encode import encode
from wpkg.compose.errors import DeniedInPart, Unsupported
from wpkg.compose.furnish import Decided, furnish
from wpkg.compose.match import importable, imported_interface
from wpkg.compose.plan import make_plan

if TYPE_CHECKING:
    from wpkg.compose.graph import Denial

LEAST_COMPOSED = 200


def denied(name: str, data: bytes, imports: frozenset[str], denial: Denial) -> bytes:
    """The component with `imports` denied. Raises: DeniedInPart, Unsupported."""
    component = node(name, data)
    interfaces = {imported_interface(component, imported) or imported for imported in imports}
    made = furnish(
        [component], name, (), Decided(lambda _who, _name, what: denial if what in interfaces else None)
    )
    plan = make_plan(made.nodes, made.root, made.choices)
    assert {connection.name for connection in plan.connections if connection.importer == name} >= imports
    return written(encode(plan), {name: data, **made.data})


@cache
def compositions() -> tuple[dict[str, bytes], dict[str, str]]:
    """What is composed, with one import denied and with all of them; and what is refused, with the sentence."""
    made, refused = {}, {}
    for name, data in components().items():
        if not data.startswith(COMPONENT_PREAMBLE) or read_definition(memoryview(data)).is_wit_package:
            continue
        wanted = importable(node(name, data))
        for imports in dict.fromkeys([*(frozenset([one]) for one in wanted), frozenset(wanted)]):
            for denial in ("trap", "error") if imports else ():
                what = f"{name}: {', '.join(sorted(imports))}, {denial}"
                try:
                    made[what] = denied(name, data, imports, "trap" if denial == "trap" else "error")
                except (DeniedInPart, Unsupported) as error:
                    refused[what] = str(error)
    return made, refused


def test_every_composition_with_imports_denied_is_valid() -> None:
    made, _ = compositions()
    assert len(made) > LEAST_COMPOSED
    assert complaints(made) == {}


def test_what_is_refused_is_of_the_world_or_denied_in_part() -> None:
    """Types of the world, and what uses them; core modules; instances in instances; resources of what is allowed."""
    _, refused = compositions()
    known = ("which is denied to it", "and none can be generated", "instances, functions and types")
    assert [said for said in refused.values() if not said.endswith(known)] == []
