"""Signatures and attestations of a release: fetched, kept, shown. What they prove is for `wpkg.trust` to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from wpkg.errors import InvalidInput, WpkgError
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import IMAGE_MANIFEST, MAX_MANIFEST_SIZE
from wpkg.oci.referrers import MAX_REFERRERS
from wpkg.registry.errors import NotFound, Offline, Unreachable
from wpkg.trust.bundle import MAX_BUNDLE_SIZE, Bundle
from wpkg.trust.keyless import claimed_signer
from wpkg.trust.legacy import MAX_PAYLOAD_SIZE, SIMPLE_SIGNING, legacy_tag, read_legacy_manifest
from wpkg.trust.statement import Statement
from wpkg.trust.verify import Candidate, LegacyCandidates, bundle_layer

if TYPE_CHECKING:
    from wpkg.oci.reference import Repository
    from wpkg.workflow.release import Release
    from wpkg.workflow.world import World


class Evidence(Struct, frozen=True):
    """What is attached to an artifact."""

    candidates: tuple[Candidate, ...]
    legacy: LegacyCandidates | None = None  # what is under its `.sig` tag, where that was asked for and is there


def fetch_evidence(world: World, release: Release, *, legacy: bool = False) -> Evidence:
    """What refers to `release`, and with `legacy` its `.sig` tag; kept in the cache for `kept_evidence`.

    Every byte comes from the registry, none from the cache: what is there is what is said.

    Raises: RegistryError when they cannot be looked up, which is not the same as there being none.
    """
    repository, subject = release.reference.repository, release.manifest
    referrers = world.registry.list_referrers(repository, subject.digest)
    candidates = [_candidate(world, repository, subject, referrer) for referrer in referrers]
    whole = [candidate.descriptor.digest for candidate in candidates if isinstance(candidate.manifest, bytes)]
    found = _fetch_legacy(world, repository, subject.digest) if legacy else None
    if found is not None:
        digest = Digest.of(found.manifest)
        world.cache.write(digest, found.manifest)
        whole.append(digest)
    world.cache.keep_proofs(subject.digest, whole, repository)
    return Evidence(tuple(candidates), found)


def _fetch_legacy(world: World, repository: Repository, subject: Digest) -> LegacyCandidates | None:
    """The signatures under the `.sig` tag of `subject`; None where there is no such tag."""
    try:
        fetched = world.registry.fetch_manifest(repository.at(tag=legacy_tag(subject)))
    except NotFound:
        return None
    try:
        layers = read_legacy_manifest(fetched.data).layers[: MAX_REFERRERS + 1]
    except WpkgError:
        layers = ()  # what is wrong with it is for the verification to say
    payloads = {
        layer.digest: _fetched(world, repository, layer, MAX_PAYLOAD_SIZE, is_manifest=False) for layer in layers
    }
    return LegacyCandidates(fetched.data, payloads)


def _kept_legacy(world: World, data: bytes) -> LegacyCandidates | None:
    """The signatures in a manifest that was under a `.sig` tag; None when it is something else."""
    try:
        layers = read_legacy_manifest(data).layers
    except WpkgError:
        return None
    if not layers or any(layer.media_type != SIMPLE_SIGNING for layer in layers):
        return None
    missing = NotFound("its payload is not in the cache")
    return LegacyCandidates(data, {layer.digest: world.cache.read(layer.digest) or missing for layer in layers})


def kept_evidence(world: World, release: Release) -> Evidence | None:
    """What an earlier `fetch_evidence` has kept; None where there never was one."""
    known = world.cache.proofs(release.manifest.digest)
    if known is None:
        return None
    candidates: list[Candidate] = []
    legacy = None
    for digest in known:
        manifest = world.cache.read(digest)
        if manifest is not None and (found := _kept_legacy(world, manifest)) is not None:
            legacy = found
        elif manifest is not None:
            descriptor = Descriptor(IMAGE_MANIFEST, digest, len(manifest))
            layer = bundle_layer(release.manifest, descriptor, manifest)
            bundle = world.cache.read(layer.digest) if layer is not None else None
            candidates.append(
                Candidate(descriptor, manifest, bundle or NotFound("its bundle is not in the cache"))
            )
    return Evidence(tuple(candidates), legacy)


def _candidate(world: World, repository: Repository, subject: Descriptor, referrer: Descriptor) -> Candidate:
    """One referrer with its bundle. What is wrong with it becomes a reason; a registry out of reach is raised."""
    manifest = _fetched(world, repository, referrer, MAX_MANIFEST_SIZE, is_manifest=True)
    if not isinstance(manifest, bytes):
        return Candidate(referrer, manifest)
    layer = bundle_layer(subject, referrer, manifest)
    if layer is None:
        return Candidate(referrer, manifest)
    return Candidate(referrer, manifest, _fetched(world, repository, layer, MAX_BUNDLE_SIZE, is_manifest=False))


def _fetched(
    world: World, repository: Repository, content: Descriptor, limit: int, *, is_manifest: bool
) -> bytes | WpkgError:
    if content.size > limit:
        return NotFound(f"it is said to have {content.size} bytes, over the limit of {limit}")
    try:
        if is_manifest:
            data = world.registry.fetch_manifest(repository.at(digest=content.digest)).data
        else:
            data = world.registry.fetch_blob(repository, content)
        world.cache.write(content.digest, data)
    except (Unreachable, Offline):
        raise
    except WpkgError as error:
        return error
    return data


class SignatureClaim(Struct, frozen=True):
    """A statement that is attached to an artifact, and who is said to have signed it. Not verified."""

    referrer: Digest
    predicate_type: str
    hint: str  # as in a lock


def signature_claims(world: World, release: Release) -> tuple[SignatureClaim, ...]:
    """What is attached to `release`, as it says of itself; whatever cannot be read is left out.

    Raises: RegistryError when it cannot be looked up.
    """
    claims = []
    for candidate in fetch_evidence(world, release).candidates:
        if isinstance(candidate.bundle, bytes):
            try:
                bundle = Bundle.read(candidate.bundle)
                statement = Statement.read(bundle.envelope.payload)
                signer = claimed_signer(bundle)
            except InvalidInput:
                continue
            claims.append(SignatureClaim(candidate.descriptor.digest, statement.predicate_type, signer))
    return tuple(sorted(claims, key=lambda claim: (claim.predicate_type, claim.hint, claim.referrer)))
