"""`wpkg build`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from wpkg.cli.options import option
from wpkg.cli.session import command

if TYPE_CHECKING:
    from wpkg.cli.session import Session
    from wpkg.workflow.build import Built
    from wpkg.workflow.raw_build import BuiltFile


@command(locking=True)
@option("--compose", is_flag=True, help="Compose the result with the locked dependencies.")
@option("--no-build", is_flag=True, help="Run no build_command; take the components that are there.")
@option("--plan", "show_plan", is_flag=True, help="Show what satisfies each import, and why; write nothing.")
def build(session: Session, compose: bool, no_build: bool, show_plan: bool) -> None:  # noqa: FBT001
    """Run the project's own build; with --compose, compose the result with its dependencies.

    Projects that it depends on by path are built first, where something of theirs changed. In the folder of a
    workspace that is no project itself, every member is built.
    Raw and composed component lie side by side afterwards. What did not change is not written again.
    """
    from wpkg.workflow.build import build as build_project
    from wpkg.workflow.build import build_members, judged_plan
    from wpkg.workflow.opened import open_workspace, project_of

    if show_plan:
        from wpkg.cli.plan import plan_json, plan_lines

        plan, requests = judged_plan(session.world, session.root, locked=session.locked)
        session.console.result("plan", plan_json(plan, requests), plan_lines(plan, requests))
        return
    workspace = open_workspace(session.root)
    if project_of(workspace, session.root) is None:
        members = build_members(
            session.world, workspace, compose=compose, run_command=not no_build, locked=session.locked
        )
        for one in members:
            _detail(session, one.built)
        shown = [{"name": one.member.project.name, **_members(one.built)} for one in members]
        own = {one.built.raw.path for one in members}
        lines = [
            line
            for one in members
            for line in _lines(replace(one.built, local=tuple(f for f in one.built.local if f.path not in own)))
        ]
        session.console.result("build-workspace", {"members": shown}, lines)
        return
    built = build_project(
        session.world, session.root, compose=compose, run_command=not no_build, locked=session.locked
    )
    _detail(session, built)
    session.console.result("build", _members(built), _lines(built))


def _detail(session: Session, built: Built) -> None:
    if session.console.verbose and built.plan is not None:
        from wpkg.cli.plan import detail_plan

        detail_plan(session.console, built.plan)


def _members(built: Built) -> dict[str, Any]:
    files = {"raw": built.raw, "composed": built.composed}
    found: dict[str, Any] = {name: _json(file) if file is not None else None for name, file in files.items()}
    return {**found, "local": [_json(file) for file in built.local]}


def _lines(built: Built) -> list[str]:
    files = [*(("local", file) for file in built.local), ("raw", built.raw), ("composed", built.composed)]
    return [_line(name, file) for name, file in files if file is not None]


def _json(file: BuiltFile) -> dict[str, Any]:
    return {"path": str(file.path), "digest": str(file.digest), "size": file.size, "changed": file.changed}


def _line(name: str, file: BuiltFile) -> str:
    from wpkg.names.amount import size_text

    unchanged = "" if file.changed else "  (unchanged)"
    return f"{name:<9} {file.path}  {file.digest}  {size_text(file.size)}{unchanged}"
