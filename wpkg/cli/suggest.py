"""What a shell suggests for an argument: names from the project here. Nothing is asked of a registry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wpkg.errors import WpkgError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click
    from click.shell_completion import CompletionItem

    from wpkg.project.lockfile import Lock
    from wpkg.workflow.opened import OpenedProject


def dependency_names(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The dependencies of the project here."""
    opened = _project(context)
    names = [str(dependency.name) for dependency in opened.project.dependencies] if opened is not None else []
    return _starting(names, incomplete)


def pinned_references(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """What the lock of the project here pins, as `ns:name@version`."""
    lock = _lock(context)
    names = [f"{package.name}@{package.version}" for package in lock.packages] if lock is not None else []
    return _starting(names, incomplete)


def pinned_names(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The packages of the lock here; with their versions, where there are several or one has been begun."""
    lock = _lock(context)
    found = lock.all if lock is not None else ()
    names = {str(package.name) for package in found}
    if "@" in incomplete:
        names = {f"{package.name}@{package.version}" for package in found}
    return _starting(names, incomplete)


def files(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Files, for arguments that are not only a path."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def files_or_references(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str] | list[CompletionItem[str]]:
    """What the lock pins, else files."""
    return pinned_references(context, parameter, incomplete) or files(context, parameter, incomplete)


def _project(context: click.Context) -> OpenedProject | None:
    """The project that the command line means; None where there is none that can be read."""
    from wpkg.workflow.opened import open_project

    try:
        return open_project(_folder(context))
    except WpkgError:
        return None


def _lock(context: click.Context) -> Lock | None:
    """The lock that the command line means; None where there is none that can be read."""
    from wpkg.workflow.opened import open_workspace

    try:
        return open_workspace(_folder(context)).lock
    except WpkgError:
        return None


def _folder(context: click.Context) -> Path:
    """The project's folder, seen from what -C names, before the command or behind it."""
    from wpkg.workflow.opened import find_root

    here = Path(context.find_root().params.get("folder") or "") / (context.params.get("folder") or "")
    return find_root(here)


def _starting(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in sorted(names) if name.startswith(incomplete)]
