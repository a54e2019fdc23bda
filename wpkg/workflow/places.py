"""Where packages are: what `wasmcloud.toml` says, else the lock, else what the person has told wkg.

Whoever says something about a package is believed, and nobody after that is asked: not when the package is not
there, either. The lock goes before what one person's configuration says, so that a project means the same for all.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.errors import InvalidInput
from wpkg.project.lockfile import LOCK_FILE
from wpkg.project.project_file import PROJECT_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wpkg.names.package_name import PackageName
    from wpkg.oci.reference import Repository
    from wpkg.project.lockfile import Lock
    from wpkg.project.wkg_config import Metadata, WkgConfig, WkgPlace
    from wpkg.workflow.opened import OpenedProject, OpenedWorkspace
    from wpkg.workflow.world import World


class Place(Struct, frozen=True):
    """A repository, and what says that the package is there."""

    repository: Repository
    said_by: str


class Places:
    """The places of a workspace's packages; wkg's configuration is read, and registries asked, at most once."""

    def __init__(self, world: World, workspace: OpenedWorkspace) -> None:
        self._world = world
        self._workspace = workspace
        self._known: dict[PackageName, Place] = {}
        self._warned: set[str] = set()
        self._config: tuple[WkgConfig, str] | None = None

    def of(self, package: PackageName) -> Place:
        """Where `package` is for every member. Raises: InvalidInput, RegistryError."""
        if package not in self._known:
            self._known[package] = self._find(package)
        return self._known[package]

    def _find(self, package: PackageName) -> Place:
        stated = stated_repository(self._workspace, package)
        if stated is not None:
            return Place(stated, f"[registries] in {PROJECT_FILE}")
        locked = locked_repository(self._workspace.lock, package)
        if locked is not None:
            return Place(locked, LOCK_FILE)
        if self._config is None:
            self._config = _wkg_config(self._world.environment)
        config, said_by = self._config
        place = config.place(package)
        if place is None:
            return Place(self._workspace.registries.repository(package), PROJECT_FILE)
        try:
            metadata = place.metadata or _metadata_of(self._world, place)
            repository = place.repository(package, metadata)
        except InvalidInput as error:
            raise error.within(said_by) from None
        if place.ignored and place.host not in self._warned:
            self._warned.add(place.host)
            self._world.reporter.warn(
                f"{said_by}: {', '.join(place.ignored)} of {place.host}: wpkg does not take this from wkg "
                "(use 'wpkg login', WPKG_INSECURE_REGISTRIES or SSL_CERT_FILE)"
            )
        return Place(repository, said_by)


def package_repository(world: World, opened: OpenedProject, package: PackageName) -> Repository:
    """Where `package` is for one project: its own `oci`, else as for all. Raises: InvalidInput, RegistryError."""
    dependency = opened.project.dependency(package)
    if dependency is not None and dependency.oci is not None:
        return dependency.oci
    return Places(world, opened.workspace).of(package).repository


def stated_repository(workspace: OpenedWorkspace, package: PackageName) -> Repository | None:
    """Where the project files say that `package` is, None where they say nothing. Raises: InvalidInput."""
    given = sorted({d.oci for _, d in workspace.dependencies() if d.name == package and d.oci is not None})
    if len(given) > 1:
        raise InvalidInput(
            f"{package} is at two places, {given[0]} and {given[1]}",
            hint="give it the same 'oci' in every member of the workspace",
        )
    return given[0] if given else workspace.registries.find(package)


def locked_repository(lock: Lock | None, package: PackageName) -> Repository | None:
    """Where the lock has `package` from, None where it does not pin it. Raises: InvalidInput."""
    found = sorted(
        {locked.source for locked in (lock.packages if lock is not None else ()) if locked.name == package}
    )
    if len(found) > 1:
        raise InvalidInput(
            f"{LOCK_FILE} has {package} from two places, {found[0]} and {found[1]}",
            hint=f"say in {PROJECT_FILE} where it is, and run 'wpkg lock'",
        )
    return found[0] if found else None


def _wkg_config(environment: Mapping[str, str]) -> tuple[WkgConfig, str]:
    """The configuration of wkg, and what it is called in a sentence. Raises: InvalidInput."""
    from wpkg.project.wkg_config import WkgConfig, read_wkg_config
    from wpkg.registry.disk import read_text

    named = environment.get("WKG_CONFIG_FILE")
    base = Path(environment.get("XDG_CONFIG_HOME", ""))
    if not base.is_absolute():  # as with wpkg's own folders
        base = Path(environment.get("HOME", "")) / ".config"
    path = Path(named) if named else base / "wasm-pkg" / "config.toml"
    if not path.is_file() or not (named or path.is_absolute()):  # without a home, there is none
        if named:
            raise InvalidInput(f"WKG_CONFIG_FILE names {path}, which is not there")
        return WkgConfig(), "what wkg knows by itself"
    try:
        return read_wkg_config(read_text(path)), str(path)
    except InvalidInput as error:
        raise error.within(str(path)) from None


def _metadata_of(world: World, place: WkgPlace) -> Metadata:
    """What the host itself says; that packages are on it where it says nothing. Raises: RegistryError."""
    from wpkg.documents.strict_json import InvalidJson
    from wpkg.project.wkg_config import InvalidWkgConfig, Metadata, read_registry_metadata
    from wpkg.registry.errors import UnexpectedAnswer
    from wpkg.registry.origins import leads_inside

    what = f"registry.json of {place.host}"
    data = world.registry.package_metadata(place.host)
    if data is None:
        return Metadata()
    try:
        metadata = read_registry_metadata(data)
    except (InvalidJson, InvalidWkgConfig) as error:
        raise UnexpectedAnswer(f"{what}: {error}") from error
    if metadata.registry is not None and leads_inside(place.host, metadata.registry):
        raise UnexpectedAnswer(
            f"{what}: it says that packages are at {metadata.registry}, an address inside a network"
        )
    return metadata
