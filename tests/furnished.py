"""Components composed with what is generated for them, and run."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.components import node, wasm_tools, written
from tests.vectors.test_ascription import complaint
from wpkg.component.read import read_component
from wpkg.component.sections import COMPONENT_PREAMBLE, COMPONENT_SECTION, section
from wpkg.compose.encode import encode
from wpkg.compose.furnish import Decided, furnish
from wpkg.compose.plan import make_plan
from wpkg.names.choice import Choice
from wpkg.workflow.call import Called, call
from wpkg.workflow.host import Grants
from wpkg.workflow.run import Subject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wpkg.compose.graph import Denial, Plan

AT_ONCE = 100  # validators take 1000 components in one
NOTHING = Grants(allows=lambda _: False, refuses=lambda _: False, advice=lambda _: "")


def denials(denied: Mapping[str, Mapping[str, Denial]]) -> Decided:
    """What is denied to components, by exact names."""
    return Decided(lambda who, interface: denied.get(who, {}).get(interface))


def furnished_plan(
    components: Mapping[str, bytes], decided: Decided, root: str | None = None, choices: Sequence[str] = ()
) -> tuple[Plan, dict[str, bytes]]:
    """The plan, and the components in it by name, generated ones too."""
    nodes = [node(name, data) for name, data in components.items()]
    made = furnish(nodes, root, [Choice.parse(*choice.split("=", 1)) for choice in choices], decided)
    return make_plan(made.nodes, made.root, made.choices), {**components, **made.data}


def furnished(
    components: Mapping[str, bytes], decided: Decided, root: str | None = None, choices: Sequence[str] = ()
) -> bytes:
    """The composition, validated by wasm-tools."""
    plan, parts = furnished_plan(components, decided, root, choices)
    data = written(encode(plan), parts)
    wasm_tools("validate", "--features", "all", data=data)
    return data


def complaints(components: Mapping[str, bytes]) -> dict[str, str]:
    """What wasm-tools has against each, nothing where it takes it; many at once, as components inside one."""
    items = list(components.items())
    found: dict[str, str] = {}
    for start in range(0, len(items), AT_ONCE):
        several = items[start : start + AT_ONCE]
        inside = b"".join(section(COMPONENT_SECTION, data) for _, data in several)
        if complaint(COMPONENT_PREAMBLE + inside):
            found |= {what: said for what, data in several if (said := complaint(data))}
    return found


def called(data: bytes, function: str, arguments: str = "[]") -> Any:
    """What a function of a component returns, as JSON."""
    with tempfile.NamedTemporaryFile(suffix=".wasm") as file:
        file.write(data)
        file.flush()
        subject = Subject("test", Path(file.name), read_component(memoryview(data)), NOTHING)
        made: Called = call(subject, function, arguments)
        return made.result
