"""What a composition asks of the host, component by component, measured by `[capabilities]`."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wpkg.component.types import FuncType, InstanceType
from wpkg.compose.graph import Node
from wpkg.compose.match import asked_interface, imported_interface, unversioned
from wpkg.errors import InvalidInput, NotTrusted
from wpkg.oci.artifact import Ask, RecordedLink
from wpkg.project.capabilities import Capabilities, Verdict
from wpkg.project.project_file import PROJECT_FILE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from wpkg.component.types import ComponentType, ExternType
    from wpkg.compose.graph import Plan, Residual
    from wpkg.names.pin import Pin

_LINKED = "linked at run time"


class Request(Struct, frozen=True):
    """One component's import that is left to the host, and what the rules say of it."""

    component: str
    interface: str  # the extern name; of a label, the interface that it implements
    verdict: Verdict

    def to_json(self) -> dict[str, Any]:
        """The request for programs."""
        return {
            "component": self.component,
            "import": self.interface,
            "allowed": self.verdict.is_allowed,
            "because": self.verdict.because,
        }

    def __str__(self) -> str:
        return f"'{self.component}' asks the host for '{self.interface}': {self.verdict.because}"


class NotAllowed(NotTrusted):
    """Something is asked of the host that `[capabilities]` does not allow."""

    def __init__(self, refused: tuple[Request, ...], capabilities: Capabilities) -> None:
        first, *others = refused
        said = f", and {len(others)} more" if others else ""
        lines = [str(request) for request in others]
        super().__init__(f"{first}{said}", hint="\n".join([*lines, _line_to_write(refused, capabilities)]))
        self.refused = refused

    @property
    def details(self) -> Mapping[str, Any]:
        """Every request that is refused, for programs."""
        return {"refused": [request.to_json() for request in self.refused]}


def _line_to_write(refused: tuple[Request, ...], capabilities: Capabilities) -> str:
    """What would allow the first request, written out."""
    first = refused[0]
    own = capabilities.components.get(first.component)
    table = (
        f'[capabilities."{first.component}"]' if own is not None and own.allow is not None else "[capabilities]"
    )
    rules = own if own is not None and own.allow is not None else capabilities.general
    if first.verdict.is_denied:
        return (
            f"do without '{first.component}', take the pattern out of deny, or let what is denied trap when it is "
            f'called, in {PROJECT_FILE}:\n[capabilities."{first.component}"]\ndenied = "trap"'
        )
    wanted = dict.fromkeys([str(pattern) for pattern in rules.allow or ()])
    wanted |= dict.fromkeys(
        unversioned(request.interface)
        for request in refused
        if not request.verdict.is_denied and (table == "[capabilities]" or request.component == first.component)
    )
    listed = ", ".join(f'"{text}"' for text in wanted)
    return f"to allow it, write in {PROJECT_FILE}:\n{table}\nallow = [{listed}]"


def asks_for_something(extern: ExternType) -> bool:
    """Whether the host has to do something for an import: types alone ask for nothing."""
    if isinstance(extern, InstanceType):
        return any(asks_for_something(inner) for inner in extern.exports.values())
    return isinstance(extern, FuncType)


def requests_of(plan: Plan, capabilities: Capabilities, pins: Mapping[str, Pin]) -> tuple[Request, ...]:
    """Everything that `plan` leaves to the host, by component, judged; `pins` say which packages the nodes are.

    What is linked at run time was asked for with the line that links it: a `deny` alone speaks against it.
    """
    nodes = {node.name: node for node in plan.nodes}
    linked = {link.name for link in plan.links}
    found = []
    for residual in plan.residuals:
        if not asks_for_something(residual.extern):
            continue
        for who, interface in _asked(plan, residual, nodes):
            verdict = judge(capabilities, interface, who, pins, is_linked=residual.name in linked)
            found.append(Request(who, interface, verdict))
    return tuple(sorted(found, key=lambda request: (request.component, request.interface)))


def _asked(plan: Plan, residual: Residual, nodes: Mapping[str, Node]) -> list[tuple[str, str]]:
    """Who asks for an import of the result, and for which interface.

    What is generated does not: it has what the component has that it was generated for. A document may call an
    import otherwise than the component to which it is given, and give only a part of it.
    """
    found = [
        (who, imported_interface(nodes[who], name) or name)
        for who, name in residual.importers
        if nodes[who].generated is None
    ]
    if plan.stated_exports is None:
        return found
    names = [asked_interface(residual), residual.name]
    takers = [taken.importer for taken in plan.taken if taken.item.origin == residual.name]
    asking = [*(who for who, _ in found), *takers] or [plan.root]
    return list(dict.fromkeys([*found, *((who, name) for who in asking for name in names)]))


def requests_of_component(
    component: ComponentType,
    name: str,
    asks: Sequence[Ask],
    capabilities: Capabilities,
    linked: Collection[str] = (),
) -> tuple[Request, ...]:
    """Everything that a component asks of the host, judged; `asks` say for which of its parts each import is.

    What is not among them it asks for itself, by its `name`: they may leave nothing out. That an import is linked
    counts where the project itself links that dependency, being among `linked`.
    """
    recorded = {ask.name: ask for ask in asks}
    node = Node(name, component, None, 0)
    found = []
    for imported, extern in component.imports.items():
        if not asks_for_something(extern):
            continue
        interface = imported_interface(node, imported) or imported
        ask = recorded.get(imported)
        is_linked = any(link.dependency in linked for link in (ask.links if ask is not None else ()))
        for who in (ask.components if ask is not None else ()) or (name,):
            verdict = judge(capabilities, interface, who, {}, is_linked=is_linked)
            found.append(Request(who, interface, verdict))
    return tuple(sorted(found, key=lambda request: (request.component, request.interface)))


def recorded_asks(plan: Plan) -> tuple[Ask, ...]:
    """What `plan` asks of the host, as it is published: for which components, and what is linked to it."""
    links: dict[str, list[RecordedLink]] = {}
    for link in plan.links:
        links.setdefault(link.name, []).append(RecordedLink(link.dependency, link.link_name, link.target))
    nodes = {node.name: node for node in plan.nodes}
    return tuple(
        Ask(
            residual.name,
            tuple(sorted({who for who, _ in _asked(plan, residual, nodes)})),
            tuple(links.get(residual.name, ())),
        )
        for residual in plan.residuals
        if asks_for_something(residual.extern)
    )


def judge(
    capabilities: Capabilities, interface: str, component: str, pins: Mapping[str, Pin], *, is_linked: bool = False
) -> Verdict:
    """What the rules say of one import of `component`."""
    names = [component, *([str(pins[component].name)] if component in pins else [])]
    verdict = capabilities.verdict(interface, *dict.fromkeys(names))
    if is_linked and not verdict.is_allowed and not verdict.is_denied:
        return Verdict(is_allowed=True, because=_LINKED, is_explicit=True)
    return verdict


def require_allowed(requests: Iterable[Request], capabilities: Capabilities) -> None:
    """Raises: NotAllowed with every request that is refused."""
    refused = tuple(request for request in requests if not request.verdict.is_allowed)
    if refused:
        raise NotAllowed(refused, capabilities)


def check_rules_are_about_something(capabilities: Capabilities, known: Collection[str]) -> None:
    """Raises: InvalidInput for rules about a component that is not there, which would be no rules."""
    for name in capabilities.components:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(sorted(known))}"
            raise InvalidInput(f"'{name}' is no component of this project", hint=hint).within(
                PROJECT_FILE, "capabilities"
            )
