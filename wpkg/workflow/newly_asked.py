"""What locked packages ask for, and what one asks for that its predecessor did not.

The lock has what each package imports. What a dependency of the project asks for is what it and everything that it
needs ask for together: a new version may bring in another package that does the asking. What was not asked for
before is refused until an `allow` in `[capabilities]` names it, wherever other packages do not export it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wpkg.component.read import read_component
from wpkg.compose.match import unversioned
from wpkg.errors import InvalidInput, NotTrusted, WpkgError
from wpkg.project.lockfile import LockedPackage
from wpkg.project.project_file import PROJECT_FILE
from wpkg.registry.mapping import mapped
from wpkg.workflow.release import fetch_component

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from wpkg.component.types import ComponentType
    from wpkg.names.pin import Pin
    from wpkg.project.capabilities import Capabilities
    from wpkg.project.lockfile import LocalPackage, Lock
    from wpkg.workflow.opened import OpenedWorkspace
    from wpkg.workflow.release import Release
    from wpkg.workflow.world import World


class NewRequest(Struct, frozen=True):
    """An interface that an update asks for, and that was not asked for before."""

    package: Pin  # who asks
    interface: str
    through: Pin  # the dependency of the project that needs it
    before: Pin  # what was locked in its place

    def to_json(self) -> dict[str, str]:
        """The request for programs."""
        return {
            "package": str(self.package),
            "import": self.interface,
            "dependency": str(self.through),
            "before": str(self.before),
        }

    def __str__(self) -> str:
        if self.package.name == self.through.name:
            return f"{self.package} asks for '{self.interface}', which {self.before.version} did not"
        return (
            f"{self.package}, which {self.through} needs, asks for '{self.interface}', "
            f"which {self.before} and what it needed did not"
        )


class NewlyAskedFor(NotTrusted):
    """An update asks for what the locked versions did not, and no `allow` names it."""

    def __init__(self, found: tuple[NewRequest, ...], line: str) -> None:
        first, *others = found
        said = f", and {len(others)} more" if others else ""
        super().__init__(f"{first}{said}", hint="\n".join([*map(str, others), line]))
        self.found = found

    @property
    def details(self) -> Mapping[str, Any]:
        """Everything that is newly asked for, for programs."""
        return {"asked": [request.to_json() for request in self.found]}


class ImportsConcealed(NotTrusted):
    """A component imports what its config, by which it was locked, does not say."""


def asked_for(world: World, release: Release, kind: str, what: str) -> tuple[str, ...] | None:
    """What a release imports, sorted: by its config, else by the component itself; None for a WIT package.

    Raises: RegistryError, InvalidInput.
    """
    if kind == "wit":
        return None
    if release.config.has_names:
        return tuple(sorted(set(release.config.imports)))
    with mapped(fetch_component(world, release, what)) as data:
        try:
            return tuple(sorted(read_component(data).imports))
        except WpkgError as error:
            raise error.within(what) from None


def check_nothing_is_concealed(lock: Lock, pin: Pin, component: ComponentType) -> None:
    """Nothing when `component` imports no more than the lock says of `pin`. Raises: ImportsConcealed."""
    locked = lock.at(pin)
    if not isinstance(locked, LockedPackage) or locked.imports is None:
        return
    concealed = sorted(set(component.imports) - set(locked.imports))
    if concealed:
        raise ImportsConcealed(
            f"{pin} imports '{concealed[0]}', which neither wpkg.lock nor its config in {locked.source} says",
            hint="ask whoever publishes it: by its config it was decided what it may ask for",
        )


def check_newly_asked(workspace: OpenedWorkspace, before: Lock, after: Lock, exported: Collection[str]) -> None:
    """Nothing when no dependency asks for more than it did, but for what is allowed or among `exported`.

    Raises: NewlyAskedFor.
    """
    found: dict[NewRequest, Capabilities] = {}
    for member, dependency in workspace.dependencies():
        now = after.met_by(dependency.name, dependency.requirement)
        old = before.met_by(dependency.name, dependency.requirement) or next(
            iter(before.named(dependency.name)), None
        )
        if now is None or old is None or now == old:
            continue
        known = {unversioned(name) for package in _needed(before, old) for name in _imports(package)}
        for package in _needed(after, now):
            if any(_is_unknown(earlier) for earlier in before.named(package.name)):
                continue
            for name in _imports(package):
                verdict = member.project.capabilities.verdict(name, str(package.name))
                if unversioned(name) not in known and not verdict.is_explicit and not verdict.is_isolated:
                    found[NewRequest(package.pin, name, now.pin, old.pin)] = member.project.capabilities
    if not found:
        return
    offered = {unversioned(name) for name in (*exported, *_exported_here(workspace))}
    asked = sorted(
        (request for request in found if unversioned(request.interface) not in offered),
        key=lambda request: (request.package, request.interface, request.through),
    )
    if asked:
        raise NewlyAskedFor(tuple(asked), _line_to_write(asked, found[asked[0]], after))


def _needed(lock: Lock, package: LockedPackage | LocalPackage) -> list[LockedPackage | LocalPackage]:
    """A package and all that it needs."""
    found = {package.pin: package}
    pending = [package]
    while pending:
        for pin in pending.pop().dependencies:
            needed = lock.at(pin)
            if needed is not None and pin not in found:
                found[pin] = needed
                pending.append(needed)
    return [found[pin] for pin in sorted(found)]


def _imports(package: LockedPackage | LocalPackage) -> Iterable[str]:
    return (package.imports or ()) if isinstance(package, LockedPackage) else ()


def _is_unknown(package: LockedPackage | LocalPackage) -> bool:
    """Whether nobody has written down what a package asked for: a lock of before, or what is on this disk."""
    return not isinstance(package, LockedPackage) or package.imports is None


def _exported_here(workspace: OpenedWorkspace) -> list[str]:
    """What the components export that the projects have built, as far as they are there."""
    found: list[str] = []
    for member in workspace.members:
        artifact = member.root / member.project.build_artifact
        if artifact.is_file():
            with mapped(artifact) as data:
                try:
                    found += read_component(data).exports
                except InvalidInput:
                    continue  # not built yet, or being built; the build says what is wrong with it
    return found


def _line_to_write(asked: list[NewRequest], capabilities: Capabilities, lock: Lock) -> str:
    """What would accept all that the first package asks for, written out."""
    name = str(asked[0].package.name)
    wanted = [unversioned(request.interface) for request in asked if request.package == asked[0].package]
    own, general = capabilities.rules_for(name), capabilities.general
    denied = next((i for i in wanted if capabilities.verdict(i, name).is_denied), None)
    if denied is not None:
        return (
            f"'{denied}' is {capabilities.verdict(denied, name).because}: stay with what is locked, or let what "
            f'is denied trap when it is called, in {PROJECT_FILE}:\n[capabilities."{name}"]\ndenied = "trap"'
        )
    if own.allow is not None or general.allow is None:
        table = f'[capabilities."{name}"]'
        package = lock.at(asked[0].package)
        known = [str(p) for p in own.allow] if own.allow is not None else []
        if own.allow is None and package is not None:
            known = [unversioned(imported) for imported in _imports(package)]
    else:
        table, known = "[capabilities]", [str(pattern) for pattern in general.allow]
    listed = ", ".join(f'"{text}"' for text in dict.fromkeys([*known, *wanted]))
    return f"to accept it, write in {PROJECT_FILE}:\n{table}\nallow = [{listed}]"
