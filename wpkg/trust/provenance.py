"""SLSA v1 provenance (`spec/build-provenance.md` of v1.2): how an artifact came about.

Two build types. *compose*: the component is the composition of the resolved dependencies; which export
satisfies which import was inferred, and `internalParameters.plan` is the answer, so that anybody may compose
again and compare digests. *component*: the project's own build command made the component; wpkg only ran it.

Everything that could differ between two equal runs (times, invocation id) is left out unless it is given.
Extension members would be called `wpkg_…`; there are none yet.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from msgspec import Struct, field

from wpkg.names.vocabulary import COMPONENT_BUILD_TYPE, COMPOSE_BUILD_TYPE, LOCAL_BUILDER
from wpkg.oci.artifact import WASM_LAYER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wpkg.names.package_name import PackageName
    from wpkg.names.version import Version
    from wpkg.oci.digest import Digest
    from wpkg.oci.reference import Repository

# 'local': from a path, so it has no entry in the lock that it must equal; 'generated': made while composing.
Role = Literal["root", "component", "local", "generated"]

INFERRED = "inferred"  # from imports and exports
BY_DOCUMENT = "wac"  # by a WAC document, whose name is the parameter `script`
MAX_RECORDED_SIZE = 1024 * 1024  # bytes of all files whose content is in a predicate
INTERFACES = "interfaces"  # annotation of a file: the WIT package that it is of


class Source(Struct, frozen=True):
    """Where in a registry an input came from, and who was verified to have signed it there."""

    repository: Repository
    manifest: Digest
    tag: str | None = None
    signers: tuple[str, ...] = ()  # as a lock records them; none means unsigned, which the policy allowed

    @property
    def purl(self) -> str:
        """The package URL (purl-spec 1.0.1 `types/oci-definition.json`)."""
        name = self.repository.path.rpartition("/")[2]
        qualifiers = f"repository_url={quote(str(self.repository), safe='/:')}"
        if self.tag is not None:
            qualifiers += f"&tag={quote(self.tag, safe='')}"
        return f"pkg:oci/{name}@{self.manifest}?{qualifiers}"


class ComposeInput(Struct, frozen=True):
    """A component that was composed."""

    name: str  # as in `Connection`; of a document, what that calls the instance
    role: Role
    component: Digest  # of the WebAssembly bytes
    version: Version | None = None
    source: Source | None = None  # None for a local one, and for one that was generated
    label: str | None = None  # what it is called inside the composition
    generated: Mapping[str, Any] | None = None  # what it was generated for, and what from
    package: PackageName | None = None  # where that is known; several inputs may be of one

    @property
    def package_or_name(self) -> str:
        """What others know it by."""
        return self.name if self.package is None else str(self.package)

    def to_json(self) -> dict[str, Any]:
        """The members of the ResourceDescriptor."""
        called = self.package_or_name
        members: dict[str, Any] = {"name": f"{called}@{self.version}" if self.version else called}
        annotations: dict[str, Any] = {"role": self.role, "name": self.name}
        if self.label is not None:
            annotations["label"] = self.label
        if self.source is not None:
            members["uri"] = self.source.purl
            annotations["manifestDigest"] = str(self.source.manifest)
            annotations["signers"] = sorted(self.source.signers)
        if self.generated is not None:
            annotations["generated"] = self.generated
        members["digest"] = {self.component.algorithm: self.component.encoded}
        members["mediaType"] = WASM_LAYER
        members["annotations"] = annotations
        return members


class RecordedFile(Struct, frozen=True):
    """A file that is needed to compose again, and is nowhere else."""

    name: str
    data: bytes
    interfaces: str | None = None  # the WIT package that it is of

    def to_json(self, *, is_held: bool) -> dict[str, Any]:
        """The members of the ResourceDescriptor; with the content, where that is held."""
        members: dict[str, Any] = {
            "name": self.name,
            "digest": {"sha256": hashlib.sha256(self.data).hexdigest()},
        }
        if is_held:
            members["content"] = b64encode(self.data).decode()
        if self.interfaces is not None:
            members["annotations"] = {INTERFACES: self.interfaces}
        return members


class Script(Struct, frozen=True):
    """The document that decided how, with the WIT that it names."""

    document: RecordedFile
    interfaces: tuple[RecordedFile, ...] = ()


class Connection(Struct, frozen=True, order=True):
    """One step of the plan: an import of one input, satisfied by an export of another."""

    of: str  # name of the input that imports
    import_: str
    satisfied_by: str  # name of the input that exports
    export: str  # may be of a higher version than the import; '' for the instance as a whole

    def to_json(self) -> dict[str, str]:
        """The members of the JSON object."""
        return {
            "import": self.import_,
            "of": self.of,
            "satisfied-by": self.satisfied_by,
            "export": self.export,
        }


class Revision(Struct, frozen=True):
    """The commit of the project's git repository."""

    commit: str  # hexadecimal
    uri: str | None = None  # 'git+https://…@refs/tags/v1.4.0'

    def to_json(self) -> dict[str, Any]:
        """The members of the ResourceDescriptor."""
        uri = {"uri": self.uri} if self.uri is not None else {}
        return {"name": "project", **uri, "digest": {"gitCommit": self.commit}}


