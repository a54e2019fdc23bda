"""A published composition, composed again from what its provenance says, and compared.

Whoever composes has nothing but the signed provenance to go by: the inputs by digest, each verified by policy, and
the decisions. Three outcomes: the same component; another one; or it cannot be done, which says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from wpkg import __version__
from wpkg.compose.furnish import decided_again
from wpkg.errors import CompositionError, InvalidInput, NotTrusted
from wpkg.names.vocabulary import COMPOSE_BUILD_TYPE
from wpkg.registry.errors import NotFound
from wpkg.trust.provenance import BY_DOCUMENT, INFERRED, composer_version
from wpkg.trust.statement import SLSA_PROVENANCE
from wpkg.workflow.compose import digest_composition, lay_out
from wpkg.workflow.release import fetch_component
from wpkg.workflow.sources import ComponentFile, Sources
from wpkg.workflow.verify_inputs import read_predicate_inputs, verify_input
from wpkg.workflow.wiring import Decisions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wpkg.oci.digest import Digest
    from wpkg.trust.policy import TrustPolicy
    from wpkg.trust.verification import Verification
    from wpkg.workflow.release import Release
    from wpkg.workflow.verify_inputs import ComposedInput
    from wpkg.workflow.world import World

# Every parameter has a meaning for the result, or is known to have none; one that is not here may have any.
_EXTERNAL = frozenset({"package", "version", "project", "strategy", "script"})
_INTERNAL = frozenset({"lockfileVersion", "sourceDateEpoch", "plan", "decisions"})


class CannotRecompose(NotTrusted):
    """A component cannot be composed again from its provenance, so nothing is known either way."""

    def __init__(self, artifact: str, why: str) -> None:
        super().__init__(f"{artifact} cannot be composed again: {why}")


class RecomposedDifferently(NotTrusted):
    """What the provenance of a component describes makes another component."""

    def __init__(self, artifact: str, published: Digest, found: Digest, hint: str | None) -> None:
        super().__init__(
            f"{artifact} is not what its provenance describes: it is {published}, composed again it is {found}",
            hint=hint,
        )
        self._digests = {"published": str(published), "recomposed": str(found)}

    @property
    def details(self) -> Mapping[str, Any]:
        """Both digests."""
        return self._digests


def check_recomposition(
    world: World, artifact: str, release: Release, verification: Verification, policy: TrustPolicy
) -> None:
    """Nothing when what the provenance of `release` describes makes the same component.

    Raises: RecomposedDifferently, CannotRecompose; NotTrusted and RegistryError when an input cannot be had.
    """
    predicate = _provenance(artifact, release, verification)
    decisions, script = _decisions(artifact, predicate)
    wiring = decisions.wiring
    inputs = tuple(read_predicate_inputs(predicate))
    generated = [item.generated for item in inputs if item.generated is not None]
    if generated:
        wiring = replace(wiring, decided=decided_again(generated))
    files = [_file(world, artifact, release, item, policy) for item in inputs if item.generated is None]
    if script is not None:
        from wpkg.workflow.recompose_document import recorded_document

        try:
            document = recorded_document(script, predicate, decisions.instances, files)
        except InvalidInput as error:
            raise CannotRecompose(artifact, str(error)) from error
        wiring = replace(wiring, document=document)
    world.reporter.status("Composing", f"{artifact} again from {len(files)} components")
    try:
        with Sources(files) as sources:
            found = digest_composition(lay_out(sources, wiring), sources).digest
    except (CompositionError, InvalidInput) as error:
        raise CannotRecompose(artifact, str(error)) from error
    if found != release.component.digest:
        by = composer_version(predicate)
        differs = f"it was composed by wpkg {str(by)[:40]}, this is {__version__}" if by != __version__ else None
        raise RecomposedDifferently(artifact, release.component.digest, found, differs)


def _provenance(artifact: str, release: Release, verification: Verification) -> Mapping[str, Any]:
    """The predicate that says how `release` was composed. Raises: CannotRecompose."""
    if release.kind != "composed":
        raise CannotRecompose(artifact, f"it is not composed, it says '{release.kind}'")
    for attestation in verification.attestations.get(SLSA_PROVENANCE, ()):
        definition = attestation.statement.predicate.get("buildDefinition")
        if isinstance(definition, dict) and definition.get("buildType") == COMPOSE_BUILD_TYPE:
            return attestation.statement.predicate
    raise CannotRecompose(
        artifact, f"nobody whom the policy names has attested provenance of the type {COMPOSE_BUILD_TYPE}"
    )


def _decisions(artifact: str, predicate: Mapping[str, Any]) -> tuple[Decisions, str | None]:
    """What was decided about the composition, and the document that decided the rest, where one did.

    Raises: CannotRecompose when not all of it is understood.
    """
    definition = predicate["buildDefinition"]
    given = {}
    for where, known in (("externalParameters", _EXTERNAL), ("internalParameters", _INTERNAL)):
        parameters = definition.get(where)
        for name in parameters if isinstance(parameters, dict) else ():
            if name not in known:
                why = f"its provenance has the parameter {name[:80]!a}, which this version of wpkg does not know"
                raise CannotRecompose(artifact, why)
            given[name] = parameters[name]
    script = given.get("script")
    is_known = given.get("strategy") == (INFERRED if script is None else BY_DOCUMENT)
    if not is_known or not isinstance(script, str | None):
        raise CannotRecompose(artifact, f"it was composed in the way {str(given.get('strategy'))[:80]!a}")
    if "decisions" not in given:
        raise CannotRecompose(artifact, "its provenance does not say what was decided about the composition")
    try:
        decisions = Decisions.read(given["decisions"])
    except InvalidInput as error:
        why = f"its provenance has a decision that this version of wpkg does not know: {error}"
        raise CannotRecompose(artifact, why) from error
    if decisions.by_document is not (script is not None):
        raise CannotRecompose(artifact, "a document decided how, and its provenance does not say which")
    return decisions, script


def _file(
    world: World, artifact: str, release: Release, item: ComposedInput, policy: TrustPolicy
) -> ComponentFile:
    """The bytes of one input, verified by policy and by digest."""
    record = release.config.record
    reference = item.reference
    if item.node is None:
        raise CannotRecompose(
            artifact, f"its provenance does not say what {item.name} is called in the composition"
        )
    is_own = reference is None and record is not None and item.name == f"{record.package}@{record.version}"
    if is_own and record is not None and record.raw is not None:
        reference = release.reference.repository.at(digest=record.raw)
    if reference is None:
        raise CannotRecompose(artifact, f"{item.name} came from a path, and is published nowhere")
    try:
        found, _ = verify_input(world, item, reference, policy)
        path = fetch_component(world, found, item.name)
    except NotFound as error:
        raise CannotRecompose(artifact, f"{item.name} is gone: {error}") from error
    return ComponentFile(item.node, path, item.component, item.label)
