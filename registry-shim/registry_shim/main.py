"""The command `registry-shim`: translates options, calls, and says what went wrong."""

from __future__ import annotations

import logging
import os
import secrets
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from registry_shim.limits import DEFAULT_TRANSFERS, DEFAULT_UPLOADS, UPSTREAM_THREADS, WORKER_THREADS
from registry_shim.options import OPEN, Security, limit_options, security_options
from registry_shim.page.door import Door
from registry_shim.protocol.registry import Registry
from registry_shim.server import Hooks, address_of, is_local, listen
from registry_shim.server import serve as run_server
from registry_shim.store.store import Store
from registry_shim.upkeep.orders import DAY, CollectOrder
from registry_shim.upkeep_command import DEFAULT_GRACE, Duration, caretaker, gc, scrub
from wpkg import __version__
from wpkg.errors import WpkgError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from registry_shim.auth.guard import Guard
    from registry_shim.limits import TransferLimits, UploadLimits
    from registry_shim.page.facts import Judge
    from registry_shim.protocol.service import Service
    from registry_shim.tls import Encryption
    from registry_shim.upstream.pull_through import PullThrough
    from registry_shim.upstream.source import Source

logger = logging.getLogger("registry_shim")

PROGRAM = "registry-shim"
DEFAULT_HOST = "127.0.0.1"  # nobody but this machine, unless somebody says so
DEFAULT_PORT = 5000
DEFAULT_TTL = 60.0  # seconds
CATALOGUE_FILE = ".catalogue.sqlite"  # in the root; no repository's name begins like this
_INTERRUPTED = 130  # 128 + SIGINT, before the server has taken the signal over


def _new_id() -> str:
    return secrets.token_hex(16)


def _today() -> date:
    return datetime.now(UTC).date()


@click.group()
@click.version_option(__version__, prog_name=PROGRAM)
def cli() -> None:
    """Run a small OCI registry that keeps everything in plain image layouts on disk."""


@cli.command(short_help="Serve a registry until interrupted.")
@click.option(
    "--root",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Directory of the registry; made if need be.",
)
@click.option("--host", default=DEFAULT_HOST, show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=DEFAULT_PORT,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 for any free one.",
)
@click.option(
    "--policy",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="TOML file with a [trust] table: tags show only what it accepts.",
)
@click.option(
    "--name",
    metavar="HOST[:PORT]",
    help="What clients, and the patterns of the policy, call this registry; by default its address.",
)
@click.option(
    "--upstream",
    "upstreams",
    metavar="URL[,PREFIX]",
    multiple=True,
    help="A registry to fetch from what is not here, under PREFIX/ or under every name. May be repeated.",
)
@click.option(
    "--upstream-ttl",
    metavar="SECONDS",
    default=DEFAULT_TTL,
    show_default=True,
    type=click.FloatRange(0),
    help="How long a tag is served without asking upstream whether it has moved.",
)
@click.option("--sparse", is_flag=True, help="Take manifests that name what is not here.")
@click.option(
    "--gc-every", type=Duration(), help="Remove what nothing needs every so often, as `gc` does: 30m, 24h, 7d."
)
@click.option("--gc-grace", default=DEFAULT_GRACE, show_default=True, type=Duration(), help="See `gc --grace`.")
@click.option("--gc-keep-untagged", is_flag=True, help="See `gc --keep-untagged`.")
@security_options
@limit_options
def serve(**options: Any) -> None:
    """Serve the registry in DIR until interrupted; print its address once it answers.

    Without --htpasswd whoever reaches the address may read, write and delete.
    """
    run(**options, announce=click.echo)


