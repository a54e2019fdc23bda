"""The options that every command has, and the world that they make."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wpkg.cli.console import Console, wants_colour
from wpkg.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wpkg.workflow.keys import Passwords
    from wpkg.workflow.world import Finished, World


class Session:
    """One run of one command. `root` is the project's folder."""

    def __init__(self, root: Path, console: Console, *, offline: bool) -> None:
        self.root = root
        self.console = console
        self.offline = offline

    @functools.cached_property
    def world(self) -> World:
        """The real world, made when it is first needed."""
        return make_world(self.console, offline=self.offline)

    def passwords(self, descriptor: int | None, new_descriptor: int | None = None) -> Passwords:
        """Where the password of a key file comes from."""
        from wpkg.workflow.keys import Passwords

        return Passwords(self.ask, descriptor, new_descriptor)

    def ask(self, question: str) -> str:
        """A secret that a person types, unseen. Raises: InvalidInput where there is nobody to ask."""
        if not sys.stdin.isatty():
            raise InvalidInput(
                "a password is needed, and there is no terminal to ask for it",
                hint="set WPKG_KEY_PASSWORD, or name an open file with --password-fd",
            )
        return str(click.prompt(question, hide_input=True, default="", show_default=False, err=True))


def make_world(console: Console, *, offline: bool) -> World:
    """The registries, the cache, the environment: the one place where they are put together."""
    from wpkg.registry.cache import Cache
    from wpkg.registry.client import RegistryClient
    from wpkg.registry.offline import OfflineRegistry
    from wpkg.workflow.world import World

    return World(
        registry=OfflineRegistry() if offline else RegistryClient(),
        cache=Cache(cache_folder(os.environ)),
        environment=os.environ,
        random_bytes=os.urandom,
        run=functools.partial(run_program, quiet=console.quiet),
        reporter=console,
    )


def cache_folder(environment: Any) -> Path:
    """`$WPKG_CACHE_DIR`, else `$XDG_CACHE_HOME/wpkg`, else `~/.cache/wpkg`."""
    if chosen := environment.get("WPKG_CACHE_DIR"):
        return Path(chosen)
    base = environment.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "wpkg"


def run_program(words: Sequence[str], folder: Path, *, show: bool, quiet: bool) -> Finished:
    """Run a program: shown on stderr where a person watches, else kept. Raises: OSError."""
    import subprocess

    from wpkg.workflow.world import Finished

    if show and not quiet:
        sys.stderr.flush()
        shown = subprocess.run(  # noqa: S603 - the project's own command
            list(words), cwd=folder, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False
        )
        return Finished(shown.returncode, "")
    kept = subprocess.run(  # noqa: S603 - as above, or git
        list(words),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if show else subprocess.DEVNULL,
        text=True,
        errors="replace",
        check=False,
    )
    return Finished(kept.returncode, kept.stdout)


def command(**attributes: Any) -> Callable[[Callable[..., None]], click.Command]:
    """A click command with the options that all have; the function gets a `Session` first."""

    def decorate(function: Callable[..., None]) -> click.Command:
        @click.option("-C", "folder", type=click.Path(path_type=Path), metavar="DIR", help="As if started in DIR.")
        @click.option("--offline", is_flag=True, help="Open no connection; use the cache only.")
        @click.option("--json", "as_json", is_flag=True, help="Print the result, or the error, as JSON.")
        @click.option("-q", "--quiet", is_flag=True, help="No progress.")
        @click.option("-v", "--verbose", count=True, help="Say more.")
        @functools.wraps(function)
        def run(
            folder: Path | None, *, offline: bool, as_json: bool, quiet: bool, verbose: int, **options: Any
        ) -> None:
            session = Session(Path(), Console(as_json, quiet, verbose, wants_colour(os.environ)), offline=offline)
            if folder is not None and not folder.is_dir():
                raise InvalidInput(f"there is no folder {folder}")
            with contextlib.chdir(folder or Path()):
                function(session, **options)

        made: click.Command = click.command(**attributes)(run)
        return made

    return decorate


def password_option(function: Callable[..., None]) -> Callable[..., None]:
    """`--password-fd`, the option of commands that open a private key."""
    return click.option(
        "--password-fd",
        type=click.IntRange(min=0),
        metavar="N",
        help="Read the key's password from the open file N, one line.",
    )(function)
