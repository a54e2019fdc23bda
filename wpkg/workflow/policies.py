"""Trust policies from where people write them: `[trust]` of the project file, `--key` on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wpkg.errors import InvalidInput, WpkgError
from wpkg.project.project_file import PROJECT_FILE
from wpkg.registry.disk import read_bytes
from wpkg.workflow.opened import OpenedProject

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wpkg.trust.policy import TrustPolicy
    from wpkg.workflow.opened import OpenedWorkspace


def project_policy(opened: OpenedProject | OpenedWorkspace) -> TrustPolicy | None:
    """The policy of a project's or workspace's `[trust]`; None where there is none. Raises: InvalidInput."""
    workspace = opened.workspace if isinstance(opened, OpenedProject) else opened
    if workspace.trust is None:
        return None
    from wpkg.trust.policy_table import read_policy

    try:
        return read_policy(workspace.trust, lambda path: read_bytes(workspace.home / path))
    except WpkgError as error:
        raise error.within(PROJECT_FILE) from None


def policy_files(opened: OpenedProject) -> list[Path]:
    """The key files that the policy of a project names and that are there."""
    keys = (opened.workspace.trust or {}).get("keys")
    named = (
        [table.get("path") for table in keys.values() if isinstance(table, dict)] if isinstance(keys, dict) else []
    )
    paths = [opened.workspace.home / path for path in named if isinstance(path, str)]
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
