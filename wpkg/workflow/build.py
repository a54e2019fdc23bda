"""Build a project: run its own build, then compose the result with the locked components."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wpkg import __version__
from wpkg.documents.strict_json import dump_json
from wpkg.errors import InvalidInput, WpkgError
from wpkg.oci.digest import Digest
from wpkg.registry.disk import write_file
from wpkg.workflow.build_state import BuildState, FileStamp, load_state, stamped_digest
from wpkg.workflow.compose import (
    ComponentFile,
    plan_files,
    read_node,
    unchanged_composition,
    warn_unused,
    write_composition,
)
from wpkg.workflow.fetch import FetchedPackage, fetch_locked
from wpkg.workflow.lock import compare, up_to_date_lock
from wpkg.workflow.opened import OpenedProject, open_project
from wpkg.workflow.trusting import (
    check_recorded_signers,
    expect,
    project_policy,
    verify_from_cache,
    verify_release,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wpkg.compose.graph import Plan
    from wpkg.project.lockfile import Lock
    from wpkg.workflow.world import World


class BuildFailed(WpkgError):
    """The project's own build did not make the component."""


@dataclass(frozen=True, slots=True)
class BuiltFile:
    """A file that a build is about, and whether this run changed it."""

    path: Path
    digest: Digest
    size: int  # bytes
    changed: bool


