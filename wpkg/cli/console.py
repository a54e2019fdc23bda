"""What a person or a program sees: results on stdout, everything else on stderr.

Messages follow cargo: a right-aligned verb for progress, `warning:`, `error:`, `hint:`; lower case, no full stop.
What takes long is a bar on a terminal and a line elsewhere.
With --json a result, and an error too, is one JSON document on stdout whose `schema` names its shape.
"""

from __future__ import annotations

import contextlib
import re
import sys
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from wpkg.cli.bars import Bars
    from wpkg.errors import WpkgError

_VERB_WIDTH = 12
_LONG_WORD = re.compile(r"\S{300,}")  # names can have 64 KB


class Console(Struct, frozen=True):
    """Where output goes, and how much of it. A `Reporter` for workflows."""

    as_json: bool
    quiet: bool
    verbose: int
    colour: bool
    bars: Bars | None = None  # None where there is nobody to see them

    def status(self, verb: str, what: str) -> None:
        """A line of progress."""
        if not self.quiet:
            self._err(f"{self._style(verb.rjust(_VERB_WIDTH), fg='green', bold=True)} {_said(what)}")

    def progress(self, verb: str, what: str, size: int) -> AbstractContextManager[Callable[[int], object]]:
        """A bar of `size` bytes for the length of a block, or a line."""
        if self.bars is not None and not self.quiet:
            return self.bars.bar(verb.rjust(_VERB_WIDTH), printable(what), size)
        from wpkg.names.amount import size_text

        self.status(verb, f"{what} ({size_text(size)})")
        return contextlib.nullcontext(lambda _: None)

    def warn(self, text: str) -> None:
        """A warning."""
        self._err(f"{self._style('warning', fg='yellow', bold=True)}: {_said(text)}")

    def detail(self, text: str) -> None:
        """What only those see who want to know more."""
        if self.verbose:
            self._err(_said(text))

    def result(self, schema: str, members: Mapping[str, Any], lines: Sequence[str]) -> None:
        """The result of a command: `members` for programs, `lines` for people."""
        if self.as_json:
            _print_document({"schema": f"wpkg.{schema}/1", **members})
        else:
            for line in lines:
                _print(printable(line))

    def error(self, error: WpkgError) -> None:
        """An error that ends the command."""
        if self.as_json:
            members = {
                "code": error.code,
                "exit": error.exit_code,
                "message": str(error),
                "context": list(error.context),
                "hint": error.hint,
                **error.details,
            }
            from wpkg.registry.disk import CannotWrite

            with contextlib.suppress(CannotWrite):  # then it is said on stderr
                _print_document({"schema": "wpkg.error/1", "error": members})
                return
        self._err(f"{self._style('error', fg='red', bold=True)}: {_said(str(error))}")
        if error.hint:
            first, *rest = error.hint.splitlines()
            self._err(f"{self._style('hint', fg='cyan', bold=True)}: {_said(first)}")
            for line in rest:
                self._err(f"    {_said(line)}")

    def usage_error(self, error: click.ClickException) -> None:
        """An error in how the command was written."""
        said = error.format_message()
        message = said[:1].lower() + said[1:].removesuffix(".")
        if self.as_json:
            members = {"code": "usage", "exit": error.exit_code, "message": message}
            _print_document({"schema": "wpkg.error/1", "error": members})
            return
        self._err(f"{self._style('error', fg='red', bold=True)}: {printable(message)}")
        context = getattr(error, "ctx", None)
        if context is not None:
            self._err(f"{self._style('hint', fg='cyan', bold=True)}: {context.command_path} --help")

    def _style(self, text: str, **style: Any) -> str:
        return click.style(text, **style) if self.colour else text

    def _err(self, line: str) -> None:
        if self.bars is None or not self.bars.write(line):
            click.echo(line, err=True)


def _print_document(document: Mapping[str, Any]) -> None:
    import json

    _print(json.dumps(document, indent=2))  # ASCII: a file's name need not be Unicode


def _print(line: str) -> None:
    """Put a line on stdout. Raises: CannotWrite, BrokenPipeError where nobody reads on."""
    try:
        click.echo(line)
    except BrokenPipeError:
        raise
    except OSError as error:
        from wpkg.registry.disk import CannotWrite, reason

        raise CannotWrite(f"cannot write to standard output: {reason(error)}") from error


def _said(text: str) -> str:
    """`text` as it may go to a terminal, in which one word cannot hide the others; JSON has it whole."""
    return _LONG_WORD.sub(lambda match: f"{match[0][:120]}…{match[0][-60:]}", printable(text))


def printable(text: str) -> str:
    """`text` with control characters escaped: what a registry says must not drive a person's terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)


def wants_colour(environment: Mapping[str, str]) -> bool:
    """Whether stderr is to be coloured (no-color.org; FORCE_COLOR as others have it)."""
    if environment.get("NO_COLOR"):
        return False
    return bool(environment.get("FORCE_COLOR")) or sys.stderr.isatty()
