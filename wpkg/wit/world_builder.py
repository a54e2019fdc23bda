"""A world, put together (WIT.md, "Item: `world`", "Union of Worlds with `include`", "Transitive imports").

The rule for interfaces whose types others use: what an import uses is an import; what an export uses is an export
where the world exports it, and else an import. What is imported for that reason cannot itself use what the world
exports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.component.definitions import Attribute
from wpkg.component.substitute import Substitution, Work
from wpkg.component.types import Alias, ComponentType, FuncType, InstanceType, Resource, TypeBound
from wpkg.wit.errors import DuplicateName, InvalidWit, WitNameError, nearest
from wpkg.wit.order import needed_first
from wpkg.wit.packages import WitInterface, WitWorld, instance_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wpkg.component.types import EvaluatedFunc, ExternType, Identity
    from wpkg.wit.errors import Span

Attributes = tuple[tuple[Attribute, str], ...]


class InconsistentExports(InvalidWit):
    """An export uses types of an export through an interface that is imported."""


class WorldBuilder:
    """Collects imports and exports; `build` gives the world."""

    def __init__(self, name: str, interfaces: Mapping[str, WitInterface]) -> None:
        self.imports: dict[str, ExternType] = {}
        self._name = name
        self._interfaces = interfaces
        self._work = Work()
        self._import_items: dict[str, WitInterface | ExternType] = {}
        self._exports: dict[str, tuple[WitInterface | EvaluatedFunc, Span | None]] = {}
        self._attributes: dict[str, Attributes] = {}
        self._checked: set[str] = set()  # interfaces that exports import, and what these use

    # --- imports -----------------------------------------------------------------------------------

    def import_interface(self, name: str) -> InstanceType:
        """The import of an interface under its own name, after those that it needs."""
        if name not in self.imports:
            for needed in needed_first([name], self._not_yet_imported):
                self._import(needed, self._interfaces[needed])
        found = self.imports[name]
        assert isinstance(found, InstanceType)  # noqa: S101 - plain names have no colon, so it is no other import
        return found

    def _not_yet_imported(self, name: str) -> Iterator[str]:
        return (used for used in self._interfaces[name].uses if used not in self.imports)

    def import_label(self, label: str, interface: WitInterface, attributes: Attributes = ()) -> None:
        """An import of an interface under a plain name."""
        for needed in interface.uses:
            self.import_interface(needed)
        self._import(label, interface)
        self.note(label, attributes)

    def import_extern(self, name: str, extern: TypeBound | EvaluatedFunc, attributes: Attributes = ()) -> None:
        """An import of a function or type."""
        self.imports[name] = self._import_items[name] = extern
        self.note(name, attributes)

    def _import(self, name: str, interface: WitInterface) -> None:
        self.imports[name] = instance_of(interface, self._interfaces, self.imports, self._work)
        self._import_items[name] = interface

    def note(self, name: str, attributes: Attributes) -> None:
        """Attributes of the name of an import or export."""
        if attributes:
            self._attributes[name] = attributes

    # --- exports -----------------------------------------------------------------------------------

    def export(
        self, name: str, item: WitInterface | EvaluatedFunc, span: Span | None, attributes: Attributes = ()
    ) -> None:
        """An export, made when everything is there."""
        self._exports[name] = (item, span)
        self.note(name, attributes)

    def is_exported(self, name: str) -> bool:
        """Whether there is an export of that name so far."""
        return name in self._exports

    # --- include -----------------------------------------------------------------------------------

    def include(self, world: WitWorld, renames: Mapping[str, str], span: Span) -> None:
        """Everything that `world` has; `renames` are for plain names. Raises: DuplicateName, WitNameError."""
        self._check_renames(world, renames, span)
        by = Substitution(_made_in(world), self._work)
        for name, item in world.imports.items():
            extern = world.type.imports[name]
            if isinstance(item, WitInterface) and name == item.name and ":" in name:
                by.bind_extern(extern, self.import_interface(name))
                continue
            new = self._free_name("import", name, self.imports, renames, span)
            attributes = world.attributes.get(name, ())
            if isinstance(item, WitInterface):
                self.import_label(new, item, attributes)
                by.bind_extern(extern, self.imports[new])
            elif isinstance(extern, TypeBound):
                bound = by.identity(extern.type)
                bound.name = new
                self.import_extern(new, TypeBound(bound), attributes)
            elif isinstance(extern, FuncType):
                self.import_extern(new, by.func(extern), attributes)
        for name, item in world.exports.items():
            attributes = world.attributes.get(name, ())
            if isinstance(item, WitInterface) and name == item.name and ":" in name:
                self._exports.setdefault(name, (item, span))
            elif isinstance(item, (WitInterface, FuncType)):
                new = self._free_name("export", name, self._exports, renames, span)
                self.export(new, item if isinstance(item, WitInterface) else by.func(item), span, attributes)

    def _check_renames(self, world: WitWorld, renames: Mapping[str, str], span: Span) -> None:
        plain = [name for name in (*world.imports, *world.exports) if ":" not in name]
        for name in renames:
            if all(_renamed(candidate, {name: ""}) == candidate for candidate in plain):
                raise WitNameError(
                    f"'{world.name}' has no import or export with the plain name '{name}'",
                    span,
                    advice=nearest(name, plain) or "only plain names can be renamed, interfaces keep theirs",
                )

    def _free_name(
        self, what: str, name: str, taken: Mapping[str, object], renames: Mapping[str, str], span: Span
    ) -> str:
        new = _renamed(name, renames)
        if any(_canonical(new) == _canonical(other) for other in taken):
            raise DuplicateName(
                f"{what} '{new}' is there already",
                span,
                advice=f"give one of them another name: include … with {{ {name} as other-{name} }}",
            )
        return new

    # --- the result --------------------------------------------------------------------------------

    def build(self) -> WitWorld:
        """The world. Raises: InconsistentExports."""
        exports: dict[str, ExternType] = {}
        order = needed_first(self._exports, self._exported_needs)
        for name in list(order):
            item, _ = self._exports[name]
            if not isinstance(item, WitInterface):
                exports[name] = item
                continue
            for used in item.uses:
                if used not in self._exports:
                    self.import_interface(used)
            instances = {used: exports[used] if used in exports else self.imports[used] for used in item.uses}
            exports[name] = instance_of(item, self._interfaces, instances, self._work)
        created = tuple(_created(self.imports) + _created(exports))
        return WitWorld(
            self._name,
            ComponentType(self.imports, exports, created),
            self._import_items,
            {name: item for name, (item, _) in self._exports.items()},
            self._attributes,
        )

    def _exported_needs(self, name: str) -> Iterator[str]:
        """The exports that export `name` needs; what it imports instead is checked."""
        item, span = self._exports[name]
        if not isinstance(item, WitInterface):
            return
        for used in item.uses:
            if used in self._exports:
                yield used
                continue
            for needed in needed_first([used], self._not_yet_checked):
                self._checked.add(needed)
                if needed in self._exports:
                    raise InconsistentExports(
                        f"export '{name}' uses types of '{used}', which is imported and uses '{needed}', "
                        "which is exported",
                        span,
                        advice=f"export '{used}' too",
                    )

    def _not_yet_checked(self, name: str) -> Iterator[str]:
        return (used for used in self._interfaces[name].uses if used not in self._checked)


def _renamed(name: str, renames: Mapping[str, str]) -> str:
    """`name`, or what it is renamed to; functions of a resource go with it."""
    kind, bracket, rest = name.rpartition("]")
    resource, dot, member = rest.partition(".")
    return f"{kind}{bracket}{renames.get(resource, resource)}{dot}{member}" if ":" not in name else name


def _canonical(name: str) -> str:
    """What two names must not share in one scope (Explainer, "Name Uniqueness")."""
    kind, bracket, rest = name.lower().rpartition("]")
    if kind == "[constructor":
        return f"{kind}{bracket}{rest}"
    resource, dot, member = rest.partition(".")
    return rest if ":" in rest or not dot or resource != member else resource


def _made_in(world: WitWorld) -> list[Identity]:
    """The types that are the world's own, to be made anew where it is included."""
    return [
        extern.type
        for extern in world.type.imports.values()
        if isinstance(extern, TypeBound) and isinstance(extern.type, (Resource, Alias))
    ]


def _created(externs: Mapping[str, ExternType]) -> list[Identity]:
    """The identities that these imports or exports bring into being."""
    created: list[Identity] = []
    for extern in externs.values():
        if isinstance(extern, TypeBound):
            created.append(extern.type)
        elif isinstance(extern, InstanceType):
            created += [e.type for e in extern.exports.values() if isinstance(e, TypeBound)]
    return created
