"""The WIT of a component or of a binary WIT package: from evaluated types to a syntax tree.

A component says nothing of packages and worlds. By convention its world is `root` of package `root:component`.
An instance whose name is an interface's belongs to a package of that name, of which as much is shown as the
component mentions; what several imports and exports show of one interface is united. An instance under a plain
name is an interface without a name, unless an attribute says what it implements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.component.definitions import Attribute
from wpkg.component.describe import describe_extern
from wpkg.component.errors import NotAComponent, quoted
from wpkg.component.types import ComponentType, FuncType, InstanceType, TypeBound, strip
from wpkg.names.extern_name import parse_extern_name
from wpkg.wit.order import Circle, needed_first
from wpkg.wit.recover_scope import NOWHERE, TypeRecovery, TypeScope, Used, annotation, gate_of, ident
from wpkg.wit.syntax import (
    UNGATED,
    Document,
    ExternItem,
    FuncKind,
    InlineInterface,
    Interface,
    NestedPackage,
    PackageId,
    World,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wpkg.component.types import ExternType
    from wpkg.names.extern_name import InterfaceName
    from wpkg.wit.syntax import (
        PackageItem,
        UsePath,
        WorldItem,
    )

    Attributes = tuple[tuple[Attribute, str], ...]

ROOT_PACKAGE = PackageId("root", "component", "", NOWHERE)
ROOT_WORLD = "root"
_FUNCTIONS: dict[FuncKind | None, str] = {
    None: "a function",
    **{kind: f"a {kind.value} of a resource" for kind in FuncKind},
}
_MAX_LISTED = 5  # names in a sentence
_OLD_NAME = "wit"  # of what the first encoding of WIT packages exports: `ns:pkg/wit`


class Recovered(Struct, frozen=True):
    """A WIT document, and in `notes` what it does not say although the component does, a sentence each."""

    document: Document
    notes: tuple[str, ...]


def recover_component(component: ComponentType) -> Recovered:
    """The WIT of a component. Raises: NamelessType, MalformedComponent when it is too large."""
    recovery = _Recovery(ROOT_PACKAGE)
    world = recovery.world(ROOT_WORLD, component)
    recovery.note_what_is_united()
    return recovery.finish((world,))


def recover_wit_package(component: ComponentType) -> Recovered:
    """The WIT that a binary WIT package holds, in the encoding of today or the first one.

    Raises: NotAComponent, NamelessType, MalformedComponent when it is too large.
    """
    wrappers = {
        name: wrapper
        for name, extern in component.exports.items()
        if isinstance(extern, TypeBound) and isinstance(wrapper := strip(extern.type), ComponentType)
    }
    named = [_interface_name(n) for n, wrapper in wrappers.items() for n in (*_if_old(n), *wrapper.exports)]
    packages = {str(package): package for package in (package_id(name, "") for name in named)}
    if len(packages) != 1:
        raise NotAComponent(f"it is a WIT package that says to be {' and '.join(sorted(packages)) or 'none'}")
    recovery = _Recovery(*packages.values())
    worlds: list[World] = []
    for wrapper in wrappers.values():
        for name, extern in wrapper.imports.items():
            recovery.interface(name, _instance(name, extern), ())
        for name, extern in wrapper.exports.items():
            if isinstance(extern, ComponentType):
                worlds.append(recovery.world(_interface_name(name).interface, extern))
            else:
                recovery.interface(name, _instance(name, extern), ())
    return recovery.finish(tuple(worlds))


def _if_old(name: str) -> tuple[str, ...]:
    parsed = parse_extern_name(name)
    return (name,) if parsed is not None and parsed.interface == _OLD_NAME else ()


def _interface_name(text: str) -> InterfaceName:
    parsed = parse_extern_name(text)
    if parsed is None:
        raise NotAComponent(f"it is a WIT package with the name {quoted(text)}, which is not of any package")
    return parsed


def _instance(name: str, extern: ExternType) -> InstanceType:
    if isinstance(extern, InstanceType):
        return extern
    raise NotAComponent(f"it is a WIT package in which {quoted(name)} is {describe_extern(extern)}")


def package_id(name: InterfaceName, suffix: str) -> PackageId:
    """The package of an interface; `suffix` completes its version where that is a canonical one."""
    return PackageId(name.namespace, name.package, name.version + suffix if name.version else "", NOWHERE)


class _Recovery(TypeRecovery):
    """Interfaces by package, the package that is shown first among them."""

    def __init__(self, main: PackageId) -> None:
        super().__init__()
        self._main = main
        self._packages: dict[str, dict[str, TypeScope]] = {str(main): {}}
        self._shown: list[tuple[str, TypeScope, InstanceType]] = []  # imports and exports of worlds

    # --- interfaces --------------------------------------------------------------------------------

    def interface(self, name: str, instance: InstanceType, attributes: Attributes) -> TypeScope:
        """The interface `name`, of which `instance` shows some or all."""
        parsed = _interface_name(name)
        package = self._package(parsed, dict(attributes).get(Attribute.VERSION_SUFFIX, ""))
        interfaces = self._packages.setdefault(str(package), {})
        what = quoted(package.extern_name(parsed.interface))
        scope = interfaces.setdefault(parsed.interface, TypeScope(what, package, parsed.interface))
        self.fill(scope, instance)
        return scope

    def _package(self, name: InterfaceName, suffix: str) -> PackageId:
        if name.version and not suffix and name.full_version is None:
            suffix = ".0" * (2 - name.version.count("."))
            self.note(
                f"{quoted(str(name))} has a canonical version, of which WIT knows none; "
                f"shown is {name.version}{suffix}"
            )
        return package_id(name, suffix)

    # --- worlds ------------------------------------------------------------------------------------

    def world(self, name: str, component: ComponentType) -> World:
        """A world: imports of interfaces, types, imports of functions, exports."""
        scope = TypeScope("the world", self._main, None)
        imports: dict[str, ExternItem] = {}
        for text, extern in component.imports.items():
            attributes = component.import_attributes.get(text, ())
            if isinstance(extern, InstanceType):
                self._add_instance(imports, text, extern, attributes, is_import=True)
            elif isinstance(extern, TypeBound) and _is_plain(text):
                self.add_type(scope, text, extern.type, gate_of(attributes))
            elif isinstance(extern, FuncType) and _is_plain(text):
                self.add_func(scope, text, extern, gate_of(attributes))
            else:
                self._note_extern("import", scope, text, extern)
        exports: dict[str, ExternItem] = {}
        for text, extern in component.exports.items():
            attributes = component.export_attributes.get(text, ())
            if isinstance(extern, InstanceType):
                self._add_instance(exports, text, extern, attributes, is_import=False)
            elif isinstance(extern, FuncType) and annotation(text)[0] is None and _is_plain(text):
                func = self.func(scope, extern, None)
                exports[text] = ExternItem(False, ident(text), func, gate_of(attributes), (), NOWHERE)
            else:
                self._note_extern("export", scope, text, extern)
        funcs = [ExternItem(True, f.name, f.type, f.gate, (), NOWHERE) for f in scope.func_items()]
        items: tuple[WorldItem, ...] = (*imports.values(), *scope.type_items(), *funcs, *exports.values())
        return World(ident(name), items, UNGATED, ())

    def _note_extern(self, kind: str, scope: TypeScope, name: str, extern: ExternType) -> None:
        """Say that a world cannot have this; what mentions it as a type gets its name all the same."""
        if isinstance(extern, TypeBound):
            what = _defined(extern)
            self.register(scope, name, extern.type)
        else:
            what = _FUNCTIONS[annotation(name)[0]] if isinstance(extern, FuncType) else describe_extern(extern)
        named = "" if _is_plain(name) else " under the name of an interface"
        self.note(f"{kind} {quoted(name)} is {what}{named}, which a world cannot have")

    def _add_instance(
        self,
        externs: dict[str, ExternItem],
        name: str,
        instance: InstanceType,
        attributes: Attributes,
        *,
        is_import: bool,
    ) -> None:
        implemented = dict(attributes).get(Attribute.IMPLEMENTS)
        label = ident(name) if parse_extern_name(name) is None else None
        if label is not None and implemented is None:
            inline = TypeScope(f"the interface {quoted(name)}", self._main, None)
            self.fill(inline, instance)
            what: InlineInterface | UsePath = InlineInterface(inline.items())
            key = name
        else:
            scope = self.interface(implemented or name, instance, attributes)
            self._shown.append((f"{'import' if is_import else 'export'} {quoted(name)}", scope, instance))
            what = scope.path(self._main)
            key = scope.what if label is None else name
        externs[key] = ExternItem(is_import, label, what, gate_of(attributes), (), NOWHERE)

    def note_what_is_united(self) -> None:
        """Say which import or export has less of its interface than is shown, because another has more."""
        for extern, scope, instance in self._shown:
            names = [name for name in (*scope.types, *scope.funcs) if name not in instance.exports]
            if names:
                listed = ", ".join(map(quoted, names[:_MAX_LISTED])) + (", …" if names[_MAX_LISTED:] else "")
                self.note(f"{extern} has less of {scope.what} than is shown: not {listed}")

    # --- the result --------------------------------------------------------------------------------

    def finish(self, worlds: tuple[World, ...]) -> Recovered:
        """The document: the main package with `worlds`, then the others, each after those that it needs."""
        main = str(self._main)
        nested = [
            NestedPackage(next(iter(self._packages[name].values())).package, tuple(self._interfaces(name)), ())
            for name in self._ordered()
            if name != main
        ]
        items: tuple[PackageItem, ...] = (*self._interfaces(main), *worlds)
        document = Document(NOWHERE.source, self._main, items, tuple(nested), ())
        return Recovered(document, tuple(self.notes))

    def _interfaces(self, package: str) -> Iterator[Interface]:
        for label, scope in self._packages[package].items():
            yield Interface(ident(label), scope.items(), UNGATED, ())

    def _ordered(self) -> list[str]:
        foreign = [name for name in self._packages if name != str(self._main)]
        try:
            return list(needed_first(foreign, self._needs))
        except Circle as circle:
            self.note(f"packages need each other, which WIT forbids: {circle}")
            return foreign

    def _needs(self, package: str) -> Iterator[str]:
        for scope in self._packages[package].values():
            for item in scope.types.values():
                if isinstance(item, Used) and str(item.owner.package) != package:
                    yield str(item.owner.package)


def _defined(bound: TypeBound) -> str:
    """A type, or what it defines as those of a binary WIT package do."""
    wrapper = strip(bound.type)
    if isinstance(wrapper, ComponentType) and len(wrapper.exports) == 1:
        [(name, extern)] = wrapper.exports.items()
        kind = "world" if isinstance(extern, ComponentType) else "interface"
        return f"the definition of {kind} {quoted(name)}"
    return "a type"


def _is_plain(name: str) -> bool:
    return parse_extern_name(name) is None
