"""What a project is built from, as far as that can be seen without asking its tools.

These are the files of its folder, the WIT that it names, and the files, folders and the program that its
`build_command` names. Left out are what builds make, other projects below it, and hidden folders. Where there is
too much to look at, or something cannot be read, nothing is known, and the project is built.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wpkg.documents.strict_json import dump_json
from wpkg.oci.digest import Digest
from wpkg.project.lockfile import LOCK_FILE
from wpkg.project.project_file import PROJECT_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wpkg.workflow.opened import OpenedProject
    from wpkg.workflow.world import World

MAX_FILES = 20_000
_MADE = frozenset({"__pycache__", "node_modules", "target", LOCK_FILE})  # by builds and by wpkg


def sources_fingerprint(world: World, opened: OpenedProject) -> str:
    """A digest that changes with the names, sizes and times of the sources; '' where it cannot be known."""
    root, project = opened.root.resolve(), opened.project
    made = {
        str(root / path) for path in (project.build_directory, project.build_artifact, project.composed_output)
    }
    found: dict[str, list[int]] = {}
    try:
        for place in (root, *_named(world, opened, root)):
            for path in _files(str(place), made, set()):
                status = os.stat(path)  # noqa: PTH116 - of thousands of files
                found[os.path.relpath(path, root)] = [status.st_size, status.st_mtime_ns]
                if len(found) > MAX_FILES:
                    return ""
    except OSError:
        return ""
    return str(Digest.of(dump_json({"files": found})))


def _named(world: World, opened: OpenedProject, root: Path) -> Iterator[Path]:
    """What the project file names outside of the project's folder, as far as it is there."""
    words = (opened.project.build_command or "").split()
    named = [opened.project.wit, *words, *(word.partition("=")[2] for word in words if word.startswith("-"))]
    for place in sorted({(root / text).resolve() for text in named if text}):
        if not place.is_relative_to(root) and place.exists():
            yield place
    if words and "/" not in words[0]:
        import shutil

        program = shutil.which(words[0], path=world.environment.get("PATH", ""))
        if program is not None:
            yield root / program


def _files(path: str, made: set[str], above: set[str]) -> Iterator[str]:
    """The file `path`, or the files below it; of folders that links lead back to, nothing again."""
    if not os.path.isdir(path):  # noqa: PTH112 - as above
        yield path
        return
    real = os.path.realpath(path)
    with os.scandir(path) as entries:
        names = sorted(entry.name for entry in entries)
    if real in above or (above and PROJECT_FILE in names):
        return
    for name in names:
        below = f"{path}/{name}"
        if name in _MADE or below in made or (name.startswith(".") and os.path.isdir(below)):  # noqa: PTH112
            continue
        yield from _files(below, made, {*above, real})
