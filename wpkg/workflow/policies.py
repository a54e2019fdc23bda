"""Trust policies from where people write them.

`[trust]` of the project file; the same table in `/etc/wpkg/trust.toml`, in the user's `trust.toml` and in what
`--trust-policy` names, which only tighten: an artifact must satisfy every one of them, because a project file is
changed by whoever changes its dependencies. `--key` on the command line takes the place of all.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from wpkg.documents.toml_table import Table
from wpkg.errors import InvalidInput, WpkgError
from wpkg.project.project_file import PROJECT_FILE
from wpkg.registry.disk import read_bytes, read_text
from wpkg.workflow.opened import OpenedProject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from wpkg.trust.policy import TrustPolicy
    from wpkg.workflow.opened import OpenedWorkspace
    from wpkg.workflow.world import World


def project_policy(world: World, opened: OpenedProject | OpenedWorkspace | None) -> TrustPolicy | None:
    """What has to be satisfied in a project, or outside of one; None where nobody says anything.

    Raises: InvalidInput.
    """
    policies = [_file_policy(path) for path in world.policies]
    workspace = opened.workspace if isinstance(opened, OpenedProject) else opened
    if workspace is not None and workspace.trust is not None:
        policies.insert(0, _project_policy(workspace.home, workspace.trust))
    return replace(policies[0], also=tuple(policies[1:])) if policies else None


def _project_policy(home: Path, table: Mapping[str, Any]) -> TrustPolicy:
    from wpkg.trust.policy_table import read_policy

    try:
        return read_policy(table, lambda path: read_bytes(home / path))
    except WpkgError as error:
        from wpkg.documents.toml_lines import place_of

        raise error.within(place_of(PROJECT_FILE, read_text(home / PROJECT_FILE), error.context)) from None


def _file_policy(file: Path) -> TrustPolicy:
    """The policy in a file of its own, whose one table is `[trust]`. Raises: InvalidInput."""
    from wpkg.trust.policy_table import read_policy

    try:
        values = _read_toml(file)
    except WpkgError as error:
        raise error.within(str(file)) from None
    try:
        document = Table(values)
        document.only({"trust"})
        table = document.table("trust")
        if table is None:
            raise InvalidInput("there is no [trust] table", hint="write the policy as in wasmcloud.toml")
        return read_policy(table.values, lambda path: read_bytes(file.parent / path), str(file))
    except WpkgError as error:
        from wpkg.documents.toml_lines import place_of

        raise error.within(place_of(str(file), read_text(file), error.context)) from None


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(file))
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"it is not TOML: {error}") from error


def policy_files(world: World, opened: OpenedProject) -> list[Path]:
    """The files that decide, besides the project file, whom to trust, as far as they are there."""
    files = list(_key_files(opened.workspace.home, opened.workspace.trust))
    for path in world.policies:
        files += [path, *_key_files(path.parent, _read_toml(path).get("trust"))]
    return [path for path in files if path.is_file()]


def _key_files(folder: Path, trust: object) -> Iterator[Path]:
    """The files that a `[trust]` table names, as far as it is one."""
    for kind, member in (("keys", "path"), ("identities", "trusted-root")):
        signers = trust.get(kind) if isinstance(trust, dict) else None
        for table in signers.values() if isinstance(signers, dict) else ():
            path = table.get(member) if isinstance(table, dict) else None
            if isinstance(path, str):
                yield folder / path


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
