"""Keys on disk: made, read, shown. Passwords come from the environment or from a question, never from argv."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.errors import InvalidInput
from wpkg.registry.disk import read_bytes, write_file
from wpkg.trust.keyfile import is_encrypted_key, read_key_file, write_key_file
from wpkg.trust.keys import PrivateKey, PublicKey

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wpkg.workflow.world import World

PASSWORD_VARIABLES = ("WPKG_KEY_PASSWORD", "COSIGN_PASSWORD")
_PRIVATE_MODE = 0o600


class KeyPair(Struct, frozen=True):
    """A key pair on disk."""

    private: Path
    public: Path
    hint: str  # fingerprint


def generate_key(world: World, prefix: Path, ask: Callable[[str], str]) -> KeyPair:
    """A new ECDSA P-256 key pair, `prefix`.key encrypted with a password, and `prefix`.pub.

    Raises: InvalidInput when one of the files is there already; nothing is overwritten.
    """
    private, public = prefix.with_name(prefix.name + ".key"), prefix.with_name(prefix.name + ".pub")
    for path in (private, public):
        if path.exists():
            raise InvalidInput(
                f"{path} exists already, and a key must not be overwritten", hint="choose another name"
            )
    password = key_password(world, ask, new=True)
    key = PrivateKey.generate(world.random_bytes)
    write_file(private, write_key_file(key, password, world.random_bytes), _PRIVATE_MODE)
    write_file(public, key.public.pem)
    return KeyPair(private, public, key.public.hint)


def load_key(world: World, path: Path, ask: Callable[[str], str]) -> PrivateKey:
    """The private key in a key file of wpkg or cosign, or in plain PEM. Raises: InvalidInput."""
    data = read_bytes(path)
    try:
        if is_encrypted_key(data):
            return read_key_file(data, key_password(world, ask, new=False))
        key = PrivateKey.from_plain_pem(data)
    except InvalidInput as error:
        raise error.within(str(path)) from None
    world.reporter.warn(f"the private key in {path} is not encrypted")
    return key


def key_password(world: World, ask: Callable[[str], str], *, new: bool) -> bytes:
    """The password of a key file: `WPKG_KEY_PASSWORD`, `COSIGN_PASSWORD`, or what the person says."""
    for variable in PASSWORD_VARIABLES:
        if variable in world.environment:
            return world.environment[variable].encode()
    password = ask("Password for the private key")
    if new and ask("The same once more") != password:
        raise InvalidInput("the two passwords differ")
    return password.encode()


def show_key(path: Path) -> PublicKey:
    """The public key in a file. Raises: InvalidInput."""
    try:
        return PublicKey.from_pem(read_bytes(path))
    except InvalidInput as error:
        raise error.within(str(path)) from None
