"""Verify a published artifact: what its registry serves, who signed it, where it comes from."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from wpkg.errors import InvalidInput, NotTrusted, RegistryError
from wpkg.registry.errors import NotFound, Offline
from wpkg.trust.statement import SLSA_PROVENANCE
from wpkg.workflow.find_file import FoundFile, find_file, named_by_itself
from wpkg.workflow.locate import Located, locate, project_here, workspace_here
from wpkg.workflow.policies import keys_policy, project_policy
from wpkg.workflow.release import Release, check_record, fetch_release
from wpkg.workflow.sources import means_file
from wpkg.workflow.trusting import expect, verify_from_cache, verify_release
from wpkg.workflow.verify_file import FileNotTrusted
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
    found: FoundFile | None = None  # how a file was found
    is_kept: bool = False  # the signatures are those that the cache remembers; nobody was asked


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

    A component file is verified as what the lock pins, else as what was fetched before, whose component it must
    be: by what the registry has, or, where that must not be asked, by the signatures that the cache remembers.

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
    if means_file(text):
        verified = _verify_file(world, find_file(world, root, Path(text)), policy)
    else:
        located = locate(world, root, text, raw=raw)
        release = find_release(world, located, cached=False)
        verified = Verified(located, release, accept(world, located, release, policy), ())
    located, release, verification = verified.located, verified.release, verified.verification
    requests = _check_content(world, root, verified)
    composed_of = _inputs(located, release, verification)
    below = verify_inputs(world, composed_of, policy, cached=verified.is_kept) if inputs else ()
    if recompose:
        from wpkg.workflow.recompose import check_recomposition

        check_recomposition(world, str(located), release, verification, policy)
    return replace(verified, inputs=composed_of, verified_inputs=below, requests=requests, recomposed=recompose)


def _verify_file(world: World, found: FoundFile, policy: TrustPolicy) -> Verified:
    """A file as what it was found to be, where that holds. Raises: NotTrusted, RegistryError."""
    refusals: list[NotTrusted | RegistryError] = []
    for place in found.places:
        try:
            return _verify_file_at(world, found, place, policy)
        except (NotTrusted, RegistryError) as refusal:
            refusals.append(refusal)
    raise min(refusals, key=lambda refusal: not isinstance(refusal, NotTrusted))


def _verify_file_at(world: World, found: FoundFile, place: Located, policy: TrustPolicy) -> Verified:
    is_kept = False
    try:
        release = find_release(world, place, cached=False)
    except Offline:
        release, is_kept = find_release(world, place), True
    located = named_by_itself(place, release)
    if found.digest != release.component.digest:
        raise FileNotTrusted(f"{found.file} is {found.digest}, and {located} is {release.component.digest}")
    verification = accept(world, located, release, policy, kept=is_kept)
    if found.by == "cache" and verification.state != "verified":
        raise verification.error_for(str(located))  # a rule that lets unsigned artifacts pass is for a repository
    return Verified(located, release, verification, (), found=found, is_kept=is_kept)


def _check_content(world: World, root: Path, verified: Verified) -> tuple[Request, ...]:
    """What the component asks of the host by the rules of the project in `root`; none where that has no rules.

    Every byte of it is read from the registry, where that may be asked. Raises: ContentMismatch, RegistryError,
    NotAllowed.
    """
    opened = project_here(root)
    located, release = verified.located, verified.release
    judges = opened is not None and opened.project.capabilities.says_something and release.kind != "wit"
    kept = verified.found.file if verified.found is not None and verified.is_kept else None
    with tempfile.TemporaryDirectory() as folder:
        path = kept or Path(folder) / "component.wasm"
        if kept is None:
            _download(world, release, path if judges else Path(os.devnull))
        if opened is None or not judges:
            return ()
        from wpkg.workflow.capabilities import require_allowed
        from wpkg.workflow.judge import judge_component

        requests = judge_component(opened.project, str(located.package or located.reference), release, path)
    require_allowed(requests, opened.project.capabilities)
    return requests


def _download(world: World, release: Release, path: Path) -> None:
    """Read every byte of the component from the registry, into `path`."""
    component, repository = release.component, release.reference.repository
    with (
        path.open("wb") as file,
        world.reporter.progress("Checking", component.digest.short, component.size) as done,
    ):

        def take(chunk: memoryview) -> None:
            file.write(chunk)
            done(chunk.nbytes)

        world.registry.download_blob(repository, component, take)


def chosen_policy(world: World, root: Path, keys: Sequence[Path]) -> TrustPolicy | None:
    """The policy of `keys`, else of the project in `root` and beside it; None where there is none."""
    if keys:
        return keys_policy(keys)
    return project_policy(world, workspace_here(root))


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


def accept(
    world: World, located: Located, release: Release, policy: TrustPolicy, *, kept: bool = False
) -> Verification:
    """The verification of `release`, when the policy is satisfied; by what is `kept` in the cache, or looked up.

    Raises: NotTrusted, RegistryError.
    """
    expected = expect(release, located.package, located.version)
    verification = verify_from_cache(world, release, policy, expected, locked=False) if kept else None
    if verification is None:
        verification = verify_release(world, release, policy, expected)
    verification.raise_unless_accepted(str(located))
    check_required_inputs(world, str(located), release, verification, policy, cached=kept)
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
