"""Build a project: run its own build, after those of projects beside it, then compose the result.

When nothing changed, nothing is read but the project file, the lock, the policy's keys and the record of the last
build; what composing needs is imported only when there is something to compose.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wpkg import __version__
from wpkg.documents.strict_json import dump_json
from wpkg.errors import InvalidInput, WpkgError
from wpkg.oci.digest import Digest
from wpkg.registry.disk import read_bytes
from wpkg.workflow.build_state import FileStamp, load_state
from wpkg.workflow.local import in_order, local_dependencies
from wpkg.workflow.lock import settled_lock, up_to_date_lock
from wpkg.workflow.opened import Member, OpenedProject, open_project, shown_from
from wpkg.workflow.path_projects import build_path_projects, needs_wit, path_projects
from wpkg.workflow.policies import policy_files
from wpkg.workflow.raw_build import BuiltFile, build_raw, raw_digest

if TYPE_CHECKING:
    from pathlib import Path

    from wpkg.compose.graph import Plan
    from wpkg.project.lockfile import Lock
    from wpkg.project.project_file import Project
    from wpkg.workflow.capabilities import Request
    from wpkg.workflow.composition import Inputs
    from wpkg.workflow.opened import OpenedWorkspace
    from wpkg.workflow.world import World


class Built(Struct, frozen=True):
    """What a build has made. `plan` is None where nothing had to be composed again."""

    raw: BuiltFile
    composed: BuiltFile | None
    plan: Plan | None
    local: tuple[BuiltFile, ...]  # the components of projects that it depends on by path


class BuiltMember(Struct, frozen=True):
    """What a build of a workspace has made of one member."""

    member: Member
    built: Built


def build(world: World, root: Path, *, compose: bool, run_command: bool = True, locked: bool = False) -> Built:
    """Build the project in `root` and those that it depends on by path; with `compose`, compose it too.

    Unchanged outputs are left untouched. Without `run_command`, what is there is taken.

    Raises: BuildFailed, CompositionError, LockOutOfDate, NotTrusted, RegistryError, InvalidInput.
    """
    opened = open_project(root)
    if compose and opened.project.kind == "wit":
        raise InvalidInput("a WIT package is not composed", hint="build it without --compose")
    folder = root / opened.project.build_directory
    beside = path_projects(opened) if run_command else ()
    alone = _is_run_alone(opened.project)
    built_with_it = [opened, *(project for project in beside if project.workspace is opened.workspace)]
    needed = compose or alone or (run_command and any(needs_wit(project) for project in built_with_it))
    lock = settled_lock(world, opened, locked=locked) if needed else None
    local = build_path_projects(world, opened, beside, lock, locked=locked)
    if lock is not None and run_command and needs_wit(opened):
        from wpkg.workflow.wit_deps import plan_wit_files

        plan_wit_files(world, opened.workspace, lock, [opened.member]).apply()
    raw, state = build_raw(world, opened, load_state(folder), run_command=run_command)
    if lock is None or not (compose or alone):
        state.save(folder)
        return Built(raw, None, None, local)
    output = root / opened.project.composed_output
    inputs = _fingerprint(world, opened, lock, raw.digest)
    if compose and state.inputs == inputs and state.composed is not None and state.composed.still_fits(output):
        state.save(folder)
        unchanged = BuiltFile(output, Digest.parse(state.composed.digest), state.composed.size, changed=False)
        return Built(raw, unchanged, None, local)
    from wpkg.workflow.composition import compose_inputs, gather_inputs

    gathered = gather_inputs(world, opened, lock, raw.digest)
    if not (compose and gathered.make_a_composition()):
        gathered.require_allowed(gathered.plan())
        state.save(folder)
        if compose:
            world.reporter.warn("there is nothing to compose with: no dependency has link = 'build'")
        return Built(raw, None, None, local)
    composed, changed = compose_inputs(world, gathered, output)
    replace(state, composed=FileStamp.of(output, composed.digest), inputs=inputs).save(folder)
    return Built(raw, BuiltFile(output, composed.digest, composed.size, changed), composed.plan, local)


def build_members(
    world: World, workspace: OpenedWorkspace, *, compose: bool, run_command: bool = True, locked: bool = False
) -> tuple[BuiltMember, ...]:
    """Build every member of a workspace, each after those that it needs by path; WIT packages are not composed.

    What was built before one fails stays. Raises: as `build`, within the member; CircularDependency.
    """
    members = {member.root.resolve(): member for member in workspace.members}

    def needed(folder: Path) -> list[Path]:
        paths = [d.path for d in members[folder].project.dependencies if d.path is not None and d.link == "build"]
        return [there for path in paths if (there := (folder / path).resolve()) in members]

    built = []
    for folder in in_order(members, needed, lambda folder: shown_from(workspace.home, folder)):
        member = members[folder]
        composed = compose and member.project.kind != "wit"
        try:
            made = build(world, member.root, compose=composed, run_command=run_command, locked=locked)
        except WpkgError as error:
            raise error.within(str(member.root)) from None
        built.append(BuiltMember(member, made))
    return tuple(built)


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
    digest = raw_digest(opened, raw, load_state(opened.root / opened.project.build_directory))
    return gather_inputs(world, opened, lock, digest)


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
        [os.path.relpath(path, opened.root), status.st_size, status.st_mtime_ns]
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
        "keys": [
            [os.path.relpath(path, opened.root), str(Digest.of(read_bytes(path)))]
            for path in policy_files(world, opened)
        ],
    }
    return str(Digest.of(dump_json(members)))
