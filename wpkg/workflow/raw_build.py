"""The component that a project's own build makes, before anything is composed with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wpkg.errors import WpkgError
from wpkg.oci.digest import Digest
from wpkg.workflow.build_state import BuildState, FileStamp, load_state, stamped_digest
from wpkg.workflow.source_files import sources_fingerprint

if TYPE_CHECKING:
    from pathlib import Path

    from wpkg.workflow.opened import OpenedProject
    from wpkg.workflow.world import World


class BuildFailed(WpkgError):
    """The project's own build did not make the component."""


class BuiltFile(Struct, frozen=True):
    """A file that a build is about, and whether this run changed it."""

    path: Path
    digest: Digest
    size: int  # bytes
    changed: bool


def build_raw(
    world: World, opened: OpenedProject, state: BuildState, *, run_command: bool
) -> tuple[BuiltFile, BuildState]:
    """The component that the project's own build has made, and the record of it, which is not saved.

    Raises: BuildFailed, InvalidInput.
    """
    raw = opened.root / opened.project.build_artifact
    sources = sources_fingerprint(world, opened) if run_command else ""  # before: what changes meanwhile counts
    if run_command:
        _run_build(world, opened, raw)
    digest = raw_digest(opened, raw, state)
    changed = state.raw is None or state.raw.digest != str(digest)
    if changed:
        _check_kind(opened, raw, digest)
    made_by = opened.project.build_command if run_command else None
    if run_command or changed:
        state = replace(state, command=made_by, sources=sources)
    state = replace(state, raw=FileStamp.of(raw, digest))
    return BuiltFile(raw, digest, raw.stat().st_size, changed), state


def build_raw_if_need_be(world: World, opened: OpenedProject) -> BuiltFile:
    """The component of a project; its build is run only where one of its files changed since the last time.

    Raises: BuildFailed, InvalidInput.
    """
    folder = opened.root / opened.project.build_directory
    raw = opened.root / opened.project.build_artifact
    state = load_state(folder)
    if state.raw is not None and state.raw.still_fits(raw):
        sources = sources_fingerprint(world, opened)
        if sources and sources == state.sources:
            return BuiltFile(raw, Digest.parse(state.raw.digest), state.raw.size, changed=False)
    # Where wpkg cannot build it, whoever can has done so, or is told.
    run_command = opened.project.build_command is not None or not raw.is_file()
    built, state = build_raw(world, opened, state, run_command=run_command)
    state.save(folder)
    return built


def raw_digest(opened: OpenedProject, raw: Path, state: BuildState) -> Digest:
    """The digest of what the build has made. Raises: BuildFailed where there is nothing."""
    if not raw.is_file():
        raise BuildFailed(
            f"there is no component at {opened.project.build_artifact}",
            hint="component.build_artifact in wasmcloud.toml must name what the build makes",
        )
    return stamped_digest(raw, state.raw)


def _check_kind(opened: OpenedProject, raw: Path, digest: Digest) -> None:
    """Raises: InvalidInput when the build has made something else than the project says that it is."""
    if opened.project.kind == "wit":
        from wpkg.workflow.wit_files import read_wit_names

        read_wit_names(raw)
    else:
        from wpkg.workflow.compose import read_node
        from wpkg.workflow.sources import ComponentFile

        read_node(ComponentFile(opened.project.build_artifact, raw, digest))


def _run_build(world: World, opened: OpenedProject, raw: Path) -> None:
    command = opened.project.build_command
    if command is None:
        raise BuildFailed(
            "component.build_command is missing in wasmcloud.toml, and this version of wpkg runs no other build",
            hint="name the command that makes the component, or build it yourself and use --no-build",
        )
    raw.parent.mkdir(parents=True, exist_ok=True)
    words = command.split()  # as wash does: white space separates, there is no quoting
    world.reporter.status("Building", f"{opened.project.name} ({command})")
    try:
        finished = world.run(words, opened.root, show=True)
    except OSError as error:
        raise BuildFailed(
            f"cannot run '{words[0] if words else ''}', the first word of component.build_command",
            hint="install it, or put it on PATH",
        ) from error
    if finished.status != 0:
        said = f":\n{finished.output.rstrip()}" if finished.output.strip() else ""
        raise BuildFailed(f"'{command}' failed with status {finished.status}{said}")
