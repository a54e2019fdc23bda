"""Verify a published artifact: what its registry serves, who signed it, where it comes from."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.errors import InvalidInput, NotTrusted
from wpkg.names.amount import size_text
from wpkg.registry.errors import NotFound
from wpkg.trust.statement import SLSA_PROVENANCE
from wpkg.workflow.locate import Located, locate, project_here
from wpkg.workflow.policies import keys_policy, project_policy
from wpkg.workflow.release import Release, check_record, fetch_release
from wpkg.workflow.sources import means_file
from wpkg.workflow.trusting import expect, verify_release
from wpkg.workflow.verify_file import FileNotTrusted, locate_file
from wpkg.workflow.verify_inputs import (
    ComposedInput,
    VerifiedInput,
    check_required_inputs,
    read_inputs,
    verify_inputs,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wpkg.trust.policy import TrustPolicy
    from wpkg.trust.verification import Verification
    from wpkg.workflow.capabilities import Request
    from wpkg.workflow.world import World


class ProvenanceMissing(NotTrusted):
    """A composed component does not say what it was composed of."""


class Verified(Struct, frozen=True):
    """An artifact that holds: every byte is what its digest says, and those whom the policy names have signed."""

    located: Located
    release: Release
    verification: Verification
    inputs: tuple[ComposedInput, ...]  # of the composition, by its provenance
    verified_inputs: tuple[VerifiedInput, ...] = ()  # where that was asked for
    requests: tuple[Request, ...] = ()  # what it asks of the host, where the project has rules for that
    recomposed: bool = False  # it was composed again, where that was asked for, and is the same


def verify(
    world: World,
    root: Path,
    text: str,
    keys: Sequence[Path] = (),
    *,
    raw: bool = False,
    inputs: bool = False,
    recompose: bool = False,
) -> Verified:
    """Verify what `text` means, by `keys` or else by the policy of the project in `root`.

    A component file is verified as what the lock pins, whose component it must be.

    Checked: manifest and component by digest; signatures; package, version and kind inside what was signed; that
    a composed component has provenance; with `inputs`, the same of everything that it was composed of; with
    `recompose`, that these compose to it. All of it is read from the registry, not from the cache.

    Raises: NotTrusted, RegistryError, InvalidInput.
    """
    policy = chosen_policy(world, root, keys)
    if policy is None:
        raise InvalidInput(
            "nothing says whom to trust: there is no --key, and no [trust] in wasmcloud.toml",
            hint="name a public key: wpkg verify --key wpkg.pub " + text,
        )
    digest = None
    if means_file(text):
        located, digest = locate_file(root, Path(text))
    else:
        located = locate(world, root, text, raw=raw)
    release = find_release(world, located, cached=False)
    if digest not in (None, release.component.digest):
        raise FileNotTrusted(f"{text} is {digest}, and {located} is {release.component.digest}")
    verification = accept(world, located, release, policy)
    world.reporter.status("Checking", f"{size_text(release.component.size)} of {release.component.digest.short}")
    requests = _check_content(world, root, located, release)
    composed_of = _inputs(located, release, verification)
    below = verify_inputs(world, composed_of, policy) if inputs else ()
    if recompose:
        from wpkg.workflow.recompose import check_recomposition

        check_recomposition(world, str(located), release, verification, policy)
    return Verified(located, release, verification, composed_of, below, requests, recompose)


def _check_content(world: World, root: Path, located: Located, release: Release) -> tuple[Request, ...]:
    """What the component asks of the host by the rules of the project in `root`; none where that has no rules.

    Every byte of it is read from the registry. Raises: ContentMismatch, RegistryError, NotAllowed.
    """
    opened = project_here(root)
    repository, component = release.reference.repository, release.component
    if opened is None or not opened.project.capabilities.says_something or release.kind == "wit":
        world.registry.download_blob(repository, component, lambda _: None)
        return ()
    from wpkg.workflow.capabilities import require_allowed
    from wpkg.workflow.judge import judge_component

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "component.wasm"
        with path.open("wb") as file:
            world.registry.download_blob(repository, component, file.write)
        shown = str(located.package or located.reference)
        requests = judge_component(opened.project, shown, release, path)
    require_allowed(requests, opened.project.capabilities)
    return requests


def chosen_policy(world: World, root: Path, keys: Sequence[Path]) -> TrustPolicy | None:
    """The policy of `keys`, else of the project in `root` and beside it; None where there is none."""
    if keys:
        return keys_policy(keys)
    return project_policy(world, project_here(root))


def find_release(world: World, located: Located, *, cached: bool = True) -> Release:
    """What a registry has under a name; what is named by digest may be `cached`.

    Raises: NotFound, with what is there instead; RegistryError.
    """
    try:
        release = fetch_release(world, located.reference, cached=cached)
    except NotFound as error:
        hint = _what_is_there(world, located)
        raise NotFound(f"{located.reference} is not in the registry", hint=hint) from error
    if located.package is not None and located.version is not None:
        check_record(release, located.package, located.version, raw=located.raw)
    return release


def _what_is_there(world: World, located: Located) -> str:
    repository = located.reference.repository
    try:
        tags = [tag for tag in world.registry.list_tags(repository) if not tag.startswith("sha256-")]
    except NotFound:
        return f"there is no repository {repository}; check the name and the registry"
    return f"{repository} has the tags: {', '.join(sorted(tags)[-8:]) or 'none'}"


def accept(world: World, located: Located, release: Release, policy: TrustPolicy) -> Verification:
    """The verification of `release`, when the policy is satisfied. Raises: NotTrusted, RegistryError."""
    expected = expect(release, located.package, located.version)
    verification = verify_release(world, release, policy, expected)
    verification.raise_unless_accepted(str(located))
    check_required_inputs(world, str(located), release, verification, policy)
    if verification.state != "verified":
        world.reporter.warn(f"{located} is not signed; rule '{verification.rule.match}' lets it pass")
    return verification


def _inputs(located: Located, release: Release, verification: Verification) -> tuple[ComposedInput, ...]:
    """What the provenance of a composed component says it was made of. Raises: ProvenanceMissing."""
    if release.kind != "composed" or verification.state != "verified":
        return ()
    if SLSA_PROVENANCE not in verification.attestations:
        raise ProvenanceMissing(
            f"{located} is composed, and nobody whom the policy names has attested what it was composed of",
            hint="publish it again with 'wpkg push', which attaches provenance",
        )
    return read_inputs(verification)
