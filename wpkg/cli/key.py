"""`wpkg key`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from wpkg.cli.options import Group, option
from wpkg.cli.session import command, password_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from wpkg.cli.session import Session
    from wpkg.workflow.keys import KeyPair


@click.group(cls=Group)
def key() -> None:
    """Make, import and show signing keys; cosign and wpkg use each other's.

    A password is read from --password-fd, else from WPKG_KEY_PASSWORD or COSIGN_PASSWORD, else asked for.
    """


def _output_option(function: Callable[..., None]) -> Callable[..., None]:
    return option(
        "--output",
        "prefix",
        type=click.Path(path_type=Path),
        default=Path("wpkg"),
        show_default=True,
        metavar="PREFIX",
        help="Write PREFIX.key and PREFIX.pub.",
    )(function)


@command()
@_output_option
@password_option
def generate(session: Session, prefix: Path, password_fd: int | None) -> None:
    """Make an ECDSA P-256 key pair in cosign's encrypted format."""
    from wpkg.workflow.keys import generate_key

    pair = generate_key(session.world, prefix, session.passwords(password_fd))
    _show_pair(session, "key.generate", pair)


@command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@_output_option
@password_option
def import_(session: Session, file: Path, prefix: Path, password_fd: int | None) -> None:
    """Encrypt the key in FILE, unencrypted PEM (PKCS #8, SEC 1 or PKCS #1), in cosign's format."""
    from wpkg.workflow.keys import import_key

    pair = import_key(session.world, file, prefix, session.passwords(password_fd))
    _show_pair(session, "key.import", pair)


@command()
@click.argument("file", type=click.Path(path_type=Path))
@password_option
@option(
    "--new-password-fd",
    type=click.IntRange(min=0),
    metavar="N",
    help="Read the new password from the open file N, one line; also $WPKG_NEW_KEY_PASSWORD.",
)
def password(session: Session, file: Path, password_fd: int | None, new_password_fd: int | None) -> None:
    """Change the password of the private key in FILE."""
    from wpkg.workflow.keys import change_password

    public = change_password(session.world, file, session.passwords(password_fd, new_password_fd))
    session.console.result("key.password", {"key": public.hint}, [f"{file} has a new password"])


@command()
@click.argument("file", type=click.Path(path_type=Path))
def show(session: Session, file: Path) -> None:
    """Show the fingerprint and kind of a public key."""
    from wpkg.workflow.keys import show_key

    public = show_key(file)
    session.console.result(
        "key.show", {"key": public.hint, "algorithm": public.algorithm}, [f"{public.hint}  {public.algorithm}"]
    )


def _show_pair(session: Session, name: str, pair: KeyPair) -> None:
    session.console.result(
        name,
        {"private": str(pair.private), "public": str(pair.public), "key": pair.hint},
        [f"{pair.private} (keep it secret)", f"{pair.public}", f"fingerprint {pair.hint}"],
    )


for subcommand in (generate, import_, password, show):
    key.add_command(subcommand)
