"""`wpkg fmt`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wpkg.cli.options import option
from wpkg.cli.session import command

if TYPE_CHECKING:
    from wpkg.cli.session import Session

_STDIN = Path("-")


@command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@option("--check", is_flag=True, help="Write nothing; fail (1) when a document is not laid out.")
def fmt(session: Session, files: tuple[Path, ...], *, check: bool) -> None:
    """Lay out WAC documents. '-' reads from stdin and writes to stdout.

    Comments stay. When one document has an error, none is written.
    """
    from wpkg.workflow.fmt import NotLaidOut, format_files, format_text

    if _STDIN in files:
        if len(files) > 1:
            raise click.UsageError("'-' stands alone")
        text = _read_stdin()
        laid_out = format_text("<stdin>", text)
        if check and laid_out != text:
            raise NotLaidOut(["<stdin>"])
        lines = [] if check else laid_out.splitlines()
        session.console.result("fmt", {"changed": laid_out != text, "text": laid_out}, lines)
        return
    changed = format_files(list(dict.fromkeys(files)), check=check)
    members = {"files": [str(file) for file in files], "changed": [str(file) for file in changed]}
    session.console.result("fmt", members, [f"{file}  laid out" for file in changed])


def _read_stdin() -> str:
    """The text on stdin, line ends as they are. Raises: InvalidInput."""
    from wpkg.errors import InvalidInput

    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"<stdin> is not UTF-8 text (byte {error.start})") from error
