"""`-o FILE`, where a command writes its result."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wpkg.cli.options import option

if TYPE_CHECKING:
    from collections.abc import Callable


class _OutputFile(click.Path):
    """The path of a file; what cannot be one is refused before anything is done."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        text = os.fsdecode(value)
        if text == "-":
            self.fail("'-' is no file; name one, or './-' if it is called so", param, ctx)
        if not text or text.endswith("/"):
            self.fail(f"'{text}' names a folder, if anything; name the file in it", param, ctx)
        super().convert(value, param, ctx)
        return Path(text)


def output_option(what: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """`-o`, with its help."""
    return option("-o", "--output", type=_OutputFile(path_type=Path), metavar="FILE", help=what)