def run(  # noqa: PLR0913 - one for each option, or for a group of them
    root: Path,
    host: str = DEFAULT_HOST,
    port: int = 0,
    policy: Path | None = None,
    name: str | None = None,
    upstreams: Sequence[str] = (),
    upstream_ttl: float = DEFAULT_TTL,
    *,
    sparse: bool = False,
    gc_every: int | None = None,
    gc_grace: int = DAY,
    gc_keep_untagged: bool = False,
    security: Security = OPEN,
    uploads: UploadLimits = DEFAULT_UPLOADS,
    transfers: TransferLimits = DEFAULT_TRANSFERS,
    announce: Callable[[str], None],
    register: Callable[[Callable[[], None]], None] | None = None,
) -> None:
    """Serve, with the options of the command, until a signal comes or what `register` was given is called.

    `announce` is told the address when requests are answered. Raises: WpkgError.
    """
    guard, encryption = _secure(security)
    rules = None
    if policy is not None:
        from registry_shim.gate.policy_file import PolicyFile

        rules = PolicyFile(policy)
    sources: Sequence[Source] = ()
    if upstreams:
        from registry_shim.upstream.source import connect

        sources = connect(upstreams, os.environ, time.monotonic)
    with Store(root, _new_id, uploads, is_sparse=sparse) as store:
        listener = listen(host, port)
        if guard is not None and encryption is None and not is_local(listener):
            security.check_overheard()
            logger.warning("passwords come in over plain HTTP, as was asked for")
        address = address_of(listener, "http" if encryption is None else "https")
        registry = name or address.partition("://")[2]
        service: Service = Registry(store)
        mirror: PullThrough | None = None
        if sources:
            from registry_shim.upstream.pull_through import PullThrough

            service = mirror = PullThrough(service, store, sources, upstream_ttl, time.monotonic)
        judge: Judge | None = None
        if rules is not None:
            from registry_shim.gate.gate import Gate
            from registry_shim.gate.waiting import WAITING_FILE, WaitingTags

            gate = Gate(service, rules, WaitingTags(root / WAITING_FILE), registry, time.monotonic, _today)
            service, judge = gate, gate.verdict
        if guard is not None:
            service = guard.before(service)
        if sources:
            from registry_shim.upstream.namespaces import Namespaces

            service = Namespaces(service, [source.upstream for source in sources], registry)
        door = Door(
            service,
            store,
            root / CATALOGUE_FILE,
            registry,
            judge,
            guard.is_public if guard is not None else None,
        )
        files = [file for file in (rules, guard, encryption) if file is not None]

        def reload() -> None:
            for file in files:
                file.reload()

        regular = CollectOrder(gc_grace, keeps_untagged=gc_keep_untagged)
        try:
            with caretaker(store, root, regular, gc_every):
                run_server(
                    door,
                    listener,
                    Hooks(
                        lambda: announce(address),
                        reload if files else None,
                        mirror.close if mirror is not None else None,
                        register,
                    ),
                    transfers,
                    encryption,
                    WORKER_THREADS + (UPSTREAM_THREADS if mirror is not None else 0),
                )
        finally:
            door.close()


cli.add_command(gc)
cli.add_command(scrub)


def _secure(security: Security) -> tuple[Guard | None, Encryption | None]:
    """What asks for passwords, and what encrypts; loaded only where they are wanted. Raises: InvalidInput."""
    security.check()
    guard, encryption = None, None
    if security.certificate is not None and security.key is not None:
        from registry_shim.tls import Encryption

        encryption = Encryption(security.certificate, security.key)
    if security.htpasswd is not None:
        from registry_shim.auth.guard import Guard

        guard = Guard(security.htpasswd, security.access, secrets.token_bytes(32))
    return guard, encryption


def main() -> None:
    """Run the command and exit; errors are one sentence on stderr and an exit code of `wpkg.errors`."""
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of clients that are gone
    sys.exit(_run())


def _run() -> int:
    try:
        code = cli(prog_name=PROGRAM, standalone_mode=False)
        return code if isinstance(code, int) else 0
    except WpkgError as error:
        return _fail(str(error), error.hint, error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
    except click.ClickException as error:
        message = error.format_message()
        return _fail(message[:1].lower() + message[1:].removesuffix("."), f"{PROGRAM} --help", error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return _INTERRUPTED
    return 0


def _fail(message: str, hint: str | None, exit_code: int) -> int:
    click.echo(f"error: {message}", err=True)
    if hint is not None:
        click.echo(f"hint: {hint}", err=True)
    return exit_code
