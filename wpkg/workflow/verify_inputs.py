"""What a component was composed of, by its provenance, and whether each of it can be trusted, down to the last."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - what was generated is read by its types
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct, field

from wpkg.compose.graph import Generated
from wpkg.errors import InvalidInput, NotTrusted
from wpkg.oci.digest import Digest
from wpkg.oci.reference import Reference, Repository
from wpkg.trust.statement import SLSA_PROVENANCE
from wpkg.workflow.ahead import Ahead
from wpkg.workflow.release import fetch_release
from wpkg.workflow.trusting import expect, rules_for, verify_from_cache, verify_release

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wpkg.trust.policy import TrustPolicy
    from wpkg.trust.verification import Verification
    from wpkg.workflow.ahead import Task
    from wpkg.workflow.release import Release
    from wpkg.workflow.world import World

MAX_INPUTS = 1000  # of a component and of what it was composed of, together
_REPOSITORY_QUALIFIER = "repository_url="


class ComposedInput(Struct, frozen=True):
    """One entry of the provenance of a composed component."""

    name: str  # 'ns:name@version'
    component: Digest
    role: str  # 'root', 'component', 'local' or 'generated'
    reference: Reference | None  # by digest; None for what came from a path, or was made while composing
    node: str | None = None  # what the plan calls it
    label: str | None = None  # what it is called inside the composition
    generated: Generated | None = None  # what for, where it was made while composing

    def __str__(self) -> str:
        return f"{self.name} {self.component}"


class VerifiedInput(Struct, frozen=True):
    """An input that a registry has, verified; None for a local one, which is trusted as source."""

    input: ComposedInput
    depth: int  # 1 for those of the component itself
    verification: Verification | None


class InputNotTrusted(NotTrusted):
    """A part of a composed component is not what its provenance says, or not trusted."""


def read_inputs(verification: Verification) -> tuple[ComposedInput, ...]:
    """The inputs in the provenance of a verified artifact; none where there is no provenance.

    Raises: InputNotTrusted when one is malformed.
    """
    attestations = verification.attestations.get(SLSA_PROVENANCE, ())
    return tuple(read_predicate_inputs(attestations[0].statement.predicate)) if attestations else ()


def check_required_inputs(
    world: World,
    what: str,
    release: Release,
    verification: Verification,
    policy: TrustPolicy,
    *,
    cached: bool = False,
) -> None:
    """Nothing when no rule for `release` wants what it was composed of to be signed, or when all of that is.

    What came from a path is trusted as the source of whoever signed. Raises: InputNotTrusted, NotTrusted,
    RegistryError.
    """
    rule = next((rule for rule in rules_for(release, policy) if rule.require_inputs_signed), None)
    if rule is None or release.kind != "composed":
        return
    where = f"the rule for '{rule.match}'{f' of {rule.origin}' if rule.origin else ''} wants its inputs signed"
    if SLSA_PROVENANCE not in verification.attestations:
        raise InputNotTrusted(f"{what}: {where}, and nobody whom it names has attested what it was composed of")
    for item in verify_inputs(world, read_inputs(verification), policy, cached=cached):
        if item.verification is not None and item.verification.state != "verified":
            raise InputNotTrusted(f"{what}: {where}, and {item.input.name} is not signed")


def verify_inputs(
    world: World, inputs: tuple[ComposedInput, ...], policy: TrustPolicy, *, cached: bool = False
) -> tuple[VerifiedInput, ...]:
    """Every input, and every input of those that are composed themselves, looked up by digest and verified.

    What is there in the cache is enough where that may be `cached`.

    Raises: InputNotTrusted, NotTrusted, RegistryError.
    """
    found: list[VerifiedInput] = []
    tasks: dict[tuple[str, Digest, Reference], Task[tuple[Release, Verification]]] = {}
    with Ahead() as ahead:

        def announce(item: ComposedInput) -> Task[tuple[Release, Verification]] | None:
            if item.reference is None:
                return None
            key = (item.name, item.component, item.reference)
            if key not in tasks:
                verify = partial(verify_input, world, item, item.reference, policy, cached=cached)
                tasks[key] = ahead.announce(verify)
            return tasks[key]

        pending = [(item, 1, announce(item)) for item in inputs][::-1]
        while pending:
            item, depth, task = pending.pop()
            if len(found) >= MAX_INPUTS:
                raise InputNotTrusted(f"it was composed of more than {MAX_INPUTS} components")
            if any(known.input == item for known in found):
                continue
            verification = task.result()[1] if task is not None else None
            found.append(VerifiedInput(item, depth, verification))
            if verification is not None:
                pending += [(inner, depth + 1, announce(inner)) for inner in read_inputs(verification)][::-1]
    return tuple(found)


def verify_input(
    world: World, item: ComposedInput, reference: Reference, policy: TrustPolicy, *, cached: bool = False
) -> tuple[Release, Verification]:
    """What `reference` has as `item`, and what proves it. Raises: InputNotTrusted, NotTrusted, RegistryError."""
    release = fetch_release(world, reference, cached=cached)
    if release.component.digest != item.component:
        raise InputNotTrusted(
            f"{reference} holds the component {release.component.digest}, and the provenance says that "
            f"{item.name} is {item.component}"
        )
    record = release.config.record
    named = (record.package, record.version) if record is not None else (None, None)
    if record is not None and item.name not in (str(record.package), f"{record.package}@{record.version}"):
        raise InputNotTrusted(f"{reference} is {record.package}@{record.version}, the provenance says {item.name}")
    expected = expect(release, *named)
    verification = verify_from_cache(world, release, policy, expected) if cached else None
    if verification is None or verification.state != "verified":
        verification = verify_release(world, release, policy, expected, locked=True)
    try:
        verification.raise_unless_accepted(f"{item.name} ({reference})")
    except NotTrusted as error:
        raise error.within("what it was composed of") from None
    return release, verification


def read_predicate_inputs(predicate: object) -> Iterator[ComposedInput]:
    """The components that a provenance predicate names. Raises: InputNotTrusted when one is malformed."""
    definition = predicate.get("buildDefinition") if isinstance(predicate, dict) else None
    dependencies = definition.get("resolvedDependencies") if isinstance(definition, dict) else None
    for dependency in dependencies if isinstance(dependencies, list) else ():
        if isinstance(dependency, dict) and dependency.get("mediaType") == "application/wasm":
            try:
                yield _read_input(dependency)
            except InvalidInput as error:
                raise InputNotTrusted(
                    f"its provenance says of {str(dependency.get('name'))[:200]!a}: {error}"
                ) from error


def _read_input(dependency: dict[str, Any]) -> ComposedInput:
    digest = dependency.get("digest")
    sha256 = digest.get("sha256") if isinstance(digest, dict) else None
    annotations = dependency.get("annotations")
    said = annotations if isinstance(annotations, dict) else {}
    manifest = said.get("manifestDigest")
    reference = None
    if manifest is not None:
        repository = Repository.parse(_repository(str(dependency.get("uri"))))
        reference = repository.at(digest=Digest.parse(str(manifest)))
    component = Digest.parse(f"sha256:{sha256}")
    node, label = (str(said[name]) if name in said else None for name in ("name", "label"))
    role, generated = str(said.get("role")), _generated(said.get("generated"))
    return ComposedInput(str(dependency.get("name")), component, role, reference, node, label, generated)


class _GeneratedFor(Struct, frozen=True, forbid_unknown_fields=True):
    """`generated` in the annotations."""

    importer: str = field(name="for")
    denied: Mapping[str, Literal["trap", "error"]]
    config: Mapping[str, str]


def _generated(said: object) -> Generated | None:
    if said is None:
        return None
    try:
        read = msgspec.convert(said, _GeneratedFor, strict=True)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"what it was generated for cannot be read: {error}") from error
    return Generated(read.importer, read.denied, read.config)


def _repository(purl: str) -> str:
    from urllib.parse import unquote

    qualifiers = purl.partition("?")[2].split("&")
    found = [item for item in qualifiers if item.startswith(_REPOSITORY_QUALIFIER)]
    return unquote(found[0].removeprefix(_REPOSITORY_QUALIFIER)) if found else ""
