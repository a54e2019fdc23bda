"""`wpkg`: finds the command, runs it, turns what it raises into words and an exit code."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wpkg import __version__
from wpkg.cli.console import Console, wants_colour
from wpkg.cli.options import Group, option, version_option
from wpkg.cli.start import INTERRUPTED
from wpkg.errors import WpkgError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click.shell_completion import CompletionItem

# What each command does, in one line. A command's module is imported only when it is run.
_COMMANDS = {
    "init": "Start a project in this folder",
    "add": "Add a component as a dependency, pin it and fetch it",
    "remove": "Remove a dependency",
    "lock": "Resolve the dependencies anew and pin them in wpkg.lock",
    "fetch": "Bring everything that wpkg.lock pins into the cache",
    "update": "Take newer versions of dependencies",
    "tree": "Show the locked dependencies as a tree",
    "why": "Show what leads to a locked package",
    "outdated": "Show locked packages that have newer versions",
    "build": "Run the project's build, and compose the result with its dependencies",
    "compose": "Compose components: files, published ones, or as a document says",
    "fmt": "Lay out WAC documents",
    "run": "Run a component that is a command",
    "call": "Call a function that a component exports, with JSON",
    "graph": "Draw a composition: svg, mermaid, dot or json",
    "targets": "Check whether a component conforms to a world",
    "manifest": "Write what deploys the published component: for wadm, or a WorkloadDeployment",
    "push": "Publish the project: signed, with provenance, the tag last",
    "copy": "Copy an artifact with its signatures between registries and folders",
    "pull": "Fetch a published component, verified, to a file",
    "sign": "Sign a published component",
    "attest": "Attach a signed statement about a published component",
    "verify": "Check signatures, provenance and content of a published component",
    "search": "Find components by what they import and export",
    "inspect": "Show what is in a component: its WIT, the components in it, who signed it",
    "login": "Keep a password for a registry, once it has been accepted",
    "logout": "Forget the password for a registry",
    "key": "Make, import and show signing keys",
    "cache": "Show, check and empty the cache",
    "completion": "Print a script that completes commands in bash, zsh or fish",
}
_HELP = """Package manager for WebAssembly components on OCI registries.

Components named in wasmcloud.toml are resolved, pinned in wpkg.lock, fetched, verified and composed with
your own; raw and composed component are published signed and with provenance.

\b
A day with it:
  wpkg add wasm-pay:messaging-harness@^0.1
  wpkg build --compose
  wpkg push --key wpkg.key
  wpkg verify wasm-pay:usd-validator@0.1.0 --key wpkg.pub
"""
_EXIT_CODES = """\b
Exit codes:
  0 done · 1 failed · 2 wrong usage or invalid input · 3 no versions fit
  4 cannot be composed · 5 not trusted · 6 registry or network
  7 lock file out of date"""


class _Commands(Group):
    """Commands by name; listing them imports none."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        found: click.Command = getattr(import_module(f"wpkg.cli.{cmd_name}"), cmd_name)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in _COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            ctx.fail(f"there is no command '{args[0]}'" + (f", did you mean '{near[0]}'?" if near else ""))
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[Any]]:
        from click.shell_completion import CompletionItem

        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [CompletionItem(name, help=what) for name, what in _COMMANDS.items() if name.startswith(incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_Commands,
    help=_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EXIT_CODES,
)
@option("-C", "folder", type=click.Path(path_type=Path), metavar="DIR", help="As if started in DIR.")
@version_option(f"wpkg {__version__}")
def wpkg(folder: Path | None) -> None:
    """The commands."""


def run(arguments: Sequence[str]) -> int:
    """Run one command; its exit code."""
    if "_WPKG_COMPLETE" in os.environ:
        import_module("wpkg.cli.completion")  # click then knows our shells
    ours = list(arguments)
    ours = ours[: ours.index("--")] if "--" in ours else ours  # what stands behind it is for somebody else
    console = Console("--json" in ours, quiet=False, verbose=0, colour=wants_colour(os.environ))
    try:
        # None, or the status of a command that has one of its own
        status: int | None = wpkg.main(list(arguments), prog_name="wpkg", standalone_mode=False)
    except WpkgError as error:
        console.error(error)
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.ClickException as error:
        console.usage_error(error)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on; do not complain at exit
        return 1
    return status or 0
