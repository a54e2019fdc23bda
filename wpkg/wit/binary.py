"""WIT packages in binary form (WIT.md, "Package Format").

A package is a component that exports nothing but component types. Each is a wrapper: it imports the interfaces
whose types are used and exports, under its whole name, one interface (an instance) or one world (a component).
Of interfaces of other packages it shows what it needs of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wpkg.component.decode import decode_component
from wpkg.component.errors import MalformedComponent, NotAComponent
from wpkg.component.evaluate import evaluate_component
from wpkg.component.read import check_is_component
from wpkg.component.substitute import Substitution
from wpkg.component.types import (
    Alias,
    ComponentType,
    FuncType,
    InstanceType,
    TypeBound,
    strip,
)
from wpkg.names.extern_name import parse_extern_name
from wpkg.wit.errors import InvalidWit
from wpkg.wit.packages import WitInterface
from wpkg.wit.world_builder import WorldBuilder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from wpkg.component.types import (
        ExternType,
        Identity,
    )
    from wpkg.wit.packages import WitWorld


class _Context:
    """The instances of one wrapper or world, and whose each of their types is."""

    def __init__(self, externs: Iterable[tuple[str, ExternType]]) -> None:
        self.owners: dict[Identity, tuple[str, InstanceType]] = {}
        for name, extern in externs:
            if isinstance(extern, InstanceType) and ":" in name:
                for bound in extern.exports.values():
                    if isinstance(bound, TypeBound):
                        self.owners[bound.type] = (name, extern)

    def used(self, instance: InstanceType) -> dict[str, InstanceType]:
        """The instances whose types `instance` uses."""
        used: dict[str, InstanceType] = {}
        for bound in instance.exports.values():
            if isinstance(bound, TypeBound) and isinstance(bound.type, Alias):
                owner = self.owners.get(bound.type.target)  # type: ignore[arg-type] # a lookup may fail
                if owner is not None and owner[1] is not instance:
                    used[owner[0]] = owner[1]
        return used


@dataclass(frozen=True, slots=True, eq=False)
class Occurrence:
    """An instance of an interface as it stands in a wrapper or world."""

    file: str
    instance: InstanceType
    context: _Context

    @property
    def uses(self) -> tuple[str, ...]:
        """The interfaces whose types it uses."""
        return tuple(self.context.used(self.instance))


@dataclass(frozen=True, slots=True, eq=False)
class BinaryPackage:
    """What a binary WIT package holds. `foreign` is what it shows of other packages."""

    file: str
    name: str
    interfaces: Mapping[str, Occurrence]
    worlds: Mapping[str, ComponentType]
    foreign: Mapping[str, tuple[Occurrence, ...]]


def read_wit_package(file: str, data: memoryview) -> BinaryPackage:
    """The WIT package that fills `data`. Raises: NotAComponent, MalformedComponent, UnsupportedComponent."""
    check_is_component(data)
    try:
        component = evaluate_component(decode_component(data))
    except RecursionError as error:
        raise MalformedComponent("it is nested too deeply") from error
    interfaces: dict[str, Occurrence] = {}
    worlds: dict[str, ComponentType] = {}
    foreign: dict[str, list[Occurrence]] = {}
    for wrapper in _wrappers(component):
        context = _Context(wrapper.imports.items())
        (name, extern), *_ = wrapper.exports.items()
        if isinstance(extern, InstanceType):
            interfaces[name] = Occurrence(file, extern, context)
        elif isinstance(extern, ComponentType):
            worlds[name] = extern
        for other, occurrence in (*_occurrences(file, wrapper), *_occurrences(file, worlds.get(name))):
            foreign.setdefault(other, []).append(occurrence)
    packages = {package_of(name) for name in (*interfaces, *worlds)}
    if len(packages) != 1:
        raise NotAComponent(f"it is a WIT package that says to be {' and '.join(sorted(packages))}")
    outside = {name: tuple(found) for name, found in foreign.items() if name not in interfaces}
    return BinaryPackage(file, packages.pop(), interfaces, worlds, outside)


def package_of(name: str) -> str:
    """`ns:pkg@1.0.0` of `ns:pkg/interface@1.0.0`. Raises: InvalidName."""
    parsed = parse_extern_name(name)
    if parsed is None:
        raise NotAComponent(f"it is a WIT package with the name '{name}', which is not of any package")
    return f"{parsed.namespace}:{parsed.package}" + (f"@{parsed.version}" if parsed.version else "")


def _wrappers(component: ComponentType) -> Iterator[ComponentType]:
    if component.imports or not component.exports:
        raise NotAComponent("it is a component, not a WIT package")
    for extern in component.exports.values():
        wrapper = strip(extern.type) if isinstance(extern, TypeBound) else None
        if not isinstance(wrapper, ComponentType):
            raise NotAComponent("it is a component, not a WIT package")
        if len(wrapper.exports) != 1:
            raise NotAComponent("it is a WIT package in an encoding that is no longer in use")
        yield wrapper


def _occurrences(file: str, component: ComponentType | None) -> Iterator[tuple[str, Occurrence]]:
    """Every instance of a named interface that a wrapper imports, or a world imports or exports."""
    if component is None:
        return
    context = _Context((*component.imports.items(), *component.exports.items()))
    for name, extern in (*component.imports.items(), *component.exports.items()):
        if isinstance(extern, InstanceType) and ":" in name:
            yield name, Occurrence(file, extern, context)


def link_interface(
    name: str, occurrences: Iterable[Occurrence], interfaces: Mapping[str, WitInterface]
) -> WitInterface:
    """The interface that `occurrences` show parts of, using the types of `interfaces`. Raises: InvalidWit."""
    exports: dict[str, ExternType] = {}
    uses: dict[str, None] = {}
    for occurrence in occurrences:
        by = Substitution()
        for used, instance in occurrence.context.used(occurrence.instance).items():
            uses[used] = None
            _check_has_types(occurrence.file, used, instance, interfaces[used])
            by.bind_extern(instance, interfaces[used].type)
        by.bind_extern(occurrence.instance, InstanceType(exports))
        for export, extern in occurrence.instance.exports.items():
            if export not in exports:
                exports[export] = by.extern(extern)
    created = tuple([extern.type for extern in exports.values() if isinstance(extern, TypeBound)])
    return WitInterface(name, InstanceType(exports, created), tuple(uses))


def _check_has_types(file: str, used: str, instance: InstanceType, interface: WitInterface) -> None:
    for name, extern in instance.exports.items():
        if isinstance(extern, TypeBound) and not isinstance(interface.type.exports.get(name), TypeBound):
            raise InvalidWit(
                f"{file} was built against another '{used}': it uses its type '{name}', which is not there", None
            )


def link_world(name: str, world: ComponentType, file: str, interfaces: Mapping[str, WitInterface]) -> WitWorld:
    """A world of a binary package. Raises: InvalidWit."""
    builder = WorldBuilder(name, interfaces)
    by = Substitution(world.created)
    inside, outside = _Context(world.imports.items()), _Context((*world.imports.items(), *world.exports.items()))
    for key, extern in world.imports.items():
        if isinstance(extern, InstanceType):
            if ":" in key:
                _check_has_types(file, key, extern, interfaces[key])
                builder.import_interface(key)
            else:
                builder.import_label(key, link_interface(key, [Occurrence(file, extern, inside)], interfaces))
            by.bind_extern(extern, builder.imports[key])
        elif isinstance(extern, TypeBound):
            builder.import_extern(key, TypeBound(by.identity(extern.type)))
        elif isinstance(extern, FuncType):
            builder.import_extern(key, by.func(extern))
    for key, extern in world.exports.items():
        if isinstance(extern, InstanceType) and ":" in key:
            builder.export(key, interfaces[key], None)
        elif isinstance(extern, InstanceType):
            linked = link_interface(key, [Occurrence(file, extern, outside)], interfaces)
            builder.export(key, linked, None)
        elif isinstance(extern, FuncType):
            builder.export(key, by.func(extern), None)
    return builder.build()
