"""Log in to registries and out of them. A password is kept only when the registry has accepted it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.errors import InvalidInput
from wpkg.oci.reference import REGISTRY, InvalidReference
from wpkg.registry.credentials import Credential, Credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wpkg.workflow.world import World


class LoggedIn(Struct, frozen=True):
    """A login that is kept."""

    registry: str
    user: str
    place: str  # a file, or "credential helper 'name'"


def login(
    world: World,
    registry: str,
    user: str,
    password: str,
    check: Callable[[str, Credential, Mapping[str, str]], object],
) -> LoggedIn:
    """Keep `user` and `password` for `registry` once `check` has shown that it accepts them.

    Raises: Unauthorized, RegistryError, InvalidInput, HelperFailed, CannotWrite; then nothing is kept.
    """
    _check_name(registry)
    if not user or not password:
        raise InvalidInput("a login needs a user name and a password, neither empty")
    if ":" in user:
        raise InvalidInput("a user name has no ':' in it")
    credential = Credential(user, password)
    check(registry, credential, world.environment)
    place = Credentials(world.environment, world.reporter.warn).store(registry, credential)
    if not place.startswith("credential helper"):
        world.reporter.warn(
            f"the password is kept unencrypted in {place}; a credential helper (credsStore) would keep it safe"
        )
    return LoggedIn(registry, user, place)


def logout(world: World, registry: str) -> list[str]:
    """Forget what is kept for `registry`; from where it was removed. Raises: InvalidInput, HelperFailed."""
    _check_name(registry)
    return Credentials(world.environment, world.reporter.warn).erase(registry)


def _check_name(registry: str) -> None:
    if re.fullmatch(REGISTRY, registry) is None:
        raise InvalidReference(
            f"'{registry[:255]}' is not the name of a registry", hint="it is 'host' or 'host:port', as in ghcr.io"
        )
