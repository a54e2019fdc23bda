"""Which name means what: packages, their files, and what each file calls the interfaces and worlds of others.

WIT.md, "WIT Packages and `use`": a bare name is looked up in the file's own `use` statements, then in the package.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wpkg.wit.errors import DuplicateName, InvalidWit, RecursiveWit, WitNameError, nearest
from wpkg.wit.syntax import Document, Interface, NestedPackage, PackageId, PackageItem, TopLevelUse, UsePath, World
from wpkg.wit.tokens import duplicate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wpkg.wit.errors import Span
    from wpkg.wit.syntax import Ident


class MissingPackage(WitNameError):
    """A package that is used and was not given."""


@dataclass(frozen=True, slots=True, eq=False)
class File:
    """The names of one file of a package, or of one nested package."""

    package: PackageId
    aliases: Mapping[str, TopLevelUse]


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """An interface or world as written, and where it stands."""

    node: Interface | World
    file: File


@dataclass(slots=True, eq=False)
class TextPackage:
    """A package whose text was given."""

    id: PackageId
    files: list[File] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)


def packages_of(documents: Sequence[Document]) -> Iterator[TextPackage]:
    """The packages that the files of one folder make, the folder's own first. Raises: InvalidWit."""
    identity: PackageId | None = None
    for document in documents:
        if document.id is None:
            continue
        if identity is None:
            identity = document.id
        elif str(identity) != str(document.id):
            raise WitNameError(
                f"this file is of package '{document.id}', {identity.span.source.name} of '{identity}'",
                document.id.span,
                advice="all files of a folder are of one package; others belong below deps/",
            )
    if identity is None:
        where = documents[0].source.name if len(documents) == 1 else "these files"
        raise InvalidWit(
            f"nothing says which package {where} is", None, advice="begin with 'package namespace:name;'"
        )
    documented = [document.id for document in documents if document.id is not None and document.docs]
    if len(documented) > 1:
        raise DuplicateName(f"package '{identity}' is documented in two files", documented[1].span)
    package = TextPackage(identity)
    for document in documents:
        _add_file(package, document.items)
    yield package
    for document in documents:
        for nested in document.nested:
            yield _nested_package(nested)


def _nested_package(nested: NestedPackage) -> TextPackage:
    package = TextPackage(nested.id)
    _add_file(package, nested.items)
    return package


def _add_file(package: TextPackage, items: Sequence[PackageItem]) -> None:
    aliases: dict[str, TopLevelUse] = {}
    here: dict[str, Ident] = {}
    file = File(package.id, aliases)
    for item in items:
        name = item.alias if isinstance(item, TopLevelUse) else item.name
        if name.name in here:
            raise duplicate("name", name, here[name.name].span)
        here[name.name] = name
        if isinstance(item, TopLevelUse):
            aliases[name.name] = item
        elif name.name in package.entries:
            raise duplicate("name", name, package.entries[name.name].node.name.span)
        else:
            package.entries[name.name] = Entry(item, file)
    package.files.append(file)


def aliased_packages(package: TextPackage) -> Iterator[PackageId]:
    """The packages that `use` at the top of a package's files names."""
    for file in package.files:
        for use in file.aliases.values():
            if use.path.package is not None:
                yield use.path.package


class Directory:
    """All packages, by name. `binary` are the names of interfaces and worlds whose text is not there."""

    def __init__(self, packages: Sequence[TextPackage], binary: Mapping[str, bool]) -> None:
        self.entries: dict[str, Entry] = {}
        self._packages: dict[str, TextPackage] = {}
        self._binary = binary  # whether each is a world
        for package in packages:
            other = self._packages.setdefault(str(package.id), package)
            if other is not package:
                raise _defined_twice(package.id, other.id.span)
            for name, entry in package.entries.items():
                self.entries[package.id.extern_name(name)] = entry
        for name in binary:
            if _package_of(name) in self._packages:
                raise _defined_twice(self._packages[_package_of(name)].id, None)
        self._known = {*self._packages, *map(_package_of, binary)}

    def find(self, file: File, path: UsePath, *, world: bool) -> str:
        """The whole name of the interface or world that `path` means in `file`. Raises: InvalidWit."""
        if path.package is None and path.name.name in file.aliases:
            name = self._target(file, file.aliases[path.name.name].path, "interface or world")
        else:
            name = self._target(file, path, "world" if world else "interface")
        if self._is_world(name) != world:
            raise self._wrong_kind(path, is_world=not world)
        return name

    def _is_world(self, name: str) -> bool:
        entry = self.entries.get(name)
        return isinstance(entry.node, World) if entry is not None else self._binary[name]

    def _wrong_kind(self, path: UsePath, *, is_world: bool) -> WitNameError:
        if is_world:
            return WitNameError(
                f"'{path.name.name}' is a world, not an interface",
                path.name.span,
                advice="a world is put into another with 'include'",
            )
        return WitNameError(f"'{path.name.name}' is an interface, not a world", path.name.span)

    def check_aliases(self, package: TextPackage) -> None:
        """Every `use` at the top of a file means something. Raises: InvalidWit."""
        for file in package.files:
            for use in file.aliases.values():
                name = self._target(file, use.path, "interface or world")
                if use.path.package is not None and self._is_world(name):
                    raise self._wrong_kind(use.path, is_world=True)

    def check_package(self, package: PackageId) -> None:
        """The package is there. Raises: MissingPackage."""
        if str(package) not in self._known:
            raise self._missing(package)

    def _target(self, file: File, path: UsePath, what: str) -> str:
        package = path.package or file.package
        name = package.extern_name(path.name.name)
        if name in self.entries or name in self._binary:
            self._check_not_own(file, path)
            return name
        prefix, version = package.extern_name("").partition("@")[::2]
        every = (*self.entries, *self._binary)
        known = [n.removeprefix(prefix).partition("@")[0] for n in every if _is_in(n, prefix, version)]
        if path.package is not None and not known and str(package) not in self._packages:
            raise self._missing(package)
        known += () if path.package is not None else file.aliases
        raise WitNameError(
            f"there is no {what} '{path.name.name}' in package '{package}'",
            path.name.span,
            advice=nearest(path.name.name, known),
        )

    def _check_not_own(self, file: File, path: UsePath) -> None:
        if path.package is not None and str(path.package) == str(file.package):
            raise RecursiveWit(
                f"package '{file.package}' uses itself under its whole name",
                path.span,
                advice=f"write '{path.name.name}'",
            )

    def _missing(self, package: PackageId) -> MissingPackage:
        known = sorted(self._known)
        same = [k for k in known if k.partition("@")[0] == f"{package.namespace}:{package.name}"]
        if same:
            advice = f"there is {' and '.join(repr(k) for k in same)}; a version must be named exactly"
        else:
            advice = nearest(str(package), known) or "put it into the folder deps/ beside the file that needs it"
        return MissingPackage(f"package '{package}' is not there", package.span, advice=advice)


def _is_in(name: str, prefix: str, version: str) -> bool:
    return name.startswith(prefix) and name.partition("@")[2] == version


def _package_of(name: str) -> str:
    """`ns:pkg@1.0.0` of `ns:pkg/interface@1.0.0`."""
    path, at, version = name.partition("@")
    return f"{path.partition('/')[0]}{at}{version}"


def _defined_twice(package: PackageId, other: Span | None) -> DuplicateName:
    where = "" if other is None else f", in {other.source.name} too"
    return DuplicateName(f"package '{package}' is defined twice{where}", package.span)
