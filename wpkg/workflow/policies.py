"""Trust policies from where people write them: `[trust]` of the project file, `--key` on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.errors import InvalidInput, WpkgError
from wpkg.registry.disk import read_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wpkg.trust.policy import TrustPolicy
    from wpkg.workflow.opened import OpenedProject


def project_policy(opened: OpenedProject) -> TrustPolicy | None:
    """The policy of a project's `[trust]`; None where it has none. Raises: InvalidInput."""
    if opened.project.trust is None:
        return None
    from wpkg.trust.policy_table import read_policy

    try:
        return read_policy(opened.project.trust, lambda path: read_bytes(opened.root / path))
    except WpkgError as error:
        raise error.within(opened.file.name) from None


def policy_files(opened: OpenedProject) -> list[Path]:
    """The key files that the policy of a project names and that are there."""
    keys = (opened.project.trust or {}).get("keys")
    named = (
        [table.get("path") for table in keys.values() if isinstance(table, dict)] if isinstance(keys, dict) else []
    )
    paths = [opened.root / path for path in named if isinstance(path, str)]
    return [path for path in paths if path.is_file()]


def keys_policy(files: Sequence[Path]) -> TrustPolicy:
    """The policy that any one of the public keys in `files` must have signed. Raises: InvalidInput."""
    from wpkg.trust.keys import PublicKey
    from wpkg.trust.policy import TrustPolicy

    keys = {}
    for file in files:
        try:
            keys[file.name] = PublicKey.from_pem(read_bytes(file))
        except InvalidInput as error:
            raise error.within(str(file)) from None
    return TrustPolicy.of_keys(keys)