@dataclass(frozen=True, slots=True)
class Built:
    """What a build has made. `plan` is None where nothing had to be composed again."""

    raw: BuiltFile
    composed: BuiltFile | None
    plan: Plan | None


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that goes into a composition, verified: the raw component first."""

    files: tuple[ComponentFile, ...]
    packages: tuple[FetchedPackage, ...]
    root: str | None
    choices: dict[tuple[str | None, str], str]
    lock: Lock

    @property
    def fingerprint(self) -> str:
        """A digest of all that the result depends on."""
        members = {
            "wpkg": __version__,
            "files": [[file.name, str(file.digest)] for file in self.files],
            "root": self.root,
            "choices": sorted(
                [importer or "", name, exporter] for (importer, name), exporter in self.choices.items()
            ),
        }
        return str(Digest.of(dump_json(members)))

    def plan(self) -> Plan:
        """How they fit together. Raises: CompositionError."""
        return plan_files(self.files, self.root, self.choices)


def build(world: World, root: Path, *, compose: bool, run_command: bool = True, locked: bool = False) -> Built:
    """Build the project in `root`; with `compose`, compose it too. Unchanged outputs are left untouched.

    Raises: BuildFailed, CompositionError, LockOutOfDate, NotTrusted, RegistryError, InvalidInput.
    """
    opened = open_project(root)
    folder = root / opened.project.build_directory
    state = load_state(folder)
    lock = _settled_lock(world, opened, locked=locked) if compose else None
    raw = root / opened.project.build_artifact
    command = opened.project.build_command if run_command else None
    if run_command:
        _run_build(world, opened, raw)
    digest = _raw_digest(opened, raw, state)
    raw_changed = state.raw is None or state.raw.digest != str(digest)
    if raw_changed:
        read_node(ComponentFile(opened.project.build_artifact, raw, digest))
    state = replace(
        state,
        raw=FileStamp.of(raw, digest),
        command=command if run_command or raw_changed else state.command,
    )
    raw_file = BuiltFile(raw, digest, raw.stat().st_size, raw_changed)
    if lock is None:
        state.save(folder)
        return Built(raw_file, None, None)
    inputs = gather_inputs(world, opened, lock, digest)
    composed_file, plan, state = _compose(world, opened, inputs, state)
    state.save(folder)
    return Built(raw_file, composed_file, plan)


def plan_project(world: World, root: Path, *, locked: bool = False) -> Plan:
    """How the component that is there fits together with the locked ones; nothing is built or written.

    Raises: as `build`.
    """
    opened = open_project(root)
    lock = up_to_date_lock(world, opened, locked=locked)
    raw = root / opened.project.build_artifact
    digest = _raw_digest(opened, raw, load_state(root / opened.project.build_directory))
    return gather_inputs(world, opened, lock, digest).plan()


def _settled_lock(world: World, opened: OpenedProject, *, locked: bool) -> Lock:
    """The lock to build with, written if it is new."""
    lock = up_to_date_lock(world, opened, locked=locked)
    if compare(opened.lock, lock):
        write_file(opened.lock_file, lock.encode().encode())
    return lock


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


def gather_inputs(world: World, opened: OpenedProject, lock: Lock, raw: Digest) -> Inputs:
    """What is composed with what: fetched, verified by digest and by the project's policy.

    Raises: RegistryError, LockOutOfDate, NotTrusted, InvalidInput.
    """
    project = opened.project
    packages = fetch_locked(world, lock)
    check_trust(world, opened, packages)
    own_name = str(project.package) if project.package is not None else project.name
    files = [ComponentFile(own_name, opened.root / project.build_artifact, raw, own_name)]
    runtime = {dependency.name for dependency in project.dependencies if dependency.link == "runtime"}
    by_name = {
        str(package.locked.name): ComponentFile(
            str(package.locked.name), package.path, package.release.component.digest, str(package.locked.name)
        )
        for package in packages
        if package.locked.kind != "wit" and package.locked.name not in runtime
    }
    composition = project.composition
    if composition.components is None:
        files += by_name.values()
    else:
        files += [_named_component(opened, by_name, text) for text in composition.components]
    if composition.root is not None and all(file.name != composition.root for file in files):
        files.append(_named_component(opened, by_name, composition.root))
    return Inputs(tuple(files), packages, composition.root, composition.choices(), lock)


def _named_component(opened: OpenedProject, packages: dict[str, ComponentFile], text: str) -> ComponentFile:
    """What an entry of `[composition] components` means: a dependency, or the path of a file."""
    if text in packages:
        return packages[text]
    path = opened.root / text
    if path.is_file():
        return ComponentFile(text, path, stamped_digest(path, None))
    raise InvalidInput(
        f"[composition] names '{text}', which is neither a composed dependency nor a file",
        hint="dependencies are named as in [dependencies], files by a path from wasmcloud.toml",
    )


def check_trust(world: World, opened: OpenedProject, packages: Sequence[FetchedPackage]) -> None:
    """Verify the signatures on `packages`, with the evidence kept in the cache where that is enough.

    Raises: NotTrusted, RegistryError.
    """
    policy = project_policy(opened)
    if policy is None:
        return
    for package in packages:
        locked, release = package.locked, package.release
        expected = expect(release, locked.name, locked.version)
        verification = verify_from_cache(world, release, policy, expected)
        if verification is None or verification.state != "verified":
            verification = verify_release(world, release, policy, expected)
        what = f"{locked.name} {locked.version} ({locked.source})"
        verification.raise_unless_accepted(what)
        check_recorded_signers(what, locked.signers, verification)


def _compose(
    world: World, opened: OpenedProject, inputs: Inputs, state: BuildState
) -> tuple[BuiltFile, Plan | None, BuildState]:
    output = opened.root / opened.project.composed_output
    fingerprint = inputs.fingerprint
    if state.inputs == fingerprint and state.composed is not None and state.composed.still_fits(output):
        digest = Digest.parse(state.composed.digest)
        return BuiltFile(output, digest, state.composed.size, changed=False), None, state
    plan = inputs.plan()
    warn_unused(world, plan)
    world.reporter.status("Composing", f"{opened.project.composed_output} from {len(plan.nodes)} components")
    paths = {file.name: file.path for file in inputs.files}
    composed = unchanged_composition(plan, paths, output)
    changed = composed is None
    if composed is None:
        composed = write_composition(plan, paths, output)
    stamp = FileStamp.of(output, composed.digest)
    built = BuiltFile(output, composed.digest, composed.size, changed)
    return built, plan, replace(state, composed=stamp, inputs=fingerprint)
