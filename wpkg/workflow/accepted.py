"""Published components that a command names: found, accepted by whoever is trusted, and only then fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.workflow.locate import Located, locate
from wpkg.workflow.release import Release, fetch_component
from wpkg.workflow.sources import ComponentFile
from wpkg.workflow.verify import accept, chosen_policy, find_release

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wpkg.trust.verification import Verification
    from wpkg.workflow.world import World


class Accepted(Struct, frozen=True):
    """A component in the cache, at `path`. `verification` is None where nothing said whom to trust."""

    located: Located
    release: Release
    verification: Verification | None
    path: Path


def fetch_accepted(world: World, root: Path, located: Located, keys: Sequence[Path] = ()) -> Accepted:
    """What `located` names, its signature checked by `keys`, else by the policy of the project in `root`.

    Raises: NotTrusted, RegistryError, InvalidInput.
    """
    release = find_release(world, located)
    policy = chosen_policy(world, root, keys)
    verification = accept(world, located, release, policy) if policy is not None else None
    if policy is None:
        world.reporter.warn(f"{located} was not verified: no key was given, and wasmcloud.toml has no [trust]")
    return Accepted(located, release, verification, fetch_component(world, release, str(located)))


def published_file(world: World, root: Path, text: str) -> ComponentFile:
    """What `text` means, as a file to be composed, called by its package where it says one.

    Raises: NotTrusted, RegistryError, InvalidInput.
    """
    accepted = fetch_accepted(world, root, locate(world, root, text, or_file=True))
    record = accepted.release.config.record
    label = str(record.package) if record is not None else None
    return ComponentFile(label or text, accepted.path, accepted.release.component.digest, label)
