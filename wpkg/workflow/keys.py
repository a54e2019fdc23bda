"""Keys on disk: made, imported, read, shown.

A password comes from a file descriptor, else from the environment, else from a question; never from argv.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.errors import InvalidInput
from wpkg.registry.disk import read_bytes, write_file
from wpkg.trust.keyfile import is_encrypted_key, read_key_file, write_key_file
from wpkg.trust.keys import InvalidKey, PrivateKey, PublicKey

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from wpkg.workflow.world import World

PASSWORD_VARIABLES = ("WPKG_KEY_PASSWORD", "COSIGN_PASSWORD")
NEW_PASSWORD_VARIABLES = ("WPKG_NEW_KEY_PASSWORD",)
MAX_PASSWORD_SIZE = 4096  # bytes
_PRIVATE_MODE = 0o600
_FOR_OTHERS = 0o077


class Passwords(Struct, frozen=True):
    """Where the password of a key file comes from."""

    ask: Callable[[str], str]  # a person
    descriptor: int | None = None  # of an open file; its next line
    new_descriptor: int | None = None  # the same of the password to be set, where that is another one


class KeyPair(Struct, frozen=True):
    """A key pair on disk."""

    private: Path
    public: Path
    hint: str  # fingerprint


def generate_key(world: World, prefix: Path, passwords: Passwords) -> KeyPair:
    """A new ECDSA P-256 key pair, `prefix`.key encrypted with a password, and `prefix`.pub.

    Raises: InvalidInput when one of the files is there already; nothing is overwritten.
    """
    _refuse_to_overwrite(prefix)
    password = key_password(world, passwords, PASSWORD_VARIABLES, new=True)
    return _write_pair(world, prefix, PrivateKey.generate(world.random_bytes), password)


def import_key(world: World, file: Path, prefix: Path, passwords: Passwords) -> KeyPair:
    """The key pair of an unencrypted PKCS #8, SEC 1 or PKCS #1 file, `prefix`.key and `prefix`.pub.

    Raises: InvalidInput as `generate_key`, and when `file` is no such key.
    """
    _refuse_to_overwrite(prefix)
    try:
        key = PrivateKey.from_plain_pem(read_bytes(file))
    except InvalidKey as error:
        raise error.within(str(file)) from None
    return _write_pair(world, prefix, key, key_password(world, passwords, PASSWORD_VARIABLES, new=True))


def change_password(world: World, file: Path, passwords: Passwords) -> PublicKey:
    """The public half of the key in `file`, which now has another password. Raises: InvalidInput."""
    data = read_bytes(file)
    try:
        key = read_key_file(data, key_password(world, passwords, PASSWORD_VARIABLES, new=False))
    except InvalidInput as error:
        raise error.within(str(file)) from None
    following = Passwords(passwords.ask, passwords.new_descriptor)
    password = key_password(world, following, NEW_PASSWORD_VARIABLES, new=True)
    write_file(file, write_key_file(key, password, world.random_bytes), _PRIVATE_MODE)
    return key.public


def load_key(world: World, path: Path, passwords: Passwords) -> PrivateKey:
    """The private key in a key file of wpkg or cosign, or in plain PEM. Raises: InvalidInput."""
    data = read_bytes(path)
    try:
        if is_encrypted_key(data):
            return read_key_file(data, key_password(world, passwords, PASSWORD_VARIABLES, new=False))
        key = PrivateKey.from_plain_pem(data)
    except InvalidInput as error:
        raise error.within(str(path)) from None
    also = ", and others may read it" if path.stat().st_mode & _FOR_OTHERS else ""
    world.reporter.warn(f"the private key in {path} is not encrypted{also}; 'wpkg key import' encrypts it")
    return key


def key_password(world: World, passwords: Passwords, variables: Sequence[str], *, new: bool) -> bytes:
    """The password of a key file, from the first source that there is; a `new` one is asked for twice.

    Raises: InvalidInput.
    """
    if passwords.descriptor is not None:
        return _read_line(passwords.descriptor)
    for variable in variables:
        if variable in world.environment:
            return world.environment[variable].encode()
    password = passwords.ask("New password for the private key" if new else "Password of the private key")
    if new and passwords.ask("The same once more") != password:
        raise InvalidInput("the two passwords differ")
    return password.encode()


def show_key(path: Path) -> PublicKey:
    """The public key in a file. Raises: InvalidInput."""
    try:
        return PublicKey.from_pem(read_bytes(path))
    except InvalidInput as error:
        raise error.within(str(path)) from None


def _refuse_to_overwrite(prefix: Path) -> None:
    for path in _pair_paths(prefix):
        if path.exists():
            raise InvalidInput(
                f"{path} exists already, and a key must not be overwritten", hint="choose another name"
            )


def _pair_paths(prefix: Path) -> tuple[Path, Path]:
    return prefix.with_name(prefix.name + ".key"), prefix.with_name(prefix.name + ".pub")


def _write_pair(world: World, prefix: Path, key: PrivateKey, password: bytes) -> KeyPair:
    private, public = _pair_paths(prefix)
    write_file(private, write_key_file(key, password, world.random_bytes), _PRIVATE_MODE)
    write_file(public, key.public.pem)
    return KeyPair(private, public, key.public.hint)


def _read_line(descriptor: int) -> bytes:
    """The next line of an open file, without its end. Nothing beyond it is read, so that two may follow."""
    line = bytearray()
    try:
        while (byte := os.read(descriptor, 1)) not in (b"", b"\n"):
            line += byte
            if len(line) > MAX_PASSWORD_SIZE:
                raise InvalidInput(f"the password has more than {MAX_PASSWORD_SIZE} bytes")
    except OSError as error:
        raise InvalidInput(f"no password can be read from file descriptor {descriptor}") from error
    return bytes(line.removesuffix(b"\r"))
