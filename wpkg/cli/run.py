"""`wpkg run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wpkg.cli.options import Command, option
from wpkg.cli.session import command
from wpkg.cli.suggest import files

if TYPE_CHECKING:
    from collections.abc import Callable

    from wpkg.cli.session import Session
    from wpkg.workflow.run import Subject, Wishes

_FILE = click.Path(path_type=Path)
_PASSED_ON = "wpkg.cli.run.passed_on"  # what stands behind `--`, in the context's meta


class _PassingOn(Command):
    """A command that leaves what stands behind `--` alone."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            at = args.index("--")
            ctx.meta[_PASSED_ON] = args[at + 1 :]
            args = args[:at]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- ARGS]"]


def grant_options(function: Callable[..., None]) -> Callable[..., None]:
    """What a component that is run may have; `wishes` collects it."""
    for decorate in (
        option(
            "--env", "variables", multiple=True, metavar="NAME=VALUE", help="Set an environment variable for it."
        ),
        option(
            "--dir", "folders", multiple=True, metavar="DIR[::NAME]", help="Let it see a folder, and call it NAME."
        ),
        option(
            "--allow",
            multiple=True,
            metavar="PATTERN",
            help="Let it have what it imports: 'wasi:http/*' for outgoing requests.",
        ),
    ):
        function = decorate(function)
    return function


def wishes(options: dict[str, Any]) -> Wishes:
    """What `grant_options` say."""
    from wpkg.workflow.run import Wishes

    return Wishes(options["allow"], options["folders"], options["variables"])


def let_interrupts_through() -> None:
    """Let Ctrl-C end the process at once: Python would notice it only when the component returns."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)


def warn_of_what_is_missing(session: Session, subject: Subject) -> None:
    """Say what the component is allowed and does not get."""
    from wpkg.workflow.host import allowed_in_vain

    if allowed_in_vain(subject.component, subject.grants):
        session.console.warn("wasmtime's Python package gives no component the network: its sockets stay closed")


@command(cls=_PassingOn)
@click.argument("component", type=_FILE, required=False, shell_complete=files)
@grant_options
def run(session: Session, component: Path | None, **options: Any) -> None:
    """Run a component that is a command; without one, what the project here has built.

    What stands behind -- is for the component. Its exit code becomes that of wpkg. It sees no folder, no variable
    and no network unless they are given to it. Needs the extra wpkg[run].
    """
    from wpkg.workflow.run import find_subject, run_command

    let_interrupts_through()
    context = click.get_current_context()
    subject = find_subject(session.root, component, wishes(options))
    warn_of_what_is_missing(session, subject)
    context.exit(run_command(subject, context.meta.get(_PASSED_ON, ())))
