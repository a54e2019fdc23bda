"""Build a project: run its own build, then compose the result with the locked components.

When nothing changed, nothing is read but the project file, the lock, the policy's keys and the record of the last
build; what composing needs is imported only when there is something to compose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wpkg import __version__
from wpkg.documents.strict_json import dump_json
from wpkg.errors import InvalidInput, WpkgError
from wpkg.oci.digest import Digest
from wpkg.registry.disk import read_bytes, write_file
from wpkg.workflow.build_state import BuildState, FileStamp, load_state, stamped_digest
from wpkg.workflow.local import local_dependencies
from wpkg.workflow.lock import compare, up_to_date_lock
from wpkg.workflow.opened import OpenedProject, open_project
from wpkg.workflow.policies import policy_files

if TYPE_CHECKING:
    from pathlib import Path

    from wpkg.compose.graph import Plan
    from wpkg.project.lockfile import Lock
    from wpkg.project.project_file import Project
    from wpkg.workflow.capabilities import Request
    from wpkg.workflow.composition import Inputs
    from wpkg.workflow.world import World


class BuildFailed(WpkgError):
    """The project's own build did not make the component."""


class BuiltFile(Struct, frozen=True):
    """A file that a build is about, and whether this run changed it."""

    path: Path
    digest: Digest
    size: int  # bytes
    changed: bool


class Built(Struct, frozen=True):
    """What a build has made. `plan` is None where nothing had to be composed again."""

    raw: BuiltFile
    composed: BuiltFile | None
    plan: Plan | None


def build(world: World, root: Path, *, compose: bool, run_command: bool = True, locked: bool = False) -> Built:
    """Build the project in `root`; with `compose`, compose it too. Unchanged outputs are left untouched.

    Raises: BuildFailed, CompositionError, LockOutOfDate, NotTrusted, RegistryError, InvalidInput.
    """
    opened = open_project(root)
    if compose and opened.project.kind == "wit":
        raise InvalidInput("a WIT package is not composed", hint="build it without --compose")
    folder = root / opened.project.build_directory
    state = load_state(folder)
    needs_wit = run_command and any(d.kind == "wit" for d in opened.project.dependencies)
    alone = _is_run_alone(opened.project)
    lock = _settled_lock(world, opened, locked=locked) if compose or needs_wit or alone else None
    if lock is not None and needs_wit:
        from wpkg.workflow.wit_deps import plan_wit_files

        plan_wit_files(world, opened.workspace, lock).apply()
    raw, state = _build_raw(world, opened, state, run_command=run_command)
    if lock is None or not (compose or alone):
        state.save(folder)
        return Built(raw, None, None)
    output = root / opened.project.composed_output
    inputs = _fingerprint(world, opened, lock, raw.digest)
    if compose and state.inputs == inputs and state.composed is not None and state.composed.still_fits(output):
        state.save(folder)
        unchanged = BuiltFile(output, Digest.parse(state.composed.digest), state.composed.size, changed=False)
        return Built(raw, unchanged, None)
    from wpkg.workflow.composition import compose_inputs, gather_inputs

    gathered = gather_inputs(world, opened, lock, raw.digest)
    if not (compose and gathered.make_a_composition()):
        gathered.require_allowed(gathered.plan())
        state.save(folder)
        if compose:
            world.reporter.warn("there is nothing to compose with: no dependency has link = 'build'")
        return Built(raw, None, None)
    composed, changed = compose_inputs(world, gathered, output)
    replace(state, composed=FileStamp.of(output, composed.digest), inputs=inputs).save(folder)
    return Built(raw, BuiltFile(output, composed.digest, composed.size, changed), composed.plan)


def _is_run_alone(project: Project) -> bool:
    """Whether the raw component is what runs, and there are rules for what it may ask for, or links to check."""
    composed = (
        project.composition.components
        or project.composition.document
        or any(d.link == "build" and d.kind == "component" for d in project.dependencies)
    )
    linked = any(d.link == "runtime" for d in project.dependencies)
    return project.kind == "component" and not composed and (linked or project.capabilities.says_something)


