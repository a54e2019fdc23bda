"""What is linked at run time: the contracts of such dependencies, which are components or WIT packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from wpkg.component.types import ComponentType
from wpkg.compose.graph import Node
from wpkg.compose.links import Contract
from wpkg.errors import WpkgError
from wpkg.registry.mapping import mapped
from wpkg.workflow.build_state import stamped_digest
from wpkg.workflow.sources import ComponentFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wpkg.names.package_name import PackageName
    from wpkg.names.pin import Pin
    from wpkg.project.project_file import Dependency
    from wpkg.workflow.fetch import FetchedPackage
    from wpkg.workflow.local import LocalDependency


def component_of(
    name: str, pin: Pin, packages: Sequence[FetchedPackage], local: Mapping[PackageName, LocalDependency]
) -> ComponentFile:
    """The file of a dependency. Raises: DependencyNotBuilt for a project on this disk that has not been built."""
    for package in packages:
        if package.locked.pin == pin:
            return ComponentFile(name, package.path, package.release.component.digest, name)
    path = local[pin.name].built_component
    return ComponentFile(name, path, stamped_digest(path, None), name)


def read_contracts(
    linked: Mapping[Pin, Dependency | None],
    packages: Sequence[FetchedPackage],
    local: Mapping[PackageName, LocalDependency],
) -> tuple[Contract, ...]:
    """What each of `linked` promises; the project's own line for it, if there is one, says how it is linked.

    Raises: InvalidInput, DependencyNotBuilt.
    """
    kinds = {package.locked.pin: package.locked.kind for package in packages}
    contracts = []
    for pin, said in linked.items():
        file = component_of(str(pin.name), pin, packages, local)
        kind = kinds[pin] if pin in kinds else local[pin.name].kind
        contract = _wit_contract(pin, file) if kind == "wit" else _component_contract(pin, file)
        if said is not None:
            contract = replace(
                contract, link_name=said.link_name, target=said.target, interfaces=said.interfaces, is_direct=True
            )
        contracts.append(contract)
    return tuple(contracts)


def _component_contract(pin: Pin, file: ComponentFile) -> Contract:
    from wpkg.workflow.compose import read_node

    return Contract(read_node(file), str(pin.version), is_direct=False)


def _wit_contract(pin: Pin, file: ComponentFile) -> Contract:
    from wpkg.wit.binary import package_of, read_wit_package
    from wpkg.wit.resolve import resolve_packages

    try:
        with mapped(file.path) as data:
            packages = resolve_packages(read_wit_package(file.name, data))
            size = len(data)
    except WpkgError as error:
        raise error.within(str(pin)) from None
    types = {name: interface.type for name, interface in packages.interfaces.items()}
    own = {name: extern for name, extern in types.items() if package_of(name) == packages.root}
    others = {name: extern for name, extern in types.items() if name not in own}
    node = Node(file.name, ComponentType(others, own), file.digest, size)
    return Contract(node, str(pin.version), package=packages.root.partition("@")[0], is_direct=False)
