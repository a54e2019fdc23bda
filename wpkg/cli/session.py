"""The options that every command has, and the world that they make."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wpkg.cli.bars import Bars, wants_bars
from wpkg.cli.console import Console, wants_colour
from wpkg.cli.options import Command, option
from wpkg.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wpkg.registry.interface import SearchableRegistry
    from wpkg.trust.policy import Format
    from wpkg.workflow.keys import Passwords
    from wpkg.workflow.world import Finished, World


_PATH = click.Path(path_type=Path)


class Session:
    """One run of one command, in the working folder."""

    def __init__(
        self,
        console: Console,
        *,
        offline: bool,
        locked: bool,
        trust_policies: Sequence[Path] = (),
        publishing: bool = False,
    ) -> None:
        self.console = console
        self.offline = offline
        self._locked = locked
        self._trust_policies = trust_policies
        self._publishing = publishing

    @property
    def locked(self) -> bool:
        """Whether the lock must not change: it was asked for, or a machine runs the command."""
        return self._locked or self.world.in_ci

    @functools.cached_property
    def root(self) -> Path:
        """The folder of the project or workspace that the working folder is in, else the working folder."""
        from wpkg.workflow.opened import find_root

        return find_root(Path())

    @functools.cached_property
    def world(self) -> World:
        """The real world, made when it is first needed."""
        return make_world(
            self.console,
            self.root,
            self.cache_folder,
            self._trust_policies,
            offline=self.offline,
            mirrored=not self._publishing,
        )

    def passwords(self, descriptor: int | None, new_descriptor: int | None = None) -> Passwords:
        """Where the password of a key file comes from."""
        from wpkg.workflow.keys import Passwords

        return Passwords(self.ask, descriptor, new_descriptor)

    @functools.cached_property
    def cache_folder(self) -> Path:
        """Where the cache is. Raises: InvalidInput."""
        return cache_folder(os.environ)

    def ask_text(self, question: str) -> str:
        """What a person types. Raises: InvalidInput where there is nobody to ask."""
        if not sys.stdin.isatty():
            raise InvalidInput(
                f"a {question.lower()} is needed, and there is no terminal to ask for it", hint="use --username"
            )
        return str(click.prompt(question, err=True))

    def ask_secret(self, question: str, hint: str) -> str:
        """A secret that a person types, unseen. Raises: InvalidInput where there is nobody to ask."""
        if not sys.stdin.isatty():
            raise InvalidInput("a password is needed, and there is no terminal to ask for it", hint=hint)
        return str(click.prompt(question, hide_input=True, default="", show_default=False, err=True))

    def ask(self, question: str) -> str:
        """The password of a key, as `ask_secret` asks."""
        return self.ask_secret(question, hint="set WPKG_KEY_PASSWORD, or name an open file with --password-fd")


def make_world(
    console: Console,
    root: Path,
    folder: Path,
    trust_policies: Sequence[Path] = (),
    *,
    offline: bool,
    mirrored: bool = True,
) -> World:
    """The registries, the cache in `folder`, the environment, for the project in `root`.

    The one place where they are put together.
    """
    from wpkg.registry.cache import Cache
    from wpkg.registry.client import RegistryClient, real_transport
    from wpkg.registry.layout import LayoutRegistry
    from wpkg.registry.offline import OfflineRegistry
    from wpkg.registry.router import Router
    from wpkg.workflow.opened import folder_of_layouts
    from wpkg.workflow.world import World

    detail = console.detail if console.verbose else None
    client = RegistryClient(real_transport(os.environ, console.warn, detail))
    network = OfflineRegistry() if offline else _with_mirrors(client, console) if mirrored else client

    def registry_from(home: Path) -> Router:
        return Router(network, LayoutRegistry(home))

    return World(
        registry=registry_from(folder_of_layouts(root)),
        registry_from=registry_from,
        cache=Cache(folder, console.warn),
        environment=os.environ,
        random_bytes=os.urandom,
        run=functools.partial(run_program, quiet=console.quiet),
        reporter=console,
        policies=(*standing_policies(os.environ), *trust_policies),
        here=Path(),
    )


SYSTEM_POLICY = Path("/etc/wpkg/trust.toml")


def config_folder(environment: Mapping[str, str]) -> Path:
    """Where the user's own settings are: `$XDG_CONFIG_HOME/wpkg`, else `~/.config/wpkg`."""
    base = Path(environment.get("XDG_CONFIG_HOME", ""))
    return (base if base.is_absolute() else Path("~/.config").expanduser()) / "wpkg"


def standing_policies(environment: Mapping[str, str]) -> list[Path]:
    """The trust policies of the machine and of the user, as far as they are there."""
    return [path for path in (SYSTEM_POLICY, config_folder(environment) / "trust.toml") if path.is_file()]


