"""What is attached to an artifact: signatures, provenance, other statements. Claims, until a policy says more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from wpkg.errors import InvalidInput
from wpkg.trust.bundle import Bundle
from wpkg.trust.statement import COSIGN_SIGN, SLSA_PROVENANCE, Statement
from wpkg.trust.verification import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wpkg.oci.digest import Digest
    from wpkg.trust.verification import Finding, Verification
    from wpkg.trust.verify import Candidate

MAX_INPUTS = 500  # of a provenance that are shown


class Claim(Struct, frozen=True):
    """A referrer of the artifact. `statement` is None for what is no statement in a bundle."""

    referrer: Digest
    artifact_type: str
    hint: str  # the key that it says it is signed with
    statement: Statement | None
    verdict: str  # 'verified, by …', 'does not count: …'; '' where no policy was asked

    @property
    def role(self) -> str:
        """What it is, in a word or two."""
        if self.statement is None:
            return "other"
        words = {COSIGN_SIGN: "signature", SLSA_PROVENANCE: "provenance"}
        return words.get(self.statement.predicate_type, "attestation")


class Input(Struct, frozen=True):
    """Something that a build used. Empty texts where the provenance does not say."""

    name: str
    uri: str
    digest: str
    manifest: str
    is_component: bool


class Provenance(Struct, frozen=True):
    """A SLSA provenance, as far as it can be read."""

    claim: Claim
    build_type: str
    builder: str
    versions: tuple[tuple[str, str], ...]
    inputs: tuple[Input, ...]


def read_claims(candidates: Iterable[Candidate], verification: Verification | None) -> list[Claim]:
    """A claim for every candidate: signatures first, then provenance, then the rest."""
    said = {finding.referrer: _verdict(finding, verification) for finding in _findings(verification)}
    claims = []
    for candidate in candidates:
        digest = candidate.descriptor.digest
        bundle, statement = _read(candidate)
        artifact_type = candidate.descriptor.artifact_type or ""
        claims.append(Claim(digest, artifact_type, bundle.hint if bundle else "", statement, said.get(digest, "")))
    order = ("signature", "provenance", "attestation", "other")
    return sorted(claims, key=lambda claim: (order.index(claim.role), claim.referrer))


def _findings(verification: Verification | None) -> tuple[Finding, ...]:
    return verification.findings if verification is not None else ()


def _verdict(finding: Finding, verification: Verification | None) -> str:
    names = {signer.hint: signer.name for signer in verification.rule.signers} if verification is not None else {}
    if finding.outcome in (Outcome.SIGNATURE, Outcome.ATTESTATION):
        return f"verified, by {names.get(finding.signer or '', 'a signer of the policy')}"
    return f"does not count: {finding.reason}"


def _read(candidate: Candidate) -> tuple[Bundle | None, Statement | None]:
    if not isinstance(candidate.bundle, bytes):
        return None, None
    try:
        bundle = Bundle.read(candidate.bundle)
    except InvalidInput:
        return None, None
    try:
        return bundle, Statement.read(bundle.envelope.payload)
    except InvalidInput:
        return bundle, None


def read_provenances(claims: Iterable[Claim]) -> list[Provenance]:
    """The provenance among `claims`. Whatever has another shape than SLSA's is left out."""
    return [
        _provenance(claim, claim.statement.predicate)
        for claim in claims
        if claim.statement is not None and claim.role == "provenance"
    ]


def _provenance(claim: Claim, predicate: Mapping[str, Any]) -> Provenance:
    definition, run = _object(predicate.get("buildDefinition")), _object(predicate.get("runDetails"))
    builder = _object(run.get("builder"))
    dependencies = definition.get("resolvedDependencies")
    inputs = [
        _input(_object(item)) for item in (dependencies if isinstance(dependencies, list) else [])[:MAX_INPUTS]
    ]
    versions = tuple(sorted((name, _text(value)) for name, value in _object(builder.get("version")).items()))
    return Provenance(claim, _text(definition.get("buildType")), _text(builder.get("id")), versions, tuple(inputs))


def _input(item: Mapping[str, Any]) -> Input:
    digests = _object(item.get("digest"))
    algorithm = next((name for name in ("sha256", "sha512", "gitCommit") if name in digests), "")
    digest = f"{algorithm}:{_text(digests[algorithm])}" if algorithm else ""
    return Input(
        _text(item.get("name")),
        _text(item.get("uri")),
        digest,
        _text(_object(item.get("annotations")).get("manifestDigest")),
        item.get("mediaType") == "application/wasm",
    )


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
