"""The Wasm artifact: one manifest, one config, one component.

CNCF TAG Runtime "Wasm OCI Artifact Layout" (2024-09), as wash 2 and wkg 0.16 read it: an image manifest
with explicit `mediaType`, a config `application/vnd.wasm.config.v0+json` that has `created`, exactly one
layer `application/wasm`. The config also carries a `wpkg` object with what resolving needs, so that no
component has to be fetched to solve versions::

    "wpkg": { "package": "ns:name", "version": "1.2.3", "kind": "component" | "composed" | "raw" | "wit",
              "dependencies": [ { "name": "ns:name", "requirement": "^1", "link": "build" | "runtime" } ],
              "raw": "sha256:…",                    only where there is a raw sibling: its manifest's digest
              "asks": [ { "import": "wasi:cli/stdin@0.2.0", "for": ["ns:name"],    of what is composed or linked:
                          "linked": [ { "dependency": "ns:name", "name": "eu", "target": "billing" } ] } ] }
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from msgspec import Struct

from wpkg.documents.strict_json import Members, dump_json, load_json
from wpkg.errors import InvalidInput, RegistryError
from wpkg.names.package_name import PackageName
from wpkg.names.requirement import Requirement
from wpkg.names.version import Version
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.digest import Digest
from wpkg.oci.manifest import Index, Manifest

if TYPE_CHECKING:
    from collections.abc import Sequence

WASM_CONFIG = "application/vnd.wasm.config.v0+json"
WASM_LAYER = "application/wasm"
# Layer types that others have used for the same bytes; read, never written.
LEGACY_WASM_LAYERS = frozenset(
    {
        "application/vnd.wasm.content.layer.v1+wasm",
        "application/vnd.module.wasm.content.layer.v1+wasm",
        "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
    }
)
EPOCH = "1970-01-01T00:00:00Z"  # the `created` of a reproducible artifact

MAX_CONFIG_SIZE = 4 * 1024 * 1024  # bytes
MAX_COMPONENT_SIZE = 4 * 1024 * 1024 * 1024 - 1  # bytes; section sizes are 32-bit

# 'raw' is what lies beside a 'composed' one: the same package and version before composition. It is a kind of its
# own so that neither can be served for the other.
KINDS = frozenset({"component", "composed", "raw", "wit"})


class NotAWasmArtifact(RegistryError):
    """A manifest is no Wasm artifact."""


class PublishedDependency(Struct, frozen=True):
    """A requirement that a published component still has."""

    name: PackageName
    requirement: Requirement
    link: str = "build"  # 'build': to be composed; 'runtime': bound by the host or lattice

    def to_json(self) -> dict[str, str]:
        """The members of the JSON object."""
        return {"name": str(self.name), "requirement": str(self.requirement), "link": self.link}


class RecordedLink(Struct, frozen=True):
    """A dependency that serves an import at run time."""

    dependency: str
    name: str | None = None  # of the link
    target: str | None = None  # what a deployment calls it, where no registry has its component

    def to_json(self) -> dict[str, str]:
        """The members of the JSON object."""
        members = {"dependency": self.dependency, "name": self.name, "target": self.target}
        return {key: value for key, value in members.items() if value is not None}


class Ask(Struct, frozen=True):
    """An import of a published component: for which of its parts it is, and what it is linked to."""

    name: str
    components: tuple[str, ...]
    links: tuple[RecordedLink, ...] = ()

    @classmethod
    def read(cls, members: Members) -> Self:
        """The import in a JSON object. Raises: InvalidInput."""
        links = [
            RecordedLink(link.text("dependency"), link.optional_text("name"), link.optional_text("target"))
            for link in (members.objects("linked") if "linked" in members else ())
        ]
        return cls(members.text("import"), members.texts("for"), tuple(links))

    def to_json(self) -> dict[str, Any]:
        """The members of the JSON object."""
        linked = {"linked": [link.to_json() for link in self.links]} if self.links else {}
        return {"import": self.name, "for": list(self.components), **linked}


class PackageRecord(Struct, frozen=True):
    """The `wpkg` object of a config."""

    package: PackageName
    version: Version
    kind: str
    dependencies: tuple[PublishedDependency, ...] = ()
    raw: Digest | None = None  # manifest of the raw sibling
    asks: tuple[Ask, ...] = ()  # what is asked of the host, by import; of a component by itself, that asks

    @classmethod
    def read(cls, members: Members) -> Self:
        """The record in a JSON object; members it does not know are left alone. Raises: InvalidInput."""
        kind = members.text("kind")
        if kind not in KINDS:
            raise InvalidInput(f"wpkg.kind is '{kind}', which this version does not know")
        raw = members.optional_text("raw")
        return cls(
            package=PackageName.parse(members.text("package")),
            version=Version.parse(members.text("version")),
            kind=kind,
            dependencies=tuple(
                PublishedDependency(
                    PackageName.parse(item.text("name")),
                    Requirement.parse(item.text("requirement")),
                    item.optional_text("link") or "build",
                )
                for item in members.objects("dependencies")
            ),
            raw=Digest.parse(raw) if raw else None,
            asks=tuple(map(Ask.read, members.objects("asks"))) if "asks" in members else (),
        )

    def to_json(self) -> dict[str, Any]:
        """The members of the JSON object; dependencies sorted by name."""
        members: dict[str, Any] = {
            "package": str(self.package),
            "version": str(self.version),
            "kind": self.kind,
            "dependencies": [d.to_json() for d in sorted(self.dependencies, key=lambda d: d.name)],
        }
        if self.raw is not None:
            members["raw"] = str(self.raw)
        if self.asks:
            members["asks"] = [ask.to_json() for ask in sorted(self.asks, key=lambda ask: ask.name)]
        return members


class WasmConfig(Struct, frozen=True):
    """The config blob. `record` is None for what other tools published."""

    record: PackageRecord | None
    imports: tuple[str, ...]
    exports: tuple[str, ...]
    has_names: bool = True  # whether it says what the component imports and exports

    def encode(self, component: Digest, created: str = EPOCH) -> bytes:
        """The config of the artifact that holds `component`, as canonical JSON."""
        members: dict[str, Any] = {
            "created": created,
            "architecture": "wasm",
            "os": "wasip2",
            "layerDigests": [str(component)],
            "component": {"exports": list(self.exports), "imports": list(self.imports)},
        }
        if self.record is not None:
            members["wpkg"] = self.record.to_json()
        return dump_json(members)


def read_config(data: bytes) -> WasmConfig:
    """What a config blob says. Raises: NotAWasmArtifact."""
    try:
        members = Members(load_json(data))
        component = members.optional_object("component")
        record = members.optional_object("wpkg")
        return WasmConfig(
            record=PackageRecord.read(record) if record is not None else None,
            imports=component.texts("imports") if component is not None else (),
            exports=component.texts("exports") if component is not None else (),
            has_names=component is not None,
        )
    except InvalidInput as error:
        raise NotAWasmArtifact(f"the config is malformed: {error}", hint=error.hint) from error


def wasm_layer(manifest: Manifest | Index) -> Descriptor:
    """The layer that holds the component. Raises: NotAWasmArtifact."""
    if isinstance(manifest, Index):
        raise NotAWasmArtifact("it is an image index, not a component")
    layers = [
        layer
        for layer in manifest.layers
        if layer.media_type == WASM_LAYER or layer.media_type in LEGACY_WASM_LAYERS
    ]
    if len(layers) != 1:
        types = ", ".join(sorted({layer.media_type for layer in manifest.layers})) or "none"
        raise NotAWasmArtifact(f"it has {len(layers)} WebAssembly layers, one is needed (layers: {types})")
    if layers[0].size > MAX_COMPONENT_SIZE:
        raise NotAWasmArtifact(f"its component is said to have {layers[0].size} bytes, over the limit of 4 GiB")
    return layers[0]


class WasmArtifact(Struct, frozen=True):
    """What to push for one component, blobs first."""

    component: Descriptor
    config_bytes: bytes
    manifest_bytes: bytes
    config: Descriptor
    manifest: Descriptor


def build_artifact(
    component: Descriptor,
    config: WasmConfig,
    annotations: Sequence[tuple[str, str]] = (),
    created: str = EPOCH,
) -> WasmArtifact:
    """The artifact around `component`, whose annotations name its file. Same arguments, same digest."""
    config_bytes = config.encode(component.digest, created)
    config_descriptor = Descriptor.of(WASM_CONFIG, config_bytes)
    manifest = Manifest(config_descriptor, (component,), annotations=dict(annotations))
    manifest_bytes = manifest.encode()
    return WasmArtifact(
        component,
        config_bytes,
        manifest_bytes,
        config_descriptor,
        Descriptor.of(manifest.media_type, manifest_bytes),
    )
