"""Take dependencies out of a project and of its lock."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from wpkg.errors import InvalidInput
from wpkg.project.edit import remove_dependency
from wpkg.workflow.edited import settle
from wpkg.workflow.opened import open_project

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wpkg.names.package_name import PackageName
    from wpkg.workflow.lock import Locked
    from wpkg.workflow.world import World


def remove(world: World, root: Path, names: Sequence[PackageName], *, dry_run: bool = False) -> Locked:
    """Remove `names` from the project, and what only they needed from its lock.

    Raises: InvalidInput, NoSolution, RegistryError, NotTrusted; then both files are as they were.
    """
    opened = open_project(root)
    text = opened.text
    known = [str(dependency.name) for dependency in opened.project.dependencies]
    for name in names:
        if str(name) not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            raise InvalidInput(
                f"{name} is not a dependency of {opened.project.name}",
                hint=f"did you mean '{near[0]}'?" if near else f"its dependencies: {', '.join(known) or 'none'}",
            )
        text = remove_dependency(text, name)
    return settle(world, opened, text, dry_run=dry_run)
