"""From what a person types to a reference: a package of the project's registries, or a reference as it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wpkg.errors import InvalidInput
from wpkg.names.package_name import WORDS, PackageName
from wpkg.names.pin import Pin
from wpkg.names.version import Version
from wpkg.oci.reference import InvalidReference, Reference
from wpkg.project.lockfile import LockedPackage
from wpkg.project.project_file import PROJECT_FILE
from wpkg.workflow.opened import (
    OpenedProject,
    OpenedWorkspace,
    folder_of_layouts,
    open_workspace,
    project_of,
    shown_from,
)
from wpkg.workflow.places import Places

if TYPE_CHECKING:
    from pathlib import Path

    from wpkg.workflow.world import World

_NAME = re.compile(rf"{WORDS}:{WORDS}")
_PACKAGE = re.compile(rf"({WORDS}:{WORDS})@([^:/]+)")


class Located(Struct, frozen=True):
    """What is meant: a reference, and the package and version that it must then be, where those were named."""

    reference: Reference
    package: PackageName | None = None
    version: Version | None = None
    raw: bool = False  # the component before composition was asked for

    @property
    def pin(self) -> Pin | None:
        """The package and version, where both were named."""
        return None if self.package is None or self.version is None else Pin(self.package, self.version)

    def __str__(self) -> str:
        return str(self.reference) if self.package is None else f"{self.package} {self.version} ({self.reference})"


def locate(world: World, root: Path, text: str, *, raw: bool = False, or_file: bool = False) -> Located:
    """What `text` means: `ns:name@version` by the project in `root`, `ns:name` by its lock, or a reference.

    With `raw`, the raw component beside a version. `or_file` says that it could have been a file, which it is not.
    Raises: InvalidInput.
    """
    if match := _PACKAGE.fullmatch(text):
        package, version = PackageName.parse(match[1]), Version.parse(match[2])
        repository = Places(world, open_workspace(root)).of(package).repository
        return Located(repository.at(tag=version.raw_tag if raw else version.tag), package, version, raw)
    if _NAME.fullmatch(text):
        return _locked(root, PackageName.parse(text))
    try:
        reference = typed_reference(world, root, text)
    except InvalidReference as error:
        if or_file:
            raise InvalidInput(f"'{text}' is neither a file nor a reference", hint=error.hint) from None
        raise
    if reference.tag is None and reference.digest is None:
        raise InvalidInput(
            f"'{text}' names no version", hint=f"add a tag or digest: {text}:0.1.0, {text}@sha256:…"
        )
    return Located(reference)


def typed_reference(world: World, root: Path, text: str) -> Reference:
    """The reference that a person means by `text`, in or below the project in `root`. Raises: InvalidInput.

    A `dir:` path is relative to where the person is; the reference has it as the project files and the lock would.
    """
    reference = Reference.parse(text)
    if not reference.repository.is_folder:
        return reference
    below = shown_from(folder_of_layouts(root), world.here or root)
    return replace(reference, repository=reference.repository.seen_from_above(below))


def _locked(root: Path, package: PackageName) -> Located:
    """What the lock of the project in `root` pins as `package`. Raises: InvalidInput."""
    lock = open_workspace(root).lock
    pinned = lock.named(package) if lock is not None else []
    published = [pin for pin in pinned if isinstance(pin, LockedPackage)]
    if not published:
        said = "is a path dependency: it is published nowhere" if pinned else "is not in wpkg.lock"
        raise InvalidInput(f"{package} {said}", hint=f"name a version, {package}@1.0.0, or run 'wpkg lock'")
    if len(published) > 1:
        versions = " and ".join(str(pin.version) for pin in published)
        raise InvalidInput(
            f"wpkg.lock pins {package} {versions}", hint=f"name one: {package}@{published[-1].version}"
        )
    (pin,) = published
    return Located(pin.source.at(tag=pin.tag, digest=pin.manifest), package, pin.version)


def workspace_here(root: Path) -> OpenedWorkspace | None:
    """The workspace around `root`, None where there is none. Raises: InvalidInput when there is an invalid one."""
    return open_workspace(root) if (root / PROJECT_FILE).is_file() else None


def project_here(root: Path) -> OpenedProject | None:
    """The project in `root`, None where there is none. Raises: InvalidInput when there is an invalid one."""
    workspace = workspace_here(root)
    return project_of(workspace, root) if workspace is not None else None
