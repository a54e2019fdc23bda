"""Lay out WAC documents: all of them, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.errors import WpkgError
from wpkg.registry.disk import read_text, write_all
from wpkg.wac.layout import format_document
from wpkg.wit.errors import Source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any


class NotLaidOut(WpkgError):
    """Documents are not laid out as `wpkg fmt` does it."""

    def __init__(self, files: Sequence[str]) -> None:
        what = "1 document is" if len(files) == 1 else f"{len(files)} documents are"
        super().__init__(f"{what} not laid out: {', '.join(files)}", hint=f"run 'wpkg fmt {' '.join(files)}'")
        self.files = tuple(files)

    @property
    def details(self) -> Mapping[str, Any]:
        """The documents, for programs."""
        return {"files": list(self.files)}


def format_text(name: str, text: str) -> str:
    """A document laid out. Raises: InvalidWit, InvalidDocument."""
    return format_document(Source(name, text))


def format_files(paths: Sequence[Path], *, check: bool) -> list[Path]:
    """The documents that had to be laid out. With `check` nothing is written.

    Raises: InvalidInput; NotLaidOut where `check` finds some; CannotWrite.
    """
    changed: dict[Path, bytes] = {}
    for path in paths:
        text = read_text(path)
        laid_out = format_text(str(path), text)
        if laid_out != text:
            changed[path] = laid_out.encode()
    if check:
        if changed:
            raise NotLaidOut([str(path) for path in changed])
    else:
        write_all(changed)
    return list(changed)
