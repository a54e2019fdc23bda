"""A WAC document with everything that it needs: its components as files, its WIT packages read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from wpkg.errors import WpkgError
from wpkg.registry.disk import read_text
from wpkg.wac.errors import raise_all
from wpkg.wac.evaluate import evaluate, plan_document
from wpkg.wac.interfaces import state_imports
from wpkg.wac.needs import instances_of, interfaces_needed, packages_used
from wpkg.wac.parser import parse_document
from wpkg.wit.binary import BinaryPackage
from wpkg.wit.errors import InvalidWit, Source
from wpkg.wit.parser import parse_document as parse_wit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from wpkg.compose.graph import Node, Plan
    from wpkg.wac.syntax import Document
    from wpkg.wit.resolve import PackageFiles
    from wpkg.wit.syntax import PackageId
    from wpkg.workflow.sources import ComponentFile

Found = TypeVar("Found")


class MissingComponent(InvalidWit):
    """A component that a document makes instances of is nowhere."""


class Finder(Protocol):
    """Where the packages of a document are."""

    def component(self, package: PackageId) -> ComponentFile | None:
        """The component of `package`; None where there is none. Raises: WpkgError."""

    def interfaces(self, package: PackageId) -> PackageFiles | BinaryPackage | None:
        """The WIT package `package`; None where there is none. Raises: WpkgError."""

    def advice(self, package: PackageId) -> str:
        """What to do about a component that is nowhere."""


class OpenedDocument(Struct, frozen=True):
    """A document, and what it needs."""

    document: Document
    files: tuple[ComponentFile, ...]  # one for each instance
    instances: Mapping[str, str]  # instance -> the name of its file
    origins: Mapping[str, str]  # the name of a file -> what its component is called where it was found
    interfaces: Mapping[str, PackageFiles | BinaryPackage]  # by the package that they are

    def plan(self, nodes: Sequence[Node]) -> Plan:
        """The plan that it is, `nodes` being its files read.

        Raises: InvalidWit, InvalidDocument, CompositionError.
        """
        stated = state_imports(self.document, tuple(self.interfaces.values()))
        by_file = {node.name: node for node in nodes}
        by_instance = {instance: by_file[name] for instance, name in self.instances.items()}
        return plan_document(evaluate(self.document, by_instance, stated))


def open_document(path: Path, finder: Finder) -> OpenedDocument:
    """The document at `path`, its packages found by `finder`. Raises: InvalidInput, what `finder` raises."""
    document = parse_document(Source(str(path), read_text(path)))
    components = _components(document, finder)
    files = tuple([file for file, _ in components.values()])
    instances = {instance: file.name for instance, (file, _) in components.items()}
    origins = {file.name: origin for file, origin in components.values()}
    return OpenedDocument(document, files, instances, origins, _interfaces(document, finder))


def _components(document: Document, finder: Finder) -> dict[str, tuple[ComponentFile, str]]:
    """The file of each instance, and what its component is called where it was found.

    It is called so in the plan, too, unless the document calls the instance otherwise.
    """
    files: dict[str, tuple[ComponentFile, str]] = {}
    taken: set[str] = set()
    found: dict[str, ComponentFile | None] = {}
    errors: list[InvalidWit] = []
    for instance in instances_of(document):
        package = instance.new.package
        if str(package) not in found:
            found[str(package)] = _placed(finder.component, package)
        file = found[str(package)]
        if file is None:
            advice = finder.advice(package)
            errors.append(MissingComponent(f"there is no component '{package}'", package.span, advice=advice))
            continue
        is_called_so = not instance.has_own_name and file.name not in taken
        name = file.name if is_called_so else instance.name
        label = instance.name if file.label is not None and instance.has_own_name else file.label
        taken.add(name)
        files[instance.name] = (replace(file, name=name, label=label), file.name)
    raise_all(errors)
    return files


def _interfaces(document: Document, finder: Finder) -> dict[str, PackageFiles | BinaryPackage]:
    """The WIT packages that a document names, and those that these name; what is nowhere is left out."""
    found: dict[str, PackageFiles | BinaryPackage] = {}
    pending = interfaces_needed(document)
    looked_for = {str(document.package)}
    while pending:
        package = pending.pop(0)
        if str(package) in looked_for:
            continue
        looked_for.add(str(package))
        given = _placed(finder.interfaces, package)
        if given is None:
            continue
        found[str(package)] = given
        if not isinstance(given, BinaryPackage):
            for text in given:
                parsed = parse_wit(text) if isinstance(text, Source) else text
                pending += packages_used(parsed)
                looked_for.update(str(nested.id) for nested in parsed.nested)
    return found


def _placed(find: Callable[[PackageId], Found], package: PackageId) -> Found:
    """What `find` finds; what it raises is said with the place in the document."""
    try:
        return find(package)
    except WpkgError as error:
        line, column = package.span.source.position(package.span.start)
        raise error.within(f"{package.span.source.name}:{line}:{column}") from None
