"""Pull a component to a file: verified while it comes, in its place only when it is whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.errors import InvalidInput
from wpkg.registry.disk import replacing
from wpkg.workflow.accepted import fetch_accepted
from wpkg.workflow.locate import locate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wpkg.trust.verification import Verification
    from wpkg.workflow.locate import Located
    from wpkg.workflow.release import Release
    from wpkg.workflow.world import World

CHUNK = 1024 * 1024  # bytes


class Pulled(Struct, frozen=True):
    """A component, pulled. `verification` is None where nothing said whom to trust."""

    located: Located
    release: Release
    verification: Verification | None
    path: Path


def pull(
    world: World,
    root: Path,
    text: str,
    output: Path | None = None,
    keys: Sequence[Path] = (),
    *,
    raw: bool = False,
) -> Pulled:
    """Bring what `text` means to `output`, by default a file in the working folder named after the repository.

    The signature is checked before the component is fetched, by `keys` or by the policy of the project in `root`.

    Raises: NotTrusted, RegistryError, InvalidInput, CannotWrite; then there is no file.
    """
    located = locate(world, root, text, raw=raw)
    accepted = fetch_accepted(world, root, located, keys)
    path = output if output is not None else Path(located.reference.repository.path.rpartition("/")[2] + ".wasm")
    if path.is_dir():
        raise InvalidInput(f"{path} is a folder, a file name is needed")
    with accepted.path.open("rb") as source, replacing(path) as file:
        while chunk := source.read(CHUNK):
            file.write(chunk)
    return Pulled(located, accepted.release, accepted.verification, path)