def plan_project(world: World, root: Path, *, locked: bool = False) -> Plan:
    """How the component that is there fits together with the locked ones; nothing is built or written.

    Raises: as `build`.
    """
    return project_inputs(world, open_project(root), locked=locked).plan()


def judged_plan(world: World, root: Path, *, locked: bool = False) -> tuple[Plan, tuple[Request, ...]]:
    """The same, and what it asks of the host, measured by the project's rules. Raises: as `build`."""
    inputs = project_inputs(world, open_project(root), locked=locked)
    plan = inputs.plan()
    return plan, inputs.requests(plan)


def project_inputs(world: World, opened: OpenedProject, *, locked: bool) -> Inputs:
    """What the component that is there is composed with; nothing is built or written. Raises: as `build`."""
    from wpkg.workflow.composition import gather_inputs

    lock = up_to_date_lock(world, opened, locked=locked)
    raw = opened.root / opened.project.build_artifact
    digest = _raw_digest(opened, raw, load_state(opened.root / opened.project.build_directory))
    return gather_inputs(world, opened, lock, digest)


def _settled_lock(world: World, opened: OpenedProject, *, locked: bool) -> Lock:
    """The lock to build with, written if it is new."""
    lock = up_to_date_lock(world, opened, locked=locked)
    if compare(opened.lock, lock):
        write_file(opened.lock_file, lock.encode().encode())
    return lock


def _build_raw(
    world: World, opened: OpenedProject, state: BuildState, *, run_command: bool
) -> tuple[BuiltFile, BuildState]:
    """The component that the project's own build has made, and the record of it."""
    raw = opened.root / opened.project.build_artifact
    if run_command:
        _run_build(world, opened, raw)
    digest = _raw_digest(opened, raw, state)
    changed = state.raw is None or state.raw.digest != str(digest)
    if changed:
        if opened.project.kind == "wit":
            from wpkg.workflow.wit_files import read_wit_names

            read_wit_names(raw)
        else:
            from wpkg.workflow.compose import read_node
            from wpkg.workflow.sources import ComponentFile

            read_node(ComponentFile(opened.project.build_artifact, raw, digest))
    made_by = opened.project.build_command if run_command else None
    state = replace(
        state, raw=FileStamp.of(raw, digest), command=made_by if run_command or changed else state.command
    )
    return BuiltFile(raw, digest, raw.stat().st_size, changed), state


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


def _raw_digest(opened: OpenedProject, raw: Path, state: BuildState) -> Digest:
    if not raw.is_file():
        raise BuildFailed(
            f"there is no component at {opened.project.build_artifact}",
            hint="component.build_artifact in wasmcloud.toml must name what the build makes",
        )
    return stamped_digest(raw, state.raw)


def _below(folder: Path) -> list[Path]:
    """The files that a document may take packages from."""
    return sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []


def _fingerprint(world: World, opened: OpenedProject, lock: Lock, raw: Digest) -> str:
    """A digest of all that decides what is composed and whether it may be: when it is the same, so is the result.

    The lock pins the dependencies by digest, so they are not looked at; nor are signatures, which were verified
    when the lock, the policy and its keys were these.
    """
    composition = opened.project.composition
    named = (*(composition.components or ()), composition.root or "")
    files = [opened.root / text for text in named]
    if composition.document is not None:
        files += [opened.root / composition.document, *_below(opened.root / "deps")]
        files += _below(opened.root / opened.project.wit)
    if lock.local:
        files += [local.component for local in local_dependencies(opened.workspace).values()]
    stamps = [
        [str(path), status.st_size, status.st_mtime_ns]
        for path in files
        if path.is_file()
        for status in (path.stat(),)
    ]
    members = {
        "wpkg": __version__,
        "project": opened.text,
        "shared": [str(opened.project.registries), str(opened.workspace.trust)],
        "lock": lock.encode(),
        "raw": str(raw),
        "files": stamps,
        "keys": [[str(path), str(Digest.of(read_bytes(path)))] for path in policy_files(world, opened)],
    }
    return str(Digest.of(dump_json(members)))
