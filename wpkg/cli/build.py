"""`wpkg build`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wpkg.cli.options import option
from wpkg.cli.session import command

if TYPE_CHECKING:
    from wpkg.cli.session import Session
    from wpkg.workflow.raw_build import BuiltFile


@command(locking=True)
@option("--compose", is_flag=True, help="Compose the result with the locked dependencies.")
@option("--no-build", is_flag=True, help="Run no build_command; take the components that are there.")
@option("--plan", "show_plan", is_flag=True, help="Show what satisfies each import, and why; write nothing.")
def build(session: Session, compose: bool, no_build: bool, show_plan: bool) -> None:  # noqa: FBT001
    """Run the project's own build; with --compose, compose the result with its dependencies.

    Projects that it depends on by path are built first, where something of theirs changed.
    Raw and composed component lie side by side afterwards. What did not change is not written again.
    """
    from wpkg.workflow.build import build as build_project
    from wpkg.workflow.build import judged_plan

    if show_plan:
        from wpkg.cli.plan import plan_json, plan_lines

        plan, requests = judged_plan(session.world, session.root, locked=session.locked)
        session.console.result("plan", plan_json(plan, requests), plan_lines(plan, requests))
        return
    built = build_project(
        session.world, session.root, compose=compose, run_command=not no_build, locked=session.locked
    )
    if session.console.verbose and built.plan is not None:
        from wpkg.cli.plan import detail_plan

        detail_plan(session.console, built.plan)
    files = {"raw": built.raw, "composed": built.composed}
    members: dict[str, Any] = {name: _json(file) if file is not None else None for name, file in files.items()}
    members["local"] = [_json(file) for file in built.local]
    lines = [_line("local", file) for file in built.local]
    lines += [_line(name, file) for name, file in files.items() if file is not None]
    session.console.result("build", members, lines)


def _json(file: BuiltFile) -> dict[str, Any]:
    return {"path": str(file.path), "digest": str(file.digest), "size": file.size, "changed": file.changed}


def _line(name: str, file: BuiltFile) -> str:
    from wpkg.names.amount import size_text

    unchanged = "" if file.changed else "  (unchanged)"
    return f"{name:<9} {file.path}  {file.digest}  {size_text(file.size)}{unchanged}"