def _with_mirrors(client: SearchableRegistry, console: Console) -> SearchableRegistry:
    """`client`, read through the mirrors that the user has set up. Raises: InvalidInput."""
    path = config_folder(os.environ) / "config.toml"
    if not path.is_file():
        return client
    from wpkg.registry.disk import read_text
    from wpkg.registry.mirrors import MirroredRegistry, read_mirrors

    try:
        mirrors = read_mirrors(read_text(path))
    except InvalidInput as error:
        raise error.within(str(path)) from None
    return MirroredRegistry(client, mirrors, console.warn)


def cache_folder(environment: Mapping[str, str]) -> Path:
    """`$WPKG_CACHE_DIR`, else `$XDG_CACHE_HOME/wpkg`, else `~/.cache/wpkg`. Raises: InvalidInput."""
    if chosen := environment.get("WPKG_CACHE_DIR"):
        return Path(chosen).absolute()
    base = Path(environment.get("XDG_CACHE_HOME", ""))
    if base.is_absolute():  # a relative one is to be ignored (XDG Base Directory Specification 0.8)
        return base / "wpkg"
    try:
        return Path.home() / ".cache" / "wpkg"
    except RuntimeError as error:
        raise InvalidInput(
            "there is no home folder to keep the cache in", hint="let WPKG_CACHE_DIR name a folder"
        ) from error


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


def _lock_options(*, wanted: bool) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """--locked and --frozen, on the commands that might change the lock."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        if not wanted:
            return function
        frozen = option("--frozen", is_flag=True, help="The same as --locked --offline.")
        locked = option(
            "--locked", is_flag=True, help="Fail (7) when wpkg.lock would have to change; the default in CI."
        )
        return locked(frozen(function))

    return decorate


def _bars() -> Bars | None:
    """Bars, where somebody sees them."""
    return Bars(colour=wants_colour(os.environ)) if wants_bars(os.environ) else None


def command(
    *, locking: bool = False, publishing: bool = False, **attributes: Any
) -> Callable[[Callable[..., None]], click.Command]:
    """A click command with the options that all have; the function gets a `Session` first.

    One that is `locking` might change the lock, and has --locked and --frozen. One that is `publishing` goes by
    what registries have, not by what mirrors had.
    """

    def decorate(function: Callable[..., None]) -> click.Command:
        @option("-C", "folder", type=_PATH, metavar="DIR", help="As if started in DIR.")
        @option(
            "--trust-policy",
            "trust_policies",
            type=_PATH,
            multiple=True,
            envvar="WPKG_TRUST_POLICY",
            metavar="FILE",
            help="A policy that applies besides the project's [trust]; also $WPKG_TRUST_POLICY.",
        )
        @_lock_options(wanted=locking)
        @option("--offline", is_flag=True, envvar="WPKG_OFFLINE", help="Open no connection; use the cache only.")
        @option("--json", "as_json", is_flag=True, help="Print the result, or the error, as JSON.")
        @option("-q", "--quiet", is_flag=True, help="No progress.")
        @option("-v", "--verbose", count=True, help="Say more: what satisfies each import, each request.")
        @functools.wraps(function)
        def run(
            folder: Path | None,
            *,
            trust_policies: tuple[Path, ...],
            offline: bool,
            as_json: bool,
            quiet: bool,
            verbose: int,
            **options: Any,
        ) -> None:
            frozen = options.pop("frozen") if locking else False
            locked = options.pop("locked") if locking else False
            console = Console(as_json, quiet, verbose, wants_colour(os.environ), _bars())
            session = Session(
                console,
                offline=offline or frozen,
                locked=locked or frozen,
                trust_policies=trust_policies,
                publishing=publishing,
            )
            with contextlib.ExitStack() as stack:
                for place in (click.get_current_context().find_root().params.get("folder"), folder):
                    if place is not None and not place.is_dir():
                        raise InvalidInput(f"there is no folder {place}")
                    stack.enter_context(contextlib.chdir(place or Path()))
                function(session, **options)

        made: click.Command = click.command(**{"cls": Command, **attributes})(run)
        return made

    return decorate


def password_option(function: Callable[..., None]) -> Callable[..., None]:
    """`--password-fd`, the option of commands that open a private key."""
    return option(
        "--password-fd",
        type=click.IntRange(min=0),
        metavar="N",
        help="Read the key's password from the open file N, one line.",
    )(function)


def format_option(*choices: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """`--format`, the option of commands that sign; `chosen_formats` says what it means."""
    return option(
        "--format",
        "formats",
        type=click.Choice(choices),
        default="both",
        show_default=True,
        help="How signatures are kept: as a sigstore bundle, and under cosign's .sig tag.",
    )


def chosen_formats(choice: str) -> tuple[Format, ...]:
    """The formats that a choice of `format_option` stands for."""
    match choice:
        case "bundle":
            return ("bundle",)
        case "legacy":
            return ("legacy",)
    return ("bundle", "legacy")