class Project(Struct, frozen=True):
    """The project that was built: its own name, and the files that say how."""

    package: PackageName
    version: Version
    files: Mapping[str, Digest]  # 'wasmcloud.toml' and, where there is one, 'wpkg.lock'
    file: str | None = None  # which of `files` the build started from
    revision: Revision | None = None
    source_date_epoch: int | None = None  # seconds since 1970

    def parameters(self) -> dict[str, str]:
        """What a caller of the build decides."""
        file = {"project": self.file} if self.file is not None else {}
        return {"package": str(self.package), "version": str(self.version), **file}

    def dependencies(self) -> list[dict[str, Any]]:
        """The ResourceDescriptors of revision and files, the latter sorted."""
        files = [
            {"name": name, "digest": {digest.algorithm: digest.encoded}}
            for name, digest in sorted(self.files.items())
        ]
        return files if self.revision is None else [self.revision.to_json(), *files]

    def settings(self) -> dict[str, Any]:
        """What the build was told by its surroundings."""
        return {} if self.source_date_epoch is None else {"sourceDateEpoch": str(self.source_date_epoch)}


class Run(Struct, frozen=True):
    """Who built it. The optional fields make two equal builds differ."""

    versions: Mapping[str, str]  # program -> version, 'wpkg' first of all
    builder: str = LOCAL_BUILDER  # URI; another one only where an identity other than a local key signs
    metadata: Mapping[str, str] = field(default_factory=dict)  # invocationId, startedOn, finishedOn

    def to_json(self) -> dict[str, Any]:
        """The members of `runDetails`."""
        details: dict[str, Any] = {"builder": {"id": self.builder, "version": dict(sorted(self.versions.items()))}}
        if self.metadata:
            details["metadata"] = dict(sorted(self.metadata.items()))
        return details


def builder_id(predicate: Mapping[str, Any]) -> object:
    """`runDetails.builder.id` of a SLSA v1 predicate by anybody; None where there is none."""
    details = predicate.get("runDetails")
    builder = details.get("builder") if isinstance(details, dict) else None
    return builder.get("id") if isinstance(builder, dict) else None


def finished_on(predicate: Mapping[str, Any]) -> str | None:
    """`runDetails.metadata.finishedOn` of a SLSA v1 predicate by anybody; None where there is no such text."""
    details = predicate.get("runDetails")
    metadata = details.get("metadata") if isinstance(details, dict) else None
    said = metadata.get("finishedOn") if isinstance(metadata, dict) else None
    return said if isinstance(said, str) else None


def composer_version(predicate: Mapping[str, Any]) -> object:
    """The version of wpkg that a predicate says composed it; None where it says none."""
    details = predicate.get("runDetails")
    builder = details.get("builder") if isinstance(details, dict) else None
    versions = builder.get("version") if isinstance(builder, dict) else None
    return versions.get("wpkg") if isinstance(versions, dict) else None


def compose_provenance(
    project: Project,
    inputs: Sequence[ComposeInput],
    plan: Sequence[Connection],
    run: Run,
    lockfile_version: int | None = None,
    decisions: Mapping[str, Any] | None = None,
    script: Script | None = None,
) -> dict[str, Any]:
    """The provenance predicate of a composed component. The order of `inputs` and `plan` does not matter.

    `decisions` are all that a person decided about the composition: with them, the inputs, and the document where
    there was one, anybody can compose again. Where modules are shared the inputs are not in the component byte for
    byte; their digests are here all the same.
    """
    internal: dict[str, Any] = {} if lockfile_version is None else {"lockfileVersion": lockfile_version}
    ordered = sorted(inputs, key=lambda item: (item.name, str(item.version), item.component))
    return {
        "buildDefinition": {
            "buildType": COMPOSE_BUILD_TYPE,
            "externalParameters": {**project.parameters(), **_strategy(script)},
            "internalParameters": {
                **internal,
                **project.settings(),
                "decisions": dict(decisions or {}),
                "plan": [connection.to_json() for connection in sorted(plan)],
            },
            "resolvedDependencies": [
                *project.dependencies(),
                *_files(script),
                *(item.to_json() for item in ordered),
            ],
        },
        "runDetails": run.to_json(),
    }


def _strategy(script: Script | None) -> dict[str, str]:
    if script is None:
        return {"strategy": INFERRED}
    return {"strategy": BY_DOCUMENT, "script": script.document.name}


def _files(script: Script | None) -> list[dict[str, Any]]:
    """The document and what it names. What is too much for a bundle is there by its digests alone."""
    if script is None:
        return []
    files = (script.document, *sorted(script.interfaces, key=lambda file: (str(file.interfaces), file.name)))
    is_held = sum(len(file.data) for file in files) <= MAX_RECORDED_SIZE
    return [file.to_json(is_held=is_held) for file in files]


def component_provenance(
    project: Project, build_command: str, run: Run, tools: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The provenance predicate of a component that the project's own `build_command` made.

    `tools` are tool -> version, as the component itself says in its `producers` sections.
    """
    settings: dict[str, Any] = project.settings()
    if tools:
        settings["producers"] = dict(sorted(tools.items()))
    return {
        "buildDefinition": {
            "buildType": COMPONENT_BUILD_TYPE,
            "externalParameters": {**project.parameters(), "buildCommand": build_command},
            **({"internalParameters": settings} if settings else {}),
            "resolvedDependencies": project.dependencies(),
        },
        "runDetails": run.to_json(),
    }
