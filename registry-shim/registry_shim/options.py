"""Options of `registry-shim serve` that belong together, as one value each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from registry_shim import limits
from registry_shim.limits import TransferLimits, UploadLimits
from wpkg.errors import InvalidInput
from wpkg.names.amount import InvalidAmount, read_size

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[..., None]

_UNITS = {"GiB": 2**30, "MiB": 2**20, "KiB": 2**10}


class _Size(click.ParamType[int]):
    """A number of bytes as wpkg.names.amount reads it: 1048576, 1MB, 16GiB."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return read_size(str(value))
        except InvalidAmount as error:
            self.fail(f"{error}; {error.hint}", param, ctx)


@dataclass(frozen=True, slots=True)
class Security:
    """Who is asked for what, and whether it can be overheard."""

    htpasswd: Path | None
    access: Path | None
    certificate: Path | None
    key: Path | None
    is_overheard: bool  # passwords may travel unencrypted

    def check(self) -> None:
        """Nothing, where the options go together. Raises: InvalidInput."""
        if self.access is not None and self.htpasswd is None:
            raise InvalidInput("rules are about people with passwords", hint="--access needs --htpasswd FILE")
        if (self.certificate is None) != (self.key is None):
            raise InvalidInput("a certificate is of no use without its key", hint="--tls-cert FILE --tls-key FILE")

    def check_overheard(self) -> None:
        """Nothing, where passwords may be sent unencrypted over the network. Raises: InvalidInput."""
        if not self.is_overheard:
            raise InvalidInput(
                "passwords would be sent over the network unencrypted",
                hint="--tls-cert FILE --tls-key FILE; or --passwords-over-http, where something in front encrypts",
            )


OPEN = Security(None, None, None, None, is_overheard=False)


def _file(name: str, text: str) -> Callable[[Command], Command]:
    return click.option(name, metavar="FILE", type=click.Path(path_type=Path), help=text)


def security_options(command: Command) -> Command:
    """The command with options that it gets as `security`."""

    @_file("--htpasswd", "Ask for passwords: lines of 'htpasswd -B'.")
    @_file(
        "--access", "TOML file that says who may read, push and delete what; without it, every user everything."
    )
    @_file("--tls-cert", "Speak HTTPS, with this certificate and its chain (PEM).")
    @_file("--tls-key", "Private key of the certificate (PEM).")
    @click.option(
        "--passwords-over-http", is_flag=True, help="Take passwords over plain HTTP from other machines too."
    )
    @wraps(command)
    def with_security(
        *arguments: Any,
        htpasswd: Path | None,
        access: Path | None,
        tls_cert: Path | None,
        tls_key: Path | None,
        passwords_over_http: bool,
        **options: Any,
    ) -> None:
        security = Security(htpasswd, access, tls_cert, tls_key, passwords_over_http)
        command(*arguments, security=security, **options)

    return with_security


def _size(name: str, default: int, text: str) -> Callable[[Command], Command]:
    return click.option(name, metavar="SIZE", type=_Size(), default=_shown(default), show_default=True, help=text)


def _count(name: str, default: int, text: str) -> Callable[[Command], Command]:
    return click.option(
        name, metavar="N", type=click.IntRange(min=1), default=default, show_default=True, help=text
    )


def _shown(size: int) -> str:
    unit = next((unit for unit in _UNITS if size % _UNITS[unit] == 0), None)
    return f"{size // _UNITS[unit]}{unit}" if unit is not None else f"{size}B"


def limit_options(command: Command) -> Command:
    """The command with options that it gets as `uploads` and `transfers`."""

    @_size("--max-blob-size", limits.MAX_BLOB_SIZE, "A longer blob is refused.")
    @_count("--max-uploads", limits.MAX_UPLOADS, "Upload sessions of a repository that may be open.")
    @_size("--min-free-space", limits.MIN_FREE_SPACE, "What uploads leave of the disk.")
    @_count("--max-connections", limits.MAX_CONNECTIONS, "Connections at a time.")
    @_count("--head-timeout", limits.HEAD_SECONDS, "Seconds for the head of a request.")
    @_count("--idle-timeout", limits.BODY_IDLE_SECONDS, "Seconds without a byte that end a transfer.")
    @_size("--min-rate", limits.MIN_RATE, "Bytes a second; a transfer that is slower for long is ended.")
    @wraps(command)
    def with_limits(
        *arguments: Any,
        max_blob_size: int,
        max_uploads: int,
        min_free_space: int,
        max_connections: int,
        head_timeout: int,
        idle_timeout: int,
        min_rate: int,
        **options: Any,
    ) -> None:
        command(
            *arguments,
            uploads=UploadLimits(max_blob_size, max_uploads, min_free_space),
            transfers=TransferLimits(max_connections, head_timeout, idle_timeout, max(min_rate, 1)),
            **options,
        )

    return with_limits
