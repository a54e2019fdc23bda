"""Where the packages of a WAC document are.

In this order: what the command line gives, a folder as wac has it, the project with its lock, what is published.
The folder has `<namespace>/<name>`, below that `/<version>` where one is asked for: `.wasm`, `.wit`, or a folder
with WIT files.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from wpkg.errors import InvalidInput
from wpkg.names.package_name import PackageName
from wpkg.wac.emit import local_package
from wpkg.wit.binary import BinaryPackage
from wpkg.wit.errors import Source, nearest
from wpkg.wit.parser import parse_document
from wpkg.workflow.sources import ComponentFile, means_file
from wpkg.workflow.wit_deps import wit_package_file
from wpkg.workflow.wit_files import read_wit_file, read_wit_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from wpkg.project.lockfile import Lock
    from wpkg.wit.resolve import PackageFiles
    from wpkg.wit.syntax import PackageId
    from wpkg.workflow.composition import LockedComponents
    from wpkg.workflow.opened import OpenedProject
    from wpkg.workflow.world import World


class ProjectPlaces:
    """What a project has: its own component, its lock, its WIT folder."""

    def __init__(
        self, world: World, opened: OpenedProject, lock: Lock, found: LockedComponents, own: ComponentFile
    ) -> None:
        self._world = world
        self._opened = opened
        self._lock = lock
        self._found = found
        self._own = own

    @property
    def own_package(self) -> str:
        """What a document calls the component that the project builds."""
        return self._own.name if self._opened.project.package is not None else local_package(self._own.name)

    @property
    def names(self) -> list[str]:
        """The packages whose components are there."""
        return [self.own_package, *self._found.files]

    def component(self, package: PackageId) -> ComponentFile | None:
        """The component of a package; of a version only where that is the one that is locked."""
        name = f"{package.namespace}:{package.name}"
        version = str(self._opened.project.version)
        if name == self.own_package and package.version in ("", version):
            return self._own
        for known, file in self._found.files.items():
            pin = self._found.pins[known]
            if str(pin.name) == name and package.version in ("", str(pin.version)):
                if known != name and not package.version:
                    raise InvalidInput(f"wpkg.lock pins several versions of {name}", hint=f"name one: {known}")
                return file
        return None

    def interfaces(self, package: PackageId) -> PackageFiles | BinaryPackage | None:
        """A WIT package: of the project's WIT folder, else of its lock."""
        for given in self._own_interfaces():
            if _identity(given) == str(package):
                return given
        for dependency in self._opened.project.dependencies:
            locked = self._lock.met_by(dependency.name, dependency.requirement)
            if dependency.kind != "wit" or locked is None or dependency.name != _package_name(package):
                continue
            if package.version in ("", str(locked.version)):
                return read_wit_file(wit_package_file(self._world, self._opened.workspace, self._lock, locked.pin))
        return None

    def _own_interfaces(self) -> Iterator[PackageFiles | BinaryPackage]:
        folder = self._opened.root / self._opened.project.wit
        if not folder.is_dir():
            return
        yield read_wit_folder(folder)
        if (folder / "deps").is_dir():
            for entry in sorted((folder / "deps").iterdir()):
                if entry.is_dir():
                    yield read_wit_folder(entry)
                elif entry.suffix in (".wit", ".wasm"):
                    yield read_wit_file(entry)


class Places:
    """All of it. `given` are paths, or references where there is `published`, by `namespace:name@version`.

    `find_project` is asked once, when nothing before has a package.
    """

    def __init__(
        self,
        given: Mapping[str, str],
        folder: Path,
        find_project: Callable[[], ProjectPlaces | None],
        published: Callable[[str], ComponentFile] | None = None,
    ) -> None:
        self._given = given
        self._folder = folder
        self._find_project = find_project
        self._published = published

    @cached_property
    def _project(self) -> ProjectPlaces | None:
        return self._find_project()

    def component(self, package: PackageId) -> ComponentFile | None:
        """The component of a package. Raises: InvalidInput, RegistryError, NotTrusted."""
        name = str(package)
        given = self._given.get(name)
        if given is not None and self._published is not None and not means_file(given):
            return self._published(given)
        path = Path(given) if given is not None else self._in_folder(package)
        if path is not None:
            if path.is_dir() or path.suffix == ".wit":
                raise InvalidInput(f"{path} is a WIT package, and an instance is made of a component")
            return ComponentFile(name, path)
        found = self._project.component(package) if self._project is not None else None
        if found is None and self._project is not None and self._published is not None:
            return self._published(name)
        return found

    def interfaces(self, package: PackageId) -> PackageFiles | BinaryPackage | None:
        """A WIT package. Raises: InvalidInput, RegistryError."""
        given = self._given.get(str(package))
        path = Path(given) if given is not None else self._in_folder(package)
        if path is not None:
            return (read_wit_folder(path) or None) if path.is_dir() else read_wit_file(path)
        return self._project.interfaces(package) if self._project is not None else None

    def advice(self, package: PackageId) -> str:
        """What to do about a component that is nowhere."""
        known = [*self._given, *(self._project.names if self._project is not None else ())]
        near = nearest(str(package), known)
        version = f"/{package.version}" if package.version else ""
        place = self._folder / f"{package.namespace}/{package.name}{version}.wasm"
        return near or f"give it with --dep {package}=FILE, or put it at {place}"

    def _in_folder(self, package: PackageId) -> Path | None:
        base = self._folder / package.namespace / package.name
        if package.version:
            base /= package.version
        for suffix in (".wasm", ".wit"):
            path = base.with_name(base.name + suffix)
            if path.is_file():
                return path
        if base.is_dir() and any(base.glob("*.wit")):
            return base
        text = base.with_name(base.name + ".wat")
        if text.is_file():
            raise InvalidInput(f"{text} is text", hint="assemble it with 'wasm-tools parse' to a .wasm file")
        return None


def _package_name(package: PackageId) -> PackageName:
    return PackageName(package.namespace, package.name)


def _identity(given: PackageFiles | BinaryPackage) -> str | None:
    """Which package this is; None where its files do not say."""
    if isinstance(given, BinaryPackage):
        return given.name
    for text in given:
        identity = (parse_document(text) if isinstance(text, Source) else text).id
        if identity is not None:
            return str(identity)
    return None
