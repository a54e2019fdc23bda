"""Links at run time: imports of the result that something serves which is not composed.

Who serves what follows the rules of composition (`wpkg.compose.match`): exact name, semver track, the interface
that a label implements; then the type, under one mapping of resources for everything that one component serves.
What the component imports itself, it has from the same host as the result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wpkg.component.substitute import Substitution
from wpkg.component.subtype import Mismatch, check_extern
from wpkg.component.types import ComponentType, InstanceType, TypeBound
from wpkg.compose.graph import Node, RuntimeLink
from wpkg.compose.match import Offers, exported_interface, importable, imported_interface, unversioned
from wpkg.errors import CompositionError
from wpkg.names.extern_name import higher_name, parse_extern_name, track_key
from wpkg.names.interface_pattern import first_match

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wpkg.component.types import ExternType
    from wpkg.compose.graph import Plan, Residual
    from wpkg.names.interface_pattern import InterfacePattern


class Contract(Struct, frozen=True):
    """What a dependency that is linked at run time promises to export.

    `node` is its component. For a WIT package the interfaces of the package are its exports, and those of other
    packages its imports; `package` is then the package's name, and None for a component.
    """

    node: Node
    version: str
    package: str | None = None
    link_name: str | None = None
    target: str | None = None
    interfaces: tuple[InterfacePattern, ...] | None = None  # which exports are linked; None for all
    is_direct: bool = True  # whether the project itself says that it is linked

    @property
    def shown(self) -> str:
        """What it is called in a sentence."""
        return f"{self.node.name} {self.version}"


class LinkToNothing(CompositionError):
    """What is linked at run time has nothing that anybody imports, or not what the project says it has."""


class NoSuchInterface(CompositionError):
    """An import is of a package that is linked at run time, and the package has no such interface."""


class LinkMismatch(CompositionError):
    """What is linked at run time exports what is imported, and with another type."""

    def __init__(self, contract: Contract, export: str, residual: Residual, mismatch: Mismatch) -> None:
        importer, name = residual.first_importer
        super().__init__(
            f"{contract.shown} is linked at run time, and its '{export}' does not fit import '{name}' of "
            f"'{importer}': {mismatch}",
            hint="build both against the same version of the interface's WIT package",
        )
        self.mismatch = mismatch


class AmbiguousLink(CompositionError):
    """Several dependencies are linked to one import, and nothing tells the links apart."""

    def __init__(self, name: str, contracts: Sequence[Contract]) -> None:
        several = " and ".join(contract.shown for contract in contracts)
        called = contracts[0].link_name
        apart = f"both are called '{called}'" if called is not None else "neither has a name"
        super().__init__(
            f"{several} are both linked at run time to import '{name}', and {apart}",
            hint="give each link a name of its own in wasmcloud.toml, or say which interfaces it is for:\n"
            f'[dependencies]\n"{contracts[1].node.name}" = {{ …, link = "runtime", name = "second" }}',
        )
        self.name = name
        self.dependencies = tuple(contract.node.name for contract in contracts)


def is_linked(interface: str, contracts: Sequence[Contract]) -> bool:
    """Whether one of `contracts` is there for an interface, in whatever version and of whatever type.

    Raises: LinkToNothing.
    """
    wanted = unversioned(interface)
    for contract in contracts:
        if contract.package is not None and wanted.partition("/")[0] == contract.package:
            return True
        node = _offered(contract)
        if any(unversioned(exported_interface(node, name) or name) == wanted for name in node.component.exports):
            return True
    return False


def link_plan(plan: Plan, contracts: Sequence[Contract]) -> Plan:
    """`plan` with what serves its imports at run time.

    Raises: LinkToNothing, NoSuchInterface, LinkMismatch, AmbiguousLink.
    """
    result = _result_of(plan)
    by_residual: dict[str, list[tuple[Contract, str]]] = {}
    for contract in contracts:
        offers = Offers([_offered(contract)])
        for name in importable(result):
            for wire in offers.candidates(result, name):
                export = wire.exports[0]
                if export is not None:
                    by_residual.setdefault(name, []).append((contract, export))
    served = {name: _told_apart(name, found) for name, found in by_residual.items()}
    _check_missing(plan, result, contracts, served)
    for contract in contracts:
        _check_types(plan, contract, served)
    links = [
        RuntimeLink(residual.name, contract.node.name, export, contract.link_name, contract.target)
        for residual in plan.residuals
        for contract, export in served.get(residual.name, ())
    ]
    return replace(plan, links=tuple(links))


def _result_of(plan: Plan) -> Node:
    """The composition, as far as what it imports goes."""
    imports = {residual.name: residual.extern for residual in plan.residuals}
    attributes = {residual.name: tuple(residual.attributes) for residual in plan.residuals if residual.attributes}
    return Node("the composition", ComponentType(imports, {}, import_attributes=attributes), None, 0)


def _offered(contract: Contract) -> Node:
    """The component with the exports that are linked. Raises: LinkToNothing for a pattern of none."""
    component = contract.node.component
    if contract.interfaces is None:
        return contract.node
    for pattern in contract.interfaces:
        if not any(pattern.matches(name) for name in component.exports):
            raise LinkToNothing(
                f"{contract.shown} is linked at run time for '{pattern}', which it does not have",
                hint=_what_it_has(component.exports),
            )
    kept = {name: extern for name, extern in component.exports.items() if first_match(contract.interfaces, name)}
    return replace(contract.node, component=replace(component, exports=kept))


def _told_apart(name: str, found: list[tuple[Contract, str]]) -> list[tuple[Contract, str]]:
    """Those that are meant: for a label, the link of its name. Raises: AmbiguousLink."""
    labelled = [(contract, export) for contract, export in found if contract.link_name == name]
    if len(labelled) == 1:
        return labelled
    seen: dict[str | None, Contract] = {}
    for contract, _ in found:
        if contract.link_name in seen:
            raise AmbiguousLink(name, [seen[contract.link_name], contract])
        seen[contract.link_name] = contract
    return found


def _check_missing(
    plan: Plan, result: Node, contracts: Sequence[Contract], served: Mapping[str, list[tuple[Contract, str]]]
) -> None:
    """Nothing when every contract serves something, and all that is imported of a WIT package is in it."""
    for contract in contracts:
        for residual in plan.residuals:
            wanted = imported_interface(result, residual.name)
            if contract.package is None or residual.name in served or wanted is None:
                continue
            parsed = parse_extern_name(wanted)
            if parsed is not None and f"{parsed.namespace}:{parsed.package}" == contract.package:
                near = Offers([contract.node]).near_misses(result, residual.name)
                importer, name = residual.first_importer
                raise NoSuchInterface(
                    f"'{importer}' imports '{name}', and {contract.shown}, which is linked at run time, has "
                    + (f"'{near[0].export}': {near[0].why}" if near else "no such interface"),
                    hint=_what_it_has(contract.node.component.exports),
                )
        serving = any(found is contract for links in served.values() for found, _ in links)
        if contract.is_direct and not serving:
            asked = ", ".join(residual.name for residual in plan.residuals) or "nothing"
            raise LinkToNothing(
                f"{contract.shown} is linked at run time, and nothing imports what it exports",
                hint=f"{_what_it_has(contract.node.component.exports)}; what is left to the host: {asked}",
            )


def _what_it_has(exports: Mapping[str, ExternType]) -> str:
    return f"it has {', '.join(exports)}" if exports else "it exports nothing"


def _check_types(plan: Plan, contract: Contract, served: Mapping[str, list[tuple[Contract, str]]]) -> None:
    """Nothing when all that `contract` serves has the type that is imported. Raises: LinkMismatch."""
    component = contract.node.component
    serves = [
        (residual, export)
        for residual in plan.residuals
        for found, export in served.get(residual.name, ())
        if found is contract
    ]
    shared = [
        (residual, name)
        for residual in plan.residuals
        if all(residual is not other for other, _ in serves)
        and (name := _counterpart(residual.name, component.imports)) is not None
    ]
    by = Substitution()
    for residual, name in shared:
        by.bind_extern(residual.extern, component.imports[name])
    for residual, export in serves:
        by.bind_extern(residual.extern, component.exports[export])
    for residual, name in shared:
        mismatch = _other_types(component.imports[name], residual.extern, by)
        if mismatch is not None:
            raise LinkMismatch(contract, name, residual, mismatch)
    for residual, export in serves:
        mismatch = check_extern(component.exports[export], residual.extern, by)
        if mismatch is not None:
            raise LinkMismatch(contract, export, residual, mismatch)


def _other_types(given: ExternType, wanted: ExternType, by: Substitution) -> Mismatch | None:
    """The first type that both sides have from one interface of the host, and that is not the same."""
    if not isinstance(given, InstanceType) or not isinstance(wanted, InstanceType):
        return None
    for name, extern in wanted.exports.items():
        if isinstance(extern, TypeBound) and name in given.exports:
            mismatch = check_extern(given.exports[name], extern, by)
            if mismatch is not None:
                return mismatch.under(name)
    return None


def _counterpart(name: str, externs: Mapping[str, ExternType]) -> str | None:
    """The one of `externs` that the host satisfies with what it gives for `name`."""
    found = [other for other in externs if other == name or track_key(other) == track_key(name)]
    if name in found or not found:
        return name if found else None
    best = found[0]
    for other in found[1:]:
        best = higher_name(best, other)
    return best
